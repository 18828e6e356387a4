"""What the pieces of a region have in common, as conditions that a composer can be asked for.

Conventions
-----------
* Pieces are told by what an index knows of them (`core.explore.library`): genre, composer, key, tempo_bpm,
  notes_per_beat. What fewer than half of them know is left open.
* Conditions have the names of `core.compose.request.Request`: style, composer, key, tempo, density.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from contextlib import suppress
from typing import Any

import numpy as np

from core.errors import TunesmithError
from core.song.harmony import parse_key

STYLES = {
    "art song": "art song", "classical": "classical", "classical guitar": "classical guitar",
    "classical chamber": "string quartet", "hymn": "chorale", "folk": "folk tune", "popular song": "ballad",
    "disco": "funk", "hiphop": "hiphop",
}  # fmt: skip
"""Styles by what editors and classifiers call them, where that is another word."""

MOST = 0.5
"""The share of those that know it that must agree on a style or a composer."""

TEMPOS = (20.0, 300.0)

About = Mapping[str, Any]


def conditions(
    pieces: Sequence[About], others: Sequence[About], styles: Collection[str], composers: Collection[str]
) -> dict[str, Any]:
    """What a composer should be asked for to write what would lie among ``pieces``.

    Parameters
    ----------
    pieces : those of the region
    others : all on the map; density is where the region's middle lies among them, 0-1
    styles, composers : what the generator can be asked for
    """
    found: dict[str, Any] = {}
    genres = [STYLES.get(genre, genre) for genre in _told(pieces, "genre")]
    style = _agreed([genre for genre in genres if genre in styles], len(pieces))
    if style:
        found["style"] = style
    composer = _agreed([name for name in _told(pieces, "composer") if name in composers], len(pieces))
    if composer:
        found["composer"] = composer
    key = _key(_told(pieces, "key"), len(pieces))
    if key:
        found["key"] = key
    tempos = [float(value) for value in _told(pieces, "tempo_bpm")]
    if 2 * len(tempos) >= len(pieces) > 0 and tempos:
        found["tempo"] = float(np.clip(round(float(np.median(tempos))), *TEMPOS))
    dense = [float(value) for value in _told(pieces, "notes_per_beat")]
    all_dense = np.sort([float(value) for value in _told(others, "notes_per_beat")])
    if 2 * len(dense) >= len(pieces) > 0 and len(all_dense) > 1:
        below = np.searchsorted(all_dense, float(np.median(dense))) / (len(all_dense) - 1)
        found["density"] = round(float(np.clip(below, 0, 1)), 2)
    return found


def _told(pieces: Sequence[About], name: str) -> list[Any]:
    return [piece[name] for piece in pieces if piece.get(name) not in (None, "")]


def _agreed(values: Sequence[str], of: int) -> str:
    """The value that most have, if enough tell one and enough of those agree."""
    if not values or 2 * len(values) < of:
        return ""
    value, count = Counter(values).most_common(1)[0]
    return value if count >= MOST * len(values) else ""


def _key(names: Sequence[str], of: int) -> str:
    """The commonest key of the commonest mode."""
    if not names or 2 * len(names) < of:
        return ""
    keys = []
    for name in names:
        with suppress(TunesmithError):
            keys.append(parse_key(name))
    if not keys:
        return ""
    mode = Counter(key.mode for key in keys).most_common(1)[0][0]
    return Counter(key.name for key in keys if key.mode == mode).most_common(1)[0][0]
