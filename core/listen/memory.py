"""Keeping memory small where glibc would keep what was freed.

Blocks of sound are freed between small things that stay, and glibc keeps such holes, and more of them the larger what
was freed: three hours of sound took two gigabytes, of which a fifth was in use. Other C libraries give back by
themselves.
"""

from __future__ import annotations

import ctypes
import mmap
import sys
from contextlib import suppress
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

APART_BYTES = 4 * 1024**2
KEPT_BYTES = 64 * 1024**2

_TRIM_THRESHOLD, _MMAP_THRESHOLD = -1, -3  # malloc.h


@cache
def keep_large_apart() -> None:
    """From now on give what is larger than `APART_BYTES` back as soon as it is freed."""
    with suppress(OSError, AttributeError):
        if sys.platform == "linux":
            library = ctypes.CDLL(None)
            library.mallopt(_MMAP_THRESHOLD, APART_BYTES)
            library.mallopt(_TRIM_THRESHOLD, KEPT_BYTES)


def let_go(mapped: NDArray[Any]) -> None:
    """Drop from memory what was read of an array that is mapped from a file; it can be read again."""
    under: Any = mapped
    while isinstance(under, np.ndarray):
        under = under.base
    if isinstance(under, mmap.mmap) and hasattr(mmap, "MADV_DONTNEED"):
        under.madvise(mmap.MADV_DONTNEED)


def give_back() -> None:
    """Return what was freed."""
    with suppress(OSError, AttributeError):
        if sys.platform == "linux":
            ctypes.CDLL(None).malloc_trim(0)
