"""What the mouse does to the notes: every gesture ends in exactly the notes a musician expects."""

from __future__ import annotations

import numpy as np
import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtTest import QTest

BEAT, BAR = 480, 1920
CTRL = Qt.KeyboardModifier.ControlModifier
SHIFT = Qt.KeyboardModifier.ShiftModifier
ALT = Qt.KeyboardModifier.AltModifier
RIGHT = Qt.MouseButton.RightButton
MIDDLE = Qt.MouseButton.MiddleButton


def test_a_click_with_the_draw_tool_writes_a_note_at_bar_2_beat_3(empty):
    empty.roll.tool = "draw"
    empty.click(empty.at(BAR + 2 * BEAT + 30, 67))
    assert empty.facts() == [(BAR + 2 * BEAT, BEAT, 67)]
    assert empty.document.song.notes["track"].tolist() == [0]


def test_dragging_while_drawing_sets_the_length(empty):
    empty.roll.tool = "draw"
    empty.drag(empty.at(BAR + 5, 64), empty.at(BAR + 400, 64), empty.at(BAR + 3 * BEAT, 64))
    assert empty.facts() == [(BAR, 3 * BEAT, 64)]
    empty.click(empty.at(5, 62))
    assert empty.facts()[0] == (0, 3 * BEAT, 62), "the next note is as long as the last"


def test_alt_draws_without_snapping(empty):
    empty.roll.tool = "draw"
    empty.click(empty.at(BAR + 50, 64), keys=ALT)
    assert empty.facts() == [(BAR + 50, BEAT, 64)]


def test_drawing_goes_to_the_current_track(empty):
    empty.document.set_current_track(1)
    empty.roll.tool = "draw"
    empty.click(empty.at(0, 67))
    assert empty.document.song.notes["track"].tolist() == [1]


def test_drawing_in_a_song_without_tracks_makes_one(make_hands):
    from core.song.notes import Song

    hands = make_hands(Song())
    hands.roll.tool = "draw"
    hands.click(hands.at(BEAT, 67))
    assert hands.facts() == [(BEAT, BEAT, 67)]
    assert len(hands.document.song.tracks) == 1


def test_drawing_with_snap_to_scale_moves_to_the_key(empty):
    empty.roll.snap_to_scale = True
    empty.roll.tool = "draw"
    empty.click(empty.at(0, 66))
    assert empty.facts()[0][2] in (65, 67), "F sharp is not in C major"


def test_a_double_click_with_the_select_tool_draws(hands):
    QTest.mouseDClick(hands.canvas, Qt.MouseButton.LeftButton, pos=hands.at(BAR, 67))
    assert (BAR, BEAT, 67) in hands.facts(0)


def test_every_gesture_is_one_undo_step(hands):
    before = hands.document.song
    hands.drag(hands.at(BEAT + 100, 74), *(hands.at(BEAT + 100 + step, 75) for step in range(0, 960, 40)))
    assert hands.labels() == 1
    assert hands.document.song != before
    assert hands.document.undo() == "Move notes"
    assert hands.document.song == before


def test_nothing_changes_before_the_release(hands):
    hands.drag(hands.at(BEAT + 100, 74), hands.at(2 * BEAT + 100, 80), release=False)
    assert hands.labels() == 0
    assert hands.roll.canvas.gesture.preview.notes["pitch"].tolist() == [80]


def test_escape_drops_a_gesture(hands):
    hands.drag(hands.at(BEAT + 100, 74), hands.at(2 * BEAT + 100, 80), release=False)
    QTest.keyClick(hands.canvas, Qt.Key.Key_Escape)
    QTest.mouseRelease(hands.canvas, Qt.MouseButton.LeftButton, pos=hands.at(2 * BEAT, 80))
    assert hands.labels() == 0


def test_moving_snaps_the_grabbed_note_and_keeps_it_selected(hands):
    hands.drag(hands.at(BEAT + 100, 74), hands.at(BEAT + 100 + 130, 79))
    assert (BEAT + 120, BEAT, 79) in hands.facts()
    index = hands.document.selection
    assert hands.document.song.notes[index]["pitch"].tolist() == [79]


def test_moving_with_alt_does_not_snap(hands):
    hands.drag(hands.at(BEAT + 100, 74), hands.at(BEAT + 100 + 130, 74), keys=ALT)
    assert (BEAT + 130, BEAT, 74) in hands.facts()


