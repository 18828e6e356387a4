"""What is measured of the score embedding on works it never saw: what comes back, and what lies between.

Conventions
-----------
* A note *comes back* where a note of the same pitch begins at the same position of the same bar; F1 is the harmonic
  mean of the shares of notes that came back and of notes written that were there.
* Pieces stand in C major or A minor, where a note is in key that is a white one.
* A *path* goes in `STEPS` steps between the first units of two pieces. The distance of two steps is the share of
  their notes that only one of them has (Jaccard), or how differently long each pitch class sounds.
* Intervals are 95 %, by drawing works.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from core.compose.encoding import DURATIONS, Events, Piece
from core.errors import Cancelled
from core.explore.paths import Kind, mixed
from core.explore.score import Reading, read_units, write_units
from core.explore.score_codec import DRUM_SLOT, UNIT_BARS, Frame, on_slots
from core.explore.score_network import ScoreNetwork
from core.learn.data import Example
from core.learn.flagship import spread
from core.song.harmony import Key

Cancel = Callable[[], bool]

PIECES, PAIRS = 120, 80
MOST_BARS = 32
STEPS = 8
PATH_UNITS = 4
DRAWS = 1000
WHITE = np.array([0, 2, 4, 5, 7, 9, 11])

Rows = NDArray[np.int64]


def reading_of(network: ScoreNetwork, piece: Piece, most_bars: int = MOST_BARS) -> tuple[Reading, Events]:
    """(the reading of the first bars of an encoded piece, what was read)."""
    events, programs = on_slots(piece)
    steps = piece.bar_steps[:most_bars]
    events = events[events["bar"] < len(steps)]
    frame = Frame(
        Key(9, "minor") if piece.mode else Key(0),
        100.0,
        steps,
        np.full((len(steps), 2), 4, np.int64),
        programs,
    )
    return Reading(frame, read_units(network, frame, events)), events


def reconstruction(
    network: ScoreNetwork,
    examples: Sequence[Example],
    *,
    pieces: int = PIECES,
    cancelled: Cancel = lambda: False,
) -> dict[str, Any]:
    """How much of held-out pieces comes back, and beside it what a bar's repetition would give.

    Returns
    -------
    dict
        For "ours" and "the two bars before, again": F1 of ``onset`` (in any part), ``note`` (in any part), ``part``
        (a note in its own part); ``duration`` and ``velocity``: of the notes that came back in their part, the share
        with the same class, and with at most one class between; each with its interval ``NAME_95``.
    """
    told: dict[str, list[NDArray[np.float64]]] = {"ours": [], "the two bars before, again": []}
    works = []
    for example in spread(list(examples), pieces):
        if cancelled():
            raise Cancelled
        reading, events = reading_of(network, example.piece)
        if not len(events):
            continue
        before = events.copy()
        before["bar"] += UNIT_BARS
        before = before[before["bar"] < len(reading.frame.bar_steps)]
        works.append(example.group)
        told["ours"].append(_counts(events, write_units(network, reading)))
        told["the two bars before, again"].append(_counts(events, before))
    return {name: _with_intervals(np.array(counts), works) for name, counts in told.items()} | {
        "pieces": len(works),
        "works": len(set(works)),
    }


def _counts(true: Events, written: Events) -> NDArray[np.float64]:
    """(found, true, written) of onsets, notes, notes in their part; then right durations, velocities [shape=(11,)]."""
    rows = []
    for keys in (_onsets, _notes, _placed):
        ours, theirs = np.unique(keys(true)), np.unique(keys(written))
        rows += [len(np.intersect1d(ours, theirs, assume_unique=True)), len(ours), len(theirs)]
    _, a, b = np.intersect1d(_placed(true), _placed(written), return_indices=True)
    rows.append(int((true["duration"][a] == written["duration"][b]).sum()))
    rows.append(int((np.abs(true["velocity"][a].astype(int) - written["velocity"][b]) <= 1).sum()))
    return np.array(rows, np.float64)


def _onsets(events: Events) -> Rows:
    return events["bar"].astype(np.int64) << 8 | events["time"]


def _notes(events: Events) -> Rows:
    return _onsets(events) << 8 | events["pitch"]


def _placed(events: Events) -> Rows:
    return _notes(events) << 3 | events["part"]


def _with_intervals(counts: NDArray[np.float64], works: Sequence[str], seed: int = 5) -> dict[str, Any]:
    names, place = np.unique(works, return_inverse=True)
    by_work = np.zeros((len(names), counts.shape[1]))
    np.add.at(by_work, place, counts)
    drawn = np.random.default_rng(seed).integers(len(names), size=(DRAWS, len(names)))
    tried = _rates(by_work[drawn].sum(1))
    found = _rates(counts.sum(0)[None])
    told: dict[str, Any] = {}
    for name, values in tried.items():
        told[name] = float(found[name][0])
        told[f"{name}_95"] = [float(value) for value in np.quantile(values, [0.025, 0.975])]
    return told


def _rates(sums: NDArray[np.float64]) -> dict[str, NDArray[np.float64]]:
    rates = {
        name: 2 * sums[:, 3 * row] / np.maximum(sums[:, 3 * row + 1] + sums[:, 3 * row + 2], 1)
        for row, name in enumerate(("onset", "note", "part"))
    }
    in_part = np.maximum(sums[:, 6], 1)
    return rates | {"duration": sums[:, 9] / in_part, "velocity": sums[:, 10] / in_part}


def in_between(
    network: ScoreNetwork,
    examples: Sequence[Example],
    *,
    pairs: int = PAIRS,
    kind: Kind = "linear",
    seed: int = 3,
    cancelled: Cancel = lambda: False,
) -> dict[str, Any]:
    """How evenly the steps of paths between held-out pieces change, and whether they stay in key.

    Returns
    -------
    dict
        ``largest_step``: how much of a path's whole change its largest step makes, by notes and by what sounds, as
        quartiles over paths (1 / 7 where all are even; 1 for a cut from one piece to the other); ``toward_b``: how
        many steps come nearer to the end; ``in_key``: of notes of the in-betweens, of the real pieces at their ends,
        and of the ends as reconstructed
    """
    dice = np.random.default_rng(seed)
    some = [example for example in examples if len(example.piece.bar_steps) >= UNIT_BARS * PATH_UNITS]
    readings = []
    for example in spread(some, pairs):
        if cancelled():
            raise Cancelled
        readings.append(reading_of(network, example.piece, UNIT_BARS * PATH_UNITS))
    order = dice.permutation(len(readings))
    largest: dict[str, list[float]] = {"notes": [], "pitch classes": []}
    toward: list[float] = []
    white = {"in-between": [0, 0], "real": [0, 0], "reconstructed": [0, 0]}
    for one, other in zip(order, np.roll(order, 1), strict=True):
        if cancelled():
            raise Cancelled
        (a, heard), (b, _) = readings[one], readings[other]
        if not (len(heard) and a.frame.bar_steps[0] == b.frame.bar_steps[0]):
            continue
        path = [write_units(network, mixed(a, b, float(share), kind)) for share in np.linspace(0, 1, STEPS)]
        for name, far in (("notes", _note_distance), ("pitch classes", _chroma_distance)):
            steps = np.array([far(path[i], path[i + 1]) for i in range(STEPS - 1)])
            if steps.sum():
                largest[name].append(float(steps.max() / steps.sum()))
        ends = np.array([_chroma_distance(step, path[-1]) for step in path])
        toward.append(float((np.diff(ends) <= 1e-9).mean()))
        for name, events in (("in-between", path[1:-1]), ("real", [heard]), ("reconstructed", [path[0]])):
            for each in events:
                tones = each[each["part"] != DRUM_SLOT]
                white[name][0] += int(np.isin(tones["pitch"] % 12, WHITE).sum())
                white[name][1] += len(tones)
    return {
        "paths": len(toward),
        "steps": STEPS,
        "largest_step": {
            name: [float(value) for value in np.quantile(values, [0.25, 0.5, 0.75])]
            for name, values in largest.items()
        },
        "even_step": 1 / (STEPS - 1),
        "toward_b": float(np.mean(toward)),
        "in_key": {name: inside / max(1, every) for name, (inside, every) in white.items()},
    }


def _note_distance(a: Events, b: Events) -> float:
    ours, theirs = np.unique(_notes(a)), np.unique(_notes(b))
    shared = len(np.intersect1d(ours, theirs, assume_unique=True))
    every = len(ours) + len(theirs) - shared
    return 1 - shared / every if every else 0.0


def _chroma_distance(a: Events, b: Events) -> float:
    """How differently long the pitch classes sound in each bar: half the sum of differences, 0 to 1."""
    bars = int(max(a["bar"].max(initial=0), b["bar"].max(initial=0))) + 1
    told = []
    for events in (a, b):
        tones = events[events["part"] != DRUM_SLOT]
        sounding = np.zeros((bars, 12))
        np.add.at(sounding, (tones["bar"].astype(int), tones["pitch"] % 12), DURATIONS[tones["duration"]])
        told.append(sounding / np.maximum(sounding.sum(1, keepdims=True), 1e-9))
    return float(np.abs(told[0] - told[1]).sum(1).mean() / 2)
