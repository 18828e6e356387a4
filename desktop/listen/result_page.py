"""The first page: what one file is."""

from __future__ import annotations

from PySide6.QtCore import QSize, Qt, Signal
from PySide6.QtWidgets import (
    QGridLayout,
    QLabel,
    QProgressBar,
    QScrollArea,
    QSizePolicy,
    QStackedWidget,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from core.listen.report import NOT_SURE, Report, Verdict
from desktop import icons, theme
from desktop.controls.basics import icon_button, label, push_button, restyle, row, rule
from desktop.controls.choice import Choice
from desktop.controls.search_list import Entry
from desktop.listen.chance_bars import SHOWN, ChanceBars, in_words
from desktop.listen.facts import facts_of
from desktop.listen.listener import Listener, Model
from desktop.listen.take_over import conditions
from desktop.spectrogram.clock import duration

EMPTY = "Drop a sound or MIDI file anywhere in the window, and see what it is: genre, tempo, key, chords and parts."
PICTURE = 40
FACT_HEIGHT = 22


class Elided(QLabel):
    """A line that is cut in its middle where it is too long; its tool tip has the whole."""

    def __init__(self, role: str = "") -> None:
        super().__init__()
        self._whole = ""
        if role:
            self.setProperty("role", role)
        self.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)

    def show_text(self, text: str, tip: str = "") -> None:
        self._whole = text
        self.setToolTip(tip or text)
        self.setAccessibleName(text)
        self._cut()

    def resizeEvent(self, event: object) -> None:
        self._cut()

    def _cut(self) -> None:
        self.setText(
            self.fontMetrics().elidedText(self._whole, Qt.TextElideMode.ElideMiddle, max(20, self.width()))
        )


