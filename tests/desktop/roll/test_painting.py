"""What is on the screen, pixel by pixel."""

from __future__ import annotations

import numpy as np
import pytest
from PySide6.QtGui import QImage
from PySide6.QtWidgets import QApplication

from core.song.notes import Song, Track, make_notes
from desktop import theme
from desktop.document import Document
from desktop.roll.colours import Look, note_colours
from desktop.roll.geometry import Viewport
from desktop.roll.raster import raster
from desktop.roll.view import RollView
from desktop.time_axis import TimeAxis

BEAT, BAR = 480, 1920
ROWS = (127 - np.arange(128)).astype(np.int16)


def picture(notes, looks, *, dpr=1.0, row_height=10.0, width=100, height=60, top=0, left=0):
    shown = Viewport(
        0.1 * dpr, left, row_height * dpr, top, ROWS, round(width * dpr), round(height * dpr), dpr
    )
    body = np.array([0, 0xFF111111, 0xFF222222], np.uint32)
    edge = np.array([0, 0xFFAAAAAA, 0xFFBBBBBB], np.uint32)
    rows = shown.rows[notes["pitch"]].astype(np.int64)
    return raster(shown, shown.spans(notes), rows, np.array(looks, np.uint16), body, edge).copy()


def test_a_note_is_a_bordered_rectangle_with_cut_corners_in_its_row():
    image = picture(make_notes(100, 200, 126), [1])
    assert image.shape == (60, 100)
    assert image[15, 20] == 0xFF111111
    assert image[10, 20] == 0xFFAAAAAA, "upper border"
    assert image[18, 20] == 0xFFAAAAAA, "lower border, one pixel above the row's end"
    assert image[19, 20] == 0, "rows are a pixel apart"
    assert image[15, 10] == image[15, 28] == 0xFFAAAAAA, "left and right border"
    assert image[10, 10] == image[10, 28] == image[18, 10] == 0, "corners"
    assert np.count_nonzero(image) == 19 * 9 - 4


def test_a_later_note_lies_over_an_earlier_one_whole():
    image = picture(make_notes([0, 100], [500, 200], 126), [1, 2])
    assert image[15, 5] == 0xFF111111
    assert image[15, 20] == 0xFF222222
    assert image[15, 10] == 0xFFBBBBBB


def test_borders_are_two_pixels_wide_at_twice_the_density():
    image = picture(make_notes(100, 200, 126), [1], dpr=2.0)
    assert image[30, 20] == image[30, 21] == 0xFFAAAAAA
    assert image[30, 22] == 0xFF111111
    assert image[20, 20] == image[20, 21] == image[21, 20] == 0, "a corner of three pixels"
    assert image[21, 21] == 0xFFAAAAAA


def test_a_note_cut_by_the_view_has_no_border_there():
    image = picture(make_notes(0, 2000, 126), [1], left=50)
    assert image[15, 0] == image[15, 99] == 0xFF111111


def test_notes_painted_in_parts_look_as_if_painted_at_once():
    rng = np.random.default_rng(0)
    notes = make_notes(rng.integers(0, 900, 60), rng.integers(1, 300, 60), rng.integers(122, 128, 60))
    looks = rng.integers(1, 3, 60)
    whole = picture(notes, looks)
    parts = [picture(notes, looks, left=left, width=width) for left, width in ((0, 37), (37, 1), (38, 62))]
    assert np.array_equal(np.concatenate(parts, axis=1), whole)
    lower = picture(notes, looks, top=23, height=37)
    assert np.array_equal(lower, whole[23:])


def test_louder_notes_stand_out_more_and_selected_ones_are_outlined():
    colours = note_colours()

    def contrast(look: int, velocity: int) -> int:
        note = make_notes(0, 1, 60, velocity)
        at = colours.looks(Song(note, (Track(),)), note, np.array([look], np.uint8))[0]
        ground = int(theme.colour("roll").rgb())
        return sum(abs((int(colours.body[at]) >> s & 255) - (ground >> s & 255)) for s in (0, 8, 16))

    steps = [contrast(Look.PLAIN, velocity) for velocity in (1, 40, 80, 127)]
    assert steps == sorted(steps)
    assert steps[0] < steps[-1]
    assert contrast(Look.OTHER_TRACK, 127) < contrast(Look.PLAIN, 40)
    at = colours.index(Look.SELECTED, 0, 8)
    assert colours.edge[at] == theme.colour("selection").rgba()


def grabbed(hands) -> QImage:
    return hands.canvas.grab().toImage().convertToFormat(QImage.Format.Format_RGB32)


def colour_at(hands, tick, pitch):
    point = hands.at(tick, pitch)
    return grabbed(hands).pixelColor(point)


