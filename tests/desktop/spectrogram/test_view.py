"""The spectrogram in the window: same time as the roll, rows beside their keys, bounded memory, no waiting."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
from numpy.typing import NDArray
from PySide6.QtCore import QEvent, QPoint, QPointF, Qt
from PySide6.QtGui import QMouseEvent, QWheelEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QMenu, QWidget

from core.listen.report import Report, Span
from core.song.notes import Song, Tempo, Track, make_notes
from desktop.spectrogram import audition
from desktop.spectrogram import tiles as tiles_module
from desktop.spectrogram.canvas import Overlay
from desktop.spectrogram.frequency_axis import pitch_to_hertz
from desktop.spectrogram.sound import SAMPLE_RATE, Sound
from desktop.spectrogram.tiles import COLUMNS, TileKey, level_for, spacing
from desktop.spectrogram.transforms import TRANSFORMS
from desktop.spectrogram.view import SpectrogramView
from tests.desktop.hands import BEAT, Hands


def sine(pitch: float, seconds: float = 4.0, amplitude: float = 0.5) -> Sound:
    sound = Sound()
    time = np.arange(round(seconds * SAMPLE_RATE)) / SAMPLE_RATE
    sound.append((amplitude * np.sin(2 * np.pi * float(pitch_to_hertz(pitch)) * time)).astype(np.float32))
    sound.finish()
    return sound


def shown(hands: Hands, sound: Sound, transform: str = "cqt", place: str = "instead") -> SpectrogramView:
    """The window's spectrogram with a sound of the test's own, drawn in full."""
    view = hands.studio.spectrogram
    view.source.path = Path("sound.wav")
    hands.studio.place_spectrogram(place)
    view.source.sound = sound
    view.source.changed.emit()
    view.set_transform(transform)
    hands.document.set_loop(None)
    QApplication.processEvents()
    drawn(hands)
    return view


def until(hands: Hands, condition: Callable[[], bool]) -> None:
    """Wait for what a slow machine may take long over."""
    hands.qtbot.waitUntil(condition, timeout=60_000)


def drawn(hands: Hands) -> None:
    view = hands.studio.spectrogram
    view.canvas.redraw()
    view.canvas.repaint()
    until(hands, lambda: not view.tiles.is_busy)
    view.canvas.grab()


def levels(view: SpectrogramView) -> NDArray[np.uint32]:
    """The colours in the picture, before anything is painted over it."""
    canvas = view.canvas
    canvas.redraw()
    canvas.grab()
    assert canvas._pixels is not None
    return canvas._pixels


def brightest_row(view: SpectrogramView, x: int) -> int:
    pixels = levels(view)[:, x]
    brightness = (pixels >> 16 & 255).astype(int) + (pixels >> 8 & 255) + (pixels & 255)
    return int(np.median(np.flatnonzero(brightness == brightness.max())))


@pytest.mark.parametrize("pitch", [45, 60, 72, 88])
def test_constant_q_rows_lie_beside_their_keys(hands: Hands, pitch: int) -> None:
    view = shown(hands, sine(pitch))
    axis = view.state.pitch_axis
    row = brightest_row(view, round(view.canvas.place(2.0)))
    assert axis.y(pitch) <= row < axis.y(pitch) + axis.row_height
    assert view._left.currentWidget() is view.keyboard
    axis.scroll(40)
    drawn(hands)
    row = brightest_row(view, round(view.canvas.place(2.0)))
    assert axis.y(pitch) <= row < axis.y(pitch) + axis.row_height


def test_it_shares_the_rolls_time_through_tempo_changes(make_studio: Any) -> None:
    notes = make_notes(np.arange(16) * BEAT, BEAT, 60)
    song = Song(notes, (Track("Piano"),), tempos=(Tempo.from_bpm(0, 120), Tempo.from_bpm(4 * BEAT, 60)))
    hands = make_studio(song)
    view = shown(hands, sine(69, 10.0), place="below")
    canvas, axis = view.canvas, hands.studio.time_axis
    for seconds, tick in ((1.0, 2 * BEAT), (2.0, 4 * BEAT), (4.0, 6 * BEAT)):
        assert canvas.place(seconds) == pytest.approx(axis.x(tick))
        assert canvas.seconds(canvas.place(seconds)) == pytest.approx(seconds)
    # It lies under the roll, column for column.
    assert (
        canvas.mapTo(hands.studio, QPoint(0, 0)).x()
        == hands.studio.roll.canvas.mapTo(hands.studio, QPoint(0, 0)).x()
    )
    assert canvas.width() == hands.studio.roll.canvas.width()
    hands.studio.zoom(2.0)
    assert canvas.place(2.0) == pytest.approx(axis.x(4 * BEAT))


def test_the_read_out_tells_time_frequency_note_and_level(hands: Hands) -> None:
    view = shown(hands, sine(69, amplitude=0.5))
    canvas = view.canvas
    text = canvas.read_out(canvas.place(1.25), float(canvas.axis.y(440.0)))
    assert text.startswith("0:01.25 · 440 Hz · A4 +0 ct · -6 dB"), text
    canvas.set_transform("stft")
    drawn(hands)
    text = canvas.read_out(canvas.place(1.25), float(canvas.axis.y(440.0)))
    assert "A4" in text
    assert "-6 dB" in text
    canvas.set_transform("chroma")
    drawn(hands)
    assert "A in all octaves" in canvas.read_out(canvas.place(1.25), float(canvas.axis.y(440.0)))


def test_drag_marks_a_stretch_and_a_click_unmarks(hands: Hands) -> None:
    view = shown(hands, sine(69))
    canvas = view.canvas
    left, right = (round(canvas.place(seconds)) for seconds in (1.0, 2.0))
    QTest.mousePress(canvas, Qt.MouseButton.LeftButton, pos=QPoint(left, 50))
    button, keys = Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier
    for x in (left + 10, right):
        moved = QMouseEvent(
            QEvent.Type.MouseMove, QPointF(x, 60), canvas.mapToGlobal(QPointF(x, 60)), button, button, keys
        )
        QApplication.sendEvent(canvas, moved)
    QTest.mouseRelease(canvas, Qt.MouseButton.LeftButton, pos=QPoint(right, 60))
    assert canvas.selection == pytest.approx((1.0, 2.0), abs=0.02)
    assert "Hear 0:01.0" in view.hear.toolTip() or "Hear 0:00.9" in view.hear.toolTip()
    canvas.zoom_to_selection()
    assert canvas.place(canvas.selection[0]) == pytest.approx(0, abs=1)
    assert canvas.place(canvas.selection[1]) == pytest.approx(canvas.width(), abs=1)
    QTest.mouseClick(canvas, Qt.MouseButton.LeftButton, pos=QPoint(100, 50))
    assert canvas.selection is None


def test_double_click_puts_the_play_head_there(hands: Hands) -> None:
    view = shown(hands, sine(69))
    at = QPoint(round(view.canvas.place(2.0)), 40)
    QTest.mouseDClick(view.canvas, Qt.MouseButton.LeftButton, pos=at)
    assert float(hands.song.time.to_seconds(hands.document.playhead)) == pytest.approx(2.0, abs=0.02)


def test_keys_move_a_cursor_that_is_read_aloud_and_mark(hands: Hands) -> None:
    view = shown(hands, sine(69))
    view.canvas.setFocus()
    selected = hands.document.selection.copy()
    hands.press(Qt.Key.Key_Right)
    first = view.canvas.accessibleDescription()
    assert "Hz" in first
    hands.press(Qt.Key.Key_Up)
    assert view.canvas.accessibleDescription() != first
    hands.press(Qt.Key.Key_Right, Qt.KeyboardModifier.ShiftModifier, Qt.KeyboardModifier.ControlModifier)
    assert view.canvas.selection is not None
    hands.press(Qt.Key.Key_Escape)
    assert view.canvas.selection is None
    assert np.array_equal(hands.document.selection, selected)


def test_the_wheel_zooms_time_and_frequency(hands: Hands) -> None:
    view = shown(hands, sine(69), "stft")
    canvas, axis = view.canvas, hands.studio.time_axis

    def turn(modifiers: Qt.KeyboardModifier) -> None:
        at = QPointF(200, 100)
        QApplication.sendEvent(canvas, QWheelEvent(
            at, canvas.mapToGlobal(at), QPoint(), QPoint(0, 120), Qt.MouseButton.NoButton, modifiers,
            Qt.ScrollPhase.NoScrollPhase, False,
        ))  # fmt: skip

    before, seconds, hertz = axis.pixels_per_tick, canvas.seconds(200), float(canvas.axis.hertz(100))
    turn(Qt.KeyboardModifier.ControlModifier)
    assert axis.pixels_per_tick > before
    assert canvas.seconds(200) == pytest.approx(seconds, abs=0.02)
    turn(Qt.KeyboardModifier.ControlModifier | Qt.KeyboardModifier.AltModifier)
    assert float(canvas.axis.hertz(100)) == pytest.approx(hertz)
    assert float(canvas.axis.hertz(0)) < SAMPLE_RATE / 2


class LongTone(Sound):
    """Three hours of a tone that nobody had to write, and notes of who reads it."""

    def __init__(self) -> None:
        super().__init__()
        self.length, self.done = 3 * 3600 * SAMPLE_RATE, True
        self.readers: set[str] = set()

    def read(self, start: int, stop: int) -> NDArray[np.float32]:
        self.readers.add(threading.current_thread().name)
        assert stop - start < 1 << 24, "too much at once"
        return np.sin(2 * np.pi * 440 / SAMPLE_RATE * (np.arange(start, stop) % SAMPLE_RATE)).astype(
            np.float32
        )


def test_hours_are_seen_coarsely_in_bounded_memory_off_the_gui_thread(hands: Hands) -> None:
    sound = LongTone()
    view = shown(hands, sound, "stft")
    view.show_all()
    drawn(hands)
    canvas = view.canvas
    assert canvas.seconds(canvas.width()) > 3 * 3600
    level = canvas._level()
    assert sound.length / spacing(level) < 4 * canvas.width()
    bright = brightest_row(view, canvas.width() // 2)
    assert float(canvas.axis.hertz(bright)) == pytest.approx(440, rel=0.05)
    assert sound.readers
    assert threading.main_thread().name not in sound.readers
    assert view.tiles._bytes <= tiles_module.MOST_BYTES


def test_tiles_that_do_not_fit_are_forgotten_oldest_first(
    hands: Hands, monkeypatch: pytest.MonkeyPatch
) -> None:
    one = TRANSFORMS["mel"].rows * COLUMNS
    monkeypatch.setattr(tiles_module, "MOST_BYTES", 3 * one)
    view = shown(hands, sine(69, 1.0), "mel")
    tiles = view.tiles
    for number in range(6):
        tiles._take((TileKey("mel", 3, number), np.full((128, COLUMNS), number, np.uint8)))
    assert tiles.get(TileKey("mel", 3, 2)) is None
    assert tiles.get(TileKey("mel", 3, 5)) is not None
    assert tiles._bytes <= 3 * one


def test_a_coarse_tile_stands_in_until_the_fine_one_is_made(hands: Hands) -> None:
    view = shown(hands, sine(69), "mel")
    tiles = view.tiles
    tiles._made.clear()
    coarse = np.repeat(np.arange(COLUMNS, dtype=np.uint8)[np.newaxis], 128, axis=0)
    tiles._made[TileKey("mel", 4, 0)] = coarse
    columns = tiles.columns("mel", 2, COLUMNS, 2 * COLUMNS, ask=False)
    assert columns[0].tolist() == np.repeat(np.arange(64, 128), 4).tolist()


def test_levels_follow_the_zoom() -> None:
    assert level_for(1 / SAMPLE_RATE) == 0
    for level in range(8):
        assert level_for(spacing(level) / SAMPLE_RATE * 1.01) == level


def test_the_songs_own_sound_is_rendered_and_again_after_an_edit(hands: Hands) -> None:
    view = hands.studio.spectrogram
    hands.studio.place_spectrogram("below")
    until(hands, lambda: view.source.sound is not None and view.source.sound.done)
    first = view.source.sound
    assert first is not None
    assert first.seconds >= float(hands.song.seconds)
    assert np.abs(first.read(0, 5 * SAMPLE_RATE)).max() > 0.01
    hands.document.select(np.arange(len(hands.song.notes)))
    hands.act("octave_up")
    assert view.source.is_busy
    until(hands, lambda: view.source.sound is not first)
    assert view.source.sound is not None


def test_nothing_is_rendered_while_nobody_looks(hands: Hands) -> None:
    hands.document.select(np.arange(4))
    hands.act("octave_up")
    assert not hands.studio.spectrogram.source.is_busy
    assert hands.studio.spectrogram.source.sound is None


def test_it_stands_below_or_in_place_of_the_roll(hands: Hands) -> None:
    studio = hands.studio
    hands.act("spectrogram_below")
    assert (
        studio.roll.isVisible(),
        studio.spectrogram.isVisible(),
        studio.spectrogram.ruler.isVisible(),
    ) == (True, True, False)
    hands.act("spectrogram_instead")
    assert (
        studio.roll.isVisible(),
        studio.spectrogram.isVisible(),
        studio.spectrogram.ruler.isVisible(),
    ) == (False, True, True)
    studio.notices.show_notice("Hello", "warn")
    assert studio.notices.isVisible()
    hands.act("spectrogram_instead")
    assert (studio.roll.isVisible(), studio.spectrogram.isVisible()) == (True, False)
    hands.act("spectrogram_mel")
    assert studio.spectrogram_place == "below"
    assert studio.spectrogram.canvas.transform == "mel"


def test_a_transform_offers_only_axes_it_can_be_seen_on(hands: Hands) -> None:
    view = shown(hands, sine(69), "chroma")
    assert [entry.value for entry in view.axis.entries()] == ["chroma"]
    view.canvas.set_axis("log")
    assert view.canvas.axis_name == "chroma"
    view.set_transform("stft")
    view.canvas.set_axis("linear")
    assert view.axis.value == "linear"
    assert view._left.currentWidget() is view.gutter
    view.set_transform("cqt")
    view.set_transform("stft")
    assert view.canvas.axis_name == "linear"


class Clock:
    """Time that passes when a test says so."""

    now = 100.0

    def monotonic(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(audition, "time", clock)
    return clock


def test_hearing_a_marked_stretch_sends_just_that(hands: Hands, clock: Clock) -> None:
    view = shown(hands, sine(69, 4.0))
    view.canvas.select((1.0, 1.5))
    hands.act("spectrogram_hear")
    told = [entry for entry in hands.player.told if entry[0] == "hear"]
    samples = np.concatenate([entry[1] for entry in told])
    assert len(samples) == pytest.approx(0.5 * SAMPLE_RATE, abs=2)
    assert told[0][2:] == (SAMPLE_RATE, ("fresh", True), ("last", True))
    assert np.abs(samples).max() == pytest.approx(0.5 * 32767, rel=0.01)
    assert view.audition.is_playing
    assert view.hear.accessibleName() == "Stop"
    clock.now += 0.25
    hands.until(lambda: view.canvas.heard_at is not None)
    assert view.canvas.heard_at == pytest.approx(1.25)
    clock.now += 0.3
    hands.until(lambda: not view.audition.is_playing)
    assert view.canvas.heard_at is None


def test_a_long_stretch_is_sent_a_little_ahead_and_can_be_stopped(hands: Hands, clock: Clock) -> None:
    view = shown(hands, LongTone())
    view.canvas.select((10.0, 5000.0))
    view.toggle_hearing()

    def sent() -> int:
        return sum(len(entry[1]) for entry in hands.player.told if entry[0] == "hear")

    assert sent() == 3 * SAMPLE_RATE
    clock.now += 10
    hands.until(lambda: sent() == 13 * SAMPLE_RATE)
    view.toggle_hearing()
    assert hands.player.told[-1][0] == "hear_no_more"


def test_playing_the_song_ends_an_audition(hands: Hands) -> None:
    view = shown(hands, sine(69, 4.0))
    view.toggle_hearing()
    assert view.audition.is_playing
    hands.act("play")
    assert not view.audition.is_playing


def test_the_strips_show_what_was_heard_and_mark_it_on_a_click(hands: Hands) -> None:
    view = shown(hands, sine(69, 8.0))
    genres = (Span(0, 4, "jazz", 0.9), Span(4, 8, "not sure", 0.3))
    view.show_report(Report("sound.wav", "audio", 8.0, timeline=genres, chords=(Span(0, 8, "A:min"),)))
    QApplication.processEvents()
    strips = view.strips
    assert strips.isVisible()
    assert "Genre: jazz from 0:00.00, not sure from 0:04.00" in strips.accessibleDescription()
    assert "Chords: Am" in strips.accessibleDescription()
    x = strips._x(2.0)
    assert strips.span_at(QPointF(x, 5))[1] is genres[0]  # type: ignore[index]
    assert strips.grab().toImage().pixelColor(round(x), 9) != strips.grab().toImage().pixelColor(
        round(strips._x(6.0)), 9
    )
    QTest.mouseClick(strips, Qt.MouseButton.LeftButton, pos=QPoint(round(x), 5))
    assert view.canvas.selection == (0, 4)
    view.show_report(None)
    assert not strips.isVisible()


def test_saliency_veils_what_did_not_speak(hands: Hands) -> None:
    view = shown(hands, sine(69, 4.0), "mel")
    plain = view.canvas.grab().toImage()
    values = np.zeros((128, 100), np.float32)
    row = round(float(TRANSFORMS["mel"].row(440.0)))
    values[row - 3 : row + 4, 50:] = 1.0
    view.show_saliency(Overlay(0.0, 4.0, values))
    veiled = view.canvas.grab().toImage()
    y = round(float(view.canvas.axis.y(440.0)))
    early, late = (round(view.canvas.place(seconds)) for seconds in (1.0, 3.0))
    assert veiled.pixelColor(late, y) == plain.pixelColor(late, y)
    assert veiled.pixelColor(early, y).lightness() < 0.6 * plain.pixelColor(early, y).lightness()
    view.show_saliency(None)
    assert view.canvas.grab().toImage().pixelColor(early, y) == plain.pixelColor(early, y)


def test_a_file_that_cannot_be_read_says_why_in_the_picture(hands: Hands, tmp_path: Path) -> None:
    path = tmp_path / "words.wav"
    path.write_text("these are words, and no sound at all\n" * 40)
    hands.studio.show_sound(path)
    view = hands.studio.spectrogram
    until(hands, lambda: not view.source.is_busy)
    assert view.source.error
    assert "\n" not in view.source.error
    assert view.canvas.empty_text.lower() == view.source.error.lower()
    assert not view.hear.isEnabled()


def test_a_file_that_breaks_off_is_shown_as_far_as_it_goes(hands: Hands, tmp_path: Path) -> None:
    path = tmp_path / "half.flac"
    tone = np.sin(2 * np.pi * 440 * np.arange(40 * 22050) / 22050).astype(np.float32)
    noise = np.random.default_rng(0).uniform(-0.3, 0.3, len(tone)).astype(np.float32)
    soundfile.write(path, 0.3 * tone + noise, 22050)
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    hands.studio.show_sound(path)
    source = hands.studio.spectrogram.source
    until(hands, lambda: not source.is_busy)
    assert source.sound is not None
    assert 5 < source.sound.seconds < 35
    assert source.sound.done


def test_in_a_narrow_view_the_menu_has_what_the_bar_has_no_room_for(hands: Hands) -> None:
    view = shown(hands, sine(69), "stft")
    assert all(each.isVisible() for each in (view.axis, view.colours, view.floor))
    hands.studio.resize(960, 600)
    QApplication.processEvents()
    assert not view.floor.isVisible()
    controls = [
        each
        for each in view.findChildren(QWidget)
        if each.parent() is view.sound.parent() and each.isVisible()
    ]
    boxes = sorted((each.geometry().left(), each.geometry().right()) for each in controls)
    assert all(left > right for (_, right), (left, _) in zip(boxes[:-1], boxes[1:], strict=True)), (
        "they overlap"
    )
    view.show_menu(view.mapToGlobal(QPoint(50, 50)))
    menu = next(each for each in view.findChildren(QMenu) if each.isVisible())
    inner = {each.title(): each for each in menu.findChildren(QMenu)}
    next(each for each in inner["Colours"].actions() if each.text() == "Ice").trigger()
    next(each for each in inner["Frequency axis"].actions() if each.text() == "Linear").trigger()
    menu.close()
    assert (view.canvas.colours, view.canvas.axis_name) == ("ice", "linear")


def test_choices_are_remembered(hands: Hands) -> None:
    view = hands.studio.spectrogram
    view.set_transform("stft")
    view.canvas.set_axis("linear")
    view.restore(
        {"transform": "mel", "axis": "log", "colours": "ice", "floor": -90, "ceiling": -12, "other": 1}
    )
    kept = view.state_to_keep()
    assert kept == {"transform": "mel", "axis": "log", "colours": "ice", "floor": -90, "ceiling": -12}
    view.restore({"transform": "wavelet", "axis": 3, "floor": "loud"})
    assert view.state_to_keep() == kept
