"""What is decided before the first note: which parts there are, and what each is like.

How a part of some instrument usually lies (register, polyphony, density) is counted in the training data
per style and kept in the model's card; a plan draws from those counts.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from core.compose.encoding import DENSITIES, DRUMS, MOST_PARTS, POLYPHONIES, REGISTERS
from core.errors import TunesmithError
from core.song.instruments import find_instrument

Row = tuple[int, int, int, int]
Lie = tuple[int, int, int]
"""Register, polyphony and density classes of a part."""


@dataclass(frozen=True)
class Plan:
    """The parts of a new piece, low to high with drums last.

    Attributes
    ----------
    rows : classes of every part, see `core.compose.encoding.Piece`
    tracks : the track that each part is written to
    names : the instrument of each track; a piano's two hands are two parts and one track
    """

    rows: list[Row]
    tracks: list[int]
    names: list[str]


USUAL_REGISTER = 10
"""The register of an instrument that no piece had: about C4 to F4."""


def plan_parts(
    instruments: Sequence[str],
    style: str,
    habits: Mapping[str, Any],
    density: float | None,
    rng: np.random.Generator,
) -> Plan:
    """Plan the parts of a new piece.

    Parameters
    ----------
    instruments : names as `core.song.instruments.find_instrument` takes them; none lets the style choose
    style : one of the styles, or ""
    habits : from the model's card: "bands" (style -> instrumentations) and "parts"
        (style -> program -> [register, polyphony, density, count] rows) and "ensembles"
        (style -> pieces, each its parts as "program-register-polyphony-density" and a space)
    density : 0 (few notes) to 1 (many), or None to leave it to habit
    rng : where the draws come from

    Raises
    ------
    TunesmithError
        For an unknown instrument, two drum parts, or too many parts.
    """
    asked = list(instruments) or usual_band(style, habits, rng)
    if len(asked) > MOST_PARTS:
        raise TunesmithError(f"at most {MOST_PARTS} instruments can play together; leave some out")
    found = [find_instrument(name) for name in asked]
    if sum(drum for _, drum in found) > 1:
        raise TunesmithError("there can be one drum part; name drums once")
    hands = solo_parts(found[0], style, habits) if len(asked) == 1 else 1
    wanted = [
        (DRUMS if drum else number, track) for track, (number, drum) in enumerate(found) for _ in range(hands)
    ]
    programs = [program for program, _ in wanted]
    lies = _heard_together(programs, style, habits, rng) or _apart(programs, style, habits, rng)
    parts = [
        ((program, register, polyphony, _density_class(usual, density)), track)
        for (program, track), (register, polyphony, usual) in zip(wanted, lies, strict=True)
    ]
    parts.sort(key=lambda part: (part[0][0] == DRUMS, part[0][1]))
    order = list(dict.fromkeys(track for _, track in parts))
    return Plan(
        [row for row, _ in parts],
        [order.index(track) for _, track in parts],
        [asked[track] for track in order],
    )


def solo_parts(instrument: tuple[int, bool], style: str, habits: Mapping[str, Any]) -> int:
    """The parts that an instrument alone is written in: as many as where it most often plays alone."""
    number, drum = instrument
    if drum:
        return 1
    for band in habits.get("bands", {}).get(style, []):
        if {find_instrument(name) for name in band} == {(number, False)}:
            return len(band)
    return 1


def usual_band(style: str, habits: Mapping[str, Any], rng: np.random.Generator) -> list[str]:
    """Instruments that often play a style together."""
    bands = habits.get("bands", {}).get(style)
    if not bands:
        return ["piano", "acoustic bass", "string ensemble 1", "drums"]
    return list(bands[int(rng.integers(len(bands)))])


def _heard_together(
    programs: Sequence[int], style: str, habits: Mapping[str, Any], rng: np.random.Generator
) -> list[Lie]:
    """How the parts of some piece for just these instruments lie; none where no such piece is known.

    Parts that were heard together leave each other room: a tune, a second voice and a full accompaniment on
    three pianos, where parts drawn apart may come out as three tunes.
    """
    pieces = [
        [tuple(map(int, part.split("-"))) for part in piece.split()]
        for piece in habits.get("ensembles", {}).get(style, [])
    ]
    pieces = [piece for piece in pieces if sorted(row[0] for row in piece) == sorted(programs)]
    if not pieces:
        return []
    rows = list(pieces[int(rng.integers(len(pieces)))])
    lies = []
    for program in programs:
        row = next(row for row in rows if row[0] == program)
        rows.remove(row)
        lies.append((row[1], row[2], row[3]))
    return lies


def _apart(
    programs: Sequence[int], style: str, habits: Mapping[str, Any], rng: np.random.Generator
) -> list[Lie]:
    """How parts of these instruments usually lie, each drawn for itself."""
    taken: set[tuple[int, int]] = set()
    lies = []
    for program in programs:
        lies.append(_habit(program, style, habits, taken, rng))
        taken.add((program, lies[-1][0]))
    return lies


def _habit(
    program: int, style: str, habits: Mapping[str, Any], taken: set[tuple[int, int]], rng: np.random.Generator
) -> Lie:
    """How a part lies; two parts of one instrument, like a piano's hands, lie apart where they can."""
    by_style = habits.get("parts", {})
    rows = by_style.get(style, {}).get(str(program)) or by_style.get("", {}).get(str(program))
    if not rows:
        register = REGISTERS - 1 if program == DRUMS else USUAL_REGISTER
        return register, POLYPHONIES, DENSITIES
    rows = [row for row in rows if (program, row[0]) not in taken] or rows
    counts = np.array([row[3] for row in rows], float)
    row = rows[int(rng.choice(len(rows), p=counts / counts.sum()))]
    return int(row[0]), int(row[1]), int(row[2])


def _density_class(usual: int, density: float | None) -> int:
    """The part's usual density moved towards the one asked for; the middle, 0.5, leaves it as it is."""
    if density is None:
        return usual
    known = usual if usual < DENSITIES else DENSITIES // 2
    return int(np.clip(round(known + (density - 0.5) * 2 * (DENSITIES // 2)), 0, DENSITIES - 1))
