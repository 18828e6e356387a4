"""Messages that lie over the foot of the roll until they are answered or go by themselves. Nothing stops for them."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from PySide6.QtCore import QEvent, QObject, QTimer
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLabel, QVBoxLayout, QWidget

from desktop import icons, theme
from desktop.controls.basics import icon_button, label, push_button, restyle

GOES_AFTER_MS = 6000
WIDEST = 640
MARGIN = 12
Answer = tuple[str, Callable[[], object]]
ICONS = {"info": ("info", "accent"), "warn": ("warning", "warn"), "bad": ("warning", "bad")}


class Notice(QFrame):
    """One message with the answers it offers."""

    def __init__(self, text: str, tone: str, answers: Sequence[Answer], close: Callable[[], object]) -> None:
        super().__init__()
        self.setObjectName("notice")
        self.text = text
        self.answers = dict(answers)
        self.setProperty("tone", tone)
        layout = QHBoxLayout(self)
        layout.setContentsMargins(10, 5, 6, 5)
        layout.setSpacing(8)
        picture = QLabel()
        name, token = ICONS[tone]
        picture.setPixmap(icons.pixmap(name, theme.colour(token), ratio=self.devicePixelRatioF()))
        layout.addWidget(picture)
        message = label(text, wrap=True)
        layout.addWidget(message, 1)
        for index, (answer, act) in enumerate(answers):
            role = "primary" if index == 0 else ""
            layout.addWidget(push_button(answer, lambda act=act: (close(), act()), role=role))
        layout.addWidget(icon_button("close", "Close", close))
        restyle(self)


class Notices(QWidget):
    """The place for notices: over ``ground``, so that nothing moves when one comes or goes."""

    def __init__(self, ground: QWidget) -> None:
        super().__init__(ground)
        self._ground = ground
        ground.installEventFilter(self)
        self._layout = QVBoxLayout(self)
        self._layout.setContentsMargins(0, 0, 0, 0)
        self._layout.setSpacing(4)
        self.shown: list[Notice] = []
        self.hide()

    def show_notice(self, text: str, tone: str = "info", answers: Sequence[Answer] = ()) -> Notice:
        """Show a message. One that asks nothing and is no trouble goes after a while."""
        for old in [old for old in self.shown if old.text == text]:
            self.remove(old)
        notice = Notice(text, tone, answers, lambda: self.remove(notice))
        self.shown.append(notice)
        self._layout.addWidget(notice)
        self._place()
        self.show()
        self.raise_()
        if not answers and tone == "info":
            timer = QTimer(notice, interval=GOES_AFTER_MS, singleShot=True)
            timer.timeout.connect(lambda: self.remove(notice))
            timer.start()
        return notice

    def remove(self, notice: Notice) -> None:
        if notice in self.shown:
            self.shown.remove(notice)
            self._layout.removeWidget(notice)
            notice.hide()
            notice.deleteLater()
            self.setVisible(bool(self.shown))
            self._place()

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if watched is self._ground and event.type() == QEvent.Type.Resize:
            self._place()
        return super().eventFilter(watched, event)

    def _place(self) -> None:
        ground = self._ground
        width = min(WIDEST, ground.width() - 2 * MARGIN)
        height = self._layout.heightForWidth(width) if self.shown else 0
        self.setGeometry((ground.width() - width) // 2, ground.height() - height - MARGIN, width, height)
