"""The generators by name. A new one is one new file and one row here."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

from core.compose import flagship, mixtape, short_tunes
from core.compose.request import Request, Update
from core.compose.styles import COMPOSERS, STYLES
from core.errors import TunesmithError
from core.song.notes import Song

Composer = Callable[..., Iterator[Update]]


@dataclass(frozen=True)
class Generator:
    """What a panel or the command line must know of a generator.

    Attributes
    ----------
    title : its name for people
    conditions : the fields of `Request` that it obeys, beside generator, task, seed and song
    compose : takes a `Request` and ``cancelled=``; yields `Update`
    warm_up : loads what `compose` needs
    composers : in whose manner it can write
    stream : as ``compose``, but goes on for as long as it is asked; its updates are never ``done``
    variants : as `compose_variants`, for a generator that writes several side by side
    """

    name: str
    title: str
    description: str
    styles: tuple[str, ...]
    tasks: tuple[str, ...]
    conditions: frozenset[str]
    compose: Composer
    warm_up: Callable[[], None]
    composers: tuple[str, ...] = ()
    stream: Composer | None = None
    variants: Callable[..., Iterator[tuple[int, Update]]] | None = None


GENERATORS: dict[str, Generator] = {
    flagship.NAME: Generator(
        flagship.NAME,
        "Flagship",
        "Several instruments at once, with form, chords and dynamics, in any key, to the bar you ask for",
        STYLES,
        flagship.TASKS,
        flagship.CONDITIONS,
        flagship.compose,
        flagship.warm_up,
        composers=COMPOSERS,
        stream=flagship.stream,
        variants=flagship.compose_variants,
    ),
    short_tunes.NAME: Generator(
        short_tunes.NAME,
        "Short Tunes",
        "An endless stream for one instrument, from a network of 11,235 numbers that knows neither beat nor key",
        short_tunes.STYLES,
        short_tunes.TASKS,
        short_tunes.CONDITIONS,
        short_tunes.compose,
        short_tunes.warm_up,
        stream=short_tunes.stream,
    ),
    mixtape.NAME: Generator(
        mixtape.NAME,
        "MixTape",
        "Notes and chords an eighth apart for one instrument, learnt from guitar and from piano music",
        (),
        mixtape.TASKS,
        mixtape.CONDITIONS,
        mixtape.compose,
        mixtape.warm_up,
        stream=mixtape.stream,
    ),
}

LIMITS = {
    "tempo": (20, 300),
    "bars": (1, 256),
    "elements": (1, 100_000),
    "seconds": (0.1, 7200),
    "density": (0, 1),
    "polyphony": (1, 5),
    "register": (0, 1),
    "note_length": (0, 1),
    "strictness": (0, 100),
    "repetition": (0, 1),
    "temperature": (0.1, 2),
    "rhythm_temperature": (0.1, 2),
    "top_p": (0.01, 1),
    "candidates": (1, 16),
    "longest_copy": (4, 10_000),
    "seed": (0, 2**32 - 1),
    "first_bar": (0, 100_000),
    "amount": (0, 1),
}
"""The least and the most of what a request may ask for; what is left open is not asked."""


def check(request: Request) -> Generator:
    """The generator that ``request`` names.

    Raises
    ------
    TunesmithError
        If the request asks for what cannot be.
    """
    if request.generator not in GENERATORS:
        raise TunesmithError(
            f"there is no generator {request.generator!r}; there are {', '.join(GENERATORS)}"
        )
    generator = GENERATORS[request.generator]
    if request.task not in generator.tasks:
        raise TunesmithError(f"{generator.name} cannot {request.task!r}; it can {', '.join(generator.tasks)}")
    if request.style and generator.styles and request.style not in generator.styles:
        raise TunesmithError(f"there is no style {request.style!r}; there are {', '.join(generator.styles)}")
    if request.composer and request.composer not in generator.composers:
        there = f"there are {', '.join(generator.composers)}" if generator.composers else "leave it open"
        raise TunesmithError(f"{generator.name} knows no composer {request.composer!r}; {there}")
    for name, (low, high) in LIMITS.items():
        value = getattr(request, name)
        if value is not None and not low <= value <= high:
            raise TunesmithError(f"{name.replace('_', '-')} must be {low} to {high}, not {value:g}")
    return generator


def compose(request: Request, *, cancelled: Callable[[], bool] = lambda: False) -> Iterator[Update]:
    """Compose, telling what is done while it is done.

    Raises
    ------
    TunesmithError
        For a request that cannot be met.
    core.errors.Cancelled
        Soon after ``cancelled`` first answers True.
    """
    yield from check(request).compose(request, cancelled=cancelled)


def compose_variants(
    request: Request, count: int, *, cancelled: Callable[[], bool] = lambda: False
) -> Iterator[tuple[int, Update]]:
    """Compose ``count`` pieces, with seeds counted up from the request's.

    Yields
    ------
    (which piece, its news)

    Raises
    ------
    TunesmithError, core.errors.Cancelled
        As `compose`.
    """
    generator = check(request)
    if generator.variants:
        yield from generator.variants(request, count, cancelled=cancelled)
        return
    for index in range(count):
        wish = replace(request, seed=(request.seed + index) % 2**32)
        for update in generator.compose(wish, cancelled=cancelled):
            yield index, update


def compose_song(request: Request) -> Song:
    """The finished song."""
    for update in compose(request):
        if update.done and update.song is not None:
            return update.song
    raise TunesmithError("the generator ended without a song; please report the request")


def warm_up(name: str = flagship.NAME) -> None:
    """Load what a generator needs, so that its first note comes at once."""
    GENERATORS[name].warm_up()
