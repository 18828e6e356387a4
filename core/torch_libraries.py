"""Loading torch's libraries without stopping every other thread.

Python holds its global lock while an extension's libraries are loaded: for torch some half a second in which no window
can be painted. A foreign function call gives the lock up, and libraries that are there already load at once.
"""

from __future__ import annotations

import ctypes
import importlib.util
import os
import sys
from pathlib import Path

IN_ORDER = ("libc10.so", "libtorch_cpu.so", "libtorch.so", "libshm.so", "libtorch_python.so")


def preload() -> None:
    """Load them ahead of ``import torch``; does nothing where it is not Linux, or torch is there already."""
    found = importlib.util.find_spec("torch")
    if sys.platform != "linux" or "torch" in sys.modules or found is None or found.origin is None:
        return
    system = ctypes.CDLL(None)
    system.dlopen.argtypes, system.dlopen.restype = [ctypes.c_char_p, ctypes.c_int], ctypes.c_void_p
    for name in IN_ORDER:
        library = Path(found.origin).parent / "lib" / name
        if library.is_file():
            system.dlopen(os.fsencode(library), os.RTLD_NOW)
