"""Whether a style that was asked for can be heard: a classifier of real music names that of composed pieces.

A request tells more than a style: its band alone may give the style away. Hence three kinds of requests:

``asked``
    the conditions of a real held-out piece, its style among them
``open``
    the same without a style: what the band, meter and mode say of it
``swapped``
    the same with another piece's style: whether the notes follow the style or the band

and two classifiers, of which one does not know the instruments (`core.listen.style.VIEWS`). The rate at which a style
is named is set beside the rate at which the same classifier names that of the real pieces.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import cycle, islice
from typing import Any

import numpy as np

from core.compose.request import Request
from core.compose.styles import STYLES
from core.learn.arrange import STYLES as ARRANGED_STYLES
from core.learn.comparison import excerpts, request_like, song_of
from core.learn.data import Example
from core.listen.style import GENRES, STYLES_ASKED_FOR, VIEWS, load, model_file
from core.listen.style_features import features
from core.song.notes import Song

GENRE_OF_STYLE = {
    "pop": "pop", "piano pop": "pop", "rock": "rock", "country": "country", "hiphop": "hiphop",
    "soul": "rnb_soul", "classical": "classical", "string quartet": "classical", "art song": "classical",
    "classical guitar": "classical", "chorale": "classical",
}  # fmt: skip
"""What people who publish MIDI files would call a style of ours."""


@dataclass(frozen=True)
class Ask:
    """A request, and the style that it is expected to have."""

    style: str
    request: Request


def by_style(examples: Sequence[Example]) -> dict[str, list[Example]]:
    """The pieces of every style, in the order of `STYLES`."""
    found = defaultdict(list)
    for example in examples:
        if example.style < len(STYLES) and example.dataset != "groove":
            found[STYLES[example.style]].append(example)
    return {style: found[style] for style in STYLES if found[style]}


def style_requests(examples: Sequence[Example], each: int, bars: int) -> dict[str, list[Ask]]:
    """Requests of the three kinds, ``each`` for every style that the examples have."""
    wishes: dict[str, list[Ask]] = {"asked": [], "open": [], "swapped": []}
    of_style = by_style(examples)
    names = list(of_style)
    for place, (style, pieces) in enumerate(of_style.items()):
        for number, example in enumerate(islice(cycle(pieces), each)):
            seed = 1000 * place + number
            # Another style every time, and never its own.
            other = names[(place + 1 + seed * 7 % max(1, len(names) - 1)) % len(names)]
            for kind, told, expected in (
                ("asked", style, style),
                ("open", "", style),
                ("swapped", other, other),
            ):
                wishes[kind].append(Ask(expected, request_like(example, bars, seed, style=told)))
    return wishes


def named(songs: Sequence[Song], labels: str, view: str) -> list[str]:
    """What a classifier calls each song; "" for one with too few notes."""
    network = load(labels, view)
    found = []
    for song in songs:
        rows = features(song)
        found.append(network.labels[int(network.piece(rows).argmax())] if len(rows) else "")
    return found


def rate(guessed: Sequence[str], expected: Sequence[str]) -> float:
    """Share that is named as expected, as the mean over what is expected: every style counts alike."""
    right = defaultdict(list)
    for guess, style in zip(guessed, expected, strict=True):
        right[style].append(guess == style)
    return float(np.mean([np.mean(hits) for hits in right.values()])) if right else 0.0


def check_styles(
    asked: Mapping[str, Sequence[Ask]],
    songs: Mapping[str, Sequence[Song]],
    examples: Sequence[Example],
    bars: int,
) -> dict[str, Any]:
    """Rates at which styles are named, of composed pieces by kind of request and of real ones.

    Parameters
    ----------
    asked, songs : what was asked for and composed, by kind
    examples : real held-out pieces
    bars : bars of a piece

    Returns
    -------
    dict
        For every set of labels and view: "real" and every kind -> rate, "ratio" (asked / real); the same for
        music as written and for arrangements; and by style
    """
    real = [
        (song_of(cut), style)
        for style, pieces in by_style(examples).items()
        for example in pieces
        for cut in excerpts(example.piece, bars)
    ]
    found: dict[str, Any] = {}
    for labels in (STYLES_ASKED_FOR, GENRES):
        for view in VIEWS:
            rows = {"real": (named([song for song, _ in real], labels, view), [style for _, style in real])}
            for kind, wishes in asked.items():
                rows[kind] = named(songs[kind], labels, view), [ask.style for ask in wishes]
            found[f"{labels}, {view}"] = _rates(rows, labels)
    found[f"{GENRES}, published files"] = model_file().card["figures"][GENRES]
    return found


def _rates(rows: Mapping[str, tuple[list[str], list[str]]], labels: str) -> dict[str, Any]:
    kinds = {
        "all": set(STYLES),
        "arranged": set(ARRANGED_STYLES),
        "as written": set(STYLES) - set(ARRANGED_STYLES),
    }
    found: dict[str, Any] = {}
    for name, wanted in kinds.items():
        rates = {kind: rate(*_kept(*row, wanted, labels)) for kind, row in rows.items()}
        found[name] = rates | {"ratio": rates["asked"] / rates["real"] if rates["real"] else 0.0}
    found["by_style"] = {
        style: {kind: rate(*_kept(*rows[kind], {style}, labels)) for kind in ("real", "asked")}
        for style in STYLES
        if style in rows["asked"][1]
    }
    return found


def _kept(
    guessed: Sequence[str], styles: Sequence[str], wanted: set[str], labels: str
) -> tuple[list[str], list[str]]:
    """Guesses for the wanted styles, and the labels that would be right."""
    right = GENRE_OF_STYLE if labels == GENRES else {style: style for style in STYLES}
    pairs = [
        (guess, right[style])
        for guess, style in zip(guessed, styles, strict=True)
        if style in wanted and style in right
    ]
    return [guess for guess, _ in pairs], [label for _, label in pairs]