class VerdictBlock(QWidget):
    """A verdict: its word, how sure it is, and the chances behind it."""

    def __init__(self, what: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.what = label(what, "small")
        self.word = label("", "headline")
        self.sure = label("", "headline")
        self.about = label("", "small", wrap=True)
        self.bars = ChanceBars(f"Chances of each {what.lower()}")
        self.more = QToolButton(text="All", checkable=True)
        self.more.setProperty("role", "link")
        self.more.toggled.connect(self._show_more)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(4)
        layout.addLayout(row(self.what, None, self.more))
        layout.addLayout(row(self.word, None, self.sure))
        layout.addWidget(self.about)
        layout.addWidget(self.bars)

    def show_verdict(self, verdict: Verdict | None, why_none: str = "") -> None:
        self.setVisible(verdict is not None or bool(why_none))
        self.bars.show_verdict(verdict)
        self.bars.setVisible(verdict is not None)
        self.more.setVisible(verdict is not None and len(verdict.chances) > SHOWN)
        if verdict is None:
            self.word.setText("No verdict")
            self.sure.setText("")
            self.about.setText(why_none)
        else:
            unsure = verdict.label == NOT_SURE
            best = verdict.chances[0][1] if verdict.chances else 0.0
            chance = best if unsure else dict(verdict.chances).get(verdict.label, best)
            word = in_words(verdict.label)
            self.word.setText("Not sure" if unsure else word[:1].upper() + word[1:])
            self.sure.setText("" if unsure else f"{100 * chance:.0f} %")
            self.about.setText(_about(verdict, self.what.text().lower()) if unsure else "")
        self.about.setVisible(bool(self.about.text()))
        self.word.setAccessibleName(f"{self.what.text()}: {self.word.text()} {self.sure.text()}".strip())

    def _show_more(self, on: bool) -> None:
        self.bars.show_all(on)
        self.more.setText("Fewer" if on else "All")


def _about(verdict: Verdict, what: str) -> str:
    """Why a verdict is not sure, in a sentence."""
    near = [f"{in_words(name)} ({100 * chance:.0f} %)" for name, chance in verdict.chances[:2]]
    nearest = f" Nearest: {' and '.join(near)}." if near else ""
    return f"No {what} it knows is likely enough to be named.{nearest}"


class ResultPage(QWidget):
    """Empty, busy, a result or an error; each says what can be done next."""

    file_wanted = Signal()
    folder_wanted = Signal()
    song_wanted = Signal()
    picture_wanted = Signal()
    """To see the file's spectrogram."""
    use_wanted = Signal(object)
    """Which of "tempo", "key" and "chords" Compose should take; a tuple."""
    compare_wanted = Signal()

    def __init__(self, listener: Listener, nearest: QWidget, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._listener = listener
        self._nearest = nearest
        self.model = Choice([Entry("", "Best")], "", name="Model", label="Judged by", popup_width=360)
        self.model.changed.connect(listener.use_model)
        self.pages = QStackedWidget()
        self.pages.addWidget(self._make_empty())
        self.pages.addWidget(self._make_busy())
        self.pages.addWidget(self._make_error())
        self.pages.addWidget(self._make_result())
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self.pages)
        listener.changed.connect(self.refresh)
        listener.progressed.connect(self._show_progress)
        self.refresh()

    def show_models(self, models: list[Model]) -> None:
        """Which models a verdict may come from."""
        genre = [Entry("", "Best", "the studio's own")]
        genre += [
            Entry(
                each.name,
                each.title,
                each.source,
                "Genre" if each.tells == "genre" else "Composer",
                each.why_not,
            )
            for each in models
            if each.tells == "genre"
        ]
        self.model.set_entries(genre)

    # -- building ------------------------------------------------------------------------------------

    def _make_empty(self) -> QWidget:
        self.picture = QLabel()
        self.picture.setAlignment(Qt.AlignmentFlag.AlignCenter)
        title = label("What is this music?", "headline")
        text = label(EMPTY, "small", wrap=True)
        for each in (title, text):
            each.setAlignment(Qt.AlignmentFlag.AlignCenter)
        return _centred(self.picture, title, text, *self._ways())

    def _ways(self) -> list[QWidget]:
        return [
            push_button("Choose a file…", self.file_wanted.emit, role="primary"),
            push_button("Listen to this song", self.song_wanted.emit, tip="From its notes, exactly"),
            push_button("Listen to a folder…", self.folder_wanted.emit, tip="A table, and a CSV file of it"),
        ]

    def _make_busy(self) -> QWidget:
        self.busy_title = Elided("title")
        self.busy_title.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self.bar = QProgressBar(maximum=0, textVisible=False)
        self.bar.setAccessibleName("Progress")
        self.stop = push_button("Cancel", self._listener.cancel)
        return _centred(self.busy_title, self.bar, self.stop)

    def _make_error(self) -> QWidget:
        self.error_title = Elided("title")
        self.error_title.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self.error = label("", "warn", wrap=True)
        self.error.setAlignment(Qt.AlignmentFlag.AlignCenter)
        again = push_button("Choose another file…", self.file_wanted.emit, role="primary")
        return _centred(self.error_title, self.error, again)

    def _make_result(self) -> QWidget:
        inner = QWidget()
        layout = QVBoxLayout(inner)
        layout.setContentsMargins(10, 8, 10, 8)
        layout.setSpacing(8)
        self.title = Elided("title")
        self.kind = label("", "small")
        self.see = icon_button("spectrum", "See its spectrogram", self.picture_wanted.emit)
        self.other = icon_button("ear", "Listen to another file…", self.file_wanted.emit)
        head = QVBoxLayout()
        head.setSpacing(0)
        head.addWidget(self.title)
        head.addWidget(self.kind)
        layout.addLayout(row(head, self.see, self.other))
        layout.addWidget(rule())
        self.genre = VerdictBlock("Genre")
        self.composer = VerdictBlock("Composer")
        layout.addWidget(self.genre)
        self.compare = icon_button("table", "Ask every model, side by side", self.compare_wanted.emit)
        layout.addLayout(row(self.model, self.compare))
        layout.addWidget(self.composer)
        layout.addWidget(rule())
        self._facts = QGridLayout()
        self._facts.setContentsMargins(0, 0, 0, 0)
        self._facts.setHorizontalSpacing(8)
        self._facts.setVerticalSpacing(2)
        self._facts.setColumnStretch(1, 1)
        layout.addLayout(self._facts)
        self.use = push_button("Use in Compose", lambda: self.use_wanted.emit(()), role="primary")
        layout.addWidget(self.use)
        layout.addWidget(self._nearest)
        self.warnings = label("", "warn", wrap=True)
        layout.addWidget(self.warnings)
        self.took = label("", "small")
        layout.addWidget(self.took)
        layout.addStretch(1)
        scroll = QScrollArea(widgetResizable=True)
        scroll.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        scroll.setWidget(inner)
        return scroll

    # -- keeping it true -----------------------------------------------------------------------------

    def refresh(self) -> None:
        """Show the listener's state."""
        listener = self._listener
        state = listener.state
        focus = self.isAncestorOf(self.focusWidget()) if self.focusWidget() else False
        self.pages.setCurrentIndex(("empty", "busy", "error", "result").index(state))
        if state == "empty":
            colour = theme.colour("text_faint")
            self.picture.setPixmap(icons.pixmap("ear", colour, PICTURE, self.devicePixelRatioF()))
        elif state == "busy":
            self.busy_title.show_text(f"Listening to {listener.title}")
            self._show_progress(listener.progress)
            if focus:
                self.stop.setFocus()
        elif state == "error":
            self.error_title.show_text(listener.title)
            self.error.setText(listener.error[:1].upper() + listener.error[1:])
        elif listener.report is not None:
            self._show_report(listener.report, listener.title)

    def _show_report(self, report: Report, title: str) -> None:
        self.title.show_text(title, report.file if self._listener.path is not None else title)
        kind = "MIDI: exactly from its notes" if report.kind == "midi" else "Sound"
        self.kind.setText(f"{duration(report.duration_s)} · {kind}")
        self.see.setVisible(self._listener.path is not None and report.kind == "audio")
        self.genre.show_verdict(report.genre, "No classifier could tell its genre.")
        self.composer.show_verdict(report.composer if _tells_composer(report) else None)
        self.model.setVisible(report.kind == "audio")
        self.compare.setVisible(report.kind == "audio" and self._listener.path is not None)
        self._show_facts(report)
        usable = conditions(report)
        self.use.setEnabled(bool(usable))
        self.use.setToolTip(_use_tip(usable))
        self.use.setAccessibleDescription(_use_tip(usable))
        self.warnings.setText("\n".join(line[:1].upper() + line[1:] for line in report.warnings))
        self.warnings.setVisible(bool(report.warnings))
        self.took.setText(f"Found in {report.seconds:.1f} s" if report.seconds else "")
        self.took.setVisible(bool(report.seconds))

    def _show_facts(self, report: Report) -> None:
        while self._facts.count():
            item = self._facts.takeAt(0)
            widget = item.widget() if item else None
            if widget is not None:
                widget.hide()
                widget.deleteLater()
        usable = conditions(report)
        for line, fact in enumerate(facts_of(report)):
            name = label(fact.name, "small")
            text = label(fact.text, wrap=True)
            text.setToolTip(fact.detail)
            text.setAccessibleName(f"{fact.name}: {fact.text}")
            text.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
            align = Qt.AlignmentFlag.AlignTop
            for each in (name, text):
                each.setMinimumHeight(FACT_HEIGHT)
                each.setAlignment(Qt.AlignmentFlag.AlignTop | Qt.AlignmentFlag.AlignLeft)
                each.setContentsMargins(0, 2, 0, 0)
            self._facts.addWidget(name, line, 0, align)
            self._facts.addWidget(text, line, 1, align)
            if fact.use in usable:
                use = icon_button(
                    "use",
                    f"Use the {fact.use} in Compose",
                    lambda fact=fact: self.use_wanted.emit((fact.use,)),
                )
                use.setFixedSize(FACT_HEIGHT, FACT_HEIGHT)
                use.setIconSize(QSize(12, 12))
                self._facts.addWidget(use, line, 2, align)
            restyle(text)

    def _show_progress(self, share: float) -> None:
        self.bar.setMaximum(1000 if share else 0)
        self.bar.setValue(round(1000 * share))


def _tells_composer(report: Report) -> bool:
    """Whether the composer is worth a word: only of classical music, and of scores."""
    if report.composer is None:
        return False
    classical = report.genre is not None and report.genre.label == "classical"
    return classical or (report.kind == "midi" and report.composer.label != NOT_SURE)


def _use_tip(usable: dict[str, object]) -> str:
    names = list(usable)
    if not names:
        return "No tempo, key or chords were found"
    listed = names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"
    return f"{listed.capitalize()} become conditions of the Compose panel"


def _centred(*widgets: QWidget) -> QWidget:
    """Widgets in a column in the middle of the page."""
    page = QWidget()
    layout = QVBoxLayout(page)
    layout.setContentsMargins(24, 16, 24, 16)
    layout.setSpacing(8)
    layout.addStretch(2)
    for widget in widgets:
        layout.addWidget(widget)
    layout.addStretch(3)
    return page
