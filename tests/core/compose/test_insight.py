"""Surprise, alternatives and likelihood are the network's own, and reach the very notes that they speak of."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from core.compose import flagship, insight, stepper
from core.compose.encoding import BAR, DRUMS, piece_from_song, shift_to_common_key
from core.compose.insight import NO_EVENT, Reading, alternatives, events_of_notes, surprise
from core.compose.network import Network, Shape
from core.compose.styles import COMPOSERS, STYLES
from core.errors import Cancelled, TunesmithError
from core.learn.batches import whole_pieces
from core.learn.data import Example
from core.learn.objective import attribute_losses
from core.song.harmony import Key
from core.song.notes import Meter, Notes, Song, Track, make_notes
from tests.core.compose.test_state import some_song

G = Key(7, "major")


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> flagship.Loaded:
    """A small network of random weights in the flagship's place, stepping in full precision."""
    torch.manual_seed(1)
    network = Network(Shape(32, 1, len(STYLES), len(COMPOSERS), 0.0)).eval()
    loaded = flagship.Loaded(network, {})
    monkeypatch.setattr(flagship, "load", lambda: loaded)
    monkeypatch.setattr(stepper, "can_int8", lambda device: False)
    return loaded


def tune(bars: int = 16, seed: int = 0) -> Song:
    """A plain tune in G over a bass and chords, as any book of folk tunes has."""
    rng = np.random.default_rng(seed)
    scale = np.array([67, 69, 71, 72, 74, 76, 78, 79])
    rows: list[tuple[int, int, int, int]] = []
    for bar in range(bars):
        root = (0, 0, 3, 4, 0, 3, 4, 0)[bar % 8]
        chord = scale[[root % 7, (root + 2) % 7, (root + 4) % 7]] - 12
        rows += [(bar * 1920, 1900, int(chord[0]) - 12, 1)]
        rows += [
            (bar * 1920 + beat * 480, 460, int(pitch), 2) for beat in range(4) for pitch in sorted(chord)
        ]
        for beat in range(4):
            pitch = int(rng.choice(chord)) + 12 if beat % 2 == 0 else int(rng.choice(scale))
            rows.append((bar * 1920 + beat * 480, 460, pitch, 0))
    onset, duration, pitch, track = np.array(rows).T
    tracks = (Track("tune", 73), Track("bass", 32), Track("chords", 0))
    return Song(make_notes(onset, duration, pitch, 80, track), tracks)


