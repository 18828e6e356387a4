"""MixTape beside the plain way: every window read anew by `torch.nn.LSTM`, one after another."""

from __future__ import annotations

import statistics
import time
from itertools import islice
from typing import Any

import numpy as np

ELEMENTS = 200
PEER_ELEMENTS = 20
RUNS = 3


def windows() -> dict[str, Any]:
    """Processor seconds for 200 elements with windows of 100, one thread each; the peer's from a tenth of them."""
    import torch

    from core.compose.mixtape import WINDOW, foretell, load, window
    from core.compose.mixtape_network import Windows

    torch.set_num_threads(1)
    loaded = load("guitar")
    ours, theirs = [], []
    for seed in range(RUNS):
        start = window(loaded, np.random.default_rng(seed))
        begun = time.process_time()
        found = list(islice(foretell(Windows(loaded.network, WINDOW, ELEMENTS), start), ELEMENTS))
        ours.append(time.process_time() - begun)
        begun = time.process_time()
        expected = _read_anew(loaded.network, start, PEER_ELEMENTS)
        theirs.append((time.process_time() - begun) * ELEMENTS / PEER_ELEMENTS)
        if found[:PEER_ELEMENTS] != expected:
            raise RuntimeError("windows that step together foretold what windows by themselves do not")
    ratio = statistics.median(b / a for a, b in zip(ours, theirs, strict=True))
    return {
        "ours": statistics.median(ours),
        "peer": statistics.median(theirs),
        "ratio": ratio,
        "unit": "s",
        "runs": RUNS,
    }


def carried() -> dict[str, Any]:
    """Seconds for 200 elements with the state carried on; the peer reads windows, in our own way."""
    from core.compose.mixtape import WINDOW, foretell, load, window
    from core.compose.mixtape_network import Carried, Windows

    loaded = load("guitar")
    start = window(loaded, np.random.default_rng(0))
    times = []
    for reader in (Carried(loaded.network), Windows(loaded.network, WINDOW, ELEMENTS)):
        begun = time.process_time()
        for _ in islice(foretell(reader, start), ELEMENTS):
            pass
        times.append(time.process_time() - begun)
    return {"ours": times[0], "peer": times[1], "ratio": times[1] / times[0], "unit": "s", "runs": 1}


def _read_anew(network: Any, start: list[int], count: int) -> list[int]:
    import torch

    window, found = list(start), []
    with torch.inference_mode():
        for _ in range(count):
            found.append(int(network(torch.tensor([window]))[0, -1].argmax()))
            window = [*window[1:], found[-1]]
    return found


BENCHMARKS = {"mixtape-windows": windows, "mixtape-carried": carried}
