"""The Compose panel: what to ask a generator for, and the results."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import fields, replace
from typing import Any

from PySide6.QtCore import QEvent, QObject, QSize, Qt, QTimer
from PySide6.QtGui import QAction, QResizeEvent
from PySide6.QtWidgets import (
    QProgressBar,
    QPushButton,
    QScrollArea,
    QSizePolicy,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from core.compose.request import Request
from desktop.compose.conditions import Conditions
from desktop.compose.generators import GeneratorChoice, generator_entries
from desktop.compose.session import ComposeSession, Past, Variant, fresh_seed
from desktop.compose.tasks import about_song, bars_of, chords_of_bars, lacking, marked_region
from desktop.compose.variant_row import VariantRow
from desktop.controls.basics import icon_button, label, push_button, row, rule
from desktop.controls.choice import Choice
from desktop.controls.search_list import Entry, drop_down
from desktop.document import Document

WIDTH = 304
LEAST_RESULTS = 88
"""Pixels that the results keep, however many conditions are unfolded."""

TASKS = {
    "new": "compose a new song", "continue": "continue a song", "fill": "fill a region", "vary": "vary notes",
    "accompany": "add instruments",
}  # fmt: skip
BUTTONS = (
    ("generate", "Generate", "primary"), ("continue", "Continue", ""), ("fill", "Fill", ""), ("vary", "Vary", ""),
    ("accompany", "Accompany", ""),
)  # fmt: skip
MOST_CHORDS = 64
KEPT = tuple(
    each.name for each in fields(Request)
    if each.name not in {"task", "song", "first_bar", "tracks", "locked", "seed"}
)  # fmt: skip
"""What of a request is remembered between sittings."""


class _Fitting(QScrollArea):
    """As high as what it shows, where there is room for it."""

    def __init__(self, inner: QWidget) -> None:
        super().__init__(widgetResizable=True)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Maximum)
        self.setWidget(inner)
        inner.installEventFilter(self)

    def sizeHint(self) -> QSize:
        return QSize(self.widget().sizeHint().width(), self._height(self.width()))

    def minimumSizeHint(self) -> QSize:
        return QSize(WIDTH - 48, 120)

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._fit()

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if event.type() == QEvent.Type.LayoutRequest:
            self._fit()
        return super().eventFilter(watched, event)

    def _fit(self) -> None:
        # The least height that Qt would find itself is that of the least width, where instruments stand in a column.
        fits = self._height(self.width()) <= self.height()
        shown = Qt.ScrollBarPolicy.ScrollBarAlwaysOff if fits else Qt.ScrollBarPolicy.ScrollBarAlwaysOn
        self.setVerticalScrollBarPolicy(shown)
        bar = 0 if fits else self.verticalScrollBar().sizeHint().width()
        self.widget().setMinimumSize(1, self._height(self.width() - bar))
        self.updateGeometry()

    def _height(self, width: int) -> int:
        inner = self.widget()
        return inner.heightForWidth(width) if inner.hasHeightForWidth() else inner.sizeHint().height()


class ComposePanel(QWidget):
    """Settings above, results below."""

    def __init__(
        self,
        document: Document,
        session: ComposeSession,
        generators: Sequence[GeneratorChoice],
        actions: dict[str, QAction],
        is_untouched: Callable[[], bool],
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self.setObjectName("panel")
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        self._document, self._session = document, session
        self._generators = {generator.name: generator for generator in generators}
        self._is_untouched = is_untouched
        self._actions = actions
        self.rows: dict[int, VariantRow] = {}
        first = generators[0].name if generators else None
        self.generator = Choice(
            generator_entries(generators), first, name="Generator", label="By", popup_width=280
        )
        self.generator.changed.connect(lambda _: self._show_generator())
        self.conditions = Conditions(self._song_chords)
        self._make_buttons()
        self._make_results()
        self._lay_out()
        self.set_request(Request())
        self._show_generator()
        self.conditions.changed.connect(self._refresh)
        session.added.connect(self._add_row)
        session.removed.connect(self._remove_row)
        session.updated.connect(self._update_row)
        session.chosen_changed.connect(self._show_chosen)
        session.busy_changed.connect(self._show_busy)
        session.past_changed.connect(self._show_past)
        document.changed.connect(lambda _: self._show_untouched())
        self._show_past()

    # -- what is asked for ---------------------------------------------------------------------------

    @property
    def current(self) -> GeneratorChoice | None:
        """The generator chosen."""
        return self._generators.get(self.generator.value)

    def request(self, task: str = "new") -> Request:
        """What the panel asks for now."""
        seed = int(self.conditions.seed.text() or 0)
        request = Request(generator=self.generator.value or "flagship", seed=seed, **self.conditions.values())
        return request if task == "new" else about_song(self._document, task, request)

    def set_request(self, request: Request) -> None:
        """Show these settings: the defaults, those of the last sitting, or those of a result."""
        if request.generator in self._generators:
            self.generator.set_value(request.generator)
        self.conditions.put(request)
        self.conditions.seed.setText(str(request.seed))
        self._show_generator()

    def take_conditions(self, values: dict[str, Any]) -> None:
        """Show some conditions, by the names of `Request`, and leave the others as they are."""
        self.conditions.take(values)

    def recall(self, variant: Variant) -> None:
        """Show a result's settings and keep its seed."""
        self.conditions.new_seed.setChecked(False)
        self.set_request(variant.request)

    def generate(self, task: str = "new") -> None:
        """Ask for what the panel shows."""
        if self.why_not(task):
            return
        if self.conditions.new_seed.isChecked():
            self.conditions.seed.setText(str(fresh_seed()))
        self._session.generate(self.request(task), self.conditions.count.value())

    def replay(self, past: Past) -> None:
        """Ask once more for what was asked before: the same notes come."""
        self.conditions.new_seed.setChecked(False)
        self.set_request(past.request)
        self._session.generate(past.request, past.count)

    def why_not(self, task: str = "new") -> str:
        """Why it cannot be asked now, or ""."""
        generator = self.current
        if generator is None:
            return "no generator is installed; see Help, What is missing"
        if generator.why_not:
            return generator.why_not
        if task not in generator.tasks:
            return f"{generator.title} cannot {TASKS[task]}"
        why = self.conditions.why_not()
        if why:
            return why
        song = self._document.song
        if task == "new":
            return ""
        if not len(song.notes):
            return {
                "continue": "there is nothing to continue yet", "accompany": "there is nothing to accompany yet",
            }.get(task, "the song has no notes yet")  # fmt: skip
        if task == "fill" and marked_region(self._document) is None:
            return "mark bars first: drag in the ruler for a loop, or select notes"
        if task == "accompany" and not lacking(song, tuple(self.conditions.instruments.names)):
            return "the song has every instrument asked for: add another one above"
        return ""

    def why_not_endless(self) -> str:
        """Why it cannot be composed on and on now, or ""."""
        generator = self.current
        if generator is not None and not generator.why_not and not generator.streams:
            able = [one.title for one in self._generators.values() if one.streams]
            return f"{generator.title} cannot compose on and on" + (
                f"; {' and '.join(able)} can" if able else ""
            )
        return self.why_not()

    def about(self, task: str) -> str:
        """What a task would do now, for the tool tip."""
        region = marked_region(self._document)
        if task == "fill" and region is not None:
            locked = len(
                set(self._document.locked.tolist()) & set(region.notes(self._document.song).tolist())
            )
            kept = f"; {locked} locked notes stay" if locked else ""
            return f"Writes {region.text(self._document.song)} anew{kept}"
        if task == "vary":
            where = region.text(self._document.song) if region is not None else "all tracks"
            return (
                f"Writes {100 * self.request().amount:.0f} % of the notes anew in {where}; locked notes stay"
            )
        if task == "accompany":
            names = lacking(self._document.song, tuple(self.conditions.instruments.names))
            return f"Adds {', '.join(names)}" if names else ""
        return ""

    def set_instruments(self, names: Sequence[str]) -> None:
        self.conditions.instruments.set_names(names)

    def set_generators(self, generators: Sequence[GeneratorChoice]) -> None:
        """Show other generators, after what they need was found or lost."""
        self._generators = {generator.name: generator for generator in generators}
        self.generator.set_entries(generator_entries(generators))
        if self.generator.value not in self._generators and generators:
            self.generator.set_value(generators[0].name)
        self._show_generator()

    def state(self) -> dict[str, Any]:
        """What to remember between sittings."""
        return _kept(self.request()) | {
            "variants": self.conditions.count.value(),
            "more": self.conditions.more.isChecked(),
            "past": [
                _kept(past.request) | {"seed": past.request.seed, "variants": past.count}
                for past in self._session.past
                if past.request.task == "new"
            ],
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Show what `state` gave in another sitting; what does not fit is left as it is."""
        try:
            self.set_request(_request(state))
            self.conditions.count.setValue(int(state.get("variants", self.conditions.count.value())))
            self.conditions.more.setChecked(bool(state.get("more", False)))
            past = [Past(_request(each), int(each.get("variants", 1))) for each in state.get("past", [])]
            self._session.past.extend(past)
        except (TypeError, ValueError, AttributeError):
            self.set_request(Request())
        self._show_past()

    # -- building ------------------------------------------------------------------------------------

    def _make_buttons(self) -> None:
        self.buttons: dict[str, QPushButton] = {}
        for name, text, role in BUTTONS:
            button = push_button(text, self._actions[name].trigger, role=role)
            button.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
            self._follow(button, self._actions[name])
            self.buttons[name] = button
        self.go = self.buttons["generate"]
        self.endless = icon_button("endless", "Endless", checkable=True, role="")
        action = self._actions["endless"]
        self.endless.clicked.connect(lambda: (action.trigger(), self.endless.setChecked(action.isChecked())))
        action.toggled.connect(self.endless.setChecked)
        self._follow(self.endless, action)
        self.stop = push_button("Cancel", self._session.cancel, tip="Stop composing; what is there stays")
        self.stop.hide()
        self.bar = QProgressBar(maximum=1000, textVisible=False)
        self.bar.setAccessibleName("Progress of composing")
        self.why = label("", "warn", wrap=True)
        self.why.hide()
        self._tick = QTimer(self, interval=100)
        self._tick.timeout.connect(self._show_progress)

    def _make_results(self) -> None:
        self._list = QVBoxLayout()
        self._list.setContentsMargins(6, 0, 6, 6)
        self._list.setSpacing(2)
        self.empty = label(
            "Results appear here, note by note.\nThey stay out of your song until you take one.",
            "small",
            wrap=True,
        )
        self.empty.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self.empty.setContentsMargins(12, 16, 12, 16)
        self._list.addWidget(self.empty)
        self._list.addStretch(1)
        inner = QWidget()
        inner.setLayout(self._list)
        self._scroll = QScrollArea(widgetResizable=True)
        self._scroll.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self._scroll.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self._scroll.setWidget(inner)
        self._scroll.setMinimumHeight(LEAST_RESULTS)
        self._scroll.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Ignored)
        self._clear = QToolButton(text="Discard all", toolTip="Discard every result without a star")
        self._clear.setProperty("role", "link")
        self._clear.clicked.connect(self._session.discard_all)
        self.history = icon_button("clock", "History", self._actions["history"].trigger)
        self._follow(self.history, self._actions["history"])

    def _lay_out(self) -> None:
        head = row(self.generator)
        head.setContentsMargins(10, 8, 10, 2)
        inner = QWidget()
        fitted = QVBoxLayout(inner)
        fitted.setContentsMargins(10, 2, 10, 2)
        fitted.addWidget(self.conditions)
        fitted.addStretch(1)
        buttons = QVBoxLayout()
        buttons.setContentsMargins(10, 4, 10, 6)
        buttons.setSpacing(4)
        named = self.buttons
        buttons.addLayout(row(self.go, named["continue"], self.stop))
        buttons.addLayout(row(named["fill"], named["vary"], named["accompany"], self.endless))
        buttons.addWidget(self.bar)
        buttons.addWidget(self.why)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(0)
        layout.addLayout(head)
        self._fields = _Fitting(inner)
        layout.addWidget(self._fields, 0)
        layout.addLayout(buttons)
        layout.addWidget(rule())
        results = row(label("Results", "title"), None, self._clear, self.history)
        results.setContentsMargins(10, 4, 8, 2)
        layout.addLayout(results)
        layout.addWidget(self._scroll, 1)
        self._clear.hide()

    # -- keeping it true -----------------------------------------------------------------------------

    def _follow(self, button: QWidget, action: QAction) -> None:
        def refresh() -> None:
            button.setEnabled(action.isEnabled())
            about = self.about(action.objectName()) if action.isEnabled() else ""
            button.setToolTip(f"{action.toolTip()}\n{about}" if about else action.toolTip())

        action.changed.connect(refresh)
        QTimer.singleShot(0, self, refresh)

    def _show_generator(self) -> None:
        generator = self.current
        self.conditions.show_for(generator)
        self.generator.setToolTip(
            generator.description if generator and generator.description else "Generator"
        )
        self._refresh()

    def _refresh(self) -> None:
        why = self.why_not()
        self.why.setText(why[:1].upper() + why[1:] + "." if why else "")
        self.why.setVisible(bool(why))
        self.changed_hook()

    changed_hook: Callable[[], None] = staticmethod(lambda: None)
    """Called when what can be asked for may have changed; the window refreshes its actions."""

    def _song_chords(self) -> tuple[str, ...]:
        """The chords of the marked bars, or of all."""
        song, region = self._document.song, marked_region(self._document)
        if region is not None:
            return chords_of_bars(song, region.first_bar, min(region.bars, MOST_CHORDS))
        return chords_of_bars(song, 0, min(bars_of(song), MOST_CHORDS))

    def show_history(self) -> None:
        """Choose one of the earlier requests, to ask it again."""
        entries = [
            Entry(past, _past_text(past.request), f"× {past.count}", _task_text(past.request))
            for past in self._session.past
        ]
        drop_down(
            self.history, entries, self.replay, placeholder="Search what was asked for", width=WIDTH + 60
        )

    def _show_past(self) -> None:
        self.changed_hook()

    def _add_row(self, variant: Variant) -> None:
        one = VariantRow(variant)
        one.chosen.connect(self._session.choose)
        one.hovered.connect(self._session.hover)
        one.used.connect(self._use)
        one.replaced.connect(self._session.replace_song)
        one.discarded.connect(self._session.discard)
        one.starred.connect(self._session.star)
        one.recalled.connect(self.recall)
        self.rows[variant.number] = one
        self._list.insertWidget(self._place(variant), one)
        one.show_untouched(self._is_untouched())
        self._show_empty()

    def _place(self, variant: Variant) -> int:
        """Under the batch's earlier variants, above older batches."""
        before = self.rows.get(variant.number - 1)
        same_batch = before is not None and before.variant.batch == variant.batch
        return self._list.indexOf(before) + 1 if before is not None and same_batch else 0

    def _remove_row(self, variant: Variant) -> None:
        one = self.rows.pop(variant.number, None)
        if one is not None:
            self._list.removeWidget(one)
            one.hide()
            one.deleteLater()
        self._show_empty()

    def _update_row(self, variant: Variant) -> None:
        if variant.number in self.rows:
            self.rows[variant.number].refresh()

    def _use(self, variant: Variant) -> None:
        self._session.accept(variant, untouched=self._is_untouched())

    def _show_chosen(self, chosen: Variant | None) -> None:
        for one in self.rows.values():
            one.show_chosen(one.variant is chosen)
            if one.variant is chosen:
                QTimer.singleShot(0, one, lambda one=one: self._scroll.ensureWidgetVisible(one, 0, 8))

    def _show_untouched(self) -> None:
        untouched = self._is_untouched()
        for one in self.rows.values():
            one.show_untouched(untouched)

    def _show_empty(self) -> None:
        self.empty.setVisible(not self.rows)
        self._clear.setVisible(bool(self.rows))

    def _show_busy(self, busy: bool) -> None:
        first = (self.go, self.buttons["continue"])
        leaving, coming = (first, self.stop) if busy else ((self.stop,), self.go)
        keep_focus = any(button.hasFocus() for button in leaving)
        coming.setVisible(True)
        if keep_focus:
            coming.setFocus()
        for button in first:
            button.setVisible(not busy)
        self.stop.setVisible(busy)
        if busy:
            self._tick.start()
        else:
            self._tick.stop()
            self.bar.setValue(0)

    def _show_progress(self) -> None:
        self.bar.setValue(round(1000 * self._session.progress))


def _kept(request: Request) -> dict[str, Any]:
    kept = {name: getattr(request, name) for name in KEPT}
    return {name: list(value) if isinstance(value, tuple) else value for name, value in kept.items()}


def _request(state: dict[str, Any]) -> Request:
    """The request that `_kept` gave, after a way through JSON."""
    kept = {name: value for name, value in state.items() if name in (*KEPT, "seed")}
    if "meter" in kept:
        numerator, denominator = kept["meter"]
        kept["meter"] = (int(numerator), int(denominator))
    for name in ("instruments", "chords"):
        if name in kept:
            kept[name] = tuple(str(each) for each in kept[name])
    return replace(Request(), **kept)


def _task_text(request: Request) -> str:
    return {"new": "New songs"}.get(request.task, f"{request.task.capitalize()} this song")


def _past_text(request: Request) -> str:
    parts = [request.generator] if request.generator != "flagship" else []
    parts += [
        request.style or "any style",
        request.key or "any key",
        f"{request.bars} bars",
        f"seed {request.seed}",
    ]
    return " · ".join(parts)
