"""MixTape: one instrument, and notes and chords an eighth apart, foretold from the hundred before.

After R. Kumar, A. Mishra and Y. Chhabra, "Application of Recurrent Neural Networks paired with LSTM - Music
Generation". Two networks, one that learnt from guitar and one from piano music, and two ways to compose:

* At `LEAST_TEMPERATURE` as published (section VI.B): it begins after a window of 100 elements drawn from the
  training music, reads the last 100 elements anew for each next one, and always takes the likeliest.
* At any other temperature in our way: the network's state is carried on, and the next element is drawn, as
  daringly as the temperature says, for as long as one likes. This is many times faster and repeats itself
  less; see docs/mixtape.md.

Conventions
-----------
* An element begins half a beat after the one before it and each of its notes lasts a beat, music21's default:
  200 elements at 120 beats a minute last 50.25 s, which the paper rounds up to 51.
* A note ends where the next element strikes the same pitch, since MIDI has no two of a pitch.
* The first pitched instrument plays. Plucked ones play what the guitar's network composes, all others the
  piano's.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache, partial
from itertools import chain, islice
from typing import TYPE_CHECKING, Protocol

import numpy as np
from numpy.typing import NDArray

from core.compose.elements import pitches_of
from core.compose.flagship import unpacked
from core.compose.request import Request, Update
from core.compose.sampling import choose
from core.errors import Cancelled, TunesmithError
from core.song.instruments import FAMILIES, PROGRAMS, find_instrument
from core.song.notes import TICKS_PER_BEAT, Meter, Notes, Song, Tempo, Track, empty_notes, make_notes
from core.store.model_file import find_models

if TYPE_CHECKING:
    from torch import Tensor

    from core.compose.mixtape_network import MixTapeNetwork

NAME = "mixtape"

TASKS = ("new",)
CONDITIONS = frozenset(("bars", "elements", "instruments", "tempo", "meter", "temperature", "top_p"))

LEAST_TEMPERATURE = 0.1
"""The least that a request may ask for, and how it asks for the paper's own way."""

WINDOW = 100
MOST_ELEMENTS = 20_000

OFFSET = 0.5
"""Beats from one element to the next."""

NOTE_BEATS = 1.0
VELOCITY = 90
"""music21's length and loudness of a note of which neither was said."""

PLUCKED = ("guitar", "bass", "ethnic")
"""Families of instruments that the guitar's network composes for."""

NEWS = 4
"""Elements told together while composing."""

TRAINED_ON = ("guitar", "piano")


@dataclass(frozen=True)
class Loaded:
    """A network in memory, what its indices stand for, and stretches of its training music to begin after."""

    network: MixTapeNetwork
    vocabulary: tuple[str, ...]
    seeds: NDArray[np.uint16]


class Foreteller(Protocol):
    """What reads elements and says how likely each may come next."""

    def push(self, element: int) -> None: ...
    def logits(self) -> Tensor: ...


Choose = Callable[["Tensor"], int]


@lru_cache(maxsize=len(TRAINED_ON))
def load(trained_on: str) -> Loaded:
    """The network that learnt from "guitar" or "piano" music: the shipped one, or the user's own.

    Raises
    ------
    TunesmithError
        If there are no weights or they are damaged.
    """
    import torch

    from core.compose.mixtape_network import network_from

    name = f"{NAME}-{trained_on}"
    files = {model.name: model for model in find_models("compose")}
    if name not in files:
        raise TunesmithError(
            f"the weights {name} are missing; install Tunesmith again, or run: tunesmith learn {NAME}"
        )
    # Many small products one after another: more threads only wait for each other.
    torch.set_num_threads(1)
    tensors, card = files[name].load()
    seeds = tensors.pop("seeds")
    weights = {name: torch.from_numpy(array) for name, array in unpacked(tensors).items()}
    return Loaded(network_from(weights), tuple(card["vocabulary"]), seeds)


def warm_up() -> None:
    """Load both networks."""
    for trained_on in TRAINED_ON:
        load(trained_on)


def compose(request: Request, *, cancelled: Callable[[], bool] = lambda: False) -> Iterator[Update]:
    """Compose as ``request`` says; see `core.compose.registry.compose`."""
    loaded = load(_learnt_from(_program(request)))
    foretold = published if request.temperature <= LEAST_TEMPERATURE else drawn
    return _composed(request, loaded, foretold(request, loaded, cancelled=cancelled))


def stream(request: Request, *, cancelled: Callable[[], bool] = lambda: False) -> Iterator[Update]:
    """Compose on and on, in our way at any temperature."""
    loaded = load(_learnt_from(_program(request)))
    yield Update(0.0, empty_notes(), song=frame(request))
    for notes in _sounding(drawn(request, loaded, cancelled=cancelled), loaded.vocabulary, OFFSET):
        yield Update(0.0, notes)


def published(request: Request, loaded: Loaded, *, cancelled: Callable[[], bool]) -> Iterator[int]:
    """The likeliest elements by windows read anew, as many as ``request`` asks for."""
    from core.compose.mixtape_network import Windows

    start = window(loaded, np.random.default_rng(request.seed))
    windows = Windows(loaded.network, WINDOW, length(request)[0])
    return foretell(windows, start, cancelled=cancelled)


