"""Short Tunes: an endless stream of notes from a small recurrent network that foretells three numbers.

After P. Schaldenbrand, Y. He and H. Almoubayyed, "Long Short-Tunes Memory" (sections 2.2 and 2.4): the
note-ons of all channels in the order of time, each a row of pitch, velocity and seconds since the note-on
before. LSTM(48) -> Dense(24) -> Dense(3) reads the last three rows, scaled to mean 0 and variance 1, and
foretells the next. Every prediction is read back as the next row, from three random rows on.

What the paper leaves open, and we chose
----------------------------------------
* A note lasts until a later note begins within `VOICE` semitones of it, at most `LONGEST_NOTE` seconds.
* The LSTM has Keras's activations, tanh and the logistic function; between the dense layers stands a tanh.
* The three random rows are drawn from the normal distribution that the scaler knows.
* What leaves MIDI's range is clipped (`LEAST`, `MOST`) before it is read back. Where `MOST_TOGETHER` notes
  have come without any time passing, three new random rows are drawn, so that the stream flows.
* Only its random beginning tells one stream from another, and a foretelling of means soon circles or stands
  still. A temperature above `LEAST_TEMPERATURE` therefore moves every row before it is read back. A pitch
  moves by whole semitones, at most an octave, each move as likely as exp(-note loss / (`HEAT` x temperature)):
  by the loss that was learnt, mostly thirds, fifths and octaves. Velocity and time are given one of the
  errors that the network made on held-out music, drawn at random, times the temperature: so chords are
  struck, where a mean would strum. At the least temperature nothing moves: that is the paper's generator.

The stream is in seconds: it knows neither beats nor keys. The tempo and meter of a request only say where the
bars are drawn over it, and how long so many bars are.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from itertools import islice
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from core.compose.request import Request, Update
from core.errors import Cancelled, TunesmithError
from core.song.instruments import find_instrument
from core.song.notes import Meter, Notes, Song, Tempo, Track, empty_notes, make_notes
from core.store.model_file import find_models

NAME = "short-tunes"
STYLES = ("pop",)
TASKS = ("new",)
CONDITIONS = frozenset(("tempo", "meter", "bars", "seconds", "instruments", "temperature"))

LOOK_BACK = 3
COLUMNS = ("pitch", "velocity", "seconds since the note before")
LSTM_UNITS, DENSE_UNITS = 48, 24

LEAST = np.array([0.0, 1.0, 0.0])
MOST = np.array([127.0, 127.0, 4.0])
"""Rows are clipped to these."""

LEAST_TEMPERATURE = 0.1
HEAT = 0.03
FARTHEST_MOVE = 12
MOVES = np.arange(-FARTHEST_MOVE, FARTHEST_MOVE + 1)

MOST_TOGETHER = 12

VOICE = 7
LONGEST_NOTE = 2.0
SHORTEST_NOTE = 0.05

NEWS = 8
"""Notes told together."""

Array = NDArray[np.float32]
Rows = NDArray[np.float64]


@dataclass(frozen=True)
class Weights:
    """The network and its scaler.

    Attributes
    ----------
    kernel, recurrent, bias : of the LSTM [shapes=(3, 192), (48, 192), (192,)]; its gates stand in Keras's
        order: input, forget, cell, output
    hidden, hidden_bias : of Dense(24) [shapes=(48, 24), (24,)]
    output, output_bias : of Dense(3) [shapes=(24, 3), (3,)]
    mean, variance : of the rows learnt from [shape=(3,)]
    errors : velocity and time of some rows of held-out music, less what was foretold, scaled [shape=(n, 2)]
    move_loss : the note loss of each of `MOVES`
    """

    kernel: Array
    recurrent: Array
    bias: Array
    hidden: Array
    hidden_bias: Array
    output: Array
    output_bias: Array
    mean: Rows
    variance: Rows
    errors: Rows
    move_loss: Rows

    def scaled(self, rows: NDArray[np.floating]) -> Rows:
        """Rows with mean 0 and variance 1 over the music learnt from."""
        return (rows - self.mean) / np.sqrt(self.variance)

    def unscaled(self, rows: NDArray[np.floating]) -> Rows:
        """The inverse of `scaled`."""
        return rows * np.sqrt(self.variance) + self.mean


TRAINABLE = ("kernel", "recurrent", "bias", "hidden", "hidden_bias", "output", "output_bias")
FACTS = ("mean", "variance", "errors", "move_loss")


def weights_from(tensors: Mapping[str, NDArray[Any]]) -> Weights:
    """The network of a model file's tensors."""
    trained: dict[str, Any] = {name: tensors[name].astype(np.float32) for name in TRAINABLE}
    facts: dict[str, Any] = {name: tensors[name].astype(np.float64) for name in FACTS}
    return Weights(**trained, **facts)


