"""Keeping freed memory for the next repaint.

Painting 100,000 notes takes some megabytes of passing arrays. The GNU C library gives such memory back
to the system at once, and getting it anew, page by page, takes longer than the painting itself.
"""

from __future__ import annotations

import ctypes
import sys
from functools import cache

_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD = -1, -3
KEPT_BYTES = 64 << 20
LARGEST_KEPT_BLOCK = 32 << 20
"""The most that glibc lets one set."""


@cache
def keep_freed_memory() -> bool:
    """Ask the C library to keep up to 64 MB of freed memory; whether it did. Asks once.

    Only glibc does as asked; other systems keep freed memory anyway, or do not say how.
    """
    if not sys.platform.startswith("linux"):
        return False
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is None:
        return False
    return bool(mallopt(_M_TRIM_THRESHOLD, KEPT_BYTES) and mallopt(_M_MMAP_THRESHOLD, LARGEST_KEPT_BLOCK))
