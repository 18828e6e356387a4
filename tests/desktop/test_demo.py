"""The demo phrase is music: in its key, in time, loopable, every part where it belongs."""

from __future__ import annotations

import numpy as np

from core.song.harmony import estimate_key
from core.song.notes import TICKS_PER_BEAT
from desktop.demo import demo_song

BAR = 4 * TICKS_PER_BEAT


def test_eight_bars_for_four_parts() -> None:
    song = demo_song()
    assert song.bars.bar_at(song.end_tick - 1) == 7
    assert [track.name for track in song.tracks] == ["Piano", "Bass", "Strings", "Drums"]
    for bar in range(8):
        inside = song.notes[(song.notes["onset"] >= bar * BAR) & (song.notes["onset"] < (bar + 1) * BAR)]
        assert set(inside["track"]) == {0, 1, 2, 3}, f"every part plays in bar {bar + 1}"


def test_it_sounds_in_the_key_it_states() -> None:
    song = demo_song()
    pitched = song.notes[song.notes["track"] != 3]
    key, _ = estimate_key(pitched)
    assert key.name == "F major"
    assert (song.keys[0].tonic, song.keys[0].mode) == (5, "major")


def test_parts_keep_to_their_registers_and_lines_move_in_steps() -> None:
    notes = demo_song().notes
    assert notes["pitch"][notes["track"] == 1].max() < 50
    strings = notes[notes["track"] == 2]
    lowest = []
    for half in range(0, 8 * BAR, BAR // 2):
        sounding = strings[(strings["onset"] <= half) & (strings["onset"] + strings["duration"] > half)]
        lowest.append(int(sounding["pitch"].min()))
    assert lowest == [64, 64, 62, 61, 60, 60, 58, 57, 57, 57, 55, 55, 55, 54, 53, 52], "E falls to E by steps"
    assert notes["velocity"].std() > 12, "played, not typed"


def test_no_pitch_is_struck_again_while_it_sounds() -> None:
    notes = demo_song().notes
    for track in range(4):
        mine = notes[notes["track"] == track]
        for pitch in np.unique(mine["pitch"]):
            same = mine[mine["pitch"] == pitch]
            ends = same["onset"] + same["duration"]
            assert np.all(ends[:-1] <= same["onset"][1:]), (track, pitch)
