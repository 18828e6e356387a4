"""The promises of the flagship: key, length, ending, instruments, seed, cancel, errors."""

import time
from dataclasses import replace

import numpy as np
import pytest

from core.compose.registry import GENERATORS, compose, compose_song
from core.compose.request import Request
from core.compose.workpiece import without_overlaps
from core.errors import Cancelled, TunesmithError
from core.song.harmony import in_key_share, parse_key, pitched_notes
from core.song.instruments import find_instrument
from core.song.notes import Song, Track, make_notes

BAND = ("acoustic bass", "piano", "string ensemble 1", "drums")


def notes_are_valid(song: Song) -> bool:
    notes = song.notes
    return bool(
        (notes["duration"] >= 1).all()
        and (notes["pitch"] <= 127).all()
        and ((notes["velocity"] >= 1) & (notes["velocity"] <= 127)).all()
        and (notes["onset"] >= 0).all()
        and (notes["track"] < len(song.tracks)).all()
    )


def overlapping_unisons(song: Song) -> int:
    notes = np.sort(song.notes, order=("track", "pitch", "onset"))
    same = (np.diff(notes["track"].astype(int)) == 0) & (np.diff(notes["pitch"].astype(int)) == 0)
    return int((same & (notes["onset"][:-1] + notes["duration"][:-1] > notes["onset"][1:])).sum())


@pytest.mark.parametrize(
    ("key", "meter", "style"),
    [
        ("C major", (4, 4), "pop"),
        ("F# minor", (3, 4), "waltz"),
        ("Bb major", (6, 8), "ballad"),
        ("E minor", (4, 4), "rock"),
        ("D dorian", (4, 4), "jazz"),
        ("Ab major", (5, 4), "classical"),
        ("G harmonic minor", (2, 4), "folk"),
    ],
)
def test_a_strict_song_keeps_its_key_its_length_and_its_ending(
    key: str, meter: tuple[int, int], style: str
) -> None:
    song = compose_song(
        Request(style=style, key=key, meter=meter, bars=6, strictness=100, instruments=BAND, seed=11)
    )
    assert in_key_share(pitched_notes(song), parse_key(key)) == 1.0
    bar = song.bars.length_at(0)
    assert song.end_tick == 6 * bar
    closing = pitched_notes(song)[pitched_notes(song)["onset"] >= 5 * bar]
    assert set(closing["onset"].tolist()) == {5 * bar}
    assert int(closing["pitch"].min()) % 12 == parse_key(key).tonic
    assert notes_are_valid(song)
    assert overlapping_unisons(song) == 0


def test_every_instrument_that_was_asked_for_plays() -> None:
    song = compose_song(Request(bars=8, instruments=BAND, seed=5))
    assert [find_instrument(track.name) for track in song.tracks if not track.is_drum] == [
        (track.program, False) for track in song.tracks if not track.is_drum
    ]
    assert sorted(track.name for track in song.tracks) == sorted(name.capitalize() for name in BAND)
    assert set(song.notes["track"].tolist()) == set(range(len(BAND)))
    drums = next(i for i, track in enumerate(song.tracks) if track.is_drum)
    pitches = song.notes["pitch"][song.notes["track"] == drums]
    assert ((pitches >= 35) & (pitches <= 81)).all()
    assert song.tracks[drums].channel == 9


def test_a_piano_alone_plays_with_both_hands() -> None:
    song = compose_song(Request(style="classical", instruments=("piano",), bars=8, seed=2))
    assert len(song.tracks) == 1
    assert song.notes["pitch"].min() < 55
    assert song.notes["pitch"].max() > 64
    assert overlapping_unisons(song) == 0


def test_the_same_request_gives_the_same_song_and_another_seed_another() -> None:
    request = Request(bars=4, seed=21)
    first = compose_song(request)
    assert compose_song(request) == first
    assert compose_song(replace(request, seed=22)) != first


