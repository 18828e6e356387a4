"""Using what was heard: tempo, key and chords as the Compose panel's conditions.

Compose takes one chord entry a bar, so chords, which are heard in seconds, are sorted into the bars that the
down-beats mark; where those are not known, into bars of four beats.
"""

from __future__ import annotations

from contextlib import suppress
from functools import lru_cache
from typing import Any

import numpy as np

from core.errors import TunesmithError
from core.listen.report import Report, Span
from core.song.harmony import parse_chord, parse_key

TEMPOS = (20.0, 300.0)
MOST_BARS = 64
NO_CHORD = ("N", "X", "", "N.C.")
SHARE_OF_HALF_BAR = 0.6
"""How much of a half of a bar a chord must fill to be named beside that of the other half."""


def conditions(report: Report, *wanted: str) -> dict[str, Any]:
    """What a report says, by the names of `core.compose.request.Request`: tempo, key and chords.

    Parameters
    ----------
    wanted : "tempo", "key", "chords"; all of them where none is named
    """
    wanted = wanted or ("tempo", "key", "chords")
    found: dict[str, Any] = {}
    if "tempo" in wanted and report.tempo_bpm is not None:
        found["tempo"] = float(min(TEMPOS[1], max(TEMPOS[0], round(report.tempo_bpm, 1))))
    if "key" in wanted and report.key:
        with suppress(TunesmithError):
            found["key"] = parse_key(report.key).name
    if "chords" in wanted:
        chords = chords_of_bars(report)
        if chords:
            found["chords"] = chords
    return found


def chords_of_bars(report: Report) -> tuple[str, ...]:
    """The chord of each bar, at most `MOST_BARS`; two ("F,G7") where each holds half of it.

    A bar in which none was heard has that of the bar before. A song that repeats its chords bar by bar throughout
    gives them once.
    """
    names: list[str] = []
    edges = bar_edges(report)[: MOST_BARS + 1]
    for start, end in zip(edges[:-1], edges[1:], strict=True):
        middle = (start + end) / 2
        halves = [strongest(report.chords, *half) for half in ((start, middle), (middle, end))]
        whole, _ = strongest(report.chords, start, end)
        (first, first_share), (second, second_share) = halves
        if first and second and first != second and min(first_share, second_share) >= SHARE_OF_HALF_BAR:
            names.append(f"{first},{second}")
        else:
            names.append(whole or (names[-1].split(",")[-1] if names else ""))
    first_name = next((name for name in names if name), "")
    filled = [name or first_name.split(",")[0] for name in names]
    return tuple(shortest_period(filled)) if first_name else ()


def bar_edges(report: Report) -> list[float]:
    """Where bars begin, and the last one ends, in seconds."""
    edges = list(report.downbeats_s)
    if len(edges) < 2 and len(report.beats_s) >= 5:
        edges = list(report.beats_s[::4])
    if len(edges) < 2 and report.tempo_bpm:
        length = 240 / report.tempo_bpm
        edges = np.arange(0, report.duration_s + 0.5 * length, length).tolist()
    if len(edges) >= 2:
        edges.append(min(report.duration_s, edges[-1] + float(np.median(np.diff(edges)))))
        if edges[-1] - edges[-2] < 0.5 * float(np.median(np.diff(edges[:-1]))):
            edges.pop()
    return edges


def strongest(chords: tuple[Span, ...], start: float, end: float) -> tuple[str, float]:
    """The chord that fills most of a stretch, by a name that can be written, and the share that it fills."""
    shares: dict[str, float] = {}
    for span in chords:
        if span.start_s >= end:
            break
        held = min(end, span.end_s) - max(start, span.start_s)
        if held > 0 and (name := chord_name(span.label)):
            shares[name] = shares.get(name, 0.0) + held
    if not shares or end <= start:
        return "", 0.0
    name = max(shares, key=lambda each: shares[each])
    return name, shares[name] / (end - start)


@lru_cache(maxsize=1024)
def chord_name(label: str) -> str:
    """A chord's label as Compose reads it: "C:min" -> "Cm", "N" -> ""."""
    if label in NO_CHORD:
        return ""
    root, _, quality = label.split("/")[0].partition(":")
    name = root + {"maj": "", "min": "m", "min7": "m7", "maj7": "maj7", "hdim7": "m7b5"}.get(quality, quality)
    try:
        parse_chord(name)
    except TunesmithError:
        return ""
    return name


def shortest_period(names: list[str]) -> list[str]:
    """What is repeated over and over, once; all where nothing is."""
    for length in range(1, len(names) // 2 + 1):
        if all(name == names[at % length] for at, name in enumerate(names)):
            return names[:length]
    return names
