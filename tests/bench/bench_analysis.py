"""How long the analysis of three minutes takes, beside librosa's tempo, beats and chroma of the same sound."""

from __future__ import annotations

from statistics import median
from time import perf_counter
from typing import Any

import librosa
import numpy as np

from core.listen.analysis import analyse
from core.listen.analysis_frames import SAMPLE_RATE, FrameMaker

SECONDS, RUNS = 180, 3


def tune() -> np.ndarray:
    """Chords of decaying harmonics, a new one every half second, over clicks."""
    rng = np.random.default_rng(0)
    length = SAMPLE_RATE // 2
    at = np.arange(length) / SAMPLE_RATE
    beats = []
    for beat in range(2 * SECONDS):
        root = 48 + (0, 9, 5, 7)[beat // 4 % 4]
        hertz = 440 * 2 ** ((root + np.array([0, 4, 7, 12]) - 69) / 12)
        tone = sum(np.sin(2 * np.pi * h * n * at) / n for h in hertz for n in range(1, 6))
        beats.append(0.05 * tone * np.exp(-3 * at) + 0.1 * rng.normal(size=length) * np.exp(-80 * at))
    return np.concatenate(beats).astype(np.float32)


def analysis_3_minutes() -> dict[str, Any]:
    """Frames and the whole analysis; the peer finds tempo and beats, and makes the chroma for key and chords."""
    sound = tune()

    def ours() -> None:
        maker = FrameMaker()
        maker.push(sound)
        analyse(maker.finish())

    def peer() -> None:
        librosa.beat.beat_track(y=sound, sr=SAMPLE_RATE)
        librosa.feature.chroma_cqt(y=sound, sr=SAMPLE_RATE)

    times = []
    for work in (ours, peer):
        work()  # what is loaded and compiled once is not counted
        spent = []
        for _ in range(RUNS):
            start = perf_counter()
            work()
            spent.append(perf_counter() - start)
        times.append(median(spent))
    return {"ours": times[0], "peer": times[1], "ratio": times[1] / times[0], "unit": "s", "runs": RUNS}


BENCHMARKS = {"analysis-3-minutes": analysis_3_minutes}
