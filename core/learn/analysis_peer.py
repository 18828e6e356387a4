"""What librosa says of a recording, by its own functions and the recipes of its documentation.

Tempo and beats are `librosa.beat.beat_track`'s. librosa has no key finder: the usual recipe correlates the mean of
`chroma_cqt` with the profiles of Krumhansl and Kessler. Chords are the example of
`librosa.sequence.viterbi_discriminative`'s kind: chroma, 24 triads and no-chord, a Viterbi path.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

_MAJOR = (6.35, 2.23, 3.48, 2.33, 4.38, 4.09, 2.52, 5.19, 2.39, 3.66, 2.29, 2.88)
_MINOR = (6.33, 2.68, 3.52, 5.38, 2.60, 3.53, 2.54, 4.75, 3.98, 2.69, 3.34, 3.17)
_NAMES = ("C", "Db", "D", "Eb", "E", "F", "F#", "G", "Ab", "A", "Bb", "B")


def listen(sound: NDArray[np.float32], sample_rate: int = 22050) -> dict[str, Any]:
    """Tempo (bpm), beats (seconds), key and chords (start, end, label as mir_eval writes it)."""
    import librosa

    tempo, frames = librosa.beat.beat_track(y=sound, sr=sample_rate)
    chroma = librosa.feature.chroma_cqt(y=sound, sr=sample_rate)
    times = librosa.frames_to_time(np.arange(chroma.shape[1] + 1), sr=sample_rate)
    return {
        "tempo_bpm": float(np.atleast_1d(tempo)[0]),
        "beats_s": librosa.frames_to_time(frames, sr=sample_rate),
        "key": key_of(chroma),
        "chords": chords_of(chroma, times),
    }


def key_of(chroma: NDArray[np.floating]) -> str:
    """The key whose profile correlates best with the mean chroma [shape=(12, frames)]."""
    mean = chroma.mean(1)
    keys = [(tonic, mode) for mode in ("major", "minor") for tonic in range(12)]
    profiles = [np.roll(_MAJOR if mode == "major" else _MINOR, tonic) for tonic, mode in keys]
    scores = [float(np.corrcoef(mean, profile)[0, 1]) for profile in profiles]
    tonic, mode = keys[int(np.nanargmax(scores))] if np.isfinite(scores).any() else (0, "major")
    return f"{_NAMES[tonic]} {mode}"


def chords_of(chroma: NDArray[np.floating], times: NDArray[np.floating]) -> list[tuple[float, float, str]]:
    """Triads and no-chord along a Viterbi path, as the documentation's example of chord recognition does it."""
    import librosa

    major, minor = np.zeros(12), np.zeros(12)
    major[[0, 4, 7]], minor[[0, 3, 7]] = 1, 1
    weights = np.zeros((25, 12))
    for root in range(12):
        weights[root], weights[12 + root] = np.roll(major, root), np.roll(minor, root)
    weights[-1] = 0.5
    probabilities = np.exp(weights @ chroma)
    probabilities /= probabilities.sum(0, keepdims=True)
    path = librosa.sequence.viterbi_discriminative(probabilities, librosa.sequence.transition_loop(25, 0.9))
    names = [f"{name}:maj" for name in _NAMES] + [f"{name}:min" for name in _NAMES] + ["N"]
    cuts = np.concatenate([[0], np.flatnonzero(np.diff(path)) + 1, [len(path)]])
    return [
        (float(times[a]), float(times[b]), names[path[a]]) for a, b in zip(cuts[:-1], cuts[1:], strict=True)
    ]
