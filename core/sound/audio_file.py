"""Sound into files: WAV, FLAC and Ogg Vorbis.

Conventions
-----------
* Samples are float32, -1 to 1, shape=(frames, channels).
* At 16 bits triangular dither of one step is added before rounding, so that quiet endings fade into
  noise and not into distortion. The dither is seeded: the same sound gives the same file.
* A file is whole or not there: it is written beside its place and then moved.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from core.errors import Cancelled, TunesmithError
from core.store.atomic import atomic_write

FORMATS: dict[str, tuple[str, dict[int, str]]] = {
    ".wav": ("WAV", {16: "PCM_16", 24: "PCM_24", 32: "FLOAT"}),
    ".flac": ("FLAC", {16: "PCM_16", 24: "PCM_24"}),
    ".ogg": ("OGG", {16: "VORBIS", 24: "VORBIS", 32: "VORBIS"}),
}
"""Suffix -> (container, bits -> encoding). Ogg Vorbis has no bit depth and takes any."""

CHUNK = 32768  # libsndfile 1.2 crashes on long Vorbis writes; this is also how often one may cancel
_DITHER_SEED = 16


def check_format(path: str | os.PathLike[str], bits: int = 24) -> str:
    """The encoding for ``path``'s suffix and ``bits``, in libsndfile's words.

    Raises
    ------
    TunesmithError
        For a suffix or a bit depth that cannot be written.
    """
    path = Path(path)
    if path.suffix.lower() not in FORMATS:
        raise TunesmithError(f'Cannot write "{path.name}": the name must end in .wav, .flac or .ogg')
    encodings = FORMATS[path.suffix.lower()][1]
    if bits not in encodings:
        possible = " or ".join(map(str, encodings))
        raise TunesmithError(f"{path.suffix} files cannot have {bits} bits; choose {possible}")
    return encodings[bits]


def write_audio(
    path: str | os.PathLike[str],
    samples: NDArray[np.float32],
    sample_rate: int,
    *,
    bits: int = 24,
    progress: Callable[[float], None] | None = None,
    cancelled: Callable[[], bool] | None = None,
) -> None:
    """Write ``samples`` [shape=(frames, channels) or (frames,)] to ``path``; its suffix says how.

    Raises
    ------
    TunesmithError
        For an unknown suffix, bits that do not fit it, or a place that cannot be written.
    Cancelled
        Where ``cancelled`` said so; nothing is left behind.
    """
    import soundfile

    encoding = check_format(path, bits)
    container = FORMATS[Path(path).suffix.lower()][0]
    channels = 1 if samples.ndim == 1 else samples.shape[1]
    dither = np.random.default_rng(_DITHER_SEED) if encoding == "PCM_16" else None
    with atomic_write(path) as unfinished:
        try:
            with soundfile.SoundFile(
                unfinished, "w", sample_rate, channels, subtype=encoding, format=container
            ) as file:
                for start in range(0, len(samples), CHUNK):
                    if cancelled and cancelled():
                        raise Cancelled
                    chunk = samples[start : start + CHUNK]
                    file.write(chunk if dither is None else to_16_bits(chunk, dither))
                    if progress:
                        progress(min(1.0, (start + CHUNK) / len(samples)))
        except soundfile.LibsndfileError as error:
            raise TunesmithError(f"Cannot write {path}: {error.error_string}") from None


def to_16_bits(samples: NDArray[np.float32], random: np.random.Generator) -> NDArray[np.int16]:
    """``samples`` as 16-bit numbers, with triangular dither of one step from ``random``."""
    scaled = samples * np.float32(32767.0)
    # The difference of two even spreads is triangular; taken in place, it needs one array more.
    scaled += random.random(samples.shape, np.float32)
    scaled -= random.random(samples.shape, np.float32)
    np.rint(scaled, out=scaled)
    np.clip(scaled, -32768.0, 32767.0, out=scaled)
    return scaled.astype(np.int16)
