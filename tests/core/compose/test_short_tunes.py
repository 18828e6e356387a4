"""Short Tunes: its sizes, its stream, its seeds, and that every note ends."""

from itertools import islice

import numpy as np
import pytest

from core.compose import short_tunes
from core.compose.registry import GENERATORS, compose, compose_song
from core.compose.request import Request
from core.compose.short_tunes import (
    LEAST,
    LONGEST_NOTE,
    MOST,
    MOVES,
    Weights,
    endless_notes,
    endless_rows,
    foretell,
    rows_of,
    stream,
)
from core.errors import Cancelled, TunesmithError
from core.song.notes import Song, Tempo, Track, make_notes


def some_weights(seed: int = 0) -> Weights:
    """Random weights, livelier than trained ones."""
    rng = np.random.default_rng(seed)

    def some(*shape: int) -> np.ndarray:
        return rng.normal(0, 0.6, shape).astype(np.float32)

    return Weights(
        some(3, 192),
        some(48, 192),
        some(192),
        some(48, 24),
        some(24),
        some(24, 3),
        some(3),
        mean=np.array([62.0, 84.0, 0.15]),
        variance=np.array([110.0, 280.0, 0.04]),
        errors=rng.normal(0, 0.8, (64, 2)),
        move_loss=np.where(np.isin(MOVES % 12, (0, 4, 7)), 0.03, 1.0) - 0.03 * (MOVES == 0),
    )


def test_rows_are_note_ons_of_all_channels_by_time_in_seconds() -> None:
    """The example of the paper's figure 2: two channels become one row of events."""
    notes = make_notes(
        [0, 240, 240, 720], [100, 50, 50, 10], [67, 31, 70, 65], [127, 50, 100, 123], [0, 1, 0, 0]
    )
    song = Song(notes, (Track(), Track(channel=1)), tempos=(Tempo.from_bpm(0, 120), Tempo.from_bpm(480, 60)))
    assert rows_of(song).tolist() == [[67, 127, 0], [70, 100, 0.25], [31, 50, 0], [65, 123, 0.75]]


def test_the_scaler_is_undone() -> None:
    weights, rows = some_weights(), np.array([[60.0, 80.0, 0.2], [0.0, 1.0, 4.0]])
    assert np.allclose(weights.unscaled(weights.scaled(rows)), rows)
    assert np.allclose(weights.scaled(weights.mean), 0)
    assert np.allclose(weights.scaled(weights.mean + np.sqrt(weights.variance)), 1)


def test_one_foretelling_is_that_of_the_equations() -> None:
    """Written out step by step after equations 1 to 6 of the paper, with Keras's tanh for the new values."""
    weights, window = some_weights(), np.random.default_rng(1).normal(size=(3, 3))

    def logistic(values: np.ndarray) -> np.ndarray:
        return 1 / (1 + np.exp(-values))

    state, cell = np.zeros(48), np.zeros(48)
    for row in window:
        enter, forget, new, leave = np.split(
            row @ weights.kernel + state @ weights.recurrent + weights.bias, 4
        )
        cell = logistic(forget) * cell + logistic(enter) * np.tanh(new)
        state = logistic(leave) * np.tanh(cell)
    expected = np.tanh(state @ weights.hidden + weights.hidden_bias) @ weights.output + weights.output_bias
    assert np.allclose(foretell(weights, window), expected, atol=1e-5)
    many = foretell(weights, np.stack([window, window[::-1]]))
    assert many.shape == (2, 3)
    assert np.allclose(many[0], expected, atol=1e-5)


def test_the_stream_has_no_end_and_keeps_to_what_midi_can_say() -> None:
    rows = np.array(list(islice(endless_rows(some_weights(), 3, 1.0), 5000)))
    assert rows.shape == (5000, 3)
    assert (rows >= LEAST).all()
    assert (rows <= MOST).all()
    assert rows[:, 2].sum() > 10


def test_a_stream_that_stands_still_begins_anew() -> None:
    weights = some_weights()
    weights.output[:] = 0
    weights.output_bias[:] = (0, 0, -5)  # no time ever passes but what clipping leaves
    rows = list(islice(endless_rows(weights, 1), 40))
    assert all(row[2] == 0 for row in rows)
    weights.output[:, 2] = np.random.default_rng(0).normal(size=24)
    weights.output_bias[2] = -1.5
    assert np.array(list(islice(endless_rows(weights, 1), 2000)))[:, 2].sum() > 0


def test_the_least_temperature_is_the_papers_generator() -> None:
    weights = some_weights()
    plain = list(islice(endless_rows(weights, 5, 0.1), 20))
    rng = np.random.default_rng(5)
    window = rng.standard_normal((3, 3))
    for row in plain:
        expected = np.clip(weights.unscaled(foretell(weights, window)), LEAST, MOST)
        assert np.allclose(row, expected)
        window = np.concatenate([window[1:], weights.scaled(row)[None]])


def test_temperature_moves_pitches_to_where_the_note_loss_is_low() -> None:
    weights = some_weights()
    weights.output[:] = 0
    weights.output_bias[:] = (0, 0, 1)  # always the mean pitch, 62

    def moves(temperature: float) -> np.ndarray:
        rows = islice(endless_rows(weights, 5, temperature), 2000)
        return np.array([round(float(row[0])) - 62 for row in rows])

    assert set(moves(0.1)) == {0}
    assert set(moves(1.0)) == {-12, -8, -5, 0, 4, 7, 12}
    assert (moves(0.5) == 0).mean() > (moves(1.0) == 0).mean() > (moves(2.0) == 0).mean() > 0.1


