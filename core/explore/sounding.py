"""From mel-spectrogram to sound and from score to sound: what lies at a place of a map is heard.

Conventions
-----------
* A *picture* is a mel-spectrogram: decibels below its loudest place, 0 to -`RANGE_DB` [shape=(64, frames)], librosa's
  default mel bins at 22,050 Hz, windows of 2,048 samples every 512.
* Sound is mono float32 at 22,050 Hz, its loudest sample at `PEAK`; the same picture always sounds the same.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from core.errors import TunesmithError
from core.listen.analysis_frames import FrameMaker
from core.listen.blocks import HOP_LENGTH, SAMPLE_RATE, WINDOW, MelStream
from core.listen.features import mel_filters
from core.listen.heard import SILENT_BELOW, Heard
from core.song.notes import Song

Picture = NDArray[np.float32]
Sound = NDArray[np.float32]

BANDS = 64
RANGE_DB = 80.0
PEAK = 0.5

ROUNDS = 60
"""Of Griffin and Lim's algorithm; more are hardly heard."""

MOMENTUM = 0.99
"""N. Perraudin, P. Balazs and P. Soendergaard, A fast Griffin-Lim algorithm (WASPAA 2013)."""

SPECTRUM_ROUNDS = 40
SEED = 1
MOST_FRAMES = 26_000
"""Ten minutes."""


def sound_of(picture: Picture, *, cancelled: Callable[[], bool] = lambda: False) -> Sound:
    """What a picture sounds like [shape=(512 * (frames - 1),)].

    The power of every frequency is what, through the mel filters, comes closest to the picture; phases are found by
    Griffin and Lim's algorithm (1984), with momentum.

    Raises
    ------
    TunesmithError
        If it is no such picture.
    Cancelled
        When ``cancelled`` says so.
    """
    import torch

    from core.errors import Cancelled
    from core.listen.spectra import one_thread

    shown = np.asarray(picture, np.float32)
    if shown.ndim != 2 or len(shown) != BANDS or not 2 <= shown.shape[1] <= MOST_FRAMES:
        raise TunesmithError(f"a picture has {BANDS} bands and 2 to {MOST_FRAMES} frames, not {shown.shape}")
    if not np.isfinite(shown).all():
        raise TunesmithError("the picture holds numbers that are not finite; embed the piece anew")
    length = HOP_LENGTH * (shown.shape[1] - 1)
    if shown.max() - shown.min() < 1e-3:
        return np.zeros(length, np.float32)
    with one_thread(), torch.no_grad():
        magnitude = spectrum_of(shown)
        window = torch.hann_window(WINDOW)
        turn = torch.rand(magnitude.shape, generator=torch.Generator().manual_seed(SEED)) * (2 * torch.pi)
        spectrum = torch.polar(magnitude, turn)
        last = torch.zeros_like(spectrum)
        for _ in range(ROUNDS):
            if cancelled():
                raise Cancelled
            sound = torch.istft(spectrum, WINDOW, HOP_LENGTH, window=window, length=length)
            now = torch.stft(
                sound, WINDOW, HOP_LENGTH, window=window, return_complex=True, pad_mode="constant"
            )
            ahead = now + MOMENTUM * (now - last)
            last = now
            spectrum = magnitude * ahead / ahead.abs().clamp_min(1e-9)
        made: Sound = torch.istft(spectrum, WINDOW, HOP_LENGTH, window=window, length=length).numpy()
    return made * np.float32(PEAK / max(1e-9, float(np.abs(made).max())))


def spectrum_of(picture: Picture) -> Any:
    """The magnitudes, a tensor [shape=(1025, frames)], whose mel bins come closest to a picture's.

    Non-negative least squares by multiplicative steps (Lee and Seung 2001), which never leave what is not negative.
    """
    import torch

    filters, ways_back = _filters()
    power = torch.from_numpy(
        np.power(10, np.maximum(picture - picture.max(), -RANGE_DB) / 10, dtype=np.float32)
    )
    found = (ways_back @ power).clamp_min(1e-8)
    wanted = filters.T @ power
    for _ in range(SPECTRUM_ROUNDS):
        found = found * wanted / (filters.T @ (filters @ found)).clamp_min(1e-12)
    return found.sqrt()


@lru_cache(maxsize=1)
def _filters() -> Any:
    """From spectrum to bands, and back, as tensors."""
    import torch

    filters = mel_filters(SAMPLE_RATE, WINDOW, BANDS)
    return torch.from_numpy(filters), torch.from_numpy(np.linalg.pinv(filters).astype(np.float32))


def heard_of_song(song: Song, *, cancelled: Callable[[], bool] = lambda: False) -> Heard:
    """A score as it sounds, played by our synthesiser; what only the analysis needs is left out.

    Raises
    ------
    TunesmithError
        Where the song is too long to be played at once.
    Cancelled
        When ``cancelled`` says so.
    """
    from core.sound.render import render

    played = render(song, sample_rate=SAMPLE_RATE, cancelled=cancelled).mean(1)
    mel = MelStream()
    mel.push(played)
    peak = float(np.abs(played).max(initial=0.0))
    return Heard(len(played) / SAMPLE_RATE, mel.finish(), FrameMaker().finish(), peak, peak < SILENT_BELOW)
