"""What keys and menus do to the selection."""

from __future__ import annotations

import json

import numpy as np
import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QGuiApplication
from PySide6.QtTest import QTest

from core.errors import TunesmithError
from core.song.notes import Song, Track, make_notes
from desktop.roll import clipboard
from desktop.roll.edit_actions import came_of
from desktop.roll.menu import ENTRIES, roll_menu

BEAT, BAR = 480, 1920
CTRL = Qt.KeyboardModifier.ControlModifier


def pitches(hands):
    return [pitch for _, _, pitch in hands.facts(0)]


def onsets(hands):
    return [onset for onset, _, _ in hands.facts(0)]


def test_select_all_takes_the_current_track(hands):
    hands.roll.select_all()
    assert set(hands.document.song.notes[hands.document.selection]["track"].tolist()) == {0}
    assert len(hands.document.selection) == 4


def test_delete_and_undo(hands):
    hands.roll.select_all()
    hands.roll.delete()
    assert hands.facts() == [(0, BAR, 60)]
    hands.document.undo()
    assert len(hands.facts()) == 5


def test_copy_and_paste_at_the_playhead_into_another_track(hands):
    hands.roll.select_all()
    hands.roll.copy()
    hands.document.set_current_track(1)
    hands.document.set_playhead(2 * BAR + 77)
    hands.roll.paste()
    new = hands.document.song.notes[hands.document.selection]
    assert new["onset"].tolist() == [2 * BAR + 77 + beat * BEAT for beat in range(4)]
    assert new["pitch"].tolist() == [72, 74, 76, 77]
    assert set(new["track"].tolist()) == {1}


def test_paste_converts_ticks_from_another_window():
    notes = make_notes([100, 340], [240, 120], [60, 64], [80, 90], [3, 4])
    text = clipboard.to_text(notes, 480)
    read = clipboard.from_text(text, 960)
    assert read["onset"].tolist() == [0, 480]
    assert read["duration"].tolist() == [480, 240]
    assert read["track"].tolist() == [0, 1]
    assert read["velocity"].tolist() == [80, 90]


@pytest.mark.parametrize(
    "text",
    [
        "", "{}", "null", "[1]", '{"tunesmith": 1}', "nonsense",
        json.dumps({"tunesmith": 1, "ticks_per_beat": 0, "notes": []}),
        json.dumps({"tunesmith": 1, "ticks_per_beat": 480, "notes": [[0, 10, 0, 200, 80]]}),
        json.dumps({"tunesmith": 1, "ticks_per_beat": 480, "notes": [[-5, 10, 0, 60, 80]]}),
        json.dumps({"tunesmith": 1, "ticks_per_beat": 480, "notes": [[0, 10, 0, 60]]}),
        json.dumps({"tunesmith": 1, "ticks_per_beat": 480, "notes": [[1e300, 10, 0, 60, 80]]}),
    ],
)  # fmt: skip
def test_a_foreign_clipboard_is_refused_in_one_line(text):
    with pytest.raises(TunesmithError, match="copy them once more"):
        clipboard.from_text(text, 480)


def test_pasting_what_is_no_notes_changes_nothing_and_says_so(hands):
    hints = []
    hands.roll.hint_changed.connect(hints.append)
    QGuiApplication.clipboard().setText("hello")
    hands.roll.paste()
    assert hands.labels() == 0
    assert "Ctrl+C" in hints[-1]


def test_cut_is_one_step(hands):
    hands.document.select([0])
    hands.roll.cut()
    assert pitches(hands) == [74, 76, 77]
    assert hands.labels() == 1
    hands.document.set_playhead(BAR)
    hands.roll.paste()
    assert pitches(hands) == [74, 76, 77, 72]


def test_duplicate_goes_on_where_the_selection_ends(hands):
    hands.roll.select_all()
    hands.roll.duplicate()
    assert onsets(hands) == [beat * BEAT for beat in range(8)]
    assert len(hands.document.selection) == 4


def test_transpose_and_its_limits(hands):
    hands.roll.select_all()
    hands.roll.transpose(12)
    assert pitches(hands) == [84, 86, 88, 89]
    hands.roll.transpose(48)
    assert pitches(hands) == [120, 122, 124, 125], "three of the four octaves fit"
    hands.roll.transpose(12)
    assert pitches(hands) == [120, 122, 124, 125]
    hands.roll.transpose(5)
    assert pitches(hands) == [122, 124, 126, 127]


def test_repeated_transposing_is_one_undo_step(hands):
    hands.roll.select_all()
    for _ in range(5):
        hands.roll.transpose(1)
    assert pitches(hands) == [77, 79, 81, 82]
    hands.document.undo()
    assert pitches(hands) == [72, 74, 76, 77]


