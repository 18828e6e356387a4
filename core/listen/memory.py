"""Giving memory back to the system."""

from __future__ import annotations

import ctypes
import sys
from contextlib import suppress


def give_back() -> None:
    """Return what was freed, where the C library keeps it.

    Blocks of sound are freed between small things that stay, and glibc keeps such holes: after three hours of sound
    it had two gigabytes of them.
    """
    if sys.platform == "linux":
        with suppress(OSError, AttributeError):  # other C libraries give it back by themselves
            ctypes.CDLL(None).malloc_trim(0)