@lru_cache(maxsize=1)
def load() -> Weights:
    """The shipped weights, or those that the user trained.

    Raises
    ------
    TunesmithError
        If there are none or they are damaged.
    """
    files = {model.name: model for model in find_models("compose")}
    if NAME not in files:
        raise TunesmithError(
            f"the weights {NAME} are missing; install Tunesmith again, or run: tunesmith learn {NAME}"
        )
    return weights_from(files[NAME].load()[0])


def warm_up() -> None:
    """Load the network."""
    load()


def rows_of(song: Song) -> Rows:
    """What the network reads of a song [shape=(notes, 3)]: its note-ons, all channels merged, by time.

    A silence longer than the stream can make is read as the longest that it can.
    """
    seconds = song.time.to_seconds(song.notes["onset"])
    since = np.diff(seconds, prepend=seconds[:1])
    rows = np.stack([song.notes["pitch"], song.notes["velocity"], since], axis=1)
    return np.clip(rows.astype(np.float64), LEAST, MOST)


def foretell(weights: Weights, window: NDArray[np.floating]) -> Array:
    """The next row, scaled, after the last three [shape=(..., 3, 3)]."""
    inputs = np.asarray(window, np.float32) @ weights.kernel + weights.bias
    state: Any = np.zeros((*inputs.shape[:-2], LSTM_UNITS), np.float32)
    cell: Any = state
    for step in range(LOOK_BACK):
        gates = inputs[..., step, :] + state @ weights.recurrent
        enter, forget, new, leave = np.split(gates, 4, axis=-1)
        cell = _logistic(forget) * cell + _logistic(enter) * np.tanh(new)
        state = _logistic(leave) * np.tanh(cell)
    hidden = np.tanh(state @ weights.hidden + weights.hidden_bias)
    return np.asarray(hidden @ weights.output + weights.output_bias)


def _logistic(values: Array) -> Array:
    # By tanh, which no argument makes overflow.
    return np.float32(0.5) * (np.tanh(values / 2) + 1)


def endless_rows(weights: Weights, seed: int, temperature: float = LEAST_TEMPERATURE) -> Iterator[Rows]:
    """The stream: rows [shape=(3,)] of pitch, velocity and seconds since the row before, unrounded.

    Parameters
    ----------
    temperature : 0.1 (the paper's) to 2; see the top of this file
    """
    rng = np.random.default_rng(seed)
    chances = np.exp((weights.move_loss.min() - weights.move_loss) / (HEAT * temperature)).cumsum()
    errors = temperature * weights.errors * np.sqrt(weights.variance[1:])
    window = rng.standard_normal((LOOK_BACK, len(COLUMNS)))
    together = 0
    while True:
        row = weights.unscaled(foretell(weights, window))
        if temperature > LEAST_TEMPERATURE:
            row[1:] += errors[rng.integers(len(errors))]
            row[0] += MOVES[np.searchsorted(chances, rng.random() * chances[-1], "right")]
        row = np.clip(row, LEAST, MOST)
        window = np.concatenate([window[1:], weights.scaled(row)[None]])
        together = together + 1 if row[2] <= 0 else 0
        if together >= MOST_TOGETHER:
            window = rng.standard_normal((LOOK_BACK, len(COLUMNS)))
            together = 0
        yield row


class Note(NamedTuple):
    """A note of the stream, times in seconds."""

    onset: float
    seconds: float
    pitch: int
    velocity: int


