"""By what the points of a map are coloured, and the legend that says so."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PySide6.QtGui import QColor

from core.errors import TunesmithError
from core.explore.library import SOURCES
from core.song.harmony import parse_key
from desktop import theme

RAMP = 24
"""Steps of a ramp from little to much."""
RAMPS = {"dark": ("#3b4cc0", "#8fd0c0", "#ffd166"), "light": ("#313695", "#2a9d8f", "#c9580a")}
MOST_KINDS = 24
"""Kinds with a colour of their own, twelve hues in two shades; the rest share one."""
SHADE = 0.55
"""How much of white the second shade has on dark ground, or of black on light ground."""

UNKNOWN_KEY = 24
DARK_MODES = ("aeolian", "dorian", "phrygian", "locrian")

COLOUR_BY = {
    "genre": "Genre", "composer": "Composer", "key": "Key", "group": "Group", "source": "Source",
    "tempo_bpm": "Tempo", "trust": "Trust",
}  # fmt: skip
"""What can be chosen."""

About = Mapping[str, Any]


@dataclass(frozen=True, eq=False)
class Legend:
    """One line of the legend: a colour, what has it, and how many points that is (0 for a ramp's end)."""

    colour: QColor
    text: str
    count: int


@dataclass(frozen=True, eq=False)
class Colouring:
    """Colours, and which of them each point has [shape=(n,)]."""

    colours: list[QColor]
    kinds: NDArray[np.uint8]
    legend: list[Legend]


@dataclass(frozen=True, eq=False)
class Column:
    """What all points say of one thing: the different ``names``, the commonest first, and which of them each point
    has [shape=(n,)], ``len(names)`` where nothing is known.
    """

    names: list[str]
    codes: NDArray[np.int32]

    @property
    def counts(self) -> list[int]:
        """How many points have each name, and how many none."""
        counts: list[int] = np.bincount(self.codes, minlength=len(self.names) + 1).tolist()
        return counts


@dataclass(frozen=True, eq=False)
class Columns:
    """What colours are chosen by. It takes a while to make of many pieces, and no time to colour by."""

    genre: Column
    composer: Column
    key: Column
    source: Column
    tempo_bpm: NDArray[np.float64]

    @classmethod
    def of(cls, pieces: Sequence[About]) -> Columns:
        """The columns of some pieces."""
        genre, composer, key = (
            _column(str(piece.get(name) or "") for piece in pieces) for name in ("genre", "composer", "key")
        )
        source = _column(SOURCES.get(str(piece.get("source")), "") for piece in pieces)
        tempo = np.array([float(piece.get("tempo_bpm") or np.nan) for piece in pieces])
        return cls(genre, composer, key, source, tempo)


def _column(values: Iterable[str]) -> Column:
    told = list(values)
    names = [name for name, _ in Counter(told).most_common() if name]
    place = {name: number for number, name in enumerate(names)}
    return Column(names, np.array([place.get(name, len(names)) for name in told], np.int32))


def colour_by(
    name: str, columns: Columns, trust: NDArray[np.float32], groups: NDArray[np.int16]
) -> Colouring:
    """The colours of all points by one of `COLOUR_BY`, in the palette in use."""
    if name == "trust":
        return _ramp(trust.astype(float), (0.0, 1.0), "{:.0%}")
    if name == "tempo_bpm":
        values = columns.tempo_bpm
        known = values[np.isfinite(values)]
        ends = (float(np.percentile(known, 2)), float(np.percentile(known, 98))) if len(known) else (60, 180)
        return _ramp(values, ends, "{:.0f} bpm")
    if name == "key":
        return _keys(columns.key)
    if name == "group":
        return _kinds(_groups(groups))
    return _kinds(getattr(columns, name))


def _groups(groups: NDArray[np.int16]) -> Column:
    counts = np.bincount(groups)
    order = np.argsort(-counts, kind="stable")[: np.count_nonzero(counts)]
    place = np.zeros(len(counts), np.int32)
    place[order] = np.arange(len(order))
    return Column([f"Group {number + 1}" for number in order.tolist()], place[groups])


def _kinds(column: Column) -> Colouring:
    """The commonest kinds in the colours of tracks, the rest in grey."""
    common, counts = column.names[:MOST_KINDS], column.counts
    kinds = np.minimum(column.codes, len(common)).astype(np.uint8)
    colours = [_kind_colour(number) for number in range(len(common))] + [theme.colour("text_faint")]
    legend = [
        Legend(colour, _capital(kind), count)
        for colour, kind, count in zip(colours, common, counts, strict=False)
    ]
    if rest := sum(counts[len(common) :]):
        legend.append(Legend(colours[-1], "Others" if len(column.names) > len(common) else "Not known", rest))
    return Colouring(colours, kinds, legend)


def _kind_colour(number: int) -> QColor:
    colour = theme.track_colour(number)
    if number < len(theme.TRACK_COLOURS):
        return colour
    return _between([colour, QColor("black" if theme.tokens().name == "light" else "white")], SHADE)


def _keys(column: Column) -> Colouring:
    """Keys a fifth apart in hues beside each other, minor darker."""
    places = np.array([*(_place_of_key(name) for name in column.names), UNKNOWN_KEY], np.uint8)
    counts = np.bincount(places, column.counts, UNKNOWN_KEY + 1).astype(int).tolist()
    spelled: dict[int, str] = {}
    for name, place in zip(column.names, places.tolist(), strict=False):
        spelled.setdefault(place, name)  # as it is commonly spelled
    dark = theme.tokens().name != "light"
    colours = [
        QColor.fromHsvF(fifth / 12, 0.62 if dark else 0.8, (0.95 if dark else 0.72) * brightness)
        for brightness in (1.0, 0.66)
        for fifth in range(12)
    ]
    colours.append(theme.colour("text_faint"))
    spelled[UNKNOWN_KEY] = "Not known"
    shown = [place for place in sorted(spelled, key=lambda place: -counts[place]) if counts[place]]
    shown.sort(key=lambda place: place == UNKNOWN_KEY)  # which comes last
    legend = [Legend(colours[place], spelled[place], counts[place]) for place in shown]
    return Colouring(colours, places[column.codes], legend)


def _place_of_key(name: str) -> int:
    """A key's place on the circle of fifths, 0-11 of major and 12-23 of minor keys."""
    try:
        key = parse_key(name)
    except TunesmithError:
        return UNKNOWN_KEY
    minor = "minor" in key.mode or key.mode in DARK_MODES
    tonic = (key.tonic + 3) % 12 if minor else key.tonic
    return 7 * tonic % 12 + (12 if minor else 0)


def _ramp(values: NDArray[np.float64], ends: tuple[float, float], show: str) -> Colouring:
    low, high = ends
    share = np.clip((values - low) / max(high - low, 1e-9), 0, 1)
    known = np.isfinite(share)
    kinds = np.where(known, np.rint(np.where(known, share, 0) * (RAMP - 1)), RAMP).astype(np.uint8)
    stops = [QColor(stop) for stop in RAMPS["light" if theme.tokens().name == "light" else "dark"]]
    colours = [_between(stops, step / (RAMP - 1)) for step in range(RAMP)] + [theme.colour("text_faint")]
    legend = [
        Legend(colours[round(part * (RAMP - 1))], show.format(low + part * (high - low)), 0)
        for part in (0, 0.5, 1)
    ]
    unknown = int((~known).sum())
    return Colouring(
        colours, kinds, legend + ([Legend(colours[-1], "Not known", unknown)] if unknown else [])
    )


def _between(stops: Sequence[QColor], share: float) -> QColor:
    place = share * (len(stops) - 1)
    first = min(int(place), len(stops) - 2)
    part = place - first
    a, b = stops[first], stops[first + 1]
    ends = ((a.redF(), b.redF()), (a.greenF(), b.greenF()), (a.blueF(), b.blueF()))
    return QColor.fromRgbF(*((1 - part) * low + part * high for low, high in ends))


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]
