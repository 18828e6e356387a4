"""The blind listening test: two contestants answer one request, and nobody knows which is which until they voted.

Contestants are the generators, and ``REAL``: pieces that were imported into the library, of which as many bars
are heard as the request asks for. Both sides are brought to the same loudness (BS.1770 of what is rendered), since
the louder of two is liked better whatever it plays.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from core.compose.recipe import request_of
from core.compose.registry import GENERATORS, compose
from core.compose.request import Request
from core.errors import Cancelled, TunesmithError
from core.song.notes import Song
from core.store.fingerprint import content_id
from core.store.library import Library, Search, recipe_of
from core.store.votes import Contestant, Trial

REAL = "real"
FEWEST_NOTES = 16
SAMPLE_RATE = 22_050
"""Loudness is measured of what is rendered at this rate: half the time, and within 0.2 dB."""

Never = Callable[[], bool]


@dataclass(frozen=True, slots=True)
class Side:
    """What is heard as A or B: the song, and by how much it is turned down (``gain``, an amplitude, 0-1)."""

    contestant: Contestant
    song: Song
    gain: float = 1.0


@dataclass(frozen=True, slots=True)
class Bout:
    """Two sides in the order they are heard; the order was drawn by lot."""

    first: Side
    second: Side


def contestants(library: Library | None = None) -> list[str]:
    """The names that can compete: every generator, and `REAL` where the library has imported pieces."""
    names = list(GENERATORS)
    if library is not None and library.find(Search(kind="imported", limit=1)):
        names.append(REAL)
    return names


def prepare(
    pair: Sequence[str],
    request: Request,
    *,
    library: Library,
    seed: int,
    soundfont: str | None = None,
    progress: Callable[[float], None] = lambda share: None,
    cancelled: Never = lambda: False,
) -> Bout:
    """Let a pair answer a request, at the same loudness and in an order drawn by lot.

    Parameters
    ----------
    pair : two different names of `contestants`
    request : what both are asked for; the generator and the seed are put in here
    seed : decides the seed of the request, the real piece, and the order
    soundfont : what it will be heard with; the best found unless given

    Raises
    ------
    TunesmithError
        where the pair is none, or nothing fitting is there
    Cancelled
    """
    if len(set(pair)) != 2:
        raise TunesmithError("a blind test takes two different contestants; choose another for A or B")
    random = np.random.default_rng(seed)
    request = replace(request, task="new", song=None, seed=int(random.integers(2**32)))
    entries: list[tuple[Mapping[str, Any], Song | None]] = []
    for name in pair:
        if name == REAL:
            entries.append(_real(library, request.bars, random))
        else:
            entries.append((_asked(name, request), None))
    sides = []
    for index, (recipe, song) in enumerate(entries):
        if song is None:
            wish = request_of(recipe)
            song = _composed(wish, _part(progress, 0.45 * index, 0.45), cancelled)
        sides.append(Side(Contestant(pair[index], recipe, content_id(song)), song))
    if random.random() < 0.5:
        sides.reverse()
    return _level(sides, soundfont, cancelled)


def gains(levels: Sequence[float]) -> list[float]:
    """Amplitudes (0-1) that bring loudnesses in LUFS down to the lowest; 1 for what is silent."""
    heard = [level for level in levels if np.isfinite(level)]
    return [10 ** ((min(heard) - level) / 20) if np.isfinite(level) else 1.0 for level in levels]


def replay(trial: Trial, library: Library, *, soundfont: str | None = None) -> Bout:
    """What was heard in a trial, made again in the same order.

    Raises
    ------
    TunesmithError
        where it cannot be made again just as it was: another model, or a piece that is gone
    """
    sides = []
    for one in (trial.first, trial.second):
        song = (
            _bars_of(library.song(one.recipe["piece"]), one.recipe["first_bar"], one.recipe["bars"])
            if one.name == REAL
            else _composed(request_of(one.recipe), lambda share: None, lambda: False)
        )
        if content_id(song) != one.content_id:
            raise TunesmithError(
                f"{one.name} no longer gives what was heard in trial {trial.id}; its model was replaced since"
            )
        sides.append(Side(one, song))
    return _level(sides, soundfont, lambda: False)


def _asked(name: str, request: Request) -> dict[str, Any]:
    """The recipe of the same wish to another generator, which may not know the style or the composer."""
    generator = GENERATORS[name]
    style = request.style if request.style in generator.styles else ""
    composer = request.composer if request.composer in generator.composers else ""
    return recipe_of(replace(request, generator=name, style=style, composer=composer, personal=""))


def _composed(request: Request, progress: Callable[[float], None], cancelled: Never) -> Song:
    for update in compose(request, cancelled=cancelled):
        progress(update.progress)
        if cancelled():
            raise Cancelled
        if update.done and update.song is not None:
            if not len(update.song.notes):
                break
            return update.song
    raise TunesmithError(f"{request.generator} gave no notes; ask for other settings")


def _part(progress: Callable[[float], None], start: float, length: float) -> Callable[[float], None]:
    """What tells the progress of a part of the work."""
    return lambda share: progress(start + length * share)


def _real(library: Library, bars: int, random: np.random.Generator) -> tuple[Mapping[str, Any], Song]:
    """Some bars of an imported piece, both drawn by lot."""
    pieces = library.find(Search(kind="imported"))
    for index in random.permutation(len(pieces)).tolist():
        song = library.song(pieces[index].id)
        last = max(pieces[index].bars - bars, 0)
        for first in random.permutation(last + 1)[:4].tolist():
            part = _bars_of(song, first, bars)
            if len(part.notes) >= FEWEST_NOTES:
                return {"piece": pieces[index].id, "first_bar": first, "bars": bars}, part
    raise TunesmithError(
        f"the library has no imported piece with {FEWEST_NOTES} notes in {bars} bars; import some MIDI files"
    )


def _bars_of(song: Song, first: int, bars: int) -> Song:
    """Some bars of a song, as a song that begins with them."""
    start, end = song.bars.start(first), song.bars.start(first + bars)
    notes = song.notes[(song.notes["onset"] >= start) & (song.notes["onset"] < end)].copy()
    notes["onset"] -= start
    notes["duration"] = np.minimum(notes["duration"], end - start - notes["onset"])

    def since(marks: Any) -> Any:
        in_force = [mark for mark in marks if mark.tick <= start][-1:]
        later = [mark for mark in marks if start < mark.tick < end]
        return tuple(replace(mark, tick=max(0, mark.tick - start)) for mark in in_force + later)

    return Song(
        notes, song.tracks, song.ticks_per_beat,
        tempos=since(song.tempos), meters=since(song.meters), keys=since(song.keys),
    )  # fmt: skip


def _level(sides: Sequence[Side], soundfont: str | None, cancelled: Never) -> Bout:
    """The sides at the same loudness."""
    levels = [_loudness(side.song, soundfont, cancelled) for side in sides]
    first, second = (replace(side, gain=gain) for side, gain in zip(sides, gains(levels), strict=True))
    return Bout(first, second)


def _loudness(song: Song, soundfont: str | None, cancelled: Never) -> float:
    from core.sound.loudness import integrated_lufs
    from core.sound.render import render

    # As the player sounds it: without what the renderer does about peaks.
    sound = render(song, soundfont=soundfont, sample_rate=SAMPLE_RATE, peak_safe=False, cancelled=cancelled)
    return integrated_lufs(sound, SAMPLE_RATE, cancelled=cancelled)