def endless_notes(rows: Iterator[Rows]) -> Iterator[Note]:
    """Rows as notes that end, in the order of their onsets; each comes once its end is known.

    Where a pitch is struck twice at once, the second is left out.
    """
    waiting: list[Note] = []
    now = 0.0
    for pitch, velocity, since in rows:
        now += float(since)
        struck = Note(now, LONGEST_NOTE, round(float(pitch)), round(float(velocity)))
        waiting = [_until(note, struck) for note in waiting]
        if not any(note.pitch == struck.pitch and _together(note, struck) for note in waiting):
            waiting.append(struck)
        # Whoever waits longest goes first, so that onsets stay in order.
        ended = next((i for i, note in enumerate(waiting) if note.onset + note.seconds > now), len(waiting))
        yield from waiting[:ended]
        waiting = waiting[ended:]


def _together(note: Note, struck: Note) -> bool:
    return struck.onset - note.onset < SHORTEST_NOTE


def _until(note: Note, struck: Note) -> Note:
    """``note``, ended by ``struck`` where that follows it in the same voice."""
    if _together(note, struck) or abs(note.pitch - struck.pitch) > VOICE:
        return note
    return note._replace(seconds=min(note.seconds, struck.onset - note.onset))


def frame_of(request: Request) -> Song:
    """The song without notes: one track, of the first pitched instrument that was asked for."""
    found = [find_instrument(name) for name in request.instruments]
    program = next((program for program, is_drum in found if not is_drum), 0)
    return Song(
        tracks=(Track("Short Tunes", program),),
        tempos=(Tempo.from_bpm(0, request.tempo),),
        meters=(Meter(0, *request.meter),),
        title="Short Tunes",
    )


def length(request: Request) -> float:
    """Seconds that are asked for: outright, or as bars at the tempo and meter."""
    if request.seconds is not None:
        return request.seconds
    numerator, denominator = request.meter
    return request.bars * numerator * 4 / denominator * 60 / request.tempo


def compose(request: Request, *, cancelled: Callable[[], bool] = lambda: False) -> Iterator[Update]:
    """The stream's first seconds; see `core.compose.registry.compose`."""
    frame, end = frame_of(request), length(request)
    yield Update(0.0, empty_notes(), song=frame)
    made = [empty_notes()]
    for told, reached in _told(load(), request, frame, cancelled, end):
        made.append(told)
        yield Update(min(1.0, reached / end), told)
    yield Update(1.0, empty_notes(), song=frame.with_notes(np.concatenate(made)), done=True)


def stream(request: Request, *, cancelled: Callable[[], bool] = lambda: False) -> Iterator[Update]:
    """The stream for as long as it is asked, far faster than it is played.

    The first update has the frame, each of the others the notes that follow those before. None is ``done``;
    the length that the request asks for is passed over.

    Raises
    ------
    core.errors.Cancelled
        Soon after ``cancelled`` first answers True.
    """
    frame = frame_of(request)
    yield Update(0.0, empty_notes(), song=frame)
    for told, _ in _told(load(), request, frame, cancelled):
        yield Update(0.0, told)


def _told(
    weights: Weights,
    request: Request,
    frame: Song,
    cancelled: Callable[[], bool],
    end: float = float("inf"),
) -> Iterator[tuple[Notes, float]]:
    """Some notes at a time, and the second that they reach; nothing sounds past ``end``."""

    def heard(rows: Iterator[Rows]) -> Iterator[Rows]:
        for row in rows:
            if cancelled():
                raise Cancelled
            yield row

    notes = endless_notes(heard(endless_rows(weights, request.seed, request.temperature)))
    while news := list(islice(notes, NEWS)):
        inside = [
            note._replace(seconds=min(note.seconds, end - note.onset)) for note in news if note.onset < end
        ]
        if inside:
            yield _in_ticks(inside, frame), inside[-1].onset
        if len(inside) < len(news):
            return


def _in_ticks(notes: list[Note], frame: Song) -> Notes:
    onsets, lengths, pitches, velocities = map(np.array, zip(*notes, strict=True))
    ticks = np.rint(frame.time.to_ticks(onsets)).astype(np.int64)
    ends = np.rint(frame.time.to_ticks(onsets + lengths)).astype(np.int64)
    return make_notes(ticks, np.maximum(ends - ticks, 1), pitches, velocities)
