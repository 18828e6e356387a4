"""What the sound process tells the window, through memory that both see.

A row of numbers with a sequence counter in front: the writer makes it odd, writes, and makes it even;
a reader who sees it odd or changed reads again. Neither ever waits for the other.
"""

from __future__ import annotations

import math
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

FIELDS = (
    "sequence",
    "playing",
    "seconds",  # song time at the start of the block made last
    "clock",  # time.monotonic() at which that block was asked for
    "span",  # seconds that block lasts
    "latency",  # seconds from being asked for to being heard
    "speed",
    "since_jump",  # song seconds from the last jump (start, seek, loop) to `seconds`
    "jumped_from",  # song time from which it jumped back to the loop's start; nan: from standstill
    "loop_start",
    "loop_end",  # nan: no loop
    "peak_left",
    "peak_right",
    "load",
    "dropouts",
    "voices",
    "score",  # number of the score that plays, as the window gave it
    "blocks",  # how many were made: stands still when nothing asks for sound
)
_TRIES = 8


@dataclass(frozen=True, slots=True)
class PlayerState:
    """Where the player is, as heard now.

    Attributes
    ----------
    playing : bool
    tick, seconds : float
        Position in the song.
    peak_left, peak_right : float
        Highest samples of late, 0-1, falling back.
    load : float
        Share of the time there is that making sound takes, 0-1.
    dropouts : int
        How often sound came too late since the player started.
    latency : float
        Seconds from a command to the loudspeaker, as far as the system knows.
    voices : int
        Voices that sound.
    status : str
        What is wrong and how to mend it; "" when all is well.
    """

    playing: bool = False
    tick: float = 0.0
    seconds: float = 0.0
    peak_left: float = 0.0
    peak_right: float = 0.0
    load: float = 0.0
    dropouts: int = 0
    latency: float = 0.0
    voices: int = 0
    status: str = ""


class StateBlock:
    """The shared row of numbers. One process writes, any may read.

    Parameters
    ----------
    memory : shared array of `len(FIELDS)` doubles, such as ``multiprocessing.RawArray``; by default
        memory of this process alone.
    """

    def __init__(self, memory: Any = None) -> None:
        self._values = (
            np.zeros(len(FIELDS)) if memory is None else np.frombuffer(memory, np.float64, len(FIELDS))
        )

    def clear(self) -> None:
        """Begin anew: a writer that was killed may have left the counter odd."""
        self._values[:] = 0.0

    def write(self, values: Sequence[float]) -> None:
        """Publish ``values``, one for each of `FIELDS` after the sequence counter."""
        self._values[0] += 1.0
        self._values[1:] = values
        self._values[0] += 1.0

    def read(self) -> dict[str, float]:
        """All fields, from one and the same moment."""
        for _ in range(_TRIES):
            values = self._values.tolist()
            if values[0] % 2 == 0 and values[0] == self._values[0]:
                break
        return dict(zip(FIELDS, values, strict=True))


def heard_seconds(state: dict[str, float], now: float | None = None) -> float:
    """The song time that comes out of the loudspeaker at ``now`` (`time.monotonic`)."""
    if not state["playing"]:
        return state["seconds"]
    now = time.monotonic() if now is None else now
    # Where the next block is late, nothing can be heard past the end of this one.
    ahead = min(max(0.0, now - state["clock"]) - state["latency"], state["span"])
    moved = ahead * state["speed"]
    if moved < -state["since_jump"]:
        # What is heard was made before the jump.
        if math.isnan(state["jumped_from"]):
            return state["seconds"] - state["since_jump"]
        return max(state["loop_start"], state["jumped_from"] + moved + state["since_jump"])
    seconds = state["seconds"] + moved
    if state["seconds"] < state["loop_end"] <= seconds:
        seconds = state["loop_start"] + (seconds - state["loop_end"])
    return seconds
