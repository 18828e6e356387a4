"""The flagship beside its baselines and beside real music: one table, made by one command.

Held-out loss and accuracy are measured on the manifest's test split. What the models compose is measured
with `core.song.measures`, the same code that measures the real held-out songs.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from core.compose import flagship
from core.compose.encoding import BAR, DRUMS, Piece, notes_from_events, song_frame
from core.compose.request import Request, Update
from core.compose.styles import STYLES
from core.learn.batches import excerpt
from core.learn.data import Example
from core.song.harmony import Key, in_key_share, parse_key, pitched_notes
from core.song.instruments import instrument_name
from core.song.measures import measure
from core.song.notes import Song

FACTS = (
    "in_key_share", "scale_consistency", "pitch_class_entropy", "entropy_1_bar", "entropy_4_bars", "groove16",
    "polyphony", "structure", "empty_beat_rate", "notes_per_beat",
)  # fmt: skip
"""The measures that generated and real music are compared by. ``structure`` is exact bar repetition."""

RESAMPLES = 1000


def song_of(piece: Piece) -> Song:
    """An encoded piece as a song, in its common key."""
    key = key_of(piece)
    names = ["drums" if row[0] == DRUMS else instrument_name(int(row[0])) for row in piece.parts]
    frame = song_frame(piece.parts, names, key, 120, _meter(int(piece.bar_steps[0])))
    return frame.with_notes(notes_from_events(piece.events, piece.bar_steps, key, piece.parts))


def _meter(steps: int) -> tuple[int, int]:
    return (steps // 12, 4) if steps % 12 == 0 else (steps // 6, 8)


def facts(song: Song, key: Key) -> dict[str, float]:
    """`FACTS` of one song, in-key share by the key it is said to be in."""
    found = measure(song)
    found["in_key_share"] = in_key_share(pitched_notes(song), key)
    return {name: float(found[name]) for name in FACTS}


FEWEST_NOTES = 8
"""A piece with fewer notes is not measured."""


def key_of(piece: Piece) -> Key:
    """The common key that an encoded piece stands in."""
    return Key(9, "minor") if piece.mode else Key(0, "major")


def excerpts(piece: Piece, bars: int, count: int = 1) -> list[Piece]:
    """At most ``count`` stretches of ``bars`` bars, not overlapping, around the middle of a piece."""
    length = len(piece.bar_steps)
    count = min(count, length // bars)
    first = (length - bars * count) // 2
    cuts = [excerpt(piece, at, at + bars) for at in range(first, first + bars * count, bars)]
    return [cut for cut in cuts if (cut.events["time"] != BAR).sum() >= FEWEST_NOTES]


EDGE = 1
"""Bars at both ends of a composed piece that have no likeness in an excerpt: it opens, and closes on the tonic."""


def inner_bars(song: Song) -> Song:
    """A piece without its `EDGE` bars, as `excerpts` of real music come from within pieces."""
    bars = song.bars
    first, end = bars.start(EDGE), bars.start(bars.bar_at(max(song.end_tick - 1, 0)) + 1 - EDGE)
    notes = song.notes[(song.notes["onset"] >= first) & (song.notes["onset"] < end)].copy()
    notes["duration"] = np.minimum(notes["duration"], end - notes["onset"])
    notes["onset"] -= first
    return song.with_notes(notes)


def real_facts(examples: Sequence[Example], bars: int, count: int = 1) -> list[dict[str, float]]:
    """Facts of real `excerpts`."""
    return [
        facts(song_of(cut), key_of(cut))
        for example in examples
        for cut in excerpts(example.piece, bars, count)
    ]


def request_like(example: Example, bars: int, seed: int, **wishes: Any) -> Request:
    """A request for a piece with the conditions (style, mode, tempo, meter, band) of a real one.

    Parameters
    ----------
    wishes : fields of the request that are to be otherwise
    """
    piece = example.piece
    names = ("drums" if row[0] == DRUMS else instrument_name(int(row[0])) for row in piece.parts.tolist())
    conditions: dict[str, Any] = {
        "style": STYLES[example.style] if example.style < len(STYLES) else "",
        "key": key_of(piece).name,
        "tempo": 40 * 6 ** (piece.tempo / 15),
        "meter": _meter(int(piece.bar_steps[0])),
        "bars": bars,
        "instruments": tuple(names),
        "seed": seed,
    }
    return Request(**conditions | wishes)


def composed_facts(
    examples: Sequence[Example],
    bars: int,
    *,
    compose: Callable[[Request], Iterator[Update]] = flagship.compose,
    **wishes: Any,
) -> list[dict[str, float]]:
    """Facts of pieces that ``compose`` makes with the conditions (style, mode, tempo, band) of each example."""
    rows = []
    for index, example in enumerate(examples):
        request = request_like(example, bars, index, **wishes)
        *_, last = compose(request)
        if last.song is not None and len(last.song.notes) >= FEWEST_NOTES:
            rows.append(facts(last.song, parse_key(request.key)))
    return rows


def summary(rows: Sequence[Mapping[str, float]], seed: int = 0) -> dict[str, list[float]]:
    """Mean of every fact with its 95 % interval by bootstrap: [mean, low, high]."""
    rng = np.random.default_rng(seed)
    values = np.array([[row[name] for name in FACTS] for row in rows])
    means = values[rng.integers(len(values), size=(RESAMPLES, len(values)))].mean(1)
    low, high = np.percentile(means, (2.5, 97.5), axis=0)
    return {name: [float(v) for v in (values[:, i].mean(), low[i], high[i])] for i, name in enumerate(FACTS)}


def overlap(ours: Sequence[Mapping[str, float]], real: Sequence[Mapping[str, float]], name: str) -> float:
    """Overlapping area of two smoothed histograms of a fact, 0 to 1 (Yang & Lerch 2020, section 3.2).

    Both are smoothed by one width, Silverman's for the values of both together.
    """
    a, b = np.array([r[name] for r in ours]), np.array([r[name] for r in real])
    low, high = min(a.min(), b.min()), max(a.max(), b.max())
    if low == high:
        return 1.0
    grid = np.linspace(low, high, 256)
    width = 1.06 * max(np.concatenate([a, b]).std(), 1e-9) * len(b) ** -0.2

    def smooth(values: np.ndarray) -> np.ndarray:
        density = np.exp(-0.5 * ((grid[:, None] - values) / width) ** 2).sum(1)
        return density / density.sum()

    return float(np.minimum(smooth(a), smooth(b)).sum())


def gap(ours: Sequence[Mapping[str, float]], real: Sequence[Mapping[str, float]], name: str) -> float:
    """How far the mean of a fact is from the real one, with its sign."""
    return float(np.mean([row[name] for row in ours]) - np.mean([row[name] for row in real]))


def table(rows: Mapping[str, Mapping[str, Any]], names: Sequence[str]) -> str:
    """Rows of figures as a Markdown table; what was not measured is a dash."""
    lines = [f"| | {' | '.join(re.sub('_', ' ', name) for name in names)} |", "|" + "---|" * (len(names) + 1)]
    for title, figures in rows.items():
        lines.append(f"| {title} | {' | '.join(_cell(figures.get(name)) for name in names)} |")
    return "\n".join(lines) + "\n"


def _cell(value: Any) -> str:
    if value is None:
        return "–"
    if isinstance(value, list):
        return f"{value[0]:.3f} ({value[1]:.3f}–{value[2]:.3f})"
    return f"{value:.3f}" if isinstance(value, float) else str(value)
