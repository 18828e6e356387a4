"""The document tells the views exactly what changed."""

from __future__ import annotations

from dataclasses import replace

import pytest

from core.song import edits
from core.song.harmony import Key
from core.song.notes import Song, Track, make_notes
from desktop.document import Change, Document, differences

SONG = Song(make_notes([0, 480, 960], 480, [60, 62, 64]), (Track("A"), Track("B", 33, 1)))


@pytest.mark.parametrize(
    ("edited", "what"),
    [
        (edits.transpose(SONG, [0], 1), {"notes"}),
        (edits.set_track(SONG, 0, volume=3), {"tracks"}),
        (edits.set_tempo(SONG, 90), {"tempo"}),
        (edits.set_meter(SONG, 3, 4), {"meter"}),
        (edits.set_key(SONG, Key(2, "minor")), {"keys"}),
        (edits.set_tempo(edits.delete(SONG, [0]), 90), {"notes", "tempo"}),
        (replace(SONG, ticks_per_beat=960), {"all"}),
        (SONG.with_notes(SONG.notes.copy()), set()),
    ],
)
def test_a_change_names_what_differs(edited: Song, what: set[str]) -> None:
    assert differences(SONG, edited) == what


def test_apply_undo_and_redo_tell_the_views_and_an_equal_song_does_not(qtbot: object) -> None:
    document = Document(SONG)
    heard: list[Change] = []
    document.changed.connect(heard.append)
    document.apply("Transpose", edits.transpose(SONG, [0], 1))
    document.undo()
    document.redo()
    document.undo()
    assert document.undo() is None
    assert [change.what for change in heard] == [frozenset({"notes"})] * 4
    assert document.song == SONG
    assert not document.modified
    assert heard[0].previous == heard[1].song


def test_a_selection_is_dropped_when_notes_change_and_kept_when_not(qtbot: object) -> None:
    document = Document(SONG)
    document.select([2, 0, 7, 2])
    assert document.selection.tolist() == [0, 2]
    document.apply("Tempo", edits.set_tempo(document.song, 90))
    assert document.selection.tolist() == [0, 2]
    document.apply("Delete", edits.delete(document.song, [0]))
    assert not len(document.selection)


def test_the_loop_is_ordered_and_empty_ones_are_none(qtbot: object) -> None:
    document = Document(SONG)
    document.set_loop((960, 480))
    assert document.loop == (480, 960)
    document.set_loop((5, 5))
    assert document.loop is None


def test_the_current_track_stays_within_the_tracks(qtbot: object) -> None:
    document = Document(SONG)
    document.set_current_track(7)
    assert document.current_track == 1
    document.apply("Remove", edits.remove_track(document.song, 1))
    assert document.current_track == 0


def test_solo_silences_the_others(qtbot: object) -> None:
    document = Document(SONG)
    document.set_soloed(1, True)
    assert [document.is_audible(track) for track in (0, 1)] == [False, True]
    document.set_muted(1, True)
    assert not document.is_audible(1)


def test_opening_forgets_what_belonged_to_the_song_before(qtbot: object) -> None:
    document = Document(SONG)
    document.apply("Delete", edits.delete(SONG, [0]))
    document.set_loop((0, 480))
    document.set_muted(1, True)
    document.set_playhead(480)
    document.open(Song())
    assert (document.can_undo, document.loop, document.muted, document.playhead) == (
        False,
        None,
        frozenset(),
        0,
    )
    assert not document.modified
    document.open(SONG, saved=False)
    assert document.modified
