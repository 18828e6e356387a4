"""The drummer: bars played by people (the Groove MIDI Dataset) looped with variation and fills, or a kit
pattern where there are none.

Bars are tables of hits on a grid of `GRID` places a beat, fine enough for sixteenths and triplets.
"""

from __future__ import annotations

import csv
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from core.learn.arrange.form import Bar
from core.learn.arrange.kits import (
    CLOSED,
    CRASH,
    FILLS,
    HIGH_TOM,
    KICK,
    KITS,
    LOW_TOM,
    MIDDLE_TOM,
    OPEN,
    RIDE,
    SNARE,
)  # fmt: skip
from core.learn.arrange.source import bar_ticks
from core.learn.arrange.styles import Style
from core.song.midi_file import read_midi
from core.song.notes import TICKS_PER_BEAT

GRID = 12
HIT = np.dtype([("step", "<i2"), ("pitch", "u1"), ("velocity", "u1")])
"""One stroke; ``step`` is in 1/12 beat from the bar's start."""

Hits = NDArray[np.void]

_FROM_TD11 = {22: CLOSED, 26: OPEN, 40: SNARE, 58: LOW_TOM, 47: MIDDLE_TOM, 50: HIGH_TOM, 52: CRASH,
              55: CRASH, 57: CRASH, 59: RIDE, 53: 53, 41: LOW_TOM}  # fmt: skip
"""The electronic kit's extra zones (rims, edges) to the General MIDI drum they stand for."""

_TOMS = (LOW_TOM, MIDDLE_TOM, HIGH_TOM)

_LOUDNESS = {"X": 108, "x": 84, "o": 46}


@dataclass(frozen=True, eq=False)
class Take:
    """One drummer's performance, cut into bars.

    ``grooves`` are pairs of neighbouring bars without fills, from sparse to dense; ``fills`` are bars
    that lead into something.
    """

    bpm: float
    grooves: tuple[tuple[Hits, Hits], ...]
    fills: tuple[Hits, ...]


@dataclass(frozen=True, eq=False)
class DrumBars:
    """Human 4/4 drum bars by style."""

    takes: dict[str, tuple[Take, ...]]

    @classmethod
    def load(cls, folder: Path | str, *, split: str | None = "train") -> DrumBars:
        """Read the Groove MIDI Dataset.

        Parameters
        ----------
        folder : holds ``groove/<style>/*.mid`` and ``manifest.csv``, whose rows say each file's split
        split : only files of this split; None for all, which needs no manifest
        """
        folder = Path(folder)
        by_style: dict[str, list[Take]] = {}
        for path in _paths(folder, split):
            take = _read_take(folder / path)
            if take is not None:
                by_style.setdefault(Path(path).parent.name, []).append(take)
        return cls({style: tuple(takes) for style, takes in sorted(by_style.items())})

    def choose(self, styles: Sequence[str], bpm: float, rng: np.random.Generator) -> Take | None:
        """A performance in one of ``styles`` (the first that has any) near ``bpm``; None if there is none."""
        for style in styles:
            near = [take for take in self.takes.get(style, ()) if 0.7 < take.bpm / bpm < 1.4]
            if near:
                return near[int(rng.integers(len(near)))]
        return None


