"""What in the sound speaks for a label: the gradient of its score, times the sound.

The gradient is the mean over several slightly noisy copies (SmoothGrad; Smilkov et al., arXiv 1706.03825), times the
loudness, so that only what is there can speak, and only what speaks *for* the label is kept.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn import functional as F

from core.errors import TunesmithError
from core.listen.genre import CROP, FEWEST, FRAMES_A_COLUMN, column_frames, crops_of, picture
from core.listen.spectra import one_thread
from core.listen.trained import Trained, load

if TYPE_CHECKING:
    from core.listen.heard import Heard

COPIES, NOISE = 8, 0.1
LONGEST_S = 600.0
"""More than this much of a recording is not asked for at once."""

SPEAKS = 99.0
"""Percentile of what speaks for the label that is shown as 1."""


def saliency(
    heard: Heard, model: str, label: str = "", start_s: float = 0.0, end_s: float = np.inf
) -> NDArray[np.float32]:
    """What speaks for ``label`` in a stretch of a recording.

    Parameters
    ----------
    model : name of a classifier of recordings
    label : one of its labels; the likeliest in the stretch if ""
    start_s, end_s : the stretch, at most `LONGEST_S` of it

    Returns
    -------
    ndarray
        0 to 1 for every mel bin and frame of the stretch [shape=(128, frames)]

    Raises
    ------
    TunesmithError
        If the model does not know the label.
    """
    trained = load(model)
    if label and label not in trained.labels:
        raise TunesmithError(f"{trained.name} does not know {label!r}; it knows {', '.join(trained.labels)}")
    rate = heard.sample_rate / heard.hop_length
    whole = heard.mel_db.shape[1]
    first = min(max(0, int(start_s * rate)), whole - 1)
    last = max(first + 1, min(whole, int(min(end_s, start_s + LONGEST_S) * rate)))
    shown = picture(heard.mel_db)
    frames = column_frames(whole)
    near = slice(int(np.searchsorted(frames, first)), int(np.searchsorted(frames, last)))
    middle = (near.start + near.stop) // 2
    fewest = max(FEWEST, trained.columns, near.stop - near.start)  # a network needs some music to hear
    begin = max(0, min(middle - fewest // 2, shown.shape[1] - fewest))
    speaks = speaks_for(shown[:, begin : begin + fewest], trained, label)
    # Each frame has the value of the column nearest to it.
    columns = np.clip(
        np.round(np.arange(first, last) / FRAMES_A_COLUMN - 2).astype(int) - begin, 0, speaks.shape[1] - 1
    )
    return speaks[:, columns]


def speaks_for(shown: NDArray[np.uint8], trained: Trained, label: str = "") -> NDArray[np.float32]:
    """The same for a picture [shape=(bins, columns)], in its own columns."""
    size = trained.columns or min(CROP, max(FEWEST, shown.shape[1]))
    starts, crops = crops_of(shown, size, size)
    x = (torch.from_numpy(crops).float() / 255).to(trained.device)
    if not label:
        label = trained.labels[int(trained.scores(crops).mean(0).argmax())]
    place = trained.labels.index(label)
    draw = torch.Generator().manual_seed(0)
    total = torch.zeros_like(x)
    with one_thread():
        for _ in range(COPIES):
            noise = torch.randn(x.shape, generator=draw).to(x.device)
            noisy = (x + NOISE * noise).requires_grad_(True)
            trained.network(noisy).log_softmax(1)[:, place].sum().backward()
            if noisy.grad is not None:
                total += noisy.grad
    there = (total * x).clamp_min(0)[:, None]
    speaks = F.avg_pool2d(there, 5, stride=1, padding=2, count_include_pad=False)[:, 0].cpu().numpy()
    found = np.zeros((shown.shape[0], max(shown.shape[1], size)), np.float32)
    for start, part in zip(starts, speaks):
        found[:, start : start + size] = np.maximum(found[:, start : start + size], part)
    loudest = np.percentile(found, SPEAKS)
    scaled = found / loudest if loudest > 0 else found
    return np.clip(scaled[:, : shown.shape[1]], 0, 1).astype(np.float32)
