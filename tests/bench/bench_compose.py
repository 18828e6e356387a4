"""Composing beside the ways it could be done: stepping `torch.nn.LSTM`, the same weights."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from core.compose.registry import compose, compose_song, compose_variants, warm_up
from core.compose.request import Request

BAND = ("acoustic bass", "acoustic grand piano", "string ensemble 1", "drums")
RUNS = 5


def _per_call(call: Callable[[], object], count: int) -> float:
    begun = time.perf_counter()
    for _ in range(count):
        call()
    return (time.perf_counter() - begun) / count


def stepping() -> dict[str, Any]:
    """Steps of the trunk a second, beside `torch.nn.LSTM` stepped with the same weights, one thread each."""
    import torch

    from core.compose.flagship import load
    from core.compose.state import State
    from core.compose.stepper import Stepper

    network = load().network
    state = State(8, 48)
    state.begin_bar(48, 0, (0, 7))
    state.add_note(0, 0, 60, 11, 9)
    stepper = Stepper(network, [0, 19, 0, 8, 1], [[0, 10, 2, 3]])
    inputs = torch.zeros(1, 1, network.trunk.input_size)
    carried = tuple(torch.zeros(network.trunk.num_layers, 1, network.trunk.hidden_size) for _ in range(2))

    def peer() -> None:
        with torch.inference_mode():
            network.trunk(inputs, carried)

    ours, theirs = [], []
    stepper.step(state)
    peer()
    for _ in range(RUNS):
        ours.append(1 / _per_call(lambda: stepper.step(state), 300))
        theirs.append(1 / _per_call(peer, 60))
    ratio = statistics.median(a / b for a, b in zip(ours, theirs, strict=True))
    return {
        "ours": statistics.median(ours),
        "peer": statistics.median(theirs),
        "ratio": ratio,
        "unit": "steps/s",
        "runs": RUNS,
    }


def first_note() -> dict[str, Any]:
    """Seconds from the request to the first note with the model warm; the peer is the whole song's time."""
    warm_up()
    firsts, totals = [], []
    for seed in range(RUNS):
        begun = time.perf_counter()
        first = 0.0
        for update in compose(Request(bars=16, instruments=BAND, seed=seed)):
            if not first and len(update.notes):
                first = time.perf_counter() - begun
        firsts.append(first)
        totals.append(time.perf_counter() - begun)
    ours, peer = statistics.median(firsts), statistics.median(totals)
    return {"ours": ours, "peer": peer, "ratio": peer / ours, "unit": "s", "runs": RUNS}


def sixteen_bars() -> dict[str, Any]:
    """Seconds for 16 bars of four instruments; the peer is the time the music lasts."""
    warm_up()
    times, lengths, notes = [], [], []
    for seed in range(RUNS):
        begun = time.perf_counter()
        song = compose_song(Request(bars=16, instruments=BAND, seed=seed))
        times.append(time.perf_counter() - begun)
        lengths.append(song.seconds)
        notes.append(len(song.notes) / times[-1])
    ours, peer = statistics.median(times), statistics.median(lengths)
    return {
        "ours": ours,
        "peer": peer,
        "ratio": peer / ours,
        "unit": "s",
        "runs": RUNS,
        "notes_per_second": statistics.median(notes),
    }


def eight_melodies() -> dict[str, Any]:
    """Seconds for eight melodies of 8 bars side by side; the peer composes them one after another."""
    warm_up()
    request = Request(bars=8, instruments=("flute",))
    together, apart, notes = [], [], 0
    for run in range(RUNS):
        wish = replace(request, seed=8 * run)
        begun = time.perf_counter()
        updates = [update for _, update in compose_variants(wish, 8)]
        together.append(time.perf_counter() - begun)
        notes += sum(len(update.song.notes) for update in updates if update.done and update.song)
        begun = time.perf_counter()
        for index in range(8):
            compose_song(replace(wish, seed=wish.seed + index))
        apart.append(time.perf_counter() - begun)
    ours, peer = statistics.median(together), statistics.median(apart)
    return {
        "ours": ours,
        "peer": peer,
        "ratio": peer / ours,
        "unit": "s",
        "runs": RUNS,
        "notes_per_second": notes / sum(together),
    }


BENCHMARKS = {
    "step-vs-nn-lstm": stepping,
    "first-note": first_note,
    "sixteen-bars": sixteen_bars,
    "eight-melodies": eight_melodies,
}
