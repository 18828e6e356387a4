"""Notes dragged out of the window are a MIDI file of just those notes."""

from __future__ import annotations

import numpy as np
from PySide6.QtCore import QPoint

from core.song.midi_file import read_midi
from core.song.notes import KeyMark, Meter, Song, Tempo, Track, make_notes
from desktop.roll.drag_out import excerpt, midi_file_of

BEAT, BAR = 480, 1920


def song():
    return Song(
        np.concatenate([make_notes(0, BEAT, 60), make_notes([BAR + BEAT, 2 * BAR], BEAT, [64, 67], 90, 2)]),
        (Track("Piano"), Track("Bass", 33, 1), Track("Lead / solo", 80, 2)),
        tempos=(Tempo.from_bpm(0, 120), Tempo.from_bpm(BAR, 90)),
        meters=(Meter(0, 4, 4), Meter(2 * BAR, 3, 4)),
        keys=(KeyMark(0, 2, "minor"),),
    )


def test_an_excerpt_starts_at_its_bar_with_what_is_in_force_there():
    part = excerpt(song(), np.array([1, 2]))
    assert part.notes["onset"].tolist() == [BEAT, BAR]
    assert part.notes["track"].tolist() == [0, 0]
    assert [track.name for track in part.tracks] == ["Lead / solo"]
    assert [(tempo.tick, round(tempo.bpm)) for tempo in part.tempos] == [(0, 90)]
    assert [(meter.tick, meter.numerator) for meter in part.meters] == [(0, 4), (BAR, 3)]
    assert [(key.tick, key.tonic) for key in part.keys] == [(0, 2)]


def test_the_file_holds_the_notes_and_is_named_by_them(tmp_path):
    path = midi_file_of(song(), np.array([1, 2]), tmp_path)
    assert path.name.startswith("Lead  solo ")
    read = read_midi(path)
    assert read.notes["pitch"].tolist() == [64, 67]
    assert read.notes["onset"].tolist() == [BEAT, BAR]
    assert midi_file_of(song(), np.array([1, 2]), tmp_path) == path
    assert midi_file_of(song(), np.array([2]), tmp_path) != path
    assert len(list(tmp_path.iterdir())) == 2


def test_moving_notes_beyond_the_window_takes_them_out_and_changes_nothing(hands):
    taken = []
    hands.canvas.dragged_out.disconnect()
    hands.canvas.dragged_out.connect(lambda: taken.append(hands.document.selection.tolist()))
    far = QPoint(hands.roll.width() * 5, 50)
    hands.drag(hands.at(100, 72), hands.at(200, 72), far)
    assert len(taken) == 1
    assert hands.document.song.notes["pitch"][taken[0]].tolist() == [72]
    assert hands.labels() == 0
