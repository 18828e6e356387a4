"""Ruler, velocity lane and keyboard."""

from __future__ import annotations

import numpy as np
import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtTest import QTest

from core.song.notes import KeyMark, Marker, Meter, Song, Tempo, Track, make_notes
from desktop.roll.names import describe_note, length_name, pitch_name, place_name
from desktop.roll.ruler import marks

BEAT, BAR = 480, 1920
ALT = Qt.KeyboardModifier.AltModifier
SHIFT = Qt.KeyboardModifier.ShiftModifier
RIGHT = Qt.MouseButton.RightButton


def ruler_point(hands, tick):
    return QPoint(round(hands.axis.x(tick)), 10)


def test_dragging_on_the_ruler_sets_the_loop_on_grid_lines(hands):
    ruler = hands.roll.ruler
    hands.drag(ruler_point(hands, 20), ruler_point(hands, 500), ruler_point(hands, BAR + 10), widget=ruler)
    assert hands.document.loop == (0, BAR)
    hands.drag(ruler_point(hands, BAR), ruler_point(hands, 2 * BAR), widget=ruler)
    assert hands.document.loop == (0, 2 * BAR), "an end can be dragged"
    hands.click(ruler_point(hands, 500), widget=ruler, button=RIGHT)
    assert hands.document.loop is None


def test_a_click_or_double_click_on_the_ruler_seeks(hands):
    sought = []
    hands.roll.seek_requested.connect(sought.append)
    hands.click(ruler_point(hands, BAR + 30), widget=hands.roll.ruler)
    assert sought == [BAR]
    QTest.mouseDClick(hands.roll.ruler, Qt.MouseButton.LeftButton, pos=ruler_point(hands, 2 * BAR + 10))
    assert sought[1] == 2 * BAR
    hands.click(ruler_point(hands, BAR + 30), widget=hands.roll.ruler, keys=ALT)
    assert sought[-1] == BAR + 30


def test_the_ruler_names_tempo_meter_key_and_markers():
    song = Song(
        tempos=(Tempo.from_bpm(0, 120), Tempo.from_bpm(BAR, 96)),
        meters=(Meter(0, 4, 4), Meter(BAR, 3, 4)),
        keys=(KeyMark(0, 2, "minor"),),
        markers=(Marker(BAR, "Chorus"),),
    )
    assert [(mark.tick, mark.text) for mark in marks(song)] == [
        (0, "♩ 120"), (0, "4/4"), (0, "D minor"), (BAR, "Chorus"), (BAR, "♩ 96"), (BAR, "3/4"),
    ]  # fmt: skip


def lane_point(hands, tick, velocity):
    lane = hands.roll.lane
    return QPoint(round(hands.axis.x(tick)) + 1, round(float(lane.scale.y(velocity, lane.height()))))


def velocities(hands):
    notes = hands.document.song.notes
    return notes["velocity"][notes["track"] == 0].tolist()


def test_dragging_a_bar_sets_one_velocity(hands):
    lane = hands.roll.lane
    hands.drag(lane_point(hands, BEAT, 70), lane_point(hands, BEAT, 110), widget=lane)
    assert velocities(hands)[1] == pytest.approx(110, abs=1)
    assert [velocities(hands)[n] for n in (0, 2, 3)] == [60, 80, 90]
    assert hands.labels() == 1


def test_drawing_across_the_lane_follows_the_hand(hands):
    lane = hands.roll.lane
    hands.drag(
        lane_point(hands, 0, 20), lane_point(hands, BEAT, 60), lane_point(hands, 2 * BEAT, 100),
        lane_point(hands, 3 * BEAT, 30), widget=lane,
    )  # fmt: skip
    assert velocities(hands) == pytest.approx([20, 60, 100, 30], abs=2)


def test_shift_draws_a_straight_ramp(hands):
    lane = hands.roll.lane
    hands.drag(
        lane_point(hands, 0, 30), lane_point(hands, BEAT, 127), lane_point(hands, 3 * BEAT, 120),
        widget=lane, keys=SHIFT,
    )  # fmt: skip
    assert velocities(hands) == pytest.approx([30, 60, 90, 120], abs=2)