def drawn(request: Request, loaded: Loaded, *, cancelled: Callable[[], bool]) -> Iterator[int]:
    """Elements drawn by temperature with the state carried on, without an end."""
    from core.compose.mixtape_network import Carried

    rng = np.random.default_rng(request.seed)
    start = window(loaded, rng)
    draw = partial(_draw, rng=rng, temperature=request.temperature, top_p=request.top_p)
    return foretell(Carried(loaded.network), start, draw, cancelled=cancelled)


def likeliest(logits: Tensor) -> int:
    """The paper's choice."""
    return int(logits.argmax())


def _draw(logits: Tensor, *, rng: np.random.Generator, temperature: float, top_p: float) -> int:
    return choose(logits.double().numpy(), rng, temperature=temperature, top_p=top_p)


def window(loaded: Loaded, rng: np.random.Generator, length: int = WINDOW) -> list[int]:
    """A stretch of the training music, drawn at random, as indices."""
    row = loaded.seeds[rng.integers(len(loaded.seeds))]
    first = int(rng.integers(len(row) - length + 1))
    return [int(index) for index in row[first : first + length]]


def foretell(
    reader: Foreteller,
    start: Sequence[int],
    chosen: Choose = likeliest,
    *,
    cancelled: Callable[[], bool] = lambda: False,
) -> Iterator[int]:
    """Element after element that follows ``start``, without an end.

    Raises
    ------
    core.errors.Cancelled
        Soon after ``cancelled`` first answers True.
    """
    for index in start:
        if cancelled():
            raise Cancelled
        reader.push(index)
    while not cancelled():
        index = chosen(reader.logits())
        yield index
        reader.push(index)
    raise Cancelled


def frame(request: Request) -> Song:
    """The song without notes: its one track, tempo and meter."""
    program = _program(request)
    return Song(
        tracks=(Track(PROGRAMS[program], program),),
        tempos=(Tempo.from_bpm(0, request.tempo),),
        meters=(Meter(0, *request.meter),),
    )


def song_of(request: Request, elements: Sequence[str], offset: float = OFFSET) -> Song:
    """Elements as a song, ``offset`` beats apart."""
    places = range(len(elements))
    return frame(request).with_notes(np.concatenate(list(_sounding(places, elements, offset))))


def _sounding(indices: Iterator[int] | range, vocabulary: Sequence[str], offset: float) -> Iterator[Notes]:
    """The notes of each element, told once the next one is known."""
    here: tuple[int, ...] = ()
    for place, index in enumerate(chain(indices, (None,))):
        there = () if index is None else pitches_of(vocabulary[index])
        if here:
            onset, following = (round(at * offset * TICKS_PER_BEAT) for at in (place - 1, place))
            lasting = round(NOTE_BEATS * TICKS_PER_BEAT)
            durations = [min(lasting, following - onset) if pitch in there else lasting for pitch in here]
            yield make_notes(onset, durations, list(here), VELOCITY, 0)
        here = there


def _composed(request: Request, loaded: Loaded, foretold: Iterator[int]) -> Iterator[Update]:
    """Tell of elements while they are made. A length in bars is kept to the tick."""
    count, end = length(request)
    song = frame(request)
    yield Update(0.0, empty_notes(), song=song)
    made: list[Notes] = []
    told = 0
    for notes in _sounding(islice(foretold, count), loaded.vocabulary, OFFSET):
        if end is not None:
            notes["duration"] = np.minimum(notes["duration"], end - notes["onset"])
        made.append(notes)
        if len(made) - told >= NEWS:
            yield Update(len(made) / count, np.concatenate(made[told:]))
            told = len(made)
    if told < len(made):
        yield Update(1.0, np.concatenate(made[told:]))
    yield Update(1.0, empty_notes(), song=song.with_notes(np.concatenate(made)), done=True)


def length(request: Request) -> tuple[int, int | None]:
    """(How many elements, the tick that the last must not sound beyond).

    Raises
    ------
    TunesmithError
        If that is none or too many.
    """
    if request.elements is not None:
        if not 1 <= request.elements <= MOST_ELEMENTS:
            raise TunesmithError(f"elements must be 1 to {MOST_ELEMENTS:,}, not {request.elements}")
        return request.elements, None
    numerator, denominator = request.meter
    beats = request.bars * numerator * 4 / denominator
    return max(1, int(beats / OFFSET)), round(beats * TICKS_PER_BEAT)


def _program(request: Request) -> int:
    """The General MIDI program that plays: the first pitched instrument asked for, a piano where none is.

    Raises
    ------
    TunesmithError
        If there are only drums.
    """
    if not request.instruments:
        return 0
    for program, is_drum in map(find_instrument, request.instruments):
        if not is_drum:
            return program
    raise TunesmithError("MixTape plays one pitched instrument; ask for a piano, a guitar or any but drums")


def _learnt_from(program: int) -> str:
    plucked = any(PROGRAMS[program] in FAMILIES[family] for family in PLUCKED)
    return "guitar" if plucked else "piano"