def test_shift_holds_the_direction(hands):
    hands.drag(hands.at(BEAT + 100, 74), hands.at(BEAT + 100 + 960, 75), keys=SHIFT)
    assert (3 * BEAT, BEAT, 74) in hands.facts()


def test_a_chord_moves_as_a_whole_and_stops_at_the_start(hands):
    hands.roll.select_all()
    hands.drag(hands.at(3 * BEAT + 100, 77), hands.at(100, 77))
    assert [onset for onset, _, _ in hands.facts(0)] == [0, BEAT, 2 * BEAT, 3 * BEAT]
    hands.drag(hands.at(3 * BEAT + 100, 77), hands.at(3 * BEAT + 100, 79))
    assert [pitch for _, _, pitch in hands.facts(0)] == [74, 76, 78, 79]


def test_a_move_upwards_stops_at_the_highest_pitch_without_squashing(hands):
    hands.roll.select_all()
    hands.roll.state.pitch_axis.set_view(0, 5)
    hands.drag(hands.at(100, 72), QPoint(hands.at(100, 72).x(), 1))
    assert [pitch for _, _, pitch in hands.facts(0)] == [122, 124, 126, 127]


def test_ctrl_drag_copies(hands):
    hands.drag(hands.at(100, 72), hands.at(BAR + 100, 72), keys=CTRL)
    assert (0, BEAT, 72) in hands.facts()
    assert (BAR, BEAT, 72) in hands.facts()