def test_scale_steps_follow_the_key(hands):
    hands.roll.select_all()
    hands.roll.transpose_scale(1)
    assert pitches(hands) == [74, 76, 77, 79]
    hands.roll.transpose_scale(-2)
    assert pitches(hands) == [71, 72, 74, 76]


def test_nudge_stops_at_the_start_and_keeps_distances(hands):
    hands.roll.select_all()
    hands.roll.nudge(1)
    assert onsets(hands) == [120, 600, 1080, 1560]
    hands.roll.nudge(-5)
    assert onsets(hands) == [0, 480, 960, 1440]


def test_lengthen_never_goes_below_one_step(hands):
    hands.roll.select_all()
    hands.roll.lengthen(1)
    assert {duration for _, duration, _ in hands.facts(0)} == {600}
    hands.roll.lengthen(-99)
    assert {duration for _, duration, _ in hands.facts(0)} == {120}


def test_quantise_pulls_by_strength_and_takes_the_whole_track_without_selection(make_hands):
    hands = make_hands(Song(make_notes([20, 500], 100, 60), (Track(),)))
    hands.roll.quantise(strength=0.5)
    assert onsets(hands) == [10, 490]
    hands.roll.quantise()
    assert onsets(hands) == [0, 480]


def test_reverse_invert_legato(make_hands):
    hands = make_hands(Song(make_notes([0, 480, 720], [480, 240, 240], [60, 64, 67]), (Track(),)))
    hands.roll.select_all()
    hands.roll.reverse()
    assert hands.facts() == [(0, 240, 67), (240, 240, 64), (480, 480, 60)]
    hands.roll.invert()
    assert pitches(hands) == [60, 63, 67]
    assert len(hands.document.selection) == 3, "what came of the selection stays selected"
    hands.document.select([])
    hands.roll.legato()
    assert [duration for _, duration, _ in hands.facts()][:2] == [240, 240]


def test_split_at_playhead_and_glue(hands):
    hands.document.set_playhead(BEAT + 100)
    hands.roll.split_at_playhead()
    assert (BEAT, 100, 74) in hands.facts()
    assert (BEAT + 100, BEAT - 100, 74) in hands.facts()
    hands.roll.select_all()
    hands.roll.glue()
    assert (BEAT, BEAT, 74) in hands.facts()


def test_set_velocity_keeps_the_selection(hands):
    hands.document.select([0, 2])
    chosen = hands.document.selection.tolist()
    hands.roll.set_velocity(33)
    assert hands.document.song.notes["velocity"][chosen].tolist() == [33, 33]
    assert hands.document.selection.tolist() == chosen


def test_chord_adds_third_and_fifth(hands):
    hands.document.select([0])
    hands.roll.chord("m")
    at_start = sorted(pitch for onset, _, pitch in hands.facts(0) if onset == 0)
    assert at_start == [72, 75, 79]


def test_move_to_track(hands):
    hands.document.select([0])
    hands.roll.move_to_track(1)
    assert hands.facts(1) == [(0, BAR, 60), (0, BEAT, 72)]


def test_loop_selection_covers_whole_bars(hands):
    hands.document.select([0])
    hands.roll.loop_selection()
    assert hands.document.loop == (0, BAR)
    hands.roll.clear_selection()
    hands.roll.loop_selection()
    assert hands.document.loop is None


def test_nothing_selected_says_so_and_does_nothing(hands):
    hints = []
    hands.roll.hint_changed.connect(hints.append)
    for name, *arguments in (("delete",), ("transpose", 1), ("nudge", 1), ("duplicate",), ("reverse",)):
        getattr(hands.roll, name)(*arguments)
    assert hands.labels() == 0
    assert hints == ["Select notes first: drag a box around them, or press Ctrl+A"]


def test_every_menu_entry_is_a_method_of_the_roll(hands):
    for entry in filter(None, ENTRIES):
        assert callable(getattr(hands.roll, entry[1]))
    menu = roll_menu(hands.roll)
    by_text = {action.text(): action for action in menu.actions()}
    assert not by_text["Delete"].isEnabled()
    hands.roll.select_all()
    by_text = {action.text(): action for action in roll_menu(hands.roll).actions()}
    assert by_text["Delete"].isEnabled()
    by_text["Octave up"].trigger()
    assert pitches(hands) == [84, 86, 88, 89]


