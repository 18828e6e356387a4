"""The line at the bottom: what the mouse does here, why a control is off, and jobs with their progress."""

from __future__ import annotations

from PySide6.QtCore import QTimer
from PySide6.QtWidgets import QHBoxLayout, QProgressBar, QSizePolicy, QWidget

from desktop.controls.basics import icon_button, label
from desktop.jobs import Job, Jobs

WELCOME = "Space plays · Ctrl+G composes · Ctrl+P finds every command · drop MIDI or sound anywhere"


class HintLine(QWidget):
    def __init__(self, jobs: Jobs, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("hints")
        self._jobs = jobs
        self._job: Job | None = None
        self._standing = WELCOME
        self.text = label(WELCOME, "small")
        self.text.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)
        self.text.setAccessibleName("Hint")
        self._what = label("", "small")
        self._bar = QProgressBar(maximum=1000, textVisible=False)
        self._bar.setFixedWidth(120)
        self._stop = icon_button("close", "Cancel this job", self._cancel)
        layout = QHBoxLayout(self)
        layout.setContentsMargins(12, 2, 8, 3)
        layout.setSpacing(8)
        layout.addWidget(self.text, 1)
        for widget in (self._what, self._bar, self._stop):
            layout.addWidget(widget)
        self.setFixedHeight(26)
        # Soon and not at once: a picture that asks for a part of itself starts a job while it is painted, and a
        # progress bar that changes paints the window there and then.
        self._soon = QTimer(self, interval=0, singleShot=True)
        self._soon.timeout.connect(self._refresh)
        for signal in (jobs.started, jobs.progressed, jobs.ended):
            signal.connect(lambda _: self._soon.start())
        self._refresh()

    def show_hint(self, text: str) -> None:
        """Show what belongs to the place under the mouse; "" goes back to the standing text."""
        text = text or self._standing
        self.text.setText(text.replace("\n", " · "))

    def set_standing(self, text: str) -> None:
        """The text for when there is no hint."""
        self._standing = text or WELCOME
        self.show_hint("")

    def _refresh(self) -> None:
        loud = [job for job in self._jobs.running if not job.quiet]
        self._job = loud[0] if loud else None
        for widget in (self._what, self._bar, self._stop):
            widget.setVisible(self._job is not None)
        if self._job is not None:
            more = f" (+{len(loud) - 1})" if len(loud) > 1 else ""
            self._what.setText(self._job.label + more)
            self._bar.setMaximum(1000 if self._job.progress else 0)
            self._bar.setValue(round(1000 * self._job.progress))

    def _cancel(self) -> None:
        if self._job is not None:
            self._jobs.cancel(self._job)