@pytest.mark.parametrize(
    ("grab", "to", "expected"),
    [
        (4 * BEAT - 20, 5 * BEAT - 20, (3 * BEAT, 2 * BEAT, 77)),
        (3 * BEAT + 20, 3 * BEAT + 260, (3 * BEAT + 240, BEAT - 240, 77)),
        (4 * BEAT - 20, 2 * BEAT, (3 * BEAT, BEAT // 4, 77)),
    ],
)
def test_an_edge_resizes_and_never_below_the_grid(hands, grab, to, expected):
    hands.drag(hands.at(grab, 77), hands.at(to, 77))
    assert expected in hands.facts()
    assert len(hands.facts()) == 5


def test_a_marquee_selects_exactly_what_it_touches(hands):
    hands.drag(hands.at(BEAT + 20, 79), hands.at(3 * BEAT - 20, 73))
    notes = hands.document.song.notes[hands.document.selection]
    assert notes["pitch"].tolist() == [74, 76]


def test_a_marquee_with_ctrl_adds(hands):
    hands.document.select([0])
    hands.drag(hands.at(3 * BEAT + 20, 80), hands.at(3 * BEAT + 200, 77), keys=CTRL)
    assert hands.document.song.notes[hands.document.selection]["pitch"].tolist() == [72, 77]


def test_a_marquee_leaves_other_tracks_alone(hands):
    hands.drag(hands.at(BAR + 40, 84), hands.at(10, 52))
    assert len(hands.document.selection) == 4


def test_a_lasso_selects_what_it_surrounds(hands):
    path = [hands.at(BEAT - 60, 81), hands.at(2 * BEAT + 40, 81), hands.at(2 * BEAT + 40, 73),
            hands.at(BEAT - 60, 73), hands.at(BEAT - 60, 80)]  # fmt: skip
    hands.drag(*path, keys=CTRL | ALT)
    assert hands.document.song.notes[hands.document.selection]["pitch"].tolist() == [74]


def test_a_click_beside_the_notes_clears_the_selection(hands):
    hands.roll.select_all()
    hands.click(hands.at(BAR + 500, 80))
    assert len(hands.document.selection) == 0


def test_the_erase_tool_wipes_what_it_passes_even_fast(hands):
    hands.roll.tool = "erase"
    hands.drag(hands.at(20, 72), hands.at(2 * BEAT + 40, 76))
    left = [pitch for _, _, pitch in hands.facts(0)]
    assert 72 not in left
    assert 76 not in left
    assert 77 in left
    assert hands.labels() == 1


def test_right_click_erases_while_drawing_and_not_while_selecting(hands):
    hands.click(hands.at(100, 72), button=RIGHT)
    assert len(hands.facts()) == 5
    hands.roll.tool = "draw"
    hands.click(hands.at(100, 72), button=RIGHT)
    assert [pitch for _, _, pitch in hands.facts(0)] == [74, 76, 77]


def test_split_cuts_at_the_grid_line(hands):
    hands.roll.tool = "split"
    hands.click(hands.at(BEAT + 250, 74))
    assert (BEAT, 240, 74) in hands.facts()
    assert (BEAT + 240, 240, 74) in hands.facts()


def test_glue_joins_with_the_next_of_the_same_pitch(hands):
    hands.roll.tool = "split"
    hands.click(hands.at(BEAT + 250, 74))
    hands.roll.tool = "glue"
    hands.click(hands.at(BEAT + 100, 74))
    assert (BEAT, BEAT, 74) in hands.facts()
    assert len(hands.facts()) == 5


def test_ctrl_shift_drag_changes_velocity_by_half_the_pixels(hands):
    start = hands.at(BEAT + 200, 74)
    hands.drag(start, start + QPoint(0, -20), keys=CTRL | SHIFT)
    assert 80 in hands.document.song.notes["velocity"][hands.document.song.notes["pitch"] == 74]


def test_clicking_a_note_lets_it_sound_and_dragging_sounds_new_pitches(hands, qtbot):
    heard = []
    hands.roll.note_previewed.connect(lambda *note: heard.append(note))
    hands.drag(hands.at(100, 72), hands.at(100, 73), hands.at(100, 74), hands.at(110, 74))
    assert heard == [(72, 60, 0), (73, 60, 0), (74, 60, 0)]


def test_wheel_with_ctrl_zooms_and_keeps_the_tick_under_the_pointer(hands):
    hands.axis.set_view(4000, 0.1)
    point = QPoint(333, 200)
    before = hands.axis.tick(333)
    hands.wheel(point, 3, CTRL)
    assert hands.axis.pixels_per_tick == pytest.approx(0.1 * 1.2**3)
    assert hands.axis.tick(333) == pytest.approx(before)


def test_wheel_with_ctrl_and_alt_zooms_pitch_about_the_pointer(hands):
    pitches = hands.roll.state.pitch_axis
    before = (200 + pitches.top) / pitches.row_height
    hands.wheel(QPoint(333, 200), 1, CTRL | ALT)
    assert (200 + pitches.top) / pitches.row_height == pytest.approx(before)
    assert pitches.row_height == pytest.approx(19.2)


def test_wheel_scrolls_down_and_with_shift_sideways(hands):
    top = hands.roll.state.pitch_axis.top
    hands.wheel(QPoint(300, 200), -1, Qt.KeyboardModifier.NoModifier)
    assert hands.roll.state.pitch_axis.top == top + 60
    hands.wheel(QPoint(300, 200), -1, SHIFT)
    assert hands.axis.left_tick == pytest.approx(600)


def test_middle_drag_pans(hands):
    hands.axis.set_view(4000)
    top = hands.roll.state.pitch_axis.top
    hands.drag(QPoint(300, 200), QPoint(250, 170), button=MIDDLE)
    assert hands.axis.left_tick == pytest.approx(4500)
    assert hands.roll.state.pitch_axis.top == top + 30


def test_the_hint_says_what_the_mouse_would_do(hands):
    hints = []
    hands.roll.hint_changed.connect(hints.append)
    QTest.mouseMove(hands.canvas, hands.at(BEAT + 200, 74))
    assert "D5, bar 1 beat 2, quarter, velocity 70" in hints[-1]
    assert "Alt" in hints[-1]
    QTest.mouseMove(hands.canvas, hands.at(BAR + 200, 80))
    assert "Drag: select" in hints[-1]


def test_selected_notes_move_in_one_order_with_the_rest(hands):
    hands.document.select(np.flatnonzero(hands.document.song.notes["pitch"] == 72))
    hands.drag(hands.at(100, 72), hands.at(2 * BEAT + 100, 72))
    assert hands.facts(0) == [
        (BEAT, BEAT, 74), (2 * BEAT, BEAT, 72), (2 * BEAT, BEAT, 76), (3 * BEAT, BEAT, 77),
    ]  # fmt: skip


def test_a_double_click_on_another_tracks_note_turns_to_that_track(hands):
    hints = []
    hands.roll.hint_changed.connect(hints.append)
    QTest.mouseMove(hands.canvas, hands.at(500, 60))
    assert "Bass: C4" in hints[-1]
    QTest.mouseDClick(hands.canvas, Qt.MouseButton.LeftButton, pos=hands.at(500, 60))
    assert hands.document.current_track == 1
    assert hands.document.song.notes["pitch"][hands.document.selection].tolist() == [60]
    assert hands.labels() == 0
