"""Other performances of the same music, made from its log-mel: what a classifier of genres should not mind.

Conventions
-----------
* A batch is log-mels as bytes [shape=(tracks, bins, columns)] going in, and numbers from 0 (40 dB below the
  loudest, or quieter) to 1 coming out. What is 0 is unknown, and stays 0 under any gain.
* Tempo is changed by choosing columns, pitch by choosing bins: a column is one frame, and the mean of two
  would be music that nobody played.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

DECIBELS = 40.0
"""From 0 to 1."""

BREAK_HERTZ, HERTZ_A_MEL, MELS_A_FACTOR = 1000.0, 200.0 / 3, 27.0 / 1.8562979903656263
TOP_HERTZ = 11025.0


@dataclass(frozen=True)
class Strength:
    """How far each is taken, at most.

    Attributes
    ----------
    stretch : tempo times or by one plus this
    semitones : up or down
    gain, tilt : decibels, of the whole and of a smooth curve over the bins
    masks, widest_bins, widest_columns : how many stripes are blanked (SpecAugment, arXiv 1904.08779), and how wide
    cut : chance that the highest or the lowest bins are lost, as in a small file or on a small loudspeaker
    mixup : parameter of the beta distribution that two tracks are mixed by (arXiv 1710.09412); 0 mixes none
    """

    stretch: float = 0.25
    semitones: float = 2.0
    gain: float = 6.0
    tilt: float = 8.0
    masks: int = 2
    widest_bins: int = 16
    widest_columns: int = 16
    cut: float = 0.2
    mixup: float = 0.3


def bins_to_hertz(bins: Tensor, count: int) -> Tensor:
    """Middle frequency of mel bins, by Slaney's formula as librosa has it."""
    top = BREAK_HERTZ / HERTZ_A_MEL + MELS_A_FACTOR * torch.log(torch.tensor(TOP_HERTZ / BREAK_HERTZ))
    mels = (bins + 1) * top / (count + 1)
    knee = BREAK_HERTZ / HERTZ_A_MEL
    return torch.where(
        mels < knee, mels * HERTZ_A_MEL, BREAK_HERTZ * torch.exp((mels - knee) / MELS_A_FACTOR)
    )


def hertz_to_bins(hertz: Tensor, count: int) -> Tensor:
    """The inverse of `bins_to_hertz`."""
    top = BREAK_HERTZ / HERTZ_A_MEL + MELS_A_FACTOR * torch.log(torch.tensor(TOP_HERTZ / BREAK_HERTZ))
    knee = BREAK_HERTZ / HERTZ_A_MEL
    high = knee + MELS_A_FACTOR * torch.log(hertz.clamp_min(1.0) / BREAK_HERTZ)
    return torch.where(hertz < BREAK_HERTZ, hertz / HERTZ_A_MEL, high) * (count + 1) / top - 1


def augment(batch: Tensor, columns: int, strength: Strength, draw: torch.Generator) -> Tensor:
    """Draw a crop of ``columns`` from every track, and play it differently.

    Returns
    -------
    Tensor
        [shape=(tracks, bins, columns)]
    """
    count, bins, whole = batch.shape

    def chance(*shape: int) -> Tensor:
        return torch.rand(*shape, generator=draw)

    rate = (1 + strength.stretch) ** (2 * chance(count) - 1)
    start = chance(count) * (whole - 1 - (columns - 1) * rate).clamp_min(0)
    at = (start[:, None] + torch.arange(columns) * rate[:, None]).long()
    at = torch.where(at < whole, at, 2 * (whole - 1) - at).clamp(0, whole - 1)  # a short track turns round

    factor = 2 ** ((2 * chance(count) - 1) * strength.semitones / 12)
    hertz = bins_to_hertz(torch.arange(bins, dtype=torch.float32), bins)
    source = hertz_to_bins(hertz[None] / factor[:, None], bins).round().long()
    known = (source >= 0) & (source < bins)
    track = torch.arange(count)[:, None, None]
    x = batch[track, source.clamp(0, bins - 1)[:, :, None], at[:, None, :]].float() / 255
    heard = (x > 0) & known[:, :, None]

    points = (2 * chance(count, 1, 6) - 1) * strength.tilt
    curve = torch.nn.functional.interpolate(points, bins, mode="linear", align_corners=True)[:, 0]
    gain = (2 * chance(count, 1) - 1) * strength.gain
    x = ((x + (curve + gain)[:, :, None] / DECIBELS) * heard).clamp(0, 1)

    places = torch.arange(bins)[None]
    low = torch.where(chance(count, 1) < strength.cut, chance(count, 1) * 4, 0)
    high = torch.where(chance(count, 1) < strength.cut, chance(count, 1) * 24, 0)
    keep = (places >= low) & (places < bins - high)
    for _ in range(strength.masks):
        wide = chance(count, 1) * strength.widest_bins
        first = chance(count, 1) * (bins - wide)
        keep &= (places < first) | (places >= first + wide)
    going = torch.ones(count, columns, dtype=torch.bool)
    spots = torch.arange(columns)[None]
    for _ in range(strength.masks):
        wide = chance(count, 1) * strength.widest_columns
        first = chance(count, 1) * (columns - wide)
        going &= (spots < first) | (spots >= first + wide)
    return x * keep[:, :, None] * going[:, None, :]


def strangers(crops: Tensor, draw: torch.Generator) -> Tensor:
    """What is no music, to learn doubt from (outlier exposure; Hendrycks, Mazeika & Dietterich, arXiv 1812.04606).

    Each is one of: noise of some colour; bins of a crop in disorder; one moment of a crop for ever; clicks; a
    steady tone; and nothing at all.

    Parameters
    ----------
    crops : numbers from 0 to 1 [shape=(count, bins, columns)], what the others are made of

    Returns
    -------
    Tensor
        [shape=(count, bins, columns)]
    """
    count, bins, columns = crops.shape
    kinds = torch.randint(0, 6, (count,), generator=draw)
    made = torch.zeros_like(crops)
    for place, kind in enumerate(kinds.tolist()):
        chance = torch.rand(4, generator=draw)
        if kind == 0:
            curve = torch.rand(1, 1, 4, generator=draw) * chance[0]
            curve = torch.nn.functional.interpolate(curve, bins, mode="linear", align_corners=True)[0, 0]
            # The power of a frame of noise is exponentially distributed; a mel bin adds up a few of them.
            power = -torch.log(torch.rand(3, bins, columns, generator=draw).clamp_min(1e-6)).mean(0)
            made[place] = 1 - chance[1] * 0.5 - curve[:, None] + 10 * torch.log10(power) / DECIBELS
        elif kind == 1:
            made[place] = crops[place][torch.randperm(bins, generator=draw)]
        elif kind == 2:
            made[place] = crops[place][:, int(chance[0] * columns)][:, None].expand(bins, columns)
        elif kind == 3:
            heard = (torch.rand(columns, generator=draw) < 0.02 + 0.1 * chance[0]).float()
            made[place] = heard[None] * (1 - chance[1] * torch.linspace(0, 1, bins)[:, None])
        elif kind == 4:
            middle = (0.05 + 0.8 * chance[0]) * bins
            away = (torch.arange(bins) - middle).abs()[:, None]
            made[place] = (1 - away * (0.1 + 0.4 * chance[1])).expand(bins, columns)
    return made.clamp(0, 1)