def test_the_lane_touches_only_the_selection_if_there_is_one(hands):
    chosen = np.flatnonzero(hands.document.song.notes["pitch"] == 76)
    hands.document.select(chosen)
    lane = hands.roll.lane
    hands.drag(lane_point(hands, 0, 10), lane_point(hands, 3 * BEAT, 10), widget=lane)
    assert velocities(hands) == [60, 70, pytest.approx(10, abs=1), 90]
    assert hands.document.selection.tolist() == chosen.tolist()


def test_lane_heights_reach_from_1_to_127(hands):
    lane = hands.roll.lane
    assert lane.velocity(-50) == 127
    assert lane.velocity(lane.height() + 50) == 1
    assert all(lane.velocity(float(lane.scale.y(value, lane.height()))) == value for value in (1, 64, 127))


def test_keys_sound_louder_to_the_right_and_glide(hands):
    heard = []
    hands.roll.note_previewed.connect(lambda *note: heard.append(note))
    keyboard = hands.roll.keyboard
    y = hands.at(0, 72).y()
    hands.drag(QPoint(10, y), QPoint(10, y - 16), QPoint(60, y - 16), widget=keyboard)
    assert [pitch for pitch, _, _ in heard] == [72, 73]
    hands.click(QPoint(65, y), widget=keyboard)
    assert heard[-1][1] > heard[0][1]


def test_names():
    assert pitch_name(60) == "C4"
    assert pitch_name(61) == "C♯4"
    assert pitch_name(61, flats=True) == "D♭4"
    assert pitch_name(0) == "C-1"
    assert [length_name(ticks, 480) for ticks in (480, 720, 160, 1920, 500)] == [
        "quarter", "dotted quarter", "triplet eighth", "whole", "1.04 beats",
    ]  # fmt: skip
    song = Song(make_notes(2 * BAR + BEAT, BEAT, 60, 90), (Track(),))
    assert describe_note(song, 0) == "C4, bar 3 beat 2, quarter, velocity 90"
    assert place_name(Song(meters=(Meter(0, 6, 8),)), 240 * 7) == "bar 2 beat 2"
    flat = Song(make_notes(0, BEAT, 70), (Track(),), keys=(KeyMark(0, 2, "minor"),))
    assert describe_note(flat, 0).startswith("B♭4")


def test_the_chord_lane_names_what_sounds_and_follows_edits(make_hands, qtbot):
    notes = np.concatenate([make_notes(0, BAR, [60, 64, 67]), make_notes(BAR, BAR, [57, 60, 64])])
    hands = make_hands(Song(notes, (Track(),)))
    lane = hands.roll.chord_lane
    assert [(chord.onset, chord.name) for chord in lane.chords] == [(0, "C"), (BAR, "Am")]
    heard = []
    hands.roll.note_previewed.connect(lambda pitch, *_: heard.append(pitch % 12))
    hands.click(QPoint(round(hands.axis.x(BAR + 100)), 5), widget=lane)
    assert sorted(heard) == [0, 4, 9]
    hands.roll.select_all()
    hands.roll.transpose(2)
    qtbot.waitUntil(lambda: [chord.name for chord in lane.chords] == ["D", "Bm"])


