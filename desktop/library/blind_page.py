"""The blind listening test: A and B sound equally loud, nobody knows which is which until the vote is given."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QRectF, QSize, Qt, Signal
from PySide6.QtGui import QPainter, QPaintEvent
from PySide6.QtWidgets import (
    QGridLayout,
    QLineEdit,
    QProgressBar,
    QPushButton,
    QScrollArea,
    QSizePolicy,
    QVBoxLayout,
    QWidget,
)

from core.compose.request import Request
from core.store.library import Library, Search
from core.store.votes import Standing, Votes
from desktop import icons, theme
from desktop.controls.basics import label, push_button, row, rule
from desktop.controls.choice import Choice
from desktop.controls.search_list import Entry
from desktop.jobs import Job, Jobs, Task
from desktop.library.keeper import LANE, Keeper
from desktop.playback import Playback

if TYPE_CHECKING:
    from core.compose.blind_test import Bout, Side

REAL = "real"
"""The contestant that is a piece from a file; see `core.compose.blind_test`."""
ANSWERS = (("first", "A is better"), ("tie", "No difference"), ("second", "B is better"))
EXPLAINED = (
    "Hear A and B, then say which is the better music. They are equally loud and in an order drawn by lot; "
    "who was who is told after the vote."
)
TOO_FEW = (
    "This needs two to compare: a generator, and another one or pieces of your own. Add some MIDI files under "
    "Pieces to compare a generator with real music."
)
Prepare = Callable[..., "Bout"]


@dataclass(frozen=True, slots=True)
class Generator:
    """One that can compete."""

    name: str
    title: str


class SideButton(QPushButton):
    """Sounds one side, and shows how far it has come."""

    def __init__(self, letter: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._letter = letter
        self.sounds, self.heard, self.share = False, False, 0.0
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.setAccessibleName(f"Hear {letter}")
        self.setToolTip(f"Hear {letter}")

    def show_state(self, sounds: bool, share: float = 0.0) -> None:
        self.sounds, self.share = sounds, share
        self.heard = self.heard or sounds
        self.setAccessibleDescription("sounds" if sounds else "heard" if self.heard else "not heard yet")
        self.update()

    def sizeHint(self) -> QSize:
        return QSize(100, 56)

    def paintEvent(self, event: QPaintEvent) -> None:
        super().paintEvent(event)
        painter = QPainter(self)
        area = QRectF(self.rect())
        token = "text" if self.isEnabled() else "text_faint"
        icon = QRectF(0, 0, 16, 16)
        icon.moveCenter(area.center())
        icon.moveLeft(area.center().x() - 22)
        icons.paint(painter, "stop" if self.sounds else "play", icon, theme.colour(token))
        painter.setFont(theme.font(18, bold=True))
        painter.setPen(theme.colour(token))
        painter.drawText(
            QRectF(area.center().x(), 0, 40, area.height()), Qt.AlignmentFlag.AlignVCenter, self._letter
        )
        if self.sounds:
            line = QRectF(8, area.bottom() - 8, (area.width() - 16) * self.share, 2)
            painter.fillRect(line, theme.colour("playhead"))
        elif self.heard:
            tick = QRectF(area.right() - 20, 6, 12, 12)
            icons.paint(painter, "check", tick, theme.colour("good"))


class BlindPage(QWidget):
    """The third page of the panel.

    Parameters
    ----------
    generators : those that can compete now
    request : what the Compose panel asks for now
    soundfont : what is heard, "" for the best found
    prepare : stands in for `core.compose.blind_test.prepare` in tests
    """

    said = Signal(str, str)

    def __init__(
        self,
        jobs: Jobs,
        keeper: Keeper,
        playback: Playback,
        *,
        generators: Callable[[], list[Generator]],
        request: Callable[[], Request],
        soundfont: Callable[[], str],
        prepare: Prepare | None = None,
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self._jobs, self._keeper, self._playback = jobs, keeper, playback
        self._generators, self._request, self._soundfont = generators, request, soundfont
        self._prepare = prepare
        self._job: Job | None = None
        self._bout: Bout | None = None
        self._sounds: int | None = None
        self._names: dict[str, str] = {}
        self._make()
        self._lay_out()
        keeper.changed.connect(self._refresh_if_seen)
        playback.hearing_changed.connect(self._show_hearing)
        playback.heard_to.connect(self._show_heard_to)
        self._show_stage()

    # -- building ------------------------------------------------------------------------------------

    def _make(self) -> None:
        self.explanation = label(EXPLAINED, "small", wrap=True)
        self.one = Choice([], None, name="One side", label="")
        self.other = Choice([], None, name="The other side", label="")
        for choice in (self.one, self.other):
            choice.changed.connect(lambda _: self._show_stage())
        self.what = label("", "small", wrap=True)
        self.go = push_button("Start", self.start, role="primary")
        self.stop = push_button("Cancel", self.cancel)
        self.bar = QProgressBar(maximum=1000, textVisible=False)
        self.bar.setAccessibleName("Progress of preparing A and B")
        self.sides = (SideButton("A"), SideButton("B"))
        for index, button in enumerate(self.sides):
            button.clicked.connect(lambda _=False, index=index: self.hear(index))
        self.answers = {vote: push_button(text, lambda vote=vote: self.vote(vote)) for vote, text in ANSWERS}
        self.note = QLineEdit(placeholderText="What made the difference (optional)", accessibleName="Note")
        self.why = label("", "small", wrap=True)
        self.verdict = label("", "small", wrap=True)
        self.stage = QWidget()
        self.table = QGridLayout()
        self.table.setContentsMargins(0, 0, 0, 0)
        self.table.setHorizontalSpacing(12)
        self.table.setVerticalSpacing(8)
        self.no_votes = label("No votes yet.", "small")

    def _lay_out(self) -> None:
        head = QVBoxLayout()
        head.setContentsMargins(10, 8, 10, 10)
        head.setSpacing(6)
        head.addWidget(self.explanation)
        head.addSpacing(2)
        against = label("against", "small")
        head.addLayout(row(self.one, against, self.other, gap=6))
        head.addWidget(self.what)
        head.addLayout(row(self.go, self.stop, None))
        head.addWidget(self.bar)
        stage = QVBoxLayout(self.stage)
        stage.setContentsMargins(0, 4, 0, 0)
        stage.setSpacing(6)
        stage.addLayout(row(*self.sides, gap=6))
        stage.addLayout(row(*self.answers.values(), gap=4))
        stage.addWidget(self.note)
        stage.addWidget(self.why)
        head.addWidget(self.stage)
        head.addWidget(self.verdict)
        results = QVBoxLayout()
        results.setContentsMargins(10, 8, 10, 8)
        results.setSpacing(6)
        results.addWidget(label("Votes so far", "title"))
        results.addWidget(self.no_votes)
        results.addLayout(self.table)
        results.addStretch(1)
        inner = QWidget()
        whole = QVBoxLayout(inner)
        whole.setContentsMargins(0, 0, 0, 0)
        whole.setSpacing(0)
        whole.addLayout(head)
        whole.addWidget(rule())
        whole.addLayout(results, 1)
        scroll = QScrollArea(widgetResizable=True)
        scroll.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        scroll.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        scroll.setWidget(inner)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(scroll)

    # -- a trial -------------------------------------------------------------------------------------

    def start(self) -> None:
        """Let both sides make their music; what Compose asks for is what both are asked."""
        if self.why_not() or self._job is not None:
            return
        self._playback.hear_no_more()
        self._bout = None
        self.verdict.setText("")
        self.note.clear()
        for button in self.sides:
            button.heard = False
            button.show_state(False)
        pair, request, soundfont = (
            (self.one.value, self.other.value),
            self._request(),
            self._soundfont() or None,
        )
        prepare, seed = self._prepare, secrets.randbelow(2**32)

        def work(task: Task) -> Bout:
            from core.compose import blind_test

            with Library() as library:
                return (prepare or blind_test.prepare)(
                    pair, request, library=library, seed=seed, soundfont=soundfont,
                    progress=task.progress, cancelled=task.cancelled,
                )  # fmt: skip

        self._job = self._jobs.run(
            "inference", "Preparing A and B", work,
            on_progress=lambda share: self.bar.setValue(round(1000 * share)),
            on_success=self._prepared, on_failure=self._failed, on_cancelled=self._ended,
        )  # fmt: skip
        self._show_stage()

    def cancel(self) -> None:
        """Prepare no longer."""
        if self._job is not None:
            self._jobs.cancel(self._job)

    def hear(self, index: int) -> None:
        """Sound A (0) or B (1), or end it where it sounds."""
        if self._bout is None:
            return
        if self._sounds == index:
            self._playback.hear_no_more()
            return
        side = self._side(index)
        self._sounds = index
        self._playback.hear(side.song, gain=side.gain)
        self._show_hearing()

    def vote(self, vote: str) -> None:
        """Write the vote down, and tell who was who."""
        bout = self._bout
        if bout is None or not all(button.heard for button in self.sides):
            return
        self._playback.hear_no_more()
        self._bout = None
        note = self.note.text()
        names = [self._names.get(side.contestant.name, side.contestant.name) for side in self._both(bout)]
        self.verdict.setText(f"A was {names[0]}, B was {names[1]}.")
        self._show_stage()
        self.go.setFocus()

        def work(task: Task) -> None:
            with Votes() as votes:
                votes.add(bout.first.contestant, bout.second.contestant, vote, note)

        self._jobs.run(
            LANE, "Writing the vote down", work, on_success=lambda _: self.refresh(),
            on_failure=lambda error: self.said.emit(f"The vote was not kept: {error}", "bad"), quiet=True,
        )  # fmt: skip

    def why_not(self) -> str:
        """Why no trial can be started, or ""."""
        if len(self.one.entries()) < 2:
            return TOO_FEW
        if self.one.value == self.other.value:
            return "Choose two different sides."
        return ""

    def _prepared(self, bout: Bout) -> None:
        self._bout = bout
        self._ended()
        self.sides[0].setFocus()

    def _failed(self, error: Exception) -> None:
        self._ended()
        self.said.emit(f"No trial: {error}", "bad")

    def _ended(self) -> None:
        self._job = None
        self.bar.setValue(0)
        self._show_stage()

    # -- showing -------------------------------------------------------------------------------------

    def refresh(self) -> None:
        """Read who can compete and how the votes stand."""

        def work(library: Library, task: Task) -> tuple[bool, list[Standing]]:
            with Votes() as votes:
                return bool(library.find(Search(kind="imported", limit=1))), votes.standings()

        self._keeper.ask(work, lambda answer: self._show(*answer))

    def come(self) -> None:
        """The page comes into sight."""
        self.refresh()

    def _refresh_if_seen(self) -> None:
        if not self.visibleRegion().isEmpty():
            self.refresh()

    def _show(self, has_real: bool, standings: list[Standing]) -> None:
        entries = [Entry(one.name, one.title) for one in self._generators()]
        if has_real:
            entries.append(Entry(REAL, "Real music", "imported pieces"))
        self._names = {entry.value: entry.text for entry in entries}
        for at, choice in ((0, self.one), (-1, self.other)):
            choice.set_entries(entries)
            if choice.value not in self._names and entries:
                choice.set_value(entries[at].value)
        self._show_table(standings)
        self._show_stage()

    def _show_stage(self) -> None:
        busy, ready = self._job is not None, self._bout is not None
        why = self.why_not()
        request = self._request()
        asked = ", ".join(filter(None, (request.style, request.key, f"{request.bars} bars")))
        self.what.setText(why or f"Both are asked for what Compose shows: {asked}.")
        self.go.setText("Start" if not self.verdict.text() else "Next trial")
        self.go.setVisible(not busy and not ready)
        self.go.setEnabled(not why)
        self.stop.setVisible(busy)
        self.bar.setVisible(busy)
        self.stage.setVisible(ready)
        self.verdict.setVisible(bool(self.verdict.text()))
        for choice in (self.one, self.other):
            choice.setEnabled(not busy and not ready)
        heard = all(button.heard for button in self.sides)
        for button in self.answers.values():
            button.setEnabled(heard)
        self.why.setText("" if heard else "Hear both before you vote.")
        self.why.setVisible(not heard)

    def _show_table(self, standings: list[Standing]) -> None:
        while (item := self.table.takeAt(0)) is not None:
            widget = item.widget()
            if widget is not None:
                widget.deleteLater()
        self.no_votes.setVisible(not standings)
        for line, cells in enumerate(self._lines(standings)):
            text, role = cells
            one = label(text, role, wrap=True)
            self.table.addWidget(one, line, 0)

    def _lines(self, standings: list[Standing]) -> Iterator[tuple[str, str]]:
        for one in standings:
            names = [self._names.get(name, name.capitalize()) for name in (one.one, one.other)]
            ties = {0: "", 1: ", 1 tie"}.get(one.ties, f", {one.ties} ties")
            yield f"{names[0]} {one.wins} : {one.losses} {names[1]}{ties}", ""
            if one.decided:
                low, high = one.interval
                yield (
                    f"{100 * one.share:.0f} % for {names[0]}; 95 % interval {100 * low:.0f} to {100 * high:.0f} %: "
                    + one.verdict.replace(one.one, names[0]).replace(one.other, names[1]),
                    "small",
                )

    def _show_hearing(self) -> None:
        if self._sounds is not None:
            side = self._side(self._sounds) if self._bout is not None else None
            if side is None or self._playback.hearing is not side.song:
                self._sounds = None
        for index, button in enumerate(self.sides):
            button.show_state(index == self._sounds, button.share if index == self._sounds else 0.0)
        self._show_stage()

    def _show_heard_to(self, share: float) -> None:
        if self._sounds is not None:
            self.sides[self._sounds].show_state(True, share)

    def _side(self, index: int) -> Side:
        assert self._bout is not None
        return self._both(self._bout)[index]

    @staticmethod
    def _both(bout: Any) -> tuple[Side, Side]:
        return bout.first, bout.second