def test_came_of_tells_new_notes_from_untouched_equal_ones():
    before = make_notes([0, 0, 480], 100, [60, 60, 64])
    after = make_notes([0, 0, 480, 960], 100, [60, 60, 64, 64])
    assert came_of(before, np.array([2]), after).tolist() == [2, 3]
    assert came_of(before, np.array([0, 1]), after).tolist() == [0, 1, 3]
    assert came_of(before, np.array([], np.intp), before).tolist() == []


def test_keys_walk_from_note_to_note_and_are_read_out(hands):
    hands.canvas.setFocus()
    QTest.keyClick(hands.canvas, Qt.Key.Key_Right, CTRL)
    assert hands.canvas.accessibleDescription() == "C5, bar 1 beat 1, quarter, velocity 60"
    QTest.keyClick(hands.canvas, Qt.Key.Key_Right, CTRL)
    assert hands.canvas.accessibleDescription() == "D5, bar 1 beat 2, quarter, velocity 70"
    QTest.keyClick(hands.canvas, Qt.Key.Key_Left, CTRL)
    QTest.keyClick(hands.canvas, Qt.Key.Key_Left, CTRL)
    assert hands.canvas.accessibleDescription() == "C5, bar 1 beat 1, quarter, velocity 60"
    hands.roll.select_all()
    assert hands.canvas.accessibleDescription() == "4 notes, C5 to F5, bar 1 beat 1 to bar 2 beat 1"
    hands.roll.clear_selection()
    assert hands.canvas.accessibleDescription() == "No notes selected"


def test_a_note_is_written_by_key_at_the_playhead(empty):
    empty.document.set_playhead(BAR)
    sought = []
    empty.roll.seek_requested.connect(sought.append)
    QTest.keyClick(empty.canvas, Qt.Key.Key_Insert)
    assert empty.facts() == [(BAR, BEAT, 60)]
    assert sought == [BAR + BEAT]


def test_zoom_to_selection_and_back(hands):
    before = (hands.axis.left_tick, hands.axis.pixels_per_tick)
    hands.document.select(np.flatnonzero(hands.document.song.notes["pitch"] == 76))
    hands.roll.zoom_to_selection()
    assert 0 < hands.axis.x(2 * BEAT) < hands.canvas.width() * 0.1
    assert hands.canvas.width() * 0.9 < hands.axis.x(3 * BEAT) < hands.canvas.width()
    hands.roll.zoom_back()
    assert (hands.axis.left_tick, hands.axis.pixels_per_tick) == pytest.approx(before)


def test_fit_shows_every_note(hands):
    hands.axis.set_view(90000, 1)
    hands.roll.fit()
    view = hands.roll.canvas.viewport()
    assert len(view.visible(hands.document.song.notes)) == 5


def test_following_turns_the_page(hands):
    hands.document.set_playhead(60 * BAR)
    assert 0 <= hands.axis.x(60 * BAR) < 0.2 * hands.canvas.width()
    hands.roll.follow = False
    left = hands.axis.left_tick
    hands.document.set_playhead(0)
    assert hands.axis.left_tick == left


def test_fold_shows_only_rows_of_the_key(hands):
    hands.roll.fold = True
    assert {p % 12 for p in hands.roll.state.pitch_axis.pitches} == {0, 2, 4, 5, 7, 9, 11}
    hands.roll.fold = False
    assert len(hands.roll.state.pitch_axis.pitches) == 128


def test_an_unknown_tool_is_refused(hands):
    with pytest.raises(ValueError, match="no tool is called"):
        hands.roll.tool = "hammer"


def test_the_quantise_panel_shows_the_outcome_before_it_is_applied(make_hands):
    hands = make_hands(Song(make_notes([20, 500, 980], 100, [60, 62, 64], 80), (Track(),)))
    panel = hands.roll.quantise_panel
    hands.document.select([0, 1])
    hands.roll.show_quantise()
    panel.strength.setValue(50)
    assert hands.canvas.preview.notes["onset"].tolist() == [10, 490]
    assert hands.canvas.layers.hidden.tolist() == [0, 1]
    assert hands.labels() == 0
    QTest.keyClick(panel, Qt.Key.Key_Escape)
    assert len(hands.canvas.preview.notes) == len(hands.canvas.layers.hidden) == 0
    assert hands.labels() == 0
    hands.roll.show_quantise()
    panel.loudness.setValue(20)
    shown = hands.canvas.preview.notes.copy()
    QTest.keyClick(panel, Qt.Key.Key_Return)
    assert hands.labels() == 1
    assert np.array_equal(hands.document.song.notes[hands.document.selection], shown)
    assert onsets(hands) == [10, 490, 980]
    assert hands.document.song.notes["velocity"][2] == 80