def write_drums(
    form: Sequence[Bar], style: Style, meter: tuple[int, int], take: Take | None, rng: np.random.Generator
) -> list[tuple[int, int, int, int]]:
    """(onset, duration, pitch, velocity) of every stroke."""
    length = bar_ticks(meter)
    intro = rng.random() < 0.5
    crash = 0.35 if style.swing or style.kit in ("bossa", "salsa", "folk", "waltz", "ballad") else 0.9
    grooves: dict[int, tuple[Hits, Hits]] = {}
    strokes: list[tuple[int, int, int, int]] = []
    for bar in form:
        if bar.energy not in grooves or (bar.place == 0 and rng.random() < 0.2):
            grooves[bar.energy] = _groove(style, meter, take, bar.energy, rng)
        hits = _bar_hits(bar, grooves[bar.energy], meter, style, take, intro, rng)
        cymbal = bar.last or (bar.place == 0 and bar.energy >= 2 and rng.random() < crash)
        seen: set[tuple[int, int]] = set()
        if cymbal and style.kit:
            hits = [(0, CRASH, 104), (0, KICK, 104), *hits]
        for step, pitch, velocity in hits:
            # A crash that the drummer played once would come round with every loop.
            if (step, pitch) in seen or (pitch == CRASH and not (bar.fill or (cymbal and step == 0))):
                continue
            seen.add((step, pitch))
            ring = TICKS_PER_BEAT // 2 if pitch in (CRASH, RIDE, OPEN) else TICKS_PER_BEAT // 4
            strokes.append((bar.index * length + step * TICKS_PER_BEAT // GRID, ring, pitch, velocity))
    return strokes


def _bar_hits(
    bar: Bar,
    groove: tuple[Hits, Hits],
    meter: tuple[int, int],
    style: Style,
    take: Take | None,
    intro: bool,
    rng: np.random.Generator,
) -> list[tuple[int, int, int]]:
    if bar.last or (bar.energy == 0 and not intro and not bar.fill):
        return []
    hits = groove[bar.place % 2].tolist()
    if not bar.fill:
        return hits
    if take is not None and take.fills and rng.random() < 0.8 and bar.energy > 0:
        return take.fills[int(rng.integers(len(take.fills)))].tolist()
    if style.swing and rng.random() < 0.5:
        return hits
    choices = FILLS[meter]
    fill = _kit_bar(choices[int(rng.integers(len(choices)))], style.swing).tolist()
    start = min((step for step, pitch, _ in fill if pitch != KICK), default=0)
    before = [] if bar.energy == 0 else [hit for hit in hits if hit[0] < start]
    return before + fill


def _groove(
    style: Style, meter: tuple[int, int], take: Take | None, energy: int, rng: np.random.Generator
) -> tuple[Hits, Hits]:
    if take is not None:
        # Louder sections take denser bars, with some chance among neighbours.
        place = float(np.clip(0.08 + 0.28 * energy + rng.normal(0, 0.08), 0, 0.999))
        return take.grooves[int(place * len(take.grooves))]
    levels = KITS[style.kit][meter]
    bar = _kit_bar(levels[min(len(levels) - 1, max(0, energy - 1))], style.swing)
    return bar, bar


def _kit_bar(kit: dict[int, str], swing: float) -> Hits:
    """A pattern as hits."""
    rows = []
    for pitch, pattern in kit.items():
        for at, mark in enumerate(pattern):
            if mark in _LOUDNESS:
                late = round(2 * swing) if at % 4 == 2 else 0
                rows.append((at * GRID // 4 + late, pitch, _LOUDNESS[mark]))
    return np.array(sorted(rows), HIT)


def _paths(folder: Path, split: str | None) -> list[str]:
    if split is None:
        return sorted(str(path.relative_to(folder)) for path in folder.glob("groove/*/*.mid"))
    with (folder / "manifest.csv").open(newline="", encoding="utf-8") as table:
        rows = csv.DictReader(table)
        return sorted(row["path"] for row in rows if row["dataset"] == "groove" and row["split"] == split)


def _read_take(path: Path) -> Take | None:
    """The 4/4 performance in a file, or None where it is too short to loop or in another meter."""
    song = read_midi(path)
    if any((mark.numerator, mark.denominator) != (4, 4) for mark in song.meters) or not len(song.notes):
        return None
    notes = song.notes
    bars = cut_bars(notes["onset"] / song.ticks_per_beat, notes["pitch"], notes["velocity"])
    return make_take(bars, song.tempos[0].bpm)


def cut_bars(beats: NDArray[np.float64], pitch: NDArray[np.int64], velocity: NDArray[np.int64]) -> list[Hits]:
    """Strokes at ``beats`` (quarter notes from the start) as 4/4 bars on the grid.

    What a drummer plays ahead or behind the beat all the time is taken out, and strokes move to sixteenths or
    to triplets, whichever the performance is in. Very soft strokes (under 12, the pad's crosstalk) and second
    strokes on the same place are left out.
    """
    heard = velocity >= 12
    steps = _on_grid(beats[heard])
    bars: dict[int, dict[tuple[int, int], int]] = {}
    for step, drum, loud in zip(steps.tolist(), pitch[heard].tolist(), velocity[heard].tolist(), strict=True):
        index, place = divmod(step, 4 * GRID)
        hits = bars.setdefault(index, {})
        key = (place, _FROM_TD11.get(drum, drum))
        hits[key] = max(hits.get(key, 0), loud)
    last = max(bars, default=-1)
    return [
        np.array([(*key, loud) for key, loud in sorted(bars.get(index, {}).items())], HIT)
        for index in range(last + 1)
    ]


def _on_grid(beats: NDArray[np.float64]) -> NDArray[np.int64]:
    """Steps of strokes at ``beats``."""
    fits = []
    for places in (4, 3):
        turns = np.exp(2j * np.pi * beats * places)
        ahead = float(np.angle(turns.mean())) / (2 * np.pi * places)
        error = np.abs((beats - ahead) * places - np.rint((beats - ahead) * places)).mean()
        fits.append((error, places, ahead))
    _, places, ahead = min(fits)
    # In a swung performance some strokes still divide a triplet in two.
    places = 6 if places == 3 else places
    return np.rint((beats - ahead) * places).astype(np.int64) * (GRID // places)


def make_take(bars: Sequence[Hits], bpm: float) -> Take | None:
    """Sort ``bars`` into grooves and fills; None where no two neighbouring bars groove."""
    toms = np.array([np.isin(hits["pitch"], _TOMS).sum() for hits in bars])
    if not len(bars):
        return None
    # Some styles play toms all the time: a fill has clearly more of them than the usual bar.
    is_fill = toms >= np.median(toms) + 4
    size = np.array([len(hits) for hits in bars])
    full = size >= max(4, 0.55 * float(np.median(size)))
    good = full & ~is_fill
    pairs = [(bars[i], bars[i + 1]) for i in range(len(bars) - 1) if good[i] and good[i + 1]]
    if not pairs:
        return None
    # A loop should be felt from its first beat on: with the kick if the drummer ever does so.
    kicked = [pair for pair in pairs if ((pair[0]["pitch"] == KICK) & (pair[0]["step"] == 0)).any()]
    struck = [pair for pair in pairs if (pair[0]["step"] == 0).any()]
    pairs = kicked if len(kicked) >= 4 else struck or pairs
    pairs.sort(key=lambda pair: sum(int(hits["velocity"].sum()) for hits in pair))
    fills = tuple(bar for bar, fill, enough in zip(bars, is_fill, full, strict=True) if fill and enough)
    return Take(bpm, tuple(pairs), fills)