def test_every_event_is_the_first_of_its_notes() -> None:
    for seed in range(4):
        song = some_song(seed)
        again = np.concatenate([song.notes, song.notes[::5]])  # notes on top of others
        song = song.with_notes(again)
        piece = piece_from_song(song, G)
        assert piece is not None
        found = events_of_notes(song, piece, G)
        assert set(found) - {NO_EVENT} == set(np.flatnonzero(piece.events["time"] != BAR))
        event, first = np.unique(found, return_index=True)
        assert len(song.notes) > len(event)
        notes, events = song.notes[first[event >= 0]], piece.events[event[event >= 0]]
        drum = piece.parts[events["part"], 0] == DRUMS
        moved = np.where(drum, 128, shift_to_common_key(G))
        assert np.array_equal(events["pitch"].astype(int), notes["pitch"] + moved)
        assert np.array_equal(events["velocity"], notes["velocity"] // 8)
        assert np.array_equal(events["bar"] * 1920 + events["time"].astype(int) * 40, notes["onset"])


def test_notes_between_steps_on_bar_lines_and_beyond_the_range_go_where_the_encoding_puts_them() -> None:
    rng = np.random.default_rng(5)
    onsets = np.sort(rng.integers(0, 12_000, 80))
    onsets[40:44] = [1919, 3359, 5280, 5279]  # just before bar lines of 4/4 and 3/4
    notes = make_notes(onsets, 100, rng.integers(0, 128, 80), 80, rng.integers(0, 20, 80))
    tracks = tuple(Track("", n, n % 16, is_drum=n in (3, 9)) for n in range(20))
    song = Song(notes, tracks, meters=(Meter(0, 4, 4), Meter(3840, 3, 4)))
    for tonic in range(12):
        key = Key(tonic, "minor")
        piece = piece_from_song(song, key)
        assert piece is not None
        found = events_of_notes(song, piece, key)
        assert set(found) - {NO_EVENT} == set(np.flatnonzero(piece.events["time"] != BAR))
        assert (found == NO_EVENT).any()  # sixteen of twenty tracks


def test_the_surprises_are_the_losses_of_training(small: flagship.Loaded) -> None:
    song = some_song(2)
    reading = Reading(song, G)
    found = reading.surprise()
    piece = piece_from_song(song, G)
    assert piece is not None
    example = Example(piece, len(STYLES), len(COMPOSERS), "", "", "test")
    _, batch = next(whole_pieces([example], steps=0))
    with torch.inference_mode():
        losses, _, notes, _ = attribute_losses(small.network, batch, None, torch.device("cpu"))
    of_notes = float(losses["part"] + losses["pitch"] + losses["duration"])
    of_bars = float(losses["copy"] + losses["chord"] + losses["second_chord"])
    seen = found[np.isfinite(found)]
    assert len(seen) == notes
    whole = -reading.log_likelihood() * notes
    # The piece's end after the last note is foretold in training alone.
    assert of_notes + of_bars < whole <= of_notes + of_bars + float(losses["time"]) + 1e-3
    assert whole > of_notes + of_bars + 0.97 * float(losses["time"])
    assert of_notes < seen.sum() < whole


def test_notes_that_the_encoding_leaves_out_have_no_surprise(small: flagship.Loaded) -> None:
    song = some_song(1)
    twice = song.with_notes(np.concatenate([song.notes, song.notes[:10]]))
    found = surprise(twice, G)
    assert len(found) == len(twice.notes)
    assert np.isnan(found).sum() >= 10
    piece = piece_from_song(twice, G)
    assert piece is not None
    assert np.isfinite(found).sum() == (piece.events["time"] != BAR).sum()
    assert np.nanmin(found) > 0


def test_alternatives_are_ranked_and_hold_the_note(small: flagship.Loaded) -> None:
    song = some_song(3)
    reading = Reading(song, G)
    for note in range(0, len(song.notes), 7):
        told = reading.alternatives(note, 256)
        pitches, shares = [pitch for pitch, _ in told], [share for _, share in told]
        assert int(song.notes["pitch"][note]) in pitches
        assert len(set(pitches)) == len(pitches)
        assert shares == sorted(shares, reverse=True)
        assert 0.3 < sum(shares) <= 1 + 1e-6
        assert reading.alternatives(note) == told[:8]


def test_an_alternative_costs_no_more_than_reading_up_to_it(small: flagship.Loaded) -> None:
    song = some_song(3)
    reading = Reading(song, G)
    told = reading.alternatives(12)
    assert alternatives(song, 12, key=G) == told
    reading.surprise()
    assert reading.alternatives(12) == told


def test_questions_that_have_no_answer(small: flagship.Loaded) -> None:
    with pytest.raises(TunesmithError, match="no note 999"):
        alternatives(some_song(0), 999)
    with pytest.raises(TunesmithError, match="cannot read this song"):
        surprise(Song())
    crowd = make_notes(np.arange(40) * 240, 200, 60, 80, np.arange(40) % 20)
    song = Song(crowd, tuple(Track() for _ in range(20)))
    with pytest.raises(TunesmithError, match="does not see note"):
        alternatives(song, 19)


def test_a_reading_stops_when_told_and_goes_on_later(small: flagship.Loaded) -> None:
    song, shares = some_song(2), []
    reading = Reading(song, G)
    with pytest.raises(Cancelled):
        reading.surprise(progress=shares.append, cancelled=lambda: len(shares) >= 20)
    assert len(shares) == 20
    assert np.array_equal(reading.surprise(progress=shares.append), surprise(song, G), equal_nan=True)
    assert shares[-1] == 1.0
    assert shares == sorted(shares)


def changed(song: Song, note: int, pitch: int) -> Song:
    notes: Notes = song.notes.copy()
    notes["pitch"][note] = pitch
    return song.with_notes(notes)


def test_a_wrong_note_surprises_the_shipped_flagship() -> None:
    song = tune(8)
    melody = np.flatnonzero((song.notes["track"] == 0) & (song.notes["onset"] > 2 * 1920))[::2]
    before = surprise(song, G)
    rises = []
    for note in melody.tolist():
        pitch = int(song.notes["pitch"][note])
        outside = pitch + 1 if (pitch + 1) % 12 not in {7, 9, 11, 0, 2, 4, 6} else pitch - 1
        rises.append(surprise(changed(song, note, outside), G)[note] - before[note])
    assert len(rises) >= 10
    assert np.mean(np.array(rises) > 0) >= 0.9
    assert np.median(rises) > 2.0


def test_the_shipped_flagship_prefers_bars_in_their_order_and_notes_in_their_places() -> None:
    song = tune(12)
    rng = np.random.default_rng(3)
    mixed = song.notes.copy()
    melody = mixed["track"] == 0
    mixed["pitch"][melody] = rng.integers(60, 84, melody.sum())
    assert insight.log_likelihood(song, G) > insight.log_likelihood(song.with_notes(mixed), G) + 0.3


def test_the_likelihood_of_a_song_is_the_same_in_every_key() -> None:
    song = tune(4)
    notes = song.notes.copy()
    notes["pitch"] -= 2
    moved = replace(song, notes=notes)
    here, there = insight.log_likelihood(song, G), insight.log_likelihood(moved, Key(5, "major"))
    # The register of a part, in halves of an octave, moves with it.
    assert here == pytest.approx(there, abs=0.4)
