"""The Compose panel: what to ask a generator for, and the results."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from PySide6.QtCore import QSize, Qt, QTimer
from PySide6.QtGui import QAction, QIntValidator
from PySide6.QtWidgets import (
    QDoubleSpinBox,
    QGridLayout,
    QLineEdit,
    QProgressBar,
    QScrollArea,
    QSpinBox,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from core.compose.request import Request
from core.errors import TunesmithError
from core.song.harmony import Key, parse_key
from core.song.instruments import find_instrument, instrument_name
from desktop import icons
from desktop.compose.session import ComposeSession, Variant, fresh_seed
from desktop.compose.variant_row import VariantRow
from desktop.controls.basics import icon_button, label, push_button, row, rule
from desktop.controls.choice import Choice
from desktop.controls.flow import FlowLayout
from desktop.controls.search_list import Entry, drop_down
from desktop.controls.value_slider import ValueSlider
from desktop.document import Document
from desktop.pages import is_installed
from desktop.tracks.instrument_entries import instrument_entries
from desktop.transport import METERS, key_entries

log = logging.getLogger(__name__)

WIDTH = 304
MOST_PARTS = 12
AUTO = -5.0
"""The density slider's leftmost place: left to the generator."""


@dataclass(frozen=True, slots=True)
class GeneratorChoice:
    """A generator as the panel shows it; ``why_not`` says why it cannot be asked now."""

    name: str
    title: str
    description: str
    styles: tuple[str, ...]
    why_not: str = ""


