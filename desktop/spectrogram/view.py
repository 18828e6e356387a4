"""The spectrogram with its controls: which sound, which transform, which axis and colours, and what lies above it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

from PySide6.QtCore import QEvent, QPoint, QSize, Qt, QTimer, Signal
from PySide6.QtGui import QPainter, QPaintEvent, QWheelEvent
from PySide6.QtWidgets import (
    QHBoxLayout,
    QMenu,
    QProgressBar,
    QScrollBar,
    QStackedWidget,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from core.listen.report import Report, Span
from desktop import icons, theme
from desktop.controls.basics import icon_button, row
from desktop.controls.choice import Choice
from desktop.controls.search_list import Entry
from desktop.controls.value_slider import ValueSlider
from desktop.document import Document
from desktop.jobs import Jobs
from desktop.listen.take_over import chord_name
from desktop.playback import Playback
from desktop.roll.keyboard import WIDTH as GUTTER
from desktop.roll.keyboard import Keyboard
from desktop.roll.pitch_axis import MIN_ROW_HEIGHT
from desktop.roll.ruler import Ruler
from desktop.roll.scrolling import wheel
from desktop.roll.state import RollState
from desktop.roll.view import SCROLLBAR_WIDTH
from desktop.spectrogram.audition import Audition
from desktop.spectrogram.canvas import HINT, Overlay, SpectrogramCanvas
from desktop.spectrogram.clock import clock, duration
from desktop.spectrogram.colour_maps import COLOUR_MAPS
from desktop.spectrogram.frequency_axis import AXES
from desktop.spectrogram.source import Source
from desktop.spectrogram.strips import Strip, Strips
from desktop.spectrogram.tiles import Tiles
from desktop.spectrogram.transforms import HIGHEST_PITCH, LOWEST_PITCH, TRANSFORMS
from desktop.time_axis import TimeAxis

SONG, ASK = "song", "ask"
MIDDLE = (33, 88)
"""The pitches shown at first where there is little room."""
FLOORS, CEILINGS = (-120.0, -40.0), (-36.0, 0.0)
USUAL_FLOOR, USUAL_CEILING = -80.0, -6.0
ROOM = {640: ("floor", "ceiling"), 500: ("colours",), 420: ("axis",)}
"""Controls that need so many pixels; in a narrower view the menu of the right mouse button stands in for them."""
EMPTY = "Nothing to see yet.\n\nCompose or draw something, or drop a sound file here."


class Gutter(QWidget):
    """The names of frequencies, for axes without a keyboard."""

    def __init__(self, canvas: SpectrogramCanvas, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._canvas = canvas
        canvas.axis_changed.connect(self.update)
        for axis in canvas.axes:
            axis.changed.connect(self.update)

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.fillRect(self.rect(), theme.colour("panel"))
        painter.setFont(theme.font(theme.SMALL_SIZE))
        for y, text in self._canvas.axis.marks():
            painter.fillRect(self.width() - 5, round(y), 5, 1, theme.colour("line_strong"))
            painter.setPen(theme.colour("text_dim"))
            place = self.rect().adjusted(4, 0, -9, 0)
            place.setTop(round(y) - 9)
            place.setHeight(18)
            painter.drawText(place, int(Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignRight), text)
        painter.fillRect(self.width() - 1, 0, 1, self.height(), theme.colour("window"))

    def wheelEvent(self, event: QWheelEvent) -> None:
        wheel(event, self._canvas.state.time_axis, self._canvas.axis)


class SpectrogramView(QWidget):
    """Everything between the piano roll and the hint line."""

    hint_changed = Signal(str)
    seek_requested = Signal(int)
    failed = Signal(str)
    closed = Signal()
    place_wanted = Signal()
    """To be below the roll rather than in its place, or the other way round."""
    file_wanted = Signal()
    """The user wants to choose a file to look at."""
    saliency_wanted = Signal(bool)
    span_clicked = Signal(str, object)

    def __init__(
        self,
        document: Document,
        time_axis: TimeAxis,
        jobs: Jobs,
        playback: Playback,
        soundfont: Callable[[], str],
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self.setObjectName("panel")
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        self.setMinimumHeight(140)
        self._document = document
        # Its own rows and scrolling; only time is shared with the roll.
        self.state = RollState(document, time_axis, self)
        self.source = Source(document, jobs, soundfont, self)
        self.tiles = Tiles(jobs, self)
        self.canvas = SpectrogramCanvas(self.state, self.tiles)
        self.audition: Audition = Audition(playback, self)
        self.strips = Strips(document, time_axis)
        self.ruler = Ruler(self.state)
        self._playback = playback
        self._untouched_view: tuple[float, float] | None = None
        """The view when a file began to be read, which gives way to the whole file if nobody has moved it."""
        self._make_bar()
        self._lay_out()
        self._join()
        self._show_axis()
        self._show_source()

    # -- building ------------------------------------------------------------------------------------

    def _make_bar(self) -> None:
        self.sound = Choice(self._sounds, SONG, name="Sound", popup_width=260)
        self.transform = Choice(
            [Entry(name, each.title, each.description) for name, each in TRANSFORMS.items()], self.canvas.transform,
            name="Transform", popup_width=520,
        )  # fmt: skip
        self.axis = Choice(self._axis_entries, self.canvas.axis_name, name="Frequency axis", popup_width=180)
        self.colours = Choice(
            [Entry(name, each.title) for name, each in COLOUR_MAPS.items()], self.canvas.colours, name="Colours",
            popup_width=200,
        )  # fmt: skip
        self.floor = ValueSlider(
            "From: what is quieter looks like silence",
            *FLOORS,
            USUAL_FLOOR,
            label="",
            show="{:.0f} dB".format,
        )
        self.ceiling = ValueSlider(
            "To: what is louder looks like this", *CEILINGS, USUAL_CEILING, label="", show="{:.0f} dB".format
        )
        for control, least, most in (
            (self.sound, 70, 190), (self.transform, 84, 92), (self.axis, 84, 92), (self.colours, 88, 100),
            (self.floor, 66, 72), (self.ceiling, 60, 72),
        ):  # fmt: skip
            control.setMinimumWidth(least)
            control.setMaximumWidth(most)
        self.saliency: QToolButton = icon_button("spark", "Show what spoke for the verdict", checkable=True)
        self.hear = icon_button("play", "", self.toggle_hearing)
        self.fit = icon_button("fit", "Fit the whole sound into the view", self.show_all)
        self.place = icon_button("swap", "In place of the piano roll, or below it", self.place_wanted.emit)
        self.close_ = icon_button("close", "Close the spectrogram", self.closed.emit)
        self.progress = QProgressBar(maximum=1000, textVisible=False)
        self.progress.setFixedWidth(72)
        self.progress.setAccessibleName("Sound being read")

    def _lay_out(self) -> None:
        bar = QWidget()
        bar.setFixedHeight(34)
        layout = QHBoxLayout(bar)
        layout.setContentsMargins(6, 2, 6, 2)
        layout.setSpacing(4)
        for widget, stretch in (
            (self.sound, 3), (self.transform, 2), (self.axis, 2), (self.colours, 2), (self.floor, 1),
            (self.ceiling, 1),
        ):  # fmt: skip
            layout.addWidget(widget, stretch)
        layout.addWidget(self.progress)
        layout.addStretch(1)
        for button in (self.saliency, self.hear, self.fit, self.place, self.close_):
            layout.addWidget(button)
        self.keyboard = Keyboard(self.state)
        self.gutter = Gutter(self.canvas)
        self._left = QStackedWidget()
        self._left.setFixedWidth(GUTTER)
        self._left.addWidget(self.keyboard)
        self._left.addWidget(self.gutter)
        self._across = QScrollBar(Qt.Orientation.Horizontal)
        self._across.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self._across.setFixedHeight(SCROLLBAR_WIDTH)
        self._rule = QWidget()
        self._rule.setLayout(_beside(_blank(GUTTER), self.ruler))
        self._foot = QWidget()
        self._foot.setLayout(_beside(_blank(GUTTER), self._across))
        self._rule.hide()
        self._foot.hide()
        whole = QVBoxLayout(self)
        whole.setContentsMargins(0, 0, 0, 0)
        whole.setSpacing(0)
        whole.addWidget(bar)
        whole.addWidget(self._rule)
        above = row(self.strips, gap=0)
        above.addWidget(_blank(SCROLLBAR_WIDTH))
        whole.addLayout(above)
        whole.addLayout(_beside(self._left, self.canvas), 1)
        whole.addWidget(self._foot)

    def _join(self) -> None:
        canvas = self.canvas
        self.sound.changed.connect(self._choose_sound)
        self.transform.changed.connect(self.set_transform)
        self.axis.changed.connect(canvas.set_axis)
        self.colours.changed.connect(canvas.set_colours)
        for slider in (self.floor, self.ceiling):
            slider.edited.connect(lambda _: canvas.set_range(self.floor.number, self.ceiling.number))
        self.saliency.toggled.connect(self.saliency_wanted)
        canvas.axis_changed.connect(self._show_axis)
        canvas.read_out_changed.connect(self._show_read_out)
        canvas.selection_changed.connect(self._show_hearing)
        canvas.seek_requested.connect(self.seek_requested)
        canvas.menu_wanted.connect(self.show_menu)
        self.ruler.state.seek_requested.connect(self.seek_requested)
        self.state.hint_changed.connect(self.hint_changed)
        self.state.note_previewed.connect(self._playback.preview)
        self.strips.hovered.connect(self.hint_changed)
        self.strips.span_clicked.connect(self._choose_span)
        self.source.changed.connect(self._show_source)
        self.source.grown.connect(self._show_grown)
        self.source.state_changed.connect(self._show_state)
        self.source.broken_off.connect(self.failed)
        self.tiles.busy_changed.connect(lambda _: self._show_state())
        self.audition.heard_at.connect(canvas.set_heard_at)
        self.audition.playing_changed.connect(lambda _: self._show_hearing())
        self.state.time_axis.changed.connect(self._sync_scroll_bar)
        self._across.valueChanged.connect(self._scrolled)
        self._show_hearing()

    # -- what is shown -------------------------------------------------------------------------------

    @property
    def path(self) -> Path | None:
        """The file whose sound is shown; None for the song."""
        return self.source.path

    def show_song(self) -> None:
        """Show the sound of the song."""
        self.source.show_song()

    def show_file(self, path: Path) -> None:
        """Show the sound of a file, from the start of the time axis."""
        self._stop_and_clear()
        self.source.show_file(path)
        axis = self.state.time_axis
        self._untouched_view = (axis.left_tick, axis.pixels_per_tick)

    def show_report(self, report: Report | None) -> None:
        """Put what was heard above the picture; None takes it away."""
        strips = []
        if report is not None:
            strips = [
                Strip("Genre", report.timeline),
                Strip("Chords", _named(report.chords)),
                Strip("Parts", report.structure),
            ]
        self.strips.show_strips(strips)

    def show_saliency(self, overlay: Overlay | None) -> None:
        """Veil what did not speak for the verdict."""
        self.canvas.set_overlay(overlay)
        self.saliency.blockSignals(True)
        self.saliency.setChecked(overlay is not None)
        self.saliency.blockSignals(False)

    def set_saliency_possible(self, why_not: str) -> None:
        """Whether the overlay can be asked for."""
        self.saliency.setEnabled(not why_not)
        about = "Show what spoke for the verdict"
        self.saliency.setToolTip(f"{about}: {why_not}" if why_not else about)

    def set_transform(self, name: str) -> None:
        self.transform.set_value(name)
        self.canvas.set_transform(name)

    def set_alone(self, alone: bool) -> None:
        """Whether it stands in place of the roll and so needs a ruler and a scroll bar of its own."""
        self._rule.setVisible(alone)
        self._foot.setVisible(alone)
        icons.put(self.place, "below" if alone else "swap", "text_dim")
        text = "Below the piano roll" if alone else "In place of the piano roll"
        self.place.setToolTip(text)
        self.place.setAccessibleName(text)
        self._sync_scroll_bar()
        QTimer.singleShot(0, self, self._show_keys)

    def show_all(self) -> None:
        """Fit the whole sound into the view."""
        sound = self.source.sound
        if sound is not None and sound.length:
            end = float(self._document.song.time.to_ticks(sound.seconds))
            self.state.time_axis.show(0, end * 1.01, self.canvas.width())

    def why_not_hear(self) -> str:
        """Why nothing can be heard now, or ""."""
        if self._playback.why_silent:
            return self._playback.why_silent
        sound = self.source.sound
        return "" if sound is not None and sound.length else "there is no sound to hear yet"

    def toggle_hearing(self) -> None:
        """Hear the marked stretch, or from the play-head on; or stop."""
        if self.audition.is_playing:
            self.audition.stop()
            return
        sound = self.source.sound
        if sound is None or self.why_not_hear():
            return
        if self.canvas.selection is not None:
            start, end = self.canvas.selection
        else:
            start = float(self._document.song.time.to_seconds(self._document.playhead))
            start, end = (start if start < sound.seconds - 0.05 else 0.0), sound.seconds
        self.audition.play(sound, start, end)

    def state_to_keep(self) -> dict[str, Any]:
        """What is remembered between sittings."""
        return {
            "transform": self.canvas.transform, "axis": self.canvas.axis_name, "colours": self.canvas.colours,
            "floor": self.floor.number, "ceiling": self.ceiling.number,
        }  # fmt: skip

    def restore(self, state: dict[str, Any]) -> None:
        """Show it as it was; what is unknown is left out."""
        if state.get("transform") in TRANSFORMS:
            self.set_transform(state["transform"])
        if state.get("axis") in AXES:
            self.canvas.set_axis(state["axis"])
        if state.get("colours") in COLOUR_MAPS:
            self.colours.set_value(state["colours"])
            self.canvas.set_colours(state["colours"])
        for slider, name, (low, high) in (
            (self.floor, "floor", FLOORS), (self.ceiling, "ceiling", CEILINGS),
        ):  # fmt: skip
            number = state.get(name)
            if isinstance(number, int | float) and low <= number <= high:
                slider.set_number(number)
        self.canvas.set_range(self.floor.number, self.ceiling.number)

    def close_sound(self) -> None:
        """Let go of the sound's file; after the jobs have ended."""
        self.audition.stop()
        self.source.close()

    def show_menu(self, at: QPoint) -> None:
        """The menu of the right mouse button, at a global position."""
        menu = QMenu(self)
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        marked = self.canvas.selection is not None
        for text, act, possible in (
            ("Hear it", self.toggle_hearing, not self.why_not_hear()),
            ("Zoom to the marked stretch", self.canvas.zoom_to_selection, marked),
            ("Loop the song over it", self._loop, marked),
            ("Mark nothing", lambda: self.canvas.select(None), marked),
            ("Fit the whole sound", self.show_all, True),
        ):
            action = menu.addAction(text)
            action.setEnabled(possible)
            action.triggered.connect(lambda _=False, act=act: act())
        menu.addSeparator()
        for choice in (self.transform, self.axis, self.colours):
            self._add_choices(menu, choice)
        menu.popup(at)

    def _add_choices(self, menu: QMenu, choice: Choice) -> None:
        """What a control of the bar offers, as a menu of its own."""
        inner = menu.addMenu(choice.accessibleName())
        for entry in choice.entries():
            action = inner.addAction(entry.text)
            action.setCheckable(True)
            action.setChecked(entry.value == choice.value)
            action.triggered.connect(
                lambda _=False, value=entry.value: (choice.set_value(value), choice.changed.emit(value))
            )

    # -- keeping it true -----------------------------------------------------------------------------

    def showEvent(self, event: Any) -> None:
        super().showEvent(event)
        self.source.set_active(True)
        QTimer.singleShot(0, self, self._show_keys)

    def _show_keys(self) -> None:
        """Bring the keys of a piano into view, as far as there is room."""
        roomy = self.canvas.height() > MIN_ROW_HEIGHT * (HIGHEST_PITCH - LOWEST_PITCH)
        low, high = (LOWEST_PITCH, HIGHEST_PITCH) if roomy else MIDDLE
        self.state.pitch_axis.show(low, high, largest=10.0)

    def resizeEvent(self, event: Any) -> None:
        super().resizeEvent(event)
        for least, controls in ROOM.items():
            for name in controls:
                getattr(self, name).setVisible(self.width() >= least)

    def hideEvent(self, event: Any) -> None:
        super().hideEvent(event)
        self.source.set_active(False)
        self.audition.stop()

    def changeEvent(self, event: QEvent) -> None:
        if event.type() == QEvent.Type.PaletteChange:
            self.update()
        super().changeEvent(event)

    def _sounds(self) -> list[Entry]:
        entries = [Entry(SONG, "This song")]
        if self.source.path is not None:
            entries.append(Entry(self.source.path, self.source.path.name))
        return [*entries, Entry(ASK, "Choose a sound file…")]

    def _axis_entries(self) -> list[Entry]:
        possible = TRANSFORMS[self.canvas.transform].axes
        return [Entry(name, AXES[name]) for name in possible]

    def _choose_sound(self, value: object) -> None:
        if value == SONG:
            self._stop_and_clear()
            self.show_song()
        elif value == ASK:
            self.sound.set_value(self.source.path or SONG)
            self.file_wanted.emit()

    def _stop_and_clear(self) -> None:
        self.audition.stop()
        self.canvas.select(None)
        self.show_saliency(None)
        self.show_report(None)

    def _choose_span(self, title: str, span: Span) -> None:
        self.canvas.select((span.start_s, span.end_s))
        self.span_clicked.emit(title, span)

    def _loop(self) -> None:
        if self.canvas.selection is not None:
            start, end = self._document.song.time.to_ticks(self.canvas.selection).tolist()
            self._document.set_loop((round(start), round(end)))

    def _show_axis(self) -> None:
        self.axis.set_value(self.canvas.axis_name)
        self._left.setCurrentWidget(self.keyboard if self.canvas.axis_name == "keys" else self.gutter)

    def _show_source(self) -> None:
        self.audition.stop()
        self.sound.set_value(self.source.path or SONG)
        self.tiles.show_sound(self.source.sound)
        self._show_state()
        self.canvas.redraw()

    def _show_grown(self) -> None:
        sound, axis = self.source.sound, self.state.time_axis
        if sound is not None and sound.done and self._untouched_view is not None:
            if self._untouched_view == (axis.left_tick, axis.pixels_per_tick):
                self.show_all()
            self._untouched_view = None
        self.canvas.redraw()
        self._sync_scroll_bar()
        self._show_state()

    def _show_state(self) -> None:
        source, sound = self.source, self.source.sound
        busy = source.is_busy
        self.progress.setVisible(busy)
        self.progress.setMaximum(1000 if source.progress else 0)
        self.progress.setValue(round(1000 * source.progress))
        if source.error:
            self.canvas.empty_text = source.error[:1].upper() + source.error[1:]
        elif busy:
            self.canvas.empty_text = f"Reading {source.name}…" if source.path else "Rendering the song…"
        else:
            self.canvas.empty_text = EMPTY
        about = duration(sound.seconds) if sound is not None and sound.length else ""
        self.sound.setToolTip(" · ".join(filter(None, (str(source.path or "The sound of this song"), about))))
        self._show_hearing()
        self.canvas.update()

    def _show_hearing(self) -> None:
        playing = self.audition.is_playing
        marked = self.canvas.selection
        what = (
            "Hear from the play-head" if marked is None else f"Hear {clock(marked[0])} to {clock(marked[1])}"
        )
        text = "Stop" if playing else what
        why = "" if playing else self.why_not_hear()
        icons.put(self.hear, "stop" if playing else "play", "text_dim")
        self.hear.setEnabled(not why)
        self.hear.setToolTip(f"{text}: {why}" if why else text)
        self.hear.setAccessibleName(text)

    def _show_read_out(self, text: str) -> None:
        self.hint_changed.emit(f"{text} — {HINT}" if text else "")

    def _sync_scroll_bar(self) -> None:
        axis, sound = self.state.time_axis, self.source.sound
        width = max(1, self.canvas.width())
        end = float(self._document.song.time.to_ticks(sound.seconds)) if sound is not None else 0.0
        content = max(end, self._document.song.end_tick) * axis.pixels_per_tick + width * 0.5
        left = axis.left_tick * axis.pixels_per_tick
        bar = self._across
        bar.blockSignals(True)
        bar.setRange(0, min(2**30, round(max(content - width, left))))
        bar.setPageStep(width)
        bar.setValue(min(2**30, round(left)))
        bar.blockSignals(False)

    def _scrolled(self, value: int) -> None:
        self.state.time_axis.set_view(value / self.state.time_axis.pixels_per_tick)

    def sizeHint(self) -> QSize:
        return QSize(600, 280)


def _named(chords: tuple[Span, ...]) -> tuple[Span, ...]:
    """Chords by the names that the rest of the studio uses; a stretch without one has "N"."""
    return tuple(replace(span, label=chord_name(span.label) or "N") for span in chords)


def _beside(*widgets: QWidget) -> QHBoxLayout:
    layout = row(*widgets, gap=0)
    layout.addWidget(_blank(SCROLLBAR_WIDTH))
    layout.setStretch(1, 1)
    return layout


def _blank(width: int) -> QWidget:
    blank = QWidget()
    blank.setFixedWidth(width)
    return blank