def test_chord_names_are_as_coarse_as_they_need_to_be_read(make_hands):
    triads = ((60, 64, 67), (65, 69, 72), (67, 71, 74), (60, 64, 67))
    notes = [
        make_notes(beat * BAR // 4, BAR // 4, pitch)
        for beat, chord in enumerate(triads * 2)
        for pitch in chord
    ]
    hands = make_hands(Song(np.sort(np.concatenate(notes), order="onset"), (Track(),)))
    lane, axis = hands.roll.chord_lane, hands.roll.time_axis
    axis.set_view(0, 100 / BAR * 4)
    assert [chord.name for chord in lane.chords] == ["C", "F", "G", "C", "F", "G", "C"]
    assert lane.chords[3].duration == BAR // 2  # the last of a bar and the first of the next
    for pixels_per_bar in (300, 100, 60, 20, 7):
        axis.set_view(0, pixels_per_bar / BAR)
        assert (
            min(chord.duration for chord in lane.chords) * axis.pixels_per_tick >= 34 or pixels_per_bar == 7
        )


def test_the_chord_lane_names_the_result_that_is_shown(empty, qtbot):
    lane = empty.roll.chord_lane
    before = [chord.name for chord in lane.chords]
    notes = np.concatenate([make_notes(0, BAR, pitch) for pitch in (62, 66, 69)])
    empty.document.set_ghosts(notes, Song(notes, (Track(colour=3),)))
    qtbot.waitUntil(lambda: [chord.name for chord in lane.chords] == ["D"])
    empty.document.set_ghosts(notes[:0])
    qtbot.waitUntil(lambda: [chord.name for chord in lane.chords] == before)


def test_a_chord_stamp_draws_whole_chords(empty):
    empty.roll.chord_stamp = "m7"
    empty.roll.tool = "draw"
    empty.click(empty.at(BAR, 62))
    assert [pitch for _, _, pitch in empty.facts()] == [62, 65, 69, 72]
    assert empty.labels() == 1
    with pytest.raises(ValueError, match="no chord is called"):
        empty.roll.chord_stamp = "wrong"


def controller_point(hands, tick, value):
    lane = hands.roll.controller_lane
    return QPoint(round(hands.axis.x(tick)), round(float(lane.scale.y(value, lane.height()))))


def test_drawing_in_a_controller_lane_writes_controls_of_the_current_track(hands):
    hands.document.set_current_track(1)
    hands.roll.lane_name = "Modulation"
    lane = hands.roll.controller_lane
    hands.drag(controller_point(hands, 0, 0), controller_point(hands, BAR, 127), widget=lane)
    controls = hands.document.song.controls
    assert set(zip(controls["kind"].tolist(), controls["number"].tolist(), controls["track"].tolist())) == {
        (0xB0, 1, 1)
    }
    assert set(controls["channel"].tolist()) == {1}
    half_way = controls["value"][np.searchsorted(controls["tick"], BAR // 2)]
    assert half_way == pytest.approx(64, abs=4)
    assert np.all(np.diff(controls["value"]) > 0)
    assert hands.labels() == 1
    hands.document.undo()
    assert len(hands.document.song.controls) == 0


def test_drawing_again_replaces_and_right_drag_erases(hands):
    hands.roll.lane_name = "Pitch bend"
    lane = hands.roll.controller_lane
    hands.drag(controller_point(hands, 0, 4000), controller_point(hands, BAR, -4000), widget=lane)
    hands.drag(controller_point(hands, BEAT, 0), controller_point(hands, 2 * BEAT, 0), widget=lane)
    controls = hands.document.song.controls
    inside = controls[(controls["tick"] >= BEAT) & (controls["tick"] <= 2 * BEAT)]
    assert abs(inside["value"]).max() <= 120
    assert controls["value"].max() > 3500
    hands.drag(controller_point(hands, 0, 0), controller_point(hands, 2 * BAR, 0), widget=lane, button=RIGHT)
    assert len(hands.document.song.controls) == 0


def test_the_pedal_is_down_or_up(hands):
    hands.roll.lane_name = "Sustain"
    lane = hands.roll.controller_lane
    hands.drag(
        controller_point(hands, 0, 120), controller_point(hands, BEAT, 90), controller_point(hands, BEAT + 60, 5),
        controller_point(hands, 2 * BEAT, 5), widget=lane,
    )  # fmt: skip
    assert set(hands.document.song.controls["value"].tolist()) == {0, 127}


def test_every_lane_can_be_chosen_from_its_header(hands):
    actions = hands.roll.lane_header.menu().actions()
    assert [action.text() for action in actions][:2] == ["Velocity", "Modulation"]
    assert actions[0].isChecked()
    for action in actions:
        action.trigger()
        assert hands.roll.lane_name == action.text()
        shown = hands.roll.lanes.currentWidget()
        assert shown is (hands.roll.lane if action.text() == "Velocity" else hands.roll.controller_lane)
    with pytest.raises(ValueError, match="no lane is called"):
        hands.roll.lane_name = "Loudness"
