"""The track list and the bar at the top change the song as they say, and show it as it is."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from PySide6.QtCore import QPoint, QRect, Qt

from core.song.notes import Song, Track, make_notes
from desktop import theme
from desktop.controls.level_meter import meter_share
from desktop.demo import demo_song
from desktop.tracks.changes import in_ticks, with_copy, with_tracks_of
from desktop.transport import snap_ticks
from tests.desktop.hands import BEAT, CTRL, SHIFT, Hands


def test_a_new_track_has_a_colour_of_its_own(hands: Hands) -> None:
    for _ in range(3):
        hands.act("track_add")
    colours = [theme.track_colour(track.colour).name() for track in hands.song.tracks]
    assert len(set(colours)) == len(colours) == 7


def test_a_narrow_window_leaves_out_titles_and_nothing_overlaps(hands: Hands) -> None:
    bar = hands.studio.transport
    for width in (960, 1280):
        hands.studio.resize(width, 700)
        hands.until(lambda width=width: bar.width() == width)
        fields = [bar.tempo, bar.meter, bar.key, bar.snap, bar.volume, bar.engine, *bar._titles]
        boxes = [QRect(each.mapTo(bar, QPoint()), each.size()) for each in fields if each.isVisible()]
        assert not [(a, b) for a, b in itertools.combinations(boxes, 2) if a.intersects(b)]
        assert all(bar.rect().contains(box) for box in boxes)
        assert [title.isVisible() for title in bar._titles] == [width > 1000] * 5


def test_a_dragged_volume_is_one_undo_step(hands: Hands) -> None:
    row = hands.studio.tracks.rows[1]
    for volume in (90, 80, 70):
        row.volume.setValue(volume)
    assert hands.song.tracks[1].volume == 70
    assert hands.document.history.position == 1
    hands.press(Qt.Key.Key_Z, CTRL)
    assert hands.song.tracks[1].volume == 102
    assert row.volume.value() == 102


def test_an_instrument_brings_its_name_and_drums_their_channel(hands: Hands) -> None:
    row = hands.studio.tracks.rows[0]
    row.instrument._take(("program", 40))
    assert (hands.song.tracks[0].program, hands.song.tracks[0].name) == (40, "Violin")
    row.instrument._take(("drum", 0))
    assert hands.song.tracks[0].is_drum
    assert hands.song.tracks[0].channel == 9
    row.name.setText("Mine")
    row.name.editingFinished.emit()
    row.instrument._take(("program", 0))
    assert hands.song.tracks[0].name == "Mine", "a name given by hand stays"
    assert hands.song.tracks[0].channel != 9


def test_mute_and_solo_follow_their_track_when_it_moves(hands: Hands) -> None:
    hands.document.set_current_track(1)
    hands.press(Qt.Key.Key_M)
    hands.document.set_soloed(3, True)
    assert hands.document.muted == {1}
    hands.act("track_down")
    assert [track.name for track in hands.song.tracks] == ["Piano", "Strings", "Bass", "Drums"]
    assert hands.document.muted == {2}
    assert hands.studio.tracks.rows[2].mute.isChecked()
    hands.document.set_current_track(0)
    hands.act("track_remove")
    assert (hands.document.muted, hands.document.soloed) == ({1}, {2})


def test_duplicate_copies_notes_and_nothing_else_changes(hands: Hands) -> None:
    before = hands.song
    hands.document.set_current_track(1)
    hands.act("track_duplicate")
    after = hands.song
    assert [track.name for track in after.tracks] == ["Piano", "Bass", "Bass copy", "Strings", "Drums"]
    for old, new in ((0, 0), (1, 1), (1, 2), (2, 3), (3, 4)):
        columns = ["onset", "duration", "pitch", "velocity"]
        mine, theirs = before.notes[before.notes["track"] == old], after.notes[after.notes["track"] == new]
        assert np.array_equal(mine[columns], theirs[columns])
    melodic = [track.channel for track in after.tracks if not track.is_drum]
    assert len(set(melodic)) == len(melodic)


def test_tracks_of_another_resolution_keep_their_time() -> None:
    song = Song(make_notes(0, 480, 60), (Track("A"),))
    other = Song(make_notes([0, 96], 96, [62, 64]), (Track("B"),), ticks_per_beat=96)
    both = with_tracks_of(song, other)
    added = both.notes[both.notes["track"] == 1]
    assert added["onset"].tolist() == [0, 480]
    assert added["duration"].tolist() == [480, 480]
    assert with_copy(both, 1).tracks[2].name == "B copy"


def test_a_song_in_other_ticks_is_the_same_music() -> None:
    song = demo_song()
    other = in_ticks(song, 96)
    assert other.seconds == pytest.approx(song.seconds, abs=0.01)
    assert np.array_equal(other.notes["pitch"], song.notes["pitch"])
    assert other.bars.bar_at(other.end_tick - 1) == 7
    assert in_ticks(song, 480) is song


def test_tempo_meter_and_key_are_edits(hands: Hands) -> None:
    transport = hands.studio.transport
    transport.tempo.setValue(120)
    assert hands.song.tempos[0].bpm == 120
    transport.meter._take((3, 4))
    assert (hands.song.meters[0].numerator, hands.song.meters[0].denominator) == (3, 4)
    transport.key._take((2, "minor"))
    assert (hands.song.keys[0].tonic, hands.song.keys[0].mode) == (2, "minor")
    for _ in range(3):
        hands.press(Qt.Key.Key_Z, CTRL)
    assert round(transport.tempo.value()) == 86
    assert transport.meter.value == (4, 4)
    assert transport.key.value == (5, "major")


@pytest.mark.parametrize(
    ("tick", "position"),
    [(0, "1:1"), (BEAT - 1, "1:1"), (BEAT, "1:2"), (4 * BEAT, "2:1"), (31 * BEAT, "8:4")],
)
def test_the_position_counts_bars_and_beats_from_one(hands: Hands, tick: int, position: str) -> None:
    hands.document.set_playhead(tick)
    assert hands.studio.transport.position.text() == position


def test_space_plays_from_the_play_head_and_pauses_there(hands: Hands) -> None:
    hands.document.set_playhead(2 * BEAT)
    hands.press(Qt.Key.Key_Space)
    assert hands.player.playing
    assert hands.player.tick == 2 * BEAT
    hands.player.tick = 3 * BEAT
    hands.until(lambda: hands.document.playhead == 3 * BEAT)
    hands.press(Qt.Key.Key_Space)
    assert not hands.player.playing
    assert hands.document.playhead == 3 * BEAT
    hands.press(Qt.Key.Key_Space, SHIFT)
    assert hands.document.playhead == 0


def test_the_end_of_the_song_stops_the_transport(hands: Hands) -> None:
    hands.press(Qt.Key.Key_Space)
    hands.until(lambda: hands.studio.playback.is_playing and hands.studio.playback._heard)
    hands.player.playing = False
    hands.until(lambda: not hands.studio.playback.is_playing)


def test_mute_solo_and_loop_reach_the_player(hands: Hands) -> None:
    hands.document.set_muted(2, True)
    told = [entry for entry in hands.player.told if entry[:2] == ("set_mix", 2)][-1]
    assert ("mute", True) in told
    hands.act("loop")
    assert hands.player.last("set_loop") == ("set_loop", 0, 32 * BEAT)
    hands.act("loop")
    assert hands.player.last("set_loop") == ("set_loop", None)


def test_an_edit_is_heard(hands: Hands) -> None:
    hands.press(Qt.Key.Key_A, CTRL)
    hands.act("octave_up")
    hands.until(lambda: hands.player.last("load")[1] is hands.song)


@pytest.mark.parametrize(("name", "ticks"), [("Off", 0), ("1 bar", 1920), ("1/4", 480), ("1/8 triplet", 160)])
def test_snap_in_ticks(name: str, ticks: int) -> None:
    assert snap_ticks(name, Song()) == ticks


def test_the_meter_shows_decibels() -> None:
    assert meter_share(1.0) == 1.0
    assert meter_share(0.0) == 0.0
    assert meter_share(10 ** (-27 / 20)) == pytest.approx(0.5)
