"""What the flagship learns from: the cross-entropy of every attribute of every event, in nats."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional as F

from core.compose.encoding import BAR, DRUMS, PITCHES
from core.compose.network import FAR_BELOW, Network
from core.learn.batches import Batch

ATTRIBUTES = ("copy", "chord", "second_chord", "time", "part", "pitch", "duration", "velocity")

State = tuple[Tensor, Tensor]


def to_tensors(columns: Mapping[str, NDArray[np.int64]], device: torch.device) -> dict[str, Tensor]:
    """The columns of a batch on ``device``, bits of pitch classes spread out to twelve numbers."""
    x = {name: torch.from_numpy(values).to(device) for name, values in columns.items()}
    for name in ("chroma", "chroma_now", "to_come"):
        x[name] = spread_bits(x[name])
    return x


def spread_bits(chroma: Tensor) -> Tensor:
    """[...] integers of twelve bits -> [..., 12] zeros and ones."""
    return ((chroma.unsqueeze(-1) >> torch.arange(12, device=chroma.device)) & 1).float()


def attribute_losses(
    network: Network, batch: Batch, state: State | None, device: torch.device
) -> tuple[dict[str, Tensor], dict[str, Tensor], int, State]:
    """Summed loss and count of hits of each attribute, the number of notes, and the trunk's state.

    Returns
    -------
    losses : attribute -> scalar, nats summed over the batch
    hits : attribute -> (number right at first guess, number asked)
    notes : number of notes foretold; given ones are not counted
    state : to be carried into the next stretch of the same streams
    """
    x = to_tensors(batch.columns, device)
    wish = network.conditions(torch.from_numpy(batch.wish).to(device))
    programs = torch.from_numpy(batch.parts).to(device)
    parts = network.parts(programs)
    open_parts = torch.from_numpy(batch.open_parts).to(device)
    given = None
    if network.shape.infill:
        rows, bars = torch.from_numpy(batch.given_rows).to(device), torch.from_numpy(batch.bars).to(device)
        given = network.given.read(rows, open_parts.to(rows.dtype), bars, parts)
    h, state = network.trunk(network.inputs(x, wish, parts, given), state)
    h = network.drop(h).flatten(0, 1)
    flat = {name: values.flatten(0, 1) for name, values in x.items()}
    stream = torch.arange(len(wish), device=device).repeat_interleave(x["time"].shape[1])
    valid = flat["valid"] == 1

    losses: dict[str, Tensor] = {}
    hits: dict[str, Tensor] = {}

    def score(name: str, logits: Tensor, target: Tensor) -> None:
        logits = logits.float()
        losses[name] = F.cross_entropy(logits, target, reduction="sum")
        hits[name] = torch.stack(
            [(logits.argmax(-1) == target).sum(), torch.tensor(len(target), device=device)]
        )

    # What may be chosen: in a closed part only given notes, and nothing beyond the next given note.
    bar_now = (flat["bar_place"] - 1).clamp(min=0)
    open_now = open_parts[stream, bar_now]
    bar_next = flat["bar_place"].clamp(max=open_parts.shape[1] - 1)
    limit = torch.where(flat["given_is_note"] == 1, flat["given_time"], BAR)

    bars = (valid & (flat["next_is_bar"] == 1) & open_parts[stream, bar_next].any(-1)).nonzero().squeeze(1)
    at_bar = h[bars]
    copy, chord = flat["next_copy"][bars], flat["next_chord"][bars]
    score("copy", network.copy_logits(at_bar), copy)
    score("chord", network.chord_logits(at_bar, copy), chord)
    score("second_chord", network.second_chord_logits(at_bar, copy, chord), flat["next_second_chord"][bars])

    # After the start only a bar can come: there is nothing to foretell about its time.
    some_open = valid & open_now.any(-1)
    timed = (some_open & (flat["earliest_time"] < BAR)).nonzero().squeeze(1)
    times = network.time_logits(h[timed])
    classes = torch.arange(times.shape[1], device=device)
    earliest, length = flat["earliest_time"][timed, None], flat["bar_length"][timed, None]
    possible = (
        (classes >= earliest) & ((classes < length) | (classes == BAR)) & (classes <= limit[timed, None])
    )
    score("time", times.masked_fill(~possible, FAR_BELOW), flat["next_time"][timed])

    notes = (some_open & (flat["next_is_note"] == 1)).nonzero().squeeze(1)
    n = {name: values[notes] for name, values in flat.items()}
    h, own = h[notes], stream[notes]
    logits = network.part_logits(h, n["next_time"], parts[own], n["silence"])
    places = torch.arange(logits.shape[1], device=device)
    counts = torch.from_numpy(batch.part_count).to(device)
    meets = (n["given_is_note"] == 1) & (n["next_time"] == n["given_time"])
    is_given_part = meets[:, None] & (places == n["given_part"][:, None])
    possible = (places >= n["lowest_part"][:, None]) & (places < counts[own][:, None])
    possible &= (places <= n["given_part"][:, None]) | ~meets[:, None]
    possible &= open_now[notes] | is_given_part
    score("part", logits.masked_fill(~possible, FAR_BELOW), n["next_part"])

    part = parts[own, n["next_part"]]
    drum = programs[own, n["next_part"], 0] == DRUMS
    logits = network.pitch_logits(
        h,
        n["next_time"],
        part,
        n["last_pitch"],
        n["echo_pitch"],
        n["chroma"],
        n["chord_then"],
        n["to_come"] if network.shape.infill else None,
    )
    pitches = torch.arange(PITCHES, device=device)
    possible = ((pitches >= 128) == drum[:, None]) & (pitches >= n["lowest_pitch"][:, None])
    meets &= n["next_part"] == n["given_part"]
    possible &= (pitches <= n["given_pitch"][:, None]) | ~meets[:, None]
    is_open = open_now[notes].gather(1, n["next_part"][:, None])
    possible &= is_open | (pitches == n["given_pitch"][:, None])
    score("pitch", logits.masked_fill(~possible, FAR_BELOW), n["next_pitch"])
    new = (n["next_is_given"] == 0).nonzero().squeeze(1)
    score(
        "duration",
        network.duration_logits(
            h[new],
            n["next_time"][new],
            part[new],
            n["next_pitch"][new],
            n["echo_duration"][new],
            n["last_duration"][new],
        ),
        n["next_duration"][new],
    )
    loud = ((n["next_is_given"] == 0) & (n["dynamic"] == 1)).nonzero().squeeze(1)
    score(
        "velocity",
        network.velocity_logits(
            h[loud],
            n["next_time"][loud],
            part[loud],
            n["next_pitch"][loud],
            n["next_duration"][loud],
            n["last_velocity"][loud],
        ),
        n["next_velocity"][loud],
    )
    return losses, hits, len(new), state