def test_notes_of_the_current_track_have_its_colour_and_others_are_dim(hands):
    mine, other = colour_at(hands, 200, 72), colour_at(hands, 200, 60)
    assert mine.hue() == pytest.approx(theme.track_colour(0).hue(), abs=6)
    assert other.hue() == pytest.approx(theme.track_colour(2).hue(), abs=12)
    assert mine.lightness() > 1.5 * other.lightness()
    hands.document.set_current_track(1)
    assert colour_at(hands, 200, 60).lightness() > other.lightness()


def test_other_tracks_can_be_hidden(hands):
    ground = colour_at(hands, 3 * BAR + 30, 60)
    hands.roll.show_ghost_tracks = False
    assert colour_at(hands, 200, 60) == ground


def test_the_picture_follows_edits_undo_and_scrolling(hands):
    before = grabbed(hands)
    hands.roll.select_all()
    hands.roll.delete()
    assert grabbed(hands) != before
    hands.document.undo()
    assert grabbed(hands) == before
    hands.axis.scroll(137)
    hands.roll.state.pitch_axis.scroll(33)
    grabbed(hands)
    hands.axis.scroll(-137)
    hands.roll.state.pitch_axis.scroll(-33)
    assert grabbed(hands) == before, "a picture scrolled there and back is the same"


def test_a_scrolled_picture_equals_one_painted_anew(hands):
    for sideways, down in ((40, 0), (-13, 25), (300, -70), (7, 7)):
        hands.axis.scroll(sideways)
        hands.roll.state.pitch_axis.scroll(down)
        scrolled = grabbed(hands)
        hands.canvas.layers.invalidate()
        assert grabbed(hands) == scrolled


def test_the_playhead_is_where_the_tick_is(hands):
    hands.document.set_playhead(BAR + BEAT)
    image = grabbed(hands)
    x = round(hands.axis.x(BAR + BEAT))
    assert image.pixelColor(x, 20) == theme.colour("playhead")
    hands.document.set_playhead(BAR)
    assert grabbed(hands).pixelColor(x, 20) != theme.colour("playhead")


def test_a_moving_playhead_repaints_only_strips(hands, monkeypatch):
    QApplication.processEvents()
    areas = []
    original = hands.canvas.paintEvent
    monkeypatch.setattr(
        hands.canvas, "paintEvent", lambda event: (areas.append(event.region()), original(event))
    )
    hands.document.set_playhead(960)
    QApplication.processEvents()
    assert areas
    pixels = sum(rect.width() * rect.height() for region in areas for rect in region)
    assert pixels <= 3 * 5 * hands.canvas.height()


def test_composing_ghosts_are_shown_and_gone_again(empty):
    before = grabbed(empty)
    empty.document.set_ghosts(make_notes(BAR, BAR, 67))
    assert colour_at(empty, BAR + BEAT, 67) != before.pixelColor(empty.at(BAR + BEAT, 67))
    empty.document.set_ghosts(make_notes([], [], []))
    assert grabbed(empty) == before


def test_an_empty_song_says_what_to_do(empty):
    def ink() -> int:
        image = grabbed(empty)
        middle = image.copy(image.width() // 2 - 200, image.height() // 2 - 40, 400, 70)
        return sum(middle.pixelColor(x, y).lightness() > 90 for x in range(400) for y in range(70))

    assert ink() > 300
    empty.roll.tool = "draw"
    empty.click(empty.at(0, 40 + 44))
    assert ink() < 50


def test_rows_of_the_scale_are_tinted(empty):
    tinted = colour_at(empty, BAR + 50, 67)
    plain = colour_at(empty, BAR + 50, 66)
    assert tinted == theme.colour("roll_scale_row")
    assert plain == theme.colour("roll_black_row")
    empty.roll.highlight_scale = False
    assert colour_at(empty, BAR + 50, 67) == theme.colour("roll")


def test_muted_tracks_lose_their_colour(hands):
    hands.document.set_muted(0, True)
    assert colour_at(hands, 200, 72).saturation() < 30


def test_a_hundred_thousand_notes_in_view_are_painted(qtbot):
    rng = np.random.default_rng(1)
    count = 100_000
    song = Song(
        make_notes(rng.integers(0, 300 * BAR, count), 240, rng.integers(30, 100, count)), (Track("All"),)
    )
    roll = RollView(Document(song), TimeAxis())
    qtbot.addWidget(roll)
    roll.resize(900, 600)
    roll.show()
    QApplication.processEvents()
    roll.fit()
    image = roll.canvas.grab().toImage()
    hue = theme.track_colour(0).hue()
    coloured = sum(
        abs(image.pixelColor(x, y).hue() - hue) < 8 and image.pixelColor(x, y).saturation() > 60
        for x in range(0, roll.canvas.width(), 9)
        for y in range(0, roll.canvas.height(), 9)
    )
    assert coloured > 0.3 * (roll.canvas.width() // 9) * (roll.canvas.height() // 9)
