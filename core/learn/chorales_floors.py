"""The floors of the chorale benchmark: repeat the last token, and an interpolated n-gram of tokens."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from core.learn.baselines import Attribute, Ngram
from core.learn.batches import Columns
from core.learn.chorales_network import PITCHES, REST, START, TOKENS, VOICES, Grid

CONTEXTS: dict[str, tuple[str, ...]] = {
    "soprano": ("last_soprano", "phase", "last_bass", "second_soprano", "last_tenor"),
    "bass": ("last_bass", "phase", "soprano", "last_soprano", "second_bass"),
    "alto": ("last_alto", "phase", "soprano", "bass", "last_soprano"),
    "tenor": ("last_tenor", "phase", "bass", "alto", "soprano"),
}
"""What each voice's token is counted after, the most telling first; voices are named in this order."""


def columns(pieces: Sequence[Grid], shifts: Sequence[int] = (0,)) -> Columns:
    """Every token with what stands before it, of all pieces in all transpositions that the vocabulary holds."""
    rows = []
    for piece in pieces:
        pitched = piece[piece < REST]
        for shift in shifts:
            if pitched.min(initial=PITCHES) + shift < 0 or pitched.max(initial=0) + shift >= PITCHES:
                continue
            moved = np.where(piece < REST, piece + shift, piece)
            before = np.vstack([np.full((2, 4), START), moved])
            phase = np.arange(len(piece))[:, None] % 4
            rows.append(np.hstack([moved, before[1:-1], before[:-2], phase, np.ones_like(phase)]))
    table = np.concatenate(rows)
    names = [f"{prefix}{voice}" for prefix in ("", "last_", "second_") for voice in VOICES]
    return dict(zip([*names, "phase", "asked"], table.T))


def measure_ngram(
    training: Sequence[Grid], held_out: Sequence[Grid], *, beat: bool = True
) -> dict[str, float]:
    """Nats a token and share right of the n-gram, trained on twelve transpositions; without the place in the
    beat if not ``beat``.
    """
    known, asked = columns(training, range(-6, 6)), columns(held_out)
    nats, right, count = 0.0, 0.0, 0
    for voice, context in CONTEXTS.items():
        context = tuple(name for name in context if beat or name != "phase")
        attribute = Attribute(voice, TOKENS, context, "asked", f"last_{voice}")
        sums = Ngram(attribute, known).measure(asked)
        nats, right, count = nats + sums[0], right + sums[1], count + sums[2]
    return {"nats": nats / count, "accuracy": right / count}


def measure_repeat(held_out: Sequence[Grid]) -> dict[str, float]:
    """Share of tokens that are their voice's token before, where there is one."""
    same = np.concatenate([piece[1:] == piece[:-1] for piece in held_out])
    return {"accuracy": float(same.mean())}
