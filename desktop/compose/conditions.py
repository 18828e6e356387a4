"""The controls of the Compose panel: one for every condition that a generator may obey.

Which of them are shown follows from the generator (`GeneratorChoice.conditions`). The basic ones are always in
sight, the others fold away under "More".
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from PySide6.QtCore import QSize, Qt, Signal
from PySide6.QtGui import QIntValidator
from PySide6.QtWidgets import (
    QDoubleSpinBox,
    QHBoxLayout,
    QLineEdit,
    QSizePolicy,
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
from desktop.compose.generators import GeneratorChoice
from desktop.compose.tasks import read_chords
from desktop.controls.basics import icon_button, label, row
from desktop.controls.choice import Choice
from desktop.controls.flow import FlowLayout
from desktop.controls.search_list import Entry, drop_down
from desktop.controls.value_slider import ValueSlider
from desktop.tracks.instrument_entries import instrument_entries
from desktop.transport import METERS, key_entries

MOST_PARTS = 12
NARROWEST = 60
SHORTEST_COPY = 4
"""The least that can be asked as an originality limit."""
LEFT_OPEN: dict[str, Any] = {"style": "", "composer": "", "key": "", "instruments": ()}
"""What a request says of conditions that its generator does not know, where that is not the usual value."""


@dataclass(frozen=True, slots=True)
class Field:
    """A control for one field of `Request`. ``needs`` is the task without which it is of no use."""

    widget: QWidget
    get: Callable[[], Any]
    put: Callable[[Any], None]
    needs: str = ""


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


class InstrumentWell(QWidget):
    """The instruments asked for, and a button for one more."""

    changed = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("well")
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        self.names: list[str] = []
        self.add = QToolButton(text="Add", toolTip="Add an instrument")
        icons.put(self.add, "plus", "text_dim")
        self.add.setIconSize(QSize(10, 10))
        self.add.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextBesideIcon)
        self.add.setProperty("role", "chip")
        self.add.clicked.connect(self._offer)
        self._chips = FlowLayout(self)
        self._chips.setContentsMargins(6, 6, 6, 6)
        self._chips.addWidget(self.add)

    def set_names(self, names: Sequence[str]) -> None:
        self.names = list(names)[:MOST_PARTS]
        while self._chips.count() > 1:
            item = self._chips.takeAt(0)
            widget = item.widget() if item else None
            if widget is not None:
                widget.hide()
                widget.deleteLater()
        add = self._chips.takeAt(0)
        for index, name in enumerate(self.names):
            self._chips.addWidget(Chip(name, lambda index=index: self._remove(index)))
        if add is not None:
            self._chips.addItem(add)
        self.add.setEnabled(len(self.names) < MOST_PARTS)
        self.add.setToolTip(
            "Add an instrument" if self.add.isEnabled() else f"{MOST_PARTS} instruments are the most"
        )
        self.updateGeometry()
        self.changed.emit()

    def _remove(self, index: int) -> None:
        self.set_names([name for at, name in enumerate(self.names) if at != index])

    def _offer(self) -> None:
        drop_down(
            self.add,
            instrument_entries(),
            lambda value: self.set_names([*self.names, instrument_name(value[1], value[0] == "drum")]),
            placeholder="Search instruments",
            width=260,
        )


class ChordField(QWidget):
    """A line of chords, one entry a bar, and a button that takes those of the song.

    `chords` are those that can be read; where one cannot, `error` says so.
    """

    changed = Signal()

    def __init__(self, from_song: Callable[[], tuple[str, ...]], parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.chords: tuple[str, ...] = ()
        self.error = ""
        self.line = QLineEdit(accessibleName="Chords, one entry a bar")
        self.line.setPlaceholderText("Chords: left to the generator")
        self.take = icon_button(
            "note", "Take the chords of the song's marked bars, or of all its bars",
            lambda: self.set_chords(from_song()),
        )  # fmt: skip
        self.setLayout(row(self.line, self.take))
        self.line.textChanged.connect(self._read)
        self._read("")

    def set_chords(self, chords: Sequence[str]) -> None:
        self.line.setText(" ".join(chords))
        self.line.setCursorPosition(0)

    def _read(self, text: str) -> None:
        try:
            self.chords, self.error = read_chords(text), ""
        except TunesmithError as error:
            self.chords, self.error = (), str(error)
        how = "One entry a bar, over and over: C Am F G. Two chords in a bar: F,G7"
        self.line.setToolTip(self.error[:1].upper() + self.error[1:] if self.error else how)
        self.changed.emit()


class Conditions(QWidget):
    """All conditions. `changed` is sent when what can be asked for may have changed."""

    changed = Signal()

    def __init__(self, song_chords: Callable[[], tuple[str, ...]], parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._shown: frozenset[str] = frozenset(Request.__dataclass_fields__)
        self._tasks: tuple[str, ...] = ()
        self._make_basics(song_chords)
        self._make_more()
        self.fields: dict[str, Field] = self._fields()
        self._lay_out()

    # -- values --------------------------------------------------------------------------------------

    def values(self) -> dict[str, Any]:
        """What is asked for, by the names of `Request`; what the generator does not know is left open."""
        return {
            name: field.get() if name in self._shown else LEFT_OPEN.get(name, _usual(name))
            for name, field in self.fields.items()
        }

    def put(self, request: Request) -> None:
        """Show what a request asks for."""
        for name, field in self.fields.items():
            field.put(getattr(request, name))
        self._summarise()

    def take(self, values: dict[str, Any]) -> None:
        """Show some values, by the names of `Request`; the other conditions stay as they are."""
        for name, value in values.items():
            self.fields[name].put(value)
        self._summarise()
        self.changed.emit()

    def why_not(self) -> str:
        """Why what is entered cannot be asked for, or ""."""
        if "instruments" in self._shown and not self.instruments.names:
            return "choose an instrument first"
        if "chords" in self._shown and self.chords.error:
            return self.chords.error
        return ""

    def show_for(self, generator: GeneratorChoice | None) -> None:
        """Show what this generator can be asked for."""
        if generator is None:
            return
        self._shown, self._tasks = generator.conditions, generator.tasks
        self.style_choice.set_entries(
            [Entry("", "Any style"), *(Entry(each, each) for each in generator.styles)]
        )
        if self.style_choice.value and self.style_choice.value not in generator.styles:
            self.style_choice.set_value(generator.styles[0] if generator.styles else "")
        composers = generator.composers
        self.composer.set_entries([Entry("", "anyone"), *(Entry(each, each) for each in composers)])
        if self.composer.value not in ("", *composers):
            self.composer.set_value("")
        for name, field in self.fields.items():
            field.widget.setVisible(self._is_shown(name))
        for line, names in self._lines:
            line.setVisible(any(self._is_shown(name) for name in names))
        more = any(self._is_shown(name) for name in MORE)
        self.more.setVisible(more)
        self._fold()
        self.changed.emit()

    def _is_shown(self, name: str) -> bool:
        needs = self.fields[name].needs
        return needs in self._tasks if needs else name in self._shown

    # -- building ------------------------------------------------------------------------------------

    def _make_basics(self, song_chords: Callable[[], tuple[str, ...]]) -> None:
        self.style_choice = Choice([], "pop", name="Style", label="Style", popup_width=200)
        self.composer = Choice([], "", name="Composer", label="Like", popup_width=220)
        self.composer.setToolTip("In the manner of a composer")
        self.key = Choice(
            [Entry(None, "Any key"), *key_entries()], (0, "major"), name="Key", label="Key", popup_width=200
        )
        self.meter = Choice(
            [Entry(meter, f"{meter[0]}/{meter[1]}") for meter in METERS], (4, 4), name="Meter", label="Meter",
            popup_width=120,
        )  # fmt: skip
        self.tempo = QDoubleSpinBox(
            minimum=20, maximum=300, decimals=0, suffix=" bpm", accessibleName="Tempo", toolTip="Tempo",
        )  # fmt: skip
        self.bars = QSpinBox(
            minimum=1, maximum=256, suffix=" bars", accessibleName="Bars", toolTip="Length in bars"
        )
        self.elements = QSpinBox(
            minimum=10, maximum=2000, singleStep=10, suffix=" notes", accessibleName="Elements",
            toolTip="Length in notes and chords",
        )  # fmt: skip
        self.seconds = QSpinBox(
            minimum=5, maximum=600, singleStep=5, suffix=" s", accessibleName="Seconds",
            toolTip="Length in seconds",
        )  # fmt: skip
        self.count = QSpinBox(minimum=1, maximum=8, value=4, accessibleName="Variants")
        self.count.setPrefix("× ")
        self.count.setToolTip("How many variants to compose, with seeds counted up")
        for box in (self.tempo, self.bars, self.elements, self.seconds, self.count):
            box.setAlignment(Qt.AlignmentFlag.AlignCenter)
            box.setMinimumWidth(NARROWEST)
        self.instruments = InstrumentWell()
        self.instruments.changed.connect(self.changed)
        self.chords = ChordField(song_chords)
        self.chords.changed.connect(self.changed)
        self.temperature = ValueSlider(
            "Temperature of pitches", 0.1, 2.0, 1.0, step=0.05, show="{:.2f}".format, label="Daring"
        )
        self.strictness = ValueSlider(
            "How firmly notes hold to the key and the chords", 0, 100, 50, show="{:.0f} %".format,
            label="Strictness",
        )  # fmt: skip
        self.seed = QLineEdit(accessibleName="Seed", toolTip="The same settings and seed give the same notes")
        self.seed.setValidator(QIntValidator(0, 2**31 - 1, self))
        self.new_seed = icon_button("dice", "New seed every time", checkable=True)
        self.new_seed.setChecked(True)

    def _make_more(self) -> None:
        self.rhythm_temperature = ValueSlider(
            "Temperature of rhythm", 0.1, 2.0, 1.0, step=0.05, show="{:.2f}".format, label="Rhythm"
        )
        self.top_p = ValueSlider(
            "Top-p: the share of likelihood that is chosen from", 0.05, 1.0, 0.95, step=0.01,
            show="{:.2f}".format, label="Top-p",
        )  # fmt: skip
        self.density = _open_slider("Density: few to many notes", "Density", 5)
        self.register = _open_slider("Register: low to high, 50 % is usual", "Register", 5)
        self.note_length = _open_slider("Note length: short to long", "Length", 5)
        self.polyphony = ValueSlider(
            "Polyphony: notes that a part begins together", 0, 5, 0, label="Polyphony",
            show=lambda value: f"{value:.0f}" if value else "auto",
        )  # fmt: skip
        self.repetition = _open_slider("Repetition: always new, varied, or copied bars", "Repeat", 5)
        self.repetition.set_show(_repetition_text)
        self.candidates = QSpinBox(
            minimum=1, maximum=16, prefix="best of ", accessibleName="Candidates",
            toolTip="Drafts of each variant, of which the best is kept: more take longer",
        )  # fmt: skip
        self.longest_copy = QSpinBox(
            minimum=SHORTEST_COPY - 1, maximum=64, prefix="copy ≤ ", specialValueText="copy: any",
            accessibleName="Originality limit",
            toolTip="Notes in a row that may be the same as in the music learnt from",
        )  # fmt: skip
        for box in (self.candidates, self.longest_copy):
            box.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self.personal = Choice(
            personal_styles, "", name="Personal style", label="Your style", popup_width=220
        )
        self.amount = ValueSlider(
            "Vary: the share of notes that are written anew", 5, 100, 50, step=5, show="{:.0f} %".format,
            label="Vary by",
        )  # fmt: skip
        for widget in (
            self.rhythm_temperature, self.top_p, self.density, self.register, self.note_length,
            self.polyphony, self.repetition, self.amount,
        ):  # fmt: skip
            widget.edited.connect(lambda _: self._summarise())
        for box in (self.candidates, self.longest_copy):
            box.valueChanged.connect(lambda _: self._summarise())
        self.personal.changed.connect(lambda _: self._summarise())
        self.more = QToolButton(text="More", checkable=True)
        self.more.setProperty("role", "link")
        self.more.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextBesideIcon)
        self.more.setIconSize(QSize(10, 10))
        self.more.setToolTip("More conditions")
        self.more.toggled.connect(lambda _: self._fold())

    def _fields(self) -> dict[str, Field]:
        key = self.key
        return {
            "style": _choice(self.style_choice),
            "composer": _choice(self.composer),
            "key": Field(key, lambda: Key(*key.value).name if key.value else "", self._put_key),
            "meter": Field(self.meter, lambda: self.meter.value, lambda v: self.meter.set_value(tuple(v))),
            "tempo": Field(self.tempo, self.tempo.value, self.tempo.setValue),
            "bars": Field(self.bars, self.bars.value, self.bars.setValue),
            "elements": Field(
                self.elements, self.elements.value, lambda v: self.elements.setValue(200 if v is None else v)
            ),
            "seconds": Field(
                self.seconds, lambda: float(self.seconds.value()),
                lambda v: self.seconds.setValue(60 if v is None else round(v)),
            ),
            "instruments": Field(
                self.instruments, lambda: tuple(self.instruments.names),
                lambda v: self.instruments.set_names([friendly_name(name) for name in v]),
            ),
            "chords": Field(self.chords, lambda: self.chords.chords, self.chords.set_chords),
            "temperature": _number(self.temperature),
            "strictness": _number(self.strictness),
            "rhythm_temperature": _number(self.rhythm_temperature),
            "top_p": _number(self.top_p),
            "density": _share(self.density),
            "polyphony": Field(
                self.polyphony, lambda: round(self.polyphony.number) or None,
                lambda v: self.polyphony.set_number(v or 0),
            ),
            "register": _share(self.register),
            "note_length": _share(self.note_length),
            "repetition": _share(self.repetition),
            "candidates": Field(self.candidates, self.candidates.value, self.candidates.setValue),
            "longest_copy": Field(
                self.longest_copy,
                lambda: value if (value := self.longest_copy.value()) >= SHORTEST_COPY else None,
                lambda v: self.longest_copy.setValue(v or 0),
            ),
            "personal": _choice(self.personal),
            "amount": Field(
                self.amount, lambda: self.amount.number / 100,
                lambda v: self.amount.set_number(round(100 * v)), needs="vary",
            ),
        }  # fmt: skip

    def _lay_out(self) -> None:
        self._lines: list[tuple[QWidget, tuple[str, ...]]] = []
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(4)
        for names in BASICS:
            extra = [self.count] if "bars" in names else []
            layout.addWidget(self._line(names, extra))
        self.seed.setMinimumWidth(NARROWEST)
        self.seed.setMaximumWidth(96)
        layout.addLayout(row(self.more, None, label("Seed", "small"), self.seed, self.new_seed))
        self._folded = QWidget()
        folded = QVBoxLayout(self._folded)
        folded.setContentsMargins(0, 0, 0, 0)
        folded.setSpacing(4)
        for names in MORE_LINES:
            folded.addWidget(self._line(names, []))
        layout.addWidget(self._folded)
        self._fold()

    def _line(self, names: tuple[str, ...], extra: list[QSpinBox]) -> QWidget:
        line = QWidget()
        line.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Minimum)
        layout = QHBoxLayout(line)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(4)
        for widget in (*(self.fields[name].widget for name in names), *extra):
            layout.addWidget(widget, 1)
        if not extra:
            self._lines.append((line, names))
        return line

    def _fold(self) -> None:
        open_ = self.more.isChecked() and not self.more.isHidden()
        self._folded.setVisible(open_)
        icons.put(self.more, "down" if open_ else "right", "text_dim")
        self._summarise()
        self.updateGeometry()

    def _summarise(self) -> None:
        """Say on the fold how many of the conditions under it are set."""
        changed = [
            name for name in MORE
            if self._is_shown(name) and self.fields[name].get() not in (_usual(name), None)
        ]  # fmt: skip
        self.more.setText(f"More · {len(changed)} set" if changed else "More")

    def _put_key(self, name: str) -> None:
        try:
            key = parse_key(name) if name else None
        except TunesmithError:
            key = None
        self.key.set_value((key.tonic, key.mode) if key else None)


BASICS = (
    ("style", "composer"), ("key", "meter"), ("tempo", "bars", "elements", "seconds"), ("instruments",),
    ("chords",), ("temperature", "strictness"),
)  # fmt: skip
MORE_LINES = (
    ("density", "polyphony"), ("register", "note_length"), ("rhythm_temperature", "top_p"), ("repetition", "amount"),
    ("candidates", "longest_copy"), ("personal",),
)  # fmt: skip
MORE = tuple(name for names in MORE_LINES for name in names)


def personal_styles() -> list[Entry]:
    """The user's own styles, and none."""
    from core.compose.personal import saved

    names = [style.name for style in saved()]
    how = "" if names else "make one of your MIDI files: tunesmith learn personal --data FOLDER --name NAME"
    return [Entry("", "none", how), *(Entry(name, name) for name in names)]


