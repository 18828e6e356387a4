"""Ticks and pitches to pixels and back, snapping, and which grid lines are drawn; no widgets."""

from __future__ import annotations

import numpy as np
import pytest

from core.song.notes import Meter, Song, make_notes
from desktop.roll import grid
from desktop.roll.geometry import Timeline, Viewport, contains, notes_at, notes_in_box, notes_in_polygon
from desktop.roll.pitch_axis import PitchAxis
from desktop.time_axis import MAX_PIXELS_PER_TICK, MIN_PIXELS_PER_TICK, TimeAxis

BEAT, BAR = 480, 1920


def view(scale=0.1, left=0, row_height=10.0, top=0, width=1000, height=1280, dpr=1.0, rows=None):
    rows = (127 - np.arange(128)).astype(np.int16) if rows is None else rows
    return Viewport(scale, left, row_height, top, rows, width, height, dpr)


def test_time_axis_maps_both_ways_and_zoom_keeps_the_tick():
    axis = TimeAxis(0.1, 5000)
    assert axis.x(5000) == 0
    assert axis.tick(axis.x(7777)) == pytest.approx(7777)
    before = axis.tick(321)
    axis.zoom_about(321, 1.7)
    assert axis.tick(321) == pytest.approx(before)
    assert axis.pixels_per_tick == pytest.approx(0.17)


def test_time_axis_stays_within_its_limits():
    axis = TimeAxis()
    axis.scroll(-1000)
    assert axis.left_tick == 0
    axis.zoom_about(0, 1e9)
    assert axis.pixels_per_tick == MAX_PIXELS_PER_TICK
    axis.zoom_about(0, 1e-12)
    assert axis.pixels_per_tick == MIN_PIXELS_PER_TICK


def test_time_axis_tells_only_real_changes():
    axis, told = TimeAxis(0.1, 0), []
    axis.changed.connect(lambda: told.append(1))
    axis.set_view(0, 0.1)
    assert not told
    axis.show(1920, 3840, 960)
    assert (axis.left_tick, axis.pixels_per_tick, len(told)) == (1920, 0.5, 1)


def test_pitch_axis_zooms_about_a_pixel_and_folds():
    axis = PitchAxis(10)
    axis.set_height(400)
    axis.set_view(300)
    pitch = axis.pitch(200)
    axis.zoom_about(205, 1.5)
    assert axis.pitch(205) == pitch
    axis.fold(p for p in range(128) if p % 12 in (0, 4, 7))
    assert axis.rows[61] == -1
    assert axis.pitch(axis.y(64) + 1) == 64
    axis.fold(None)
    assert len(axis.pitches) == 128


def test_snapping_goes_to_the_nearest_line_and_starts_anew_in_every_bar():
    bars = Song(meters=(Meter(0, 7, 8), Meter(7 * 240, 4, 4))).bars
    assert grid.snap(bars, 250, 480) == 480
    assert grid.snap(bars, 230, 480) == 0
    assert grid.snap(bars, 7 * 240 - 100, 480) == 7 * 240, "the bar's end is a line too"
    assert grid.snap(bars, 7 * 240 + 500, 480) == 7 * 240 + 480
    assert grid.snap(bars, 123.4, 0) == 123
    assert grid.snap_down(bars, 7 * 240 + 479, 480) == 7 * 240
    assert grid.snap_up(bars, 1500, 480) == 7 * 240


def test_grid_lines_of_a_waltz():
    song = Song(meters=(Meter(0, 3, 4),))
    found = grid.lines(song, 0, 3 * BEAT - 1, 240, 0.2)
    assert found.bars == [(0, 0)]
    assert found.beats == [480, 960]
    assert found.steps == [240, 720, 1200]


def test_grid_leaves_out_levels_that_would_be_too_close():
    song = Song()
    assert grid.lines(song, 0, BAR, 120, 0.03).steps == []
    assert grid.lines(song, 0, BAR, 120, 0.01).beats == []
    bars = [bar for _, bar in grid.lines(song, 0, 100 * BAR, 120, 0.001).bars]
    assert bars[:3] == [0, 4, 8]


def test_notes_lie_on_whole_pixels_and_leave_a_gap():
    notes = make_notes([0, BEAT], [BEAT, 1], [60, 62])
    start, end = view().spans(notes)
    assert start.tolist() == [0, 48]
    assert end.tolist() == [47, 49], "a pixel free before the next note; a tiny note is one pixel wide"
    start, _ = view(scale=0.2, dpr=2.0).spans(notes)
    assert start.tolist() == [0, 96]


def test_only_notes_in_view_are_found_whatever_their_length():
    notes = make_notes([0, 0, 5000, 30000], [20000, 100, 100, 100], [60, 60, 62, 60])
    shown = view(left=1000, width=200)
    assert shown.visible(notes).tolist() == [0]
    assert Timeline(Song(notes).notes).visible(shown).tolist() == [1]
    folded = view(rows=np.where(np.arange(128) == 60, 0, -1).astype(np.int16), height=20)
    assert 2 not in folded.visible(notes)


def test_timeline_agrees_with_looking_at_every_note():
    rng = np.random.default_rng(3)
    notes = Song(
        make_notes(rng.integers(0, 90000, 3000), rng.integers(1, 4000, 3000), rng.integers(0, 128, 3000))
    ).notes
    for left in (0, 777, 4000, 8990):
        shown = view(left=left, width=150, top=300, height=400)
        assert Timeline(notes).visible(shown).tolist() == shown.visible(notes).tolist()


def test_hits_boxes_and_polygons():
    notes = make_notes([0, BEAT, 2 * BEAT], [BEAT, BEAT, 3], [60, 62, 64])
    middle = (127 - 62) * 10 + 5
    assert notes_at(view(), notes, 60, middle).tolist() == [1]
    assert notes_at(view(), notes, 100, middle).tolist() == []
    assert notes_at(view(), notes, 98, (127 - 64) * 10 + 5).tolist() == [2], "tiny notes can be hit"
    assert notes_in_box(notes, (BEAT - 1, BEAT + 1), (60, 62)).tolist() == [0, 1]
    assert notes_in_box(notes, (BEAT, BEAT + 1), (62, 60)).tolist() == [1]
    triangle = [(40.0, middle - 20), (110.0, middle), (40.0, middle + 15)]
    assert notes_in_polygon(view(), notes, triangle).tolist() == [1]
    assert notes_in_polygon(view(), notes, triangle[:2]).tolist() == []


def test_contains():
    assert contains(np.array([2, 5, 9]), np.array([1, 2, 9, 10])).tolist() == [False, True, True, False]
    assert contains(np.array([], np.int64), np.array([1])).tolist() == [False]
