"""What one pass over a recording keeps of it: enough for every classifier and for the analysis.

Conventions
-----------
* Sound is mono float32 at `SAMPLE_RATE`, however the file was made.
* A mel frame ``t`` is centred on ``t * HOP_LENGTH / SAMPLE_RATE`` seconds; a recording of ``n`` samples has
  ``n // HOP_LENGTH + 1`` of them, as in librosa.
* Three hours take about 120 MB of mel frames and 90 MB of `analysis_frames.Frames`.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from core.listen import cache
from core.listen.analysis_frames import FrameMaker, Frames
from core.listen.blocks import HOP_LENGTH, SAMPLE_RATE, MelStream
from core.listen.decode import Findings, check_file, stream
from core.listen.memory import give_back, keep_large_apart
from core.listen.spectra import one_thread

TIDY_FROM, TIDY_SAMPLES = 240 * SAMPLE_RATE, 30 * SAMPLE_RATE
"""From so much sound on memory is kept small, and given back after each so much; it costs two fifths of the time."""

LONGEST_REMEMBERED_S = 1200.0
"""What is longer is heard anew: taken from the cache it would lie in memory whole."""

SILENT_BELOW = 1e-4
"""A recording whose highest peak is lower (-80 dB of full scale) counts as silent."""


@dataclass(frozen=True, slots=True, eq=False)
class Heard:
    """A recording as it was heard.

    Attributes
    ----------
    duration_s : seconds of sound that could be read, whatever the file's header says
    mel_db : float16 ndarray [shape=(128, frames)]
        Power in decibels, ``10 log10(max(1e-10, S))``, of librosa's default (Slaney) mel bins, in windows of
        2,048 samples every 512; not relative to the loudest.
    frames : what the analysis keeps
    peak : the highest absolute sample, 1 being full scale
    silent : whether there is nothing to hear
    sample_rate, hop_length : 22050 and 512
    warnings : what was wrong with the file, one line each
    """

    duration_s: float
    mel_db: NDArray[np.float16]
    frames: Frames
    peak: float
    silent: bool
    sample_rate: int = SAMPLE_RATE
    hop_length: int = HOP_LENGTH
    warnings: tuple[str, ...] = ()


def hear(
    path: str | os.PathLike[str],
    *,
    remember: bool = True,
    progress: Callable[[float], None] | None = None,
    cancelled: Callable[[], bool] | None = None,
) -> Heard:
    """Listen to an audio file once; what was heard before is taken from `core.listen.cache`.

    Parameters
    ----------
    remember : whether to look there, and to put it there

    Raises
    ------
    TunesmithError
        In one line, for what cannot be read.
    Cancelled
        Within 100 ms of ``cancelled`` saying so.
    """
    check_file(Path(path))
    name = cache.fingerprint(path, cancelled=cancelled) if remember else ""
    known = cache.load(name) if name else None
    if known is not None:
        if progress:
            progress(1.0)
        return known
    heard = _hear(path, progress or _nobody, cancelled)
    give_back()
    if name and heard.duration_s <= LONGEST_REMEMBERED_S:
        cache.save(name, heard)
    return heard


def _hear(
    path: str | os.PathLike[str], progress: Callable[[float], None], cancelled: Callable[[], bool] | None
) -> Heard:
    findings = Findings()
    mel, frames = MelStream(), FrameMaker(SAMPLE_RATE)
    samples = 0
    # Two threads, for the decoder leaves most of a second core free.
    with one_thread(), ThreadPoolExecutor(1, "mel") as beside:
        for block in stream(path, sample_rate=SAMPLE_RATE, cancelled=cancelled, findings=findings):
            pushed = beside.submit(mel.push, block)
            frames.push(block)
            pushed.result()
            samples += len(block)
            progress(findings.share)
            if samples > TIDY_FROM:
                keep_large_apart()
                if samples % TIDY_SAMPLES < len(block):
                    give_back()
        mel_db = mel.finish()
        kept = frames.finish()
    return Heard(
        duration_s=samples / SAMPLE_RATE,
        mel_db=mel_db,
        frames=kept,
        peak=findings.peak,
        silent=findings.peak < SILENT_BELOW,
        warnings=findings.warnings,
    )


def _nobody(share: float) -> None:
    pass