def friendly_name(name: str) -> str:
    """The name that the instrument list shows: "piano" -> "acoustic grand piano"."""
    try:
        program, is_drum = find_instrument(name)
    except TunesmithError:
        return name
    return instrument_name(program, is_drum)


def _usual(name: str) -> Any:
    return Request.__dataclass_fields__[name].default


def _choice(choice: Choice) -> Field:
    return Field(choice, lambda: choice.value or "", choice.set_value)


def _number(slider: ValueSlider) -> Field:
    return Field(slider, lambda: round(slider.number, 2), slider.set_number)


def _share(slider: ValueSlider) -> Field:
    """A slider in per cent whose leftmost place leaves the condition open."""
    return Field(
        slider,
        lambda: None if slider.number < 0 else round(slider.number) / 100,
        lambda value: slider.set_number(-5 if value is None else round(100 * value)),
    )


def _open_slider(name: str, text: str, step: int) -> ValueSlider:
    return ValueSlider(
        name, -step, 100, -step, step=step, label=text,
        show=lambda value: "auto" if value < 0 else f"{value:.0f} %",
    )  # fmt: skip


def _repetition_text(value: float) -> str:
    if value < 0:
        return "auto"
    return f"{'new' if value < 30 else 'vary' if value <= 70 else 'copy'} {value:.0f} %"