def test_what_is_told_while_composing_is_the_song_before_its_overlaps_are_cut() -> None:
    updates = list(compose(Request(bars=4, seed=3)))
    assert updates[0].song is not None
    assert not len(updates[0].notes)
    assert not len(updates[0].song.notes)
    told = np.concatenate([update.notes for update in updates])
    whole = updates[-1].song
    assert updates[-1].done
    assert whole is not None
    assert len(told) == len(whole.notes)
    assert np.array_equal(np.sort(told, order=("onset", "track", "pitch"))["pitch"], whole.notes["pitch"])
    progress = [update.progress for update in updates]
    assert progress == sorted(progress)
    assert progress[-1] == 1.0


def test_a_continuation_keeps_the_song_and_adds_the_bars() -> None:
    start = compose_song(Request(bars=4, key="D major", seed=8))
    longer = compose_song(Request(task="continue", key="", bars=4, seed=9, song=start))
    assert np.array_equal(longer.notes[: len(start.notes)], start.notes)
    bar = start.bars.length_at(0)
    assert (longer.notes["onset"][len(start.notes) :] >= 4 * bar).all()
    assert longer.end_tick == 8 * bar
    assert longer.tracks == start.tracks


def test_a_song_in_other_ticks_is_continued_on_its_own_grid() -> None:
    melody = make_notes(np.arange(16) * 96, 90, [60, 62, 64, 65, 67, 65, 64, 62] * 2)
    song = Song(melody, (Track("tune", 73),), ticks_per_beat=96)
    longer = compose_song(Request(task="continue", key="", bars=2, seed=1, song=song))
    assert longer.end_tick == 6 * 4 * 96
    assert longer.ticks_per_beat == 96


def test_cancel_is_heard_within_a_note() -> None:
    asked = 0
    begun = time.monotonic()

    def cancelled() -> bool:
        nonlocal asked
        asked += 1
        return asked > 10

    with pytest.raises(Cancelled):
        list(compose(Request(bars=64, seed=2), cancelled=cancelled))
    assert asked == 11
    assert time.monotonic() - begun < 60


@pytest.mark.parametrize(
    ("wish", "says"),
    [
        ({"bars": 0}, "bars must be 1 to 256"),
        ({"bars": 10_000}, "bars must be 1 to 256"),
        ({"key": "H#"}, '"H#" is not a key'),
        ({"style": "polka"}, "no style 'polka'"),
        ({"generator": "oracle"}, "no generator 'oracle'"),
        ({"task": "fill"}, "no song to fill"),
        ({"meter": (17, 4)}, "cannot be composed"),
        ({"tempo": 5}, "tempo must be 20 to 300"),
        ({"density": 2.0}, "density must be 0 to 1"),
        ({"instruments": ("drums", "drums")}, "one drum part"),
        ({"instruments": ("kazoo choir",)}, "kazoo choir"),
        ({"task": "continue", "song": Song()}, "no song to continue"),
    ],
)
def test_a_request_that_cannot_be_met_is_refused_in_one_line(wish: dict, says: str) -> None:
    with pytest.raises(TunesmithError) as refusal:
        compose_song(replace(Request(), **wish))
    assert says in str(refusal.value)
    assert "\n" not in str(refusal.value)


def test_a_drum_song_cannot_be_continued() -> None:
    beat = Song(make_notes(np.arange(16) * 480, 120, 36), (Track("kit", 0, 9, is_drum=True),))
    with pytest.raises(TunesmithError, match="no pitched notes"):
        compose_song(Request(task="continue", key="", song=beat))


def test_density_is_heard() -> None:
    few, many = (
        np.mean([len(compose_song(Request(bars=8, density=d, seed=s)).notes) for s in range(2)])
        for d in (0.0, 1.0)
    )
    assert many > 1.3 * few


def test_overlaps_are_cut_at_the_next_onset() -> None:
    notes = make_notes([0, 240, 240], [480, 480, 480], [60, 60, 62])
    cut = np.sort(without_overlaps(notes), order=("pitch", "onset"))
    assert cut["duration"].tolist() == [240, 480, 480]


def test_every_style_can_be_composed_with_its_usual_band() -> None:
    for style in GENERATORS["flagship"].styles:
        song = compose_song(Request(style=style, bars=2, instruments=(), seed=1))
        assert len(song.notes) > 0