def test_notes_end_with_the_next_of_their_voice_and_none_is_struck_twice_at_once() -> None:
    rows = [(60, 80, 0.0), (60, 90, 0.0), (48, 80, 0.0), (62, 80, 0.5), (90, 80, 9.0)]
    notes = list(endless_notes(iter(np.array(rows, np.float64))))
    assert [tuple(note) for note in notes] == [
        (0.0, 0.5, 60, 80),
        (0.0, LONGEST_NOTE, 48, 80),
        (0.5, LONGEST_NOTE, 62, 80),
    ]


@pytest.fixture
def weights(monkeypatch: pytest.MonkeyPatch) -> Weights:
    """Compose with random weights, so that what holds, holds for any."""
    made = some_weights()
    monkeypatch.setattr(short_tunes, "load", lambda: made)
    return made


def overlapping_unisons(song: Song) -> int:
    notes = np.sort(song.notes, order=("pitch", "onset"))
    same = np.diff(notes["pitch"].astype(int)) == 0
    return int((same & (notes["onset"][:-1] + notes["duration"][:-1] > notes["onset"][1:])).sum())


@pytest.mark.usefixtures("weights")
@pytest.mark.parametrize("seed", range(5))
def test_a_song_has_its_length_and_valid_notes(seed: int) -> None:
    song = compose_song(
        Request(generator="short-tunes", seconds=30, tempo=90, instruments=("drums", "flute"), seed=seed)
    )
    assert 20 < song.seconds <= 30.001
    assert len(song.tracks) == 1
    assert song.tracks[0].program == 73
    notes = song.notes
    assert (notes["duration"] >= 1).all()
    assert ((notes["velocity"] >= 1) & (notes["velocity"] <= 127) & (notes["pitch"] <= 127)).all()
    assert overlapping_unisons(song) == 0


@pytest.mark.usefixtures("weights")
def test_bars_at_the_tempo_give_the_length() -> None:
    song = compose_song(Request(generator="short-tunes", bars=4, meter=(3, 4), tempo=60, seed=2))
    assert 8 < song.seconds <= 12.001
    assert song.end_tick <= 4 * song.bars.length_at(0)
    assert (song.meters[0].numerator, song.tempos[0].bpm) == (3, 60)


@pytest.mark.usefixtures("weights")
def test_the_same_seed_gives_the_same_song_and_another_seed_another() -> None:
    one = Request(generator="short-tunes", seconds=20, seed=4)
    assert compose_song(one) == compose_song(one)
    assert compose_song(one) != compose_song(Request(generator="short-tunes", seconds=20, seed=5))


@pytest.mark.usefixtures("weights")
def test_updates_bring_every_note_once() -> None:
    updates = list(compose(Request(generator="short-tunes", seconds=20, seed=1)))
    told = np.concatenate([update.notes for update in updates])
    assert updates[0].song is not None
    assert len(updates[0].song.notes) == 0
    last = updates[-1]
    assert last.done
    assert last.song is not None
    assert len(told) == len(last.song.notes)
    progress = [update.progress for update in updates]
    assert progress == sorted(progress)
    assert progress[-1] == 1.0


@pytest.mark.usefixtures("weights")
def test_the_stream_goes_on_where_it_left_off_and_begins_as_the_song_does() -> None:
    request = Request(generator="short-tunes", seconds=5, seed=9)
    updates = list(islice(stream(request), 200))
    assert not any(update.done for update in updates)
    notes = np.concatenate([update.notes for update in updates])
    assert (np.diff(notes["onset"]) >= 0).all()
    song = compose_song(request)
    inside = notes[notes["onset"] < song.notes["onset"].max()]
    assert inside["pitch"].tolist() == song.notes[: len(inside)]["pitch"].tolist() or set(
        inside["pitch"].tolist()
    ) == set(song.notes[: len(inside)]["pitch"].tolist())
    assert notes["onset"].max() > 10 * song.end_tick


@pytest.mark.usefixtures("weights")
@pytest.mark.parametrize("of", [compose, stream])
def test_cancel_is_heard_within_a_note(of) -> None:
    asked = 0

    def cancelled() -> bool:
        nonlocal asked
        asked += 1
        return asked > 10

    with pytest.raises(Cancelled):
        list(of(Request(generator="short-tunes", seconds=600), cancelled=cancelled))
    assert asked == 11


@pytest.mark.parametrize(
    ("wish", "says"),
    [
        ({"style": "jazz"}, "no style 'jazz'"),
        ({"task": "continue"}, "cannot 'continue'"),
        ({"seconds": 0.0}, "seconds"),
    ],
)
def test_a_request_that_cannot_be_met_is_refused_in_one_line(wish: dict, says: str) -> None:
    with pytest.raises(TunesmithError) as refusal:
        compose_song(Request(**{"generator": "short-tunes", **wish}))
    assert says in str(refusal.value)


def test_the_shipped_network_streams_faster_than_it_is_heard() -> None:
    generator = GENERATORS["short-tunes"]
    assert generator.stream is not None
    song = compose_song(Request(generator="short-tunes", seconds=60, seed=1))
    assert len(song.notes) > 60
    assert song.seconds > 50
