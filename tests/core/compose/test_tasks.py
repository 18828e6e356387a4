"""Filling, varying and accompanying: what was there stays, bit for bit; what is asked for is kept.

These hold for any weights, so an untrained network will do.
"""

from dataclasses import replace
from functools import cache

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from core.compose import flagship
from core.compose.flagship import Loaded, compose_with
from core.compose.network import Network, Shape
from core.compose.request import Request
from core.compose.styles import COMPOSERS, STYLES
from core.compose.workpiece import beside
from core.errors import TunesmithError
from core.song.harmony import CHORDS, parse_chord, pitched_notes
from core.song.notes import Meter, Notes, Song, make_notes
from tests.core.compose.test_state import some_song

torch.set_num_threads(1)


@cache
def untrained() -> Loaded:
    torch.manual_seed(5)
    return Loaded(Network(Shape(32, 1, len(STYLES), len(COMPOSERS), 0.0, infill=8)).eval(), {})


def made(request: Request) -> Song:
    *_, last = compose_with(untrained(), request)
    assert last.done
    assert last.song is not None
    return last.song


def rows_of(notes: Notes) -> list[tuple]:
    return sorted(notes.tolist())


@settings(max_examples=25, deadline=None)
@given(
    song_seed=st.integers(0, 5),
    first=st.integers(0, 12),
    bars=st.integers(1, 4),
    tracks=st.sets(st.integers(0, 3), max_size=3),
    lock_share=st.sampled_from([0.0, 0.3, 1.0]),
    off_grid=st.booleans(),
    seed=st.integers(0, 100),
)
def test_fill_keeps_everything_else(
    song_seed: int, first: int, bars: int, tracks: set[int], lock_share: float, off_grid: bool, seed: int
) -> None:
    song = some_song(song_seed)
    if off_grid:
        notes = song.notes.copy()
        notes["onset"] += np.random.default_rng(seed).integers(0, 17, len(notes))
        song = song.with_notes(notes)
    locked = np.flatnonzero(np.random.default_rng(seed).random(len(song.notes)) < lock_share)
    request = Request(
        task="fill", song=song, first_bar=first, bars=bars, tracks=tuple(sorted(tracks)), seed=seed,
        locked=tuple(locked.tolist()), key="",
    )  # fmt: skip
    filled = made(request)
    begin, end = song.bars.start(first), song.bars.start(first + bars)
    inside = (song.notes["onset"] >= begin) & (song.notes["onset"] < end)
    inside &= np.isin(song.notes["track"], sorted(tracks or range(4)))
    inside[locked] = False
    stays = rows_of(song.notes[~inside])
    found = rows_of(filled.notes)
    missing = [row for row in stays if row not in found]
    assert not missing
    for row in stays:
        found.remove(row)
    for onset, duration, track, *_ in found:
        assert begin <= onset < end
        assert onset + duration <= end
        assert track in (tracks or range(4))
    assert (filled.tracks, filled.tempos, filled.meters) == (song.tracks, song.tempos, song.meters)
    assert np.array_equal(filled.controls, song.controls)


def test_no_new_note_sounds_into_a_standing_one_of_its_pitch() -> None:
    standing = make_notes([0, 480], [240, 240], [60, 60], [80, 80], [0, 0])
    new = make_notes(
        [120, 300, 300, 480, 900], [100, 400, 100, 50, 10], [60, 60, 61, 60, 60], [90] * 5, [0] * 5
    )
    kept = beside(standing, new)
    assert [(n["onset"], n["duration"], n["pitch"]) for n in kept] == [
        (300, 180, 60),
        (300, 100, 61),
        (900, 10, 60),
    ]


def test_filling_an_empty_track_writes_for_its_instrument() -> None:
    song = some_song(1)
    song = replace(song, notes=song.notes[song.notes["track"] != 2])
    filled = made(Request(task="fill", song=song, first_bar=2, bars=4, tracks=(2,), key=""))
    assert len(filled.notes) > len(song.notes)
    assert set(filled.notes["track"]) == {0, 1, 2, 3}


@pytest.mark.parametrize("amount", [0.0, 0.5, 1.0])
def test_vary_writes_the_asked_share_anew(amount: float) -> None:
    song = some_song(2)
    varied = made(Request(task="vary", song=song, amount=amount, key=""))
    stayed = len(set(rows_of(song.notes)) & set(rows_of(varied.notes))) / len(song.notes)
    assert stayed >= 1 - amount - 0.12
    assert amount < 1 or stayed < 0.2


def test_accompany_adds_instruments_and_leaves_the_song_alone() -> None:
    song = some_song(3)
    request = Request(task="accompany", song=song, instruments=("flute", "cello"), key="", style="")
    whole = made(request)
    assert {track.name for track in whole.tracks[len(song.tracks) :]} == {"Cello", "Flute"}
    old = whole.notes[whole.notes["track"] < len(song.tracks)]
    assert rows_of(old) == rows_of(song.notes)
    assert set(whole.notes["track"]) == set(range(6))
    assert len({0, 9, *(track.channel for track in whole.tracks[len(song.tracks) :])}) == 4
    last_bar = song.bars.start(song.bars.bar_at(song.end_tick - 1) + 1)
    assert whole.end_tick <= last_bar


def test_accompany_refuses_a_second_drum_kit() -> None:
    with pytest.raises(TunesmithError, match="drums already"):
        made(Request(task="accompany", song=some_song(0), instruments=("drums",), key=""))


