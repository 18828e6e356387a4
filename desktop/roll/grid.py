"""The lines of time: bars, beats and the snap grid, without Qt."""

from __future__ import annotations

from dataclasses import dataclass

from core.song.notes import BarMap, Song

GRIDS: tuple[tuple[str, float], ...] = (
    ("1 bar", 4.0),
    ("1/2", 2.0),
    ("1/4", 1.0),
    ("1/8", 0.5),
    ("1/16", 0.25),
    ("1/32", 0.125),
    ("1/64", 0.0625),
    ("1/4 triplet", 2 / 3),
    ("1/8 triplet", 1 / 3),
    ("1/16 triplet", 1 / 6),
)
"""Name and length in beats of the snap grids to choose from."""


@dataclass(frozen=True, slots=True)
class GridLines:
    """Ticks of the lines to draw. ``bars`` are (tick, bar number counted from 0)."""

    bars: list[tuple[int, int]]
    beats: list[int]
    steps: list[int]


def lines(
    song: Song, first: float, last: float, grid: int, pixels_per_tick: float, closest: float = 7.0
) -> GridLines:
    """The grid between two ticks, leaving out levels whose lines would be closer than ``closest`` pixels."""
    bar_map = song.bars
    found = GridLines([], [], [])
    bar = bar_map.bar_at(max(0, int(first)))
    while True:
        start = bar_map.start(bar)
        if start > last:
            return found
        length = bar_map.length_at(start)
        stride = bar_stride(length * pixels_per_tick, closest)
        if bar % stride == 0:
            found.bars.append((start, bar))
        end = bar_map.start(bar + 1)
        beat = max(1, 4 * song.ticks_per_beat // bar_map.meter_at(start).denominator)
        if stride == 1 and beat * pixels_per_tick >= closest:
            found.beats.extend(range(start + beat, end, beat))
        if grid > 0 and grid * pixels_per_tick >= closest:
            begin = start + max(0, int((first - start) // grid)) * grid
            stop = min(end, int(last) + 1)
            found.steps.extend(tick for tick in range(begin, stop, grid) if (tick - start) % beat)
        bar = bar + 1 if stride == 1 else next_multiple(bar, stride)


def bar_stride(pixels_per_bar: float, closest: float) -> int:
    """Draw every how many bars so that the lines are at least ``closest`` pixels apart: a power of two."""
    stride = 1
    while stride * pixels_per_bar < closest and stride < 1 << 20:
        stride *= 2
    return stride


def next_multiple(value: int, step: int) -> int:
    return (value // step + 1) * step


def snap(bars: BarMap, tick: float, grid: int) -> int:
    """The grid line nearest to ``tick``; every bar starts a new grid. ``grid`` 0 only rounds."""
    tick = max(0.0, tick)
    if grid <= 0:
        return round(tick)
    bar = bars.bar_at(int(tick))
    start, end = bars.start(bar), bars.start(bar + 1)
    nearest = start + int((tick - start) / grid + 0.5) * grid
    return end if nearest > end or end - tick < abs(tick - nearest) else nearest


def snap_down(bars: BarMap, tick: float, grid: int) -> int:
    """The last grid line at or before ``tick``."""
    tick = max(0.0, tick)
    if grid <= 0:
        return int(tick)
    start = bars.start(bars.bar_at(int(tick)))
    return start + int((tick - start) // grid) * grid


def snap_up(bars: BarMap, tick: float, grid: int) -> int:
    """The first grid line after ``tick``."""
    if grid <= 0:
        return int(tick) + 1
    below = snap_down(bars, tick, grid)
    return min(below + grid, bars.start(bars.bar_at(int(max(0.0, tick))) + 1))
