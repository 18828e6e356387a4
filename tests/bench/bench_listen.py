"""Listening, beside librosa on the same file.

``python tests/bench/bench_listen.py [NAME...]`` prints one JSON object. Each benchmark gives ``ours``,
``peer``, ``ratio`` (above 1: better than the peer), ``unit`` and ``runs``, and figures of its own.

* ``listen-3min-mp3``: three minutes of a rendered song as an MP3 file, to all that `tunesmith listen` tells (genre,
  timeline, tempo, beats, key, chords, melody, form), warm and without the cache. The peer does with librosa what
  librosa has: decode, mel spectrogram, MFCC, chroma, tempo and beats, onsets, key and chords by templates, form by
  agglomerative clustering; neither a melody (its pYIN alone takes ten seconds) nor a genre.
* ``mel-3min`` and ``cqt-3min``: the same spectrogram by both, one thread.
"""

from __future__ import annotations

import json
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import librosa
import numpy as np
import soundfile

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from core.listen import decode, features  # noqa: E402
from core.listen.report import listen  # noqa: E402
from core.listen.spectra import one_thread  # noqa: E402
from core.song.notes import Song, Tempo, Track, make_notes  # noqa: E402
from core.sound.render import render  # noqa: E402

RATE = 22050
CHORDS = ((57, 60, 64), (53, 57, 60), (48, 52, 55), (55, 59, 62))
MAJOR = (6.35, 2.23, 3.48, 2.33, 4.38, 4.09, 2.52, 5.19, 2.39, 3.66, 2.29, 2.88)
MINOR = (6.33, 2.68, 3.52, 5.38, 2.60, 3.53, 2.54, 4.75, 3.98, 2.69, 3.34, 3.17)


def song(seconds: float = 180.0, tempo: float = 112.0) -> Song:
    """Four chords round and round, with a melody, a bass and drums."""
    random = np.random.default_rng(4)
    beats = round(seconds * tempo / 60)
    parts = []
    for beat in range(0, beats, 4):
        chord = CHORDS[beat // 4 % 4]
        parts.append(make_notes(beat * 480, 1900, chord, 70, 0))
        parts.append(make_notes(beat * 480 + np.arange(4) * 480, 400, chord[0] - 24, 90, 1))
        parts.append(make_notes(beat * 480 + np.arange(8) * 240, 220, random.choice(chord, 8) + 12, 95, 2))
        parts.append(make_notes(beat * 480 + np.arange(4) * 480, 100, [36, 38, 36, 38], 100, 3))
        parts.append(make_notes(beat * 480 + np.arange(8) * 240, 60, 42, 70, 3))
    tracks = (Track(program=0), Track(program=33), Track(program=73), Track(channel=9, is_drum=True))
    return Song(np.concatenate(parts), tracks, tempos=(Tempo.from_bpm(0, tempo),))


def by_librosa(path: str) -> dict[str, Any]:
    """What librosa's own functions tell of a file."""
    sound, rate = librosa.load(path, sr=RATE)
    mel = librosa.power_to_db(librosa.feature.melspectrogram(y=sound, sr=rate))
    cepstra = librosa.feature.mfcc(S=mel)
    strength = librosa.onset.onset_strength(S=mel, sr=rate)
    tempo, beats = librosa.beat.beat_track(onset_envelope=strength, sr=rate)
    onsets = librosa.onset.onset_detect(onset_envelope=strength, sr=rate)
    chroma = librosa.feature.chroma_cqt(y=sound, sr=rate)
    profiles = np.array([np.roll(profile, shift) for profile in (MAJOR, MINOR) for shift in range(12)])
    key = int(np.corrcoef(chroma.mean(1), profiles)[0, 1:].argmax())
    by_beat = librosa.util.sync(chroma, beats, aggregate=np.median)
    templates = np.array(
        [
            np.roll(np.isin(np.arange(12), chord), shift)
            for chord in ((0, 4, 7), (0, 3, 7))
            for shift in range(12)
        ]
    )
    chords = (templates @ by_beat).argmax(0)
    form = librosa.segment.agglomerative(librosa.util.sync(cepstra, beats), 8)
    return {"tempo": float(np.ravel(tempo)[0]), "key": key, "beats": beats, "onsets": onsets,
            "chords": chords, "form": form}  # fmt: skip


def listen_beside_librosa(seconds: float = 180.0, runs: int = 5) -> dict[str, Any]:
    ours, peer = [], []
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "song.mp3"
        soundfile.write(path, render(song(seconds), sample_rate=44100), 44100, format="MP3")
        report = listen(path, remember=False)
        by_librosa(str(path))
        for _ in range(runs):
            ours.append(_seconds(lambda: listen(path, remember=False)))
            peer.append(_seconds(lambda: by_librosa(str(path))))
        megabytes = path.stat().st_size / 1e6
    decode.close()
    return _result(ours, peer, "s", seconds_of_music=report.duration_s, megabytes=megabytes,
                   tempo_bpm=report.tempo_bpm, key=report.key, genre=report.genre is not None)  # fmt: skip


def _beside(
    ours_of: Callable[[np.ndarray], Any], peer_of: Callable[[np.ndarray], Any], runs: int = 5
) -> dict:
    sound = render(song(), sample_rate=RATE).mean(1)
    ours_of(sound), peer_of(sound)
    ours, peer = [], []
    with one_thread():
        for _ in range(runs):
            ours.append(_seconds(lambda: ours_of(sound)))
            peer.append(_seconds(lambda: peer_of(sound)))
    return _result(ours, peer, "s")


def mel_beside_librosa() -> dict[str, Any]:
    return _beside(features.mel_spectrogram, lambda sound: librosa.feature.melspectrogram(y=sound, sr=RATE))


def cqt_beside_librosa() -> dict[str, Any]:
    return _beside(features.cqt, lambda sound: librosa.cqt(sound, sr=RATE))


BENCHMARKS: dict[str, Callable[[], dict[str, Any]]] = {
    "listen-3min-mp3": listen_beside_librosa,
    "mel-3min": mel_beside_librosa,
    "cqt-3min": cqt_beside_librosa,
}


def _seconds(job: Callable[[], Any]) -> float:
    began = time.perf_counter()
    job()
    return time.perf_counter() - began


def _result(ours: list[float], peer: list[float], unit: str, **more: Any) -> dict[str, Any]:
    middle = statistics.median(ours), statistics.median(peer)
    return {"ours": middle[0], "peer": middle[1], "ratio": middle[1] / middle[0], "unit": unit,
            "runs": len(ours), "spread": [min(ours), max(ours)], "peer_spread": [min(peer), max(peer)],
            **more}  # fmt: skip


if __name__ == "__main__":
    chosen = sys.argv[1:] or list(BENCHMARKS)
    print(json.dumps({name: BENCHMARKS[name]() for name in chosen}, indent=1))