def test_a_song_of_drums_alone_is_refused() -> None:
    song = some_song(0)
    drums = replace(song, notes=song.notes[song.notes["track"] == 3])
    for task in ("continue", "fill", "vary", "accompany"):
        with pytest.raises(TunesmithError, match="no pitched notes"):
            made(Request(task=task, song=drums, key=""))


def test_filling_goes_on_through_a_change_of_meter() -> None:
    song = replace(some_song(4), meters=(Meter(0, 4, 4), Meter(4 * 1920, 3, 4)))
    filled = made(Request(task="fill", song=song, first_bar=3, bars=3, key="", seed=2))
    begin, end = song.bars.start(3), song.bars.start(6)
    inside = (filled.notes["onset"] >= begin) & (filled.notes["onset"] < end)
    assert rows_of(filled.notes[~inside]) == rows_of(
        song.notes[(song.notes["onset"] < begin) | (song.notes["onset"] >= end)]
    )
    assert inside.any()


def test_the_same_request_gives_the_same_notes_alone_or_side_by_side() -> None:
    from core.compose.flagship import _setting, _writer
    from core.compose.stepper import Steppers
    from core.compose.writing import write

    requests = [Request(seed=seed, bars=3) for seed in (4, 5, 6)]
    alone = [rows_of(made(request).notes) for request in requests]
    writers = [_writer(untrained(), request) for request in requests]
    settings = [_setting(untrained(), writer.request, writer.work) for writer in writers]
    for _ in write(writers, Steppers(untrained().network, settings)):
        pass
    assert [rows_of(writer.song.notes) for writer in writers if writer.song] == alone


@pytest.mark.parametrize("polyphony", [1, 3])
def test_polyphony_is_what_was_asked_for(polyphony: int) -> None:
    song = made(Request(bars=12, instruments=("piano", "violin", "drums"), polyphony=polyphony, seed=3))
    last = song.bars.start(11)
    for track in (0, 1):
        notes = song.notes[(song.notes["track"] == track) & (song.notes["onset"] < last)]
        together = len(notes) / len(np.unique(notes["onset"]))
        assert polyphony - 0.5 <= together <= polyphony


def test_note_length_stretches_notes() -> None:
    short, long = (
        made(Request(bars=8, instruments=("piano",), note_length=wish, seed=1)) for wish in (0.0, 1.0)
    )
    assert np.median(short.notes["duration"]) * 3 < np.median(long.notes["duration"])


def test_register_moves_the_parts() -> None:
    low, high = (made(Request(bars=8, instruments=("piano",), register=wish, seed=1)) for wish in (0.0, 1.0))
    assert low.notes["pitch"].mean() + 18 < high.notes["pitch"].mean()


def test_at_strictness_100_the_chord_lane_rules_every_beat() -> None:
    names = ("C", "Am", "Dm,G7", "C")
    song = made(
        Request(bars=9, key="C major", instruments=("piano", "bass"), chords=names, strictness=100, seed=2)
    )
    per_beat = song.ticks_per_beat
    for note in pitched_notes(song):
        bar, beat = divmod(int(note["onset"]), 4 * per_beat)
        if bar == 8 or beat % per_beat:
            continue
        chords = names[bar % 4].split(",")
        root, suffix = parse_chord(chords[0] if beat < 2 * per_beat else chords[-1])
        assert (note["pitch"] - root) % 12 in CHORDS[suffix]


def test_repetition_at_its_ends() -> None:
    never, always = (
        made(Request(bars=12, instruments=("piano",), repetition=wish, seed=6)) for wish in (0.0, 1.0)
    )

    def repeats(song: Song) -> float:
        bars = [
            tuple(
                (n["onset"] - song.bars.start(bar), n["pitch"])
                for n in song.notes
                if song.bars.bar_at(n["onset"]) == bar
            )
            for bar in range(11)
        ]
        return float(np.mean([bar in bars[:place] for place, bar in enumerate(bars) if place]))

    assert repeats(never) == 0
    assert repeats(always) == 1


def test_what_copies_too_much_is_written_anew_and_refused_in_the_end(monkeypatch: pytest.MonkeyPatch) -> None:
    lengths = iter([40, 18] + [40] * 6)
    monkeypatch.setattr(flagship.originality, "longest_match", lambda _: range(next(lengths)))
    request = Request(bars=2, instruments=("piano",), longest_copy=20, seed=3)
    updates = list(compose_with(untrained(), request))
    frames = [place for place, update in enumerate(updates) if update.song and not update.done]
    assert len(frames) == 2
    anew = np.concatenate([update.notes for update in updates[frames[1] :]])
    last = updates[-1].song
    assert last is not None
    assert set(anew["onset"].tolist()) == set(last.notes["onset"].tolist())
    with pytest.raises(TunesmithError, match="raise the limit"):
        made(request)


def test_a_stream_goes_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(flagship, "load", untrained)
    bars = 0
    for update in flagship.stream(Request(bars=2, instruments=("piano",), seed=3)):
        assert not update.done
        if len(update.notes):
            bars = int(update.notes["onset"].max()) // 1920
        if bars >= 12:
            break
    assert bars == 12


def test_the_best_of_several_drafts_is_kept() -> None:
    request = Request(bars=3, instruments=("piano",), candidates=4, seed=9)
    updates = list(compose_with(untrained(), request))
    assert [update.done for update in updates].count(True) == 1
    last = updates[-1].song
    assert last is not None
    assert len(np.concatenate([update.notes for update in updates])) >= len(last.notes) > 0
    assert rows_of(last.notes) == rows_of(made(request).notes)