class Chip(QToolButton):
    """An instrument asked for; a click takes it out."""

    def __init__(self, text: str, remove: Callable[[], object], parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setText(text)
        icons.put(self, "close", "text_faint")
        self.setIconSize(QSize(10, 10))
        self.setLayoutDirection(Qt.LayoutDirection.RightToLeft)
        self.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextBesideIcon)
        self.setProperty("role", "chip")
        self.setToolTip(f"Remove {text}")
        self.setAccessibleName(f"Remove {text}")
        self.clicked.connect(lambda: remove())


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
        self.instruments: list[str] = []
        self.rows: dict[int, VariantRow] = {}
        self._make_fields(generators)
        self._make_results()
        self._lay_out()
        self.set_request(Request())
        session.added.connect(self._add_row)
        session.removed.connect(self._remove_row)
        session.updated.connect(self._update_row)
        session.chosen_changed.connect(self._show_chosen)
        session.busy_changed.connect(self._show_busy)
        document.changed.connect(lambda _: self._show_untouched())

    # -- what is asked for ---------------------------------------------------------------------------

    def request(self, task: str = "new") -> Request:
        """What the panel asks for now."""
        density = self.density.number
        return Request(
            generator=self.generator.value or "flagship",
            task=task,
            style=self.style_choice.value or "",
            key=Key(*self.key.value).name if self.key.value else "",
            tempo=self.tempo.value(),
            meter=self.meter.value,
            bars=self.bars.value(),
            instruments=tuple(self.instruments),
            density=None if density < 0 else density / 100,
            strictness=self.strictness.number,
            temperature=round(self.temperature.number, 2),
            top_p=round(self.top_p.number, 2),
            seed=self._seed(),
            song=self._document.song if task == "continue" else None,
        )

    def set_request(self, request: Request) -> None:
        """Show these settings: the defaults, those of the last sitting, or those of a result."""
        if request.generator in self._generators:
            self.generator.set_value(request.generator)
        self.style_choice.set_value(request.style)
        try:
            key = parse_key(request.key) if request.key else None
        except TunesmithError:
            key = None
        self.key.set_value((key.tonic, key.mode) if key else None)
        self.tempo.setValue(request.tempo)
        self.meter.set_value(tuple(request.meter))
        self.bars.setValue(request.bars)
        self.set_instruments([friendly_name(name) for name in request.instruments])
        self.density.set_number(AUTO if request.density is None else round(100 * request.density))
        self.strictness.set_number(request.strictness)
        self.temperature.set_number(request.temperature)
        self.top_p.set_number(request.top_p)
        self.seed.setText(str(request.seed))

    def recall(self, variant: Variant) -> None:
        """Show a result's settings and keep its seed."""
        self.new_seed.setChecked(False)
        self.set_request(variant.request)

    def generate(self, task: str = "new") -> None:
        """Ask for what the panel shows."""
        if self.why_not(task):
            return
        if self.new_seed.isChecked():
            self.seed.setText(str(fresh_seed()))
        self._session.generate(self.request(task), self.count.value())

    def why_not(self, task: str = "new") -> str:
        """Why it cannot be asked now, or ""."""
        generator = self._generators.get(self.generator.value)
        if generator is None:
            return "no generator is installed; see Help, What is missing"
        if generator.why_not:
            return generator.why_not
        if not self.instruments:
            return "choose an instrument first"
        if task == "continue" and not len(self._document.song.notes):
            return "there is nothing to continue yet"
        return ""

    def set_instruments(self, names: Sequence[str]) -> None:
        self.instruments = list(names)[:MOST_PARTS]
        while self._chips.count() > 1:
            item = self._chips.takeAt(0)
            widget = item.widget() if item else None
            if widget is not None:
                widget.hide()
                widget.deleteLater()
        add = self._chips.takeAt(0)
        for index, name in enumerate(self.instruments):
            self._chips.addWidget(Chip(name, lambda index=index: self._remove_instrument(index)))
        if add is not None:
            self._chips.addItem(add)
        self.add_instrument.setEnabled(len(self.instruments) < MOST_PARTS)
        self._well.updateGeometry()
        self._refresh()

    def set_generators(self, generators: Sequence[GeneratorChoice]) -> None:
        """Show other generators, after what they need was found or lost."""
        self._generators = {generator.name: generator for generator in generators}
        self.generator.set_entries(generator_entries(generators))
        if self.generator.value not in self._generators and generators:
            self.generator.set_value(generators[0].name)
        self._show_styles()
        self._refresh()

    def state(self) -> dict[str, Any]:
        """What to remember between sittings."""
        request = self.request()
        names = (
            "generator", "style", "key", "tempo", "bars", "density", "strictness", "temperature", "top_p",
        )  # fmt: skip
        state = {name: getattr(request, name) for name in names}
        return state | {
            "meter": list(request.meter),
            "instruments": list(request.instruments),
            "variants": self.count.value(),
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Show what `state` gave in another sitting; what does not fit is left as it is."""
        kept = {name: state[name] for name in state if name in Request.__dataclass_fields__}
        try:
            if "meter" in kept:
                numerator, denominator = kept["meter"]
                kept["meter"] = (int(numerator), int(denominator))
            if "instruments" in kept:
                kept["instruments"] = tuple(str(name) for name in kept["instruments"])
            self.set_request(Request(**kept))
            self.count.setValue(int(state.get("variants", self.count.value())))
        except (TypeError, ValueError):
            self.set_request(Request())

    # -- building ------------------------------------------------------------------------------------

    def _make_fields(self, generators: Sequence[GeneratorChoice]) -> None:
        first = generators[0].name if generators else None
        self.generator = Choice(
            generator_entries(generators), first, name="Generator", label="By", popup_width=280
        )
        self.generator.changed.connect(lambda _: (self._show_styles(), self._refresh()))
        self.style_choice = Choice([], "pop", name="Style", label="Style", popup_width=200)
        self._show_styles()
        self.key = Choice(
            [Entry(None, "Any key"), *key_entries()], (0, "major"), name="Key", label="Key", popup_width=200
        )
        self.meter = Choice(
            [Entry(meter, f"{meter[0]}/{meter[1]}") for meter in METERS], (4, 4), name="Meter", label="Meter",
            popup_width=120,
        )  # fmt: skip
        self.tempo = QDoubleSpinBox(
            minimum=20, maximum=300, decimals=0, suffix=" bpm", accessibleName="Tempo"
        )
        self.bars = QSpinBox(minimum=1, maximum=256, suffix=" bars", accessibleName="Bars")
        self.count = QSpinBox(minimum=1, maximum=8, value=2, accessibleName="Variants")
        self.count.setPrefix("× ")
        for box in (self.tempo, self.bars, self.count):
            box.setAlignment(Qt.AlignmentFlag.AlignCenter)
            box.setMinimumWidth(60)
        self.count.setToolTip("How many variants to compose, with seeds counted up")
        self.temperature = ValueSlider(
            "Temperature", 0.1, 2.0, 1.0, step=0.05, show="{:.2f}".format, label="Daring"
        )
        self.top_p = ValueSlider("Top-p", 0.05, 1.0, 0.95, step=0.01, show="{:.2f}".format)
        self.strictness = ValueSlider(
            "How firmly notes hold to the key", 0, 100, 50, show="{:.0f} %".format, label="Strictness"
        )
        self.density = ValueSlider(
            "Density", AUTO, 100, AUTO, step=5, show=lambda value: "auto" if value < 0 else f"{value:.0f} %"
        )
        self.seed = QLineEdit(accessibleName="Seed", toolTip="The same settings and seed give the same notes")
        self.seed.setValidator(QIntValidator(0, 2**31 - 1, self))
        self.new_seed = icon_button("dice", "New seed every time", checkable=True)
        self.new_seed.setChecked(True)
        self.add_instrument = QToolButton(text="Add", toolTip="Add an instrument")
        icons.put(self.add_instrument, "plus", "text_dim")
        self.add_instrument.setIconSize(QSize(10, 10))
        self.add_instrument.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextBesideIcon)
        self.add_instrument.setProperty("role", "chip")
        self.add_instrument.clicked.connect(self._offer_instruments)
        self._well = QWidget()
        self._well.setObjectName("well")
        self._well.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        self._chips = FlowLayout(self._well)
        self._chips.setContentsMargins(6, 6, 6, 6)
        self._chips.addWidget(self.add_instrument)
        self.go = push_button("Generate", self._actions["generate"].trigger, role="primary")
        self.go_on = push_button("Continue", self._actions["continue"].trigger)
        self.stop = push_button("Cancel", self._session.cancel, tip="Stop composing; what is there stays")
        self.stop.hide()
        for button, name in ((self.go, "generate"), (self.go_on, "continue")):
            _follow(button, self._actions[name])
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
        self._scroll.setMinimumHeight(96)
        self._clear = QToolButton(text="Discard all", toolTip="Discard every result without a star")
        self._clear.setProperty("role", "link")
        self._clear.clicked.connect(self._session.discard_all)

    def _lay_out(self) -> None:
        fields = QVBoxLayout()
        fields.setContentsMargins(0, 0, 0, 0)
        fields.setSpacing(4)
        for widgets in (
            (self.style_choice, self.generator),
            (self.key, self.meter),
            (self.tempo, self.bars, self.count),
            (self._well,),
            (self.temperature, self.top_p),
            (self.strictness, self.density),
        ):
            line = QGridLayout()
            line.setSpacing(4)
            for column, widget in enumerate(widgets):
                line.addWidget(widget, 0, column)
                line.setColumnStretch(column, 1)
                line.setColumnMinimumWidth(column, 60)
            fields.addLayout(line)
        seed = row(label("Seed", "small"), self.seed, self.new_seed)
        head = QVBoxLayout()
        head.setContentsMargins(10, 8, 10, 6)
        head.setSpacing(4)
        head.addLayout(row(label("Compose", "title"), None))
        head.addSpacing(2)
        head.addLayout(fields)
        head.addLayout(seed)
        head.addSpacing(4)
        head.addLayout(row(self.go, self.go_on, self.stop))
        head.addWidget(self.bar)
        head.addWidget(self.why)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(0)
        layout.addLayout(head)
        layout.addWidget(rule())
        results = row(label("Results", "title"), None, self._clear)
        results.setContentsMargins(10, 6, 10, 4)
        layout.addLayout(results)
        layout.addWidget(self._scroll, 1)
        self._clear.hide()

    # -- keeping it true -----------------------------------------------------------------------------

    def _seed(self) -> int:
        return int(self.seed.text() or 0)

    def _show_styles(self) -> None:
        generator = self._generators.get(self.generator.value)
        styles = generator.styles if generator else ()
        self.style_choice.set_entries([Entry("", "Any style"), *(Entry(style, style) for style in styles)])
        if self.style_choice.value and self.style_choice.value not in styles:
            self.style_choice.set_value(styles[0] if styles else "")

    def _refresh(self) -> None:
        why = self.why_not()
        self.why.setText(why[:1].upper() + why[1:] + "." if why else "")
        self.why.setVisible(bool(why))
        self.changed_hook()

    changed_hook: Callable[[], None] = staticmethod(lambda: None)
    """Called when what can be asked for may have changed; the window refreshes its actions."""

    def _offer_instruments(self) -> None:
        drop_down(
            self.add_instrument,
            instrument_entries(),
            lambda value: self.set_instruments(
                [*self.instruments, instrument_name(value[1], value[0] == "drum")]
            ),
            placeholder="Search instruments",
            width=260,
        )

    def _remove_instrument(self, index: int) -> None:
        self.set_instruments([name for at, name in enumerate(self.instruments) if at != index])

    def _add_row(self, variant: Variant) -> None:
        one = VariantRow(variant)
        one.chosen.connect(self._session.choose)
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

    def _show_untouched(self) -> None:
        untouched = self._is_untouched()
        for one in self.rows.values():
            one.show_untouched(untouched)

    def _show_empty(self) -> None:
        self.empty.setVisible(not self.rows)
        self._clear.setVisible(bool(self.rows))

    def _show_busy(self, busy: bool) -> None:
        leaving, coming = ((self.go, self.go_on), self.stop) if busy else ((self.stop,), self.go)
        keep_focus = any(button.hasFocus() for button in leaving)
        coming.setVisible(True)
        if keep_focus:
            coming.setFocus()
        self.go.setVisible(not busy)
        self.go_on.setVisible(not busy)
        self.stop.setVisible(busy)
        if busy:
            self._tick.start()
        else:
            self._tick.stop()
            self.bar.setValue(0)

    def _show_progress(self) -> None:
        self.bar.setValue(round(1000 * self._session.progress))


def generator_entries(generators: Sequence[GeneratorChoice]) -> list[Entry]:
    return [Entry(one.name, one.title, "", why_not=one.why_not, words=one.description) for one in generators]


def installed_generators() -> list[GeneratorChoice]:
    """The generators of `core.compose.registry`; none where that cannot be loaded."""
    try:
        from core.compose.registry import GENERATORS
        from core.store.model_file import find_models

        weights = {model.name for model in find_models("compose")}
    except ImportError:
        log.warning("no generators", exc_info=True)
        return []
    torch_is_there = is_installed("torch")
    return [
        GeneratorChoice(
            name,
            name.replace("-", " ").capitalize(),
            one.description,
            tuple(one.styles),
            ""
            if torch_is_there and name in weights
            else "its weights are missing: install Tunesmith again, or train it with: tunesmith learn " + name
            if torch_is_there
            else "PyTorch is missing: pip install torch==2.13.0",
        )
        for name, one in GENERATORS.items()
    ]


def friendly_name(name: str) -> str:
    """The name that the instrument list shows: "piano" -> "acoustic grand piano"."""
    try:
        program, is_drum = find_instrument(name)
    except TunesmithError:
        return name
    return instrument_name(program, is_drum)


def _follow(button: QWidget, action: QAction) -> None:
    def refresh() -> None:
        button.setEnabled(action.isEnabled())
        button.setToolTip(action.toolTip())

    action.changed.connect(refresh)
    refresh()
