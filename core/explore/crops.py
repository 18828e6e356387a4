"""What embeddings of sound are given of a recording: clips of ten seconds, and crops of three of them.

Conventions
-----------
* A clip has 107 columns of four frames (93 ms), decibels below its loudest place, 1 there and 0 at 80 dB below it, as
  in `core.listen.composer_audio`: 128 mel bands, or 64, of the same sound.
* A crop is 32 columns of a clip of 64 bands.
* A recording's vector is the mean of its clips' or crops'.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from core.errors import TunesmithError
from core.listen.composer_audio import COLUMN_FRAMES, COLUMNS, RANGE_DB, clips
from core.listen.features import mel_filters

if TYPE_CHECKING:
    from core.listen.heard import Heard

Pictures = NDArray[np.float32]

BANDS = 64
CROP = 32
STARTS = (0, (COLUMNS - CROP) // 2, COLUMNS - CROP)
"""Where the crops of a clip begin."""


def clips_of(heard: Heard) -> Pictures:
    """The clips of a recording that are not silent [shape=(clips, 128, 107)].

    Raises
    ------
    TunesmithError
        If there are none.
    """
    if heard.silent:
        raise TunesmithError("there is nothing to hear in it: it is silent")
    found = clips(heard.mel_db)
    if not len(found):
        raise TunesmithError("it is too short or too quiet for a place on the map: three seconds are needed")
    return found


def halved(pictures: NDArray[np.floating]) -> Pictures:
    """The same with 64 bands, the loudest place of each again 1 [shape=(..., 128, columns) -> (..., 64, columns)]."""
    power = np.power(10, (pictures.astype(np.float32) - 1) * np.float32(RANGE_DB / 10))
    below = 10 * np.log10(np.maximum(_to_64_bands() @ power, 1e-12))
    below -= below.max((-2, -1), keepdims=True)
    return np.clip(below / np.float32(RANGE_DB) + 1, 0, 1).astype(np.float32)


@lru_cache(maxsize=1)
def _to_64_bands() -> NDArray[np.float32]:
    """How triangles of 128 mel bands add up to those of 64 [shape=(64, 128)]; 1.5 dB off, by root mean square."""
    narrow, wide = mel_filters(n_mels=2 * BANDS), mel_filters(n_mels=BANDS)
    return np.maximum(wide @ np.linalg.pinv(narrow), 0).astype(np.float32)


def crops_of(pictures: Pictures) -> Pictures:
    """The crops of clips, one after the other [shape=(clips, 64, 107) -> (clips * 3, 64, 32)]."""
    cut = np.stack([pictures[..., start : start + CROP] for start in STARTS], 1)
    return cut.reshape(-1, BANDS, CROP)


def spread_out(picture: Pictures) -> Pictures:
    """Columns as frames again, in decibels below the loudest place [shape=(64, columns) -> (64, 4 * columns)].

    What lies between the middles of two columns is drawn straight.
    """
    columns = picture.shape[1]
    at = (np.arange(COLUMN_FRAMES * columns) + 0.5) / COLUMN_FRAMES - 0.5
    low = np.clip(np.floor(at).astype(int), 0, columns - 1)
    high = np.minimum(low + 1, columns - 1)
    share = np.clip(at - low, 0, 1).astype(np.float32)
    drawn = picture[:, low] * (1 - share) + picture[:, high] * share
    decibels = (np.clip(drawn, 0, 1) - 1) * np.float32(RANGE_DB)
    return (decibels - decibels.max()).astype(np.float32)
