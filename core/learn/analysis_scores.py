"""How right the analysis is, beside librosa on the same recordings.

Metrics
-------
tempo_acc1, tempo_acc2
    Whether the tempo is within 4 % of the truth; and whether it is that of it, its half, double, third or triple
    (Gouyon et al., "An experimental comparison of audio tempo induction algorithms", IEEE TASLP 14, 2006).
beat_f, downbeat_f
    F-measure of beats within 70 ms, the first five seconds left out (`mir_eval.beat`).
key, key_right
    MIREX's weighted score, fifths and relative keys counting in part (`mir_eval.key`); and the share right.
chords, sevenths
    Share of the time with the right chord, as major and minor triads (sevenths counting as their triads) and with
    sevenths told apart; other chords of the truth are left out (`mir_eval.chord`).
melody
    Overall accuracy of the melody's pitch within half a semitone, and of where there is none (`mir_eval.melody`).

Conventions
-----------
A figure is the mean over recordings, all counting alike, with the interval that holds 95 of 100 means of recordings
drawn anew. What is not known of a recording is not scored.
"""

from __future__ import annotations

import csv
import warnings
from collections.abc import Callable, Iterable, Mapping, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np

from core.errors import TunesmithError
from core.learn.analysis_data import Chords, Recording, Truth, frames_of, recordings, rows_of
from core.listen.analysis import Analysis, analyse
from core.listen.analysis_frames import SAMPLE_RATE
from core.song.harmony import parse_chord
from core.song.harmony import parse_key as key_named

METRICS = (
    "tempo_acc1", "tempo_acc2", "beat_f", "downbeat_f", "key", "key_right", "chords", "sevenths", "melody",
)  # fmt: skip
TOLERANCE = 0.04
OCTAVES = (1.0, 2.0, 0.5, 3.0, 1 / 3)
STRETCHES = 210
"""Stretches of the split "test" that are rendered unless told."""

_NAMES = ("C", "Db", "D", "Eb", "E", "F", "F#", "G", "Ab", "A", "Bb", "B")
_QUALITIES = {"": "maj", "m": "min", "7": "7", "maj7": "maj7", "m7": "min7", "dim": "dim"}
_HOP_S = 0.02

Scores = dict[str, float]


def evaluate_analysis(
    data: Path | None, *, count: int = STRETCHES, progress: Callable[[float], None] = lambda share: None
) -> dict[str, Any]:
    """Score the analysis and librosa on what ``data`` holds.

    Parameters
    ----------
    data : a folder with MIDI files and a ``manifest.csv``, of whose split "test" ``count`` stretches are rendered;
        or with recordings in ``clips/``, their ``tracks.csv`` (track_id, key_lerch, tempo_from_beats) and, where
        beats are known, ``beats/*.beats`` (seconds and place in the bar, a line each); or with both

    Returns
    -------
    dict
        For "rendered" and "recorded" the table of `table`, by data set and for all.
    """
    from core.learn import analysis_peer

    missing = [name for name in ("librosa", "mir_eval") if find_spec(name) is None]
    if missing:
        raise TunesmithError(
            f"this needs {' and '.join(missing)}; run ./run --set-up-only test to install them"
        )
    if data is None or not data.is_dir():
        raise TunesmithError("say what to measure on: --data FOLDER, with MIDI files or recordings")
    found: dict[str, Any] = {}
    if (data / "manifest.csv").is_file():
        rendered = recordings(data, rows_of(data, "test", count), listen=analysis_peer.listen)
        found["rendered"] = table(_scored(rendered, count, progress))
    if (data / "tracks.csv").is_file():
        found["recorded"] = table(_scored(recorded(data, analysis_peer.listen), count, progress))
    if not found:
        raise TunesmithError(
            f"{data} has neither a manifest.csv nor a tracks.csv: nothing is known of its music"
        )
    return found


def recorded(data: Path, listen: Callable[[Any], dict[str, Any]] | None = None) -> Iterable[Recording]:
    """The recordings in ``clips/``, with what ``tracks.csv`` and ``beats/`` say of them."""
    import soundfile
    import soxr

    with (data / "tracks.csv").open(encoding="utf-8", newline="") as lines:
        known = {row["track_id"]: row for row in csv.DictReader(lines)}
    for path in sorted((data / "clips").iterdir()):
        row = known.get(path.stem)
        if row is None:
            continue
        sound, rate = soundfile.read(path, dtype="float32", always_2d=True)
        sound = soxr.resample(sound.mean(1), rate, SAMPLE_RATE).astype(np.float32)
        beats = np.empty((0, 2))
        for file in (data / "beats").glob(f"*{path.stem.replace('.', '_')}.beats"):
            beats = np.loadtxt(file, ndmin=2)
        key = row.get("key_lerch", "")
        truth = Truth(
            tempo_bpm=float(row.get("tempo_from_beats") or 0),
            beats_s=beats[:, 0],
            downbeats_s=beats[beats[:, 1] == 1, 0],
            key=_key_label(key) if key not in ("", "-1") else "",
        )
        yield Recording(path.stem, "recorded", frames_of(sound), truth, listen(sound) if listen else {})


def _scored(
    found: Iterable[Recording], count: int, progress: Callable[[float], None]
) -> list[tuple[str, Scores, Scores]]:
    scored = []
    for number, recording in enumerate(found, 1):
        scored.append(
            (
                recording.dataset,
                score(recording.truth, told(analyse(recording.frames)), recording.frames.duration_s),
                score(recording.truth, recording.peer, recording.frames.duration_s) if recording.peer else {},
            )
        )
        progress(min(1.0, number / count))
    return scored


def told(analysis: Analysis) -> dict[str, Any]:
    """An analysis in the words that `score` reads, which are mir_eval's."""
    return {
        "tempo_bpm": analysis.tempo_bpm,
        "beats_s": np.array(analysis.beats_s),
        "downbeats_s": np.array(analysis.downbeats_s),
        "key": f"{_NAMES[analysis.key.tonic]} {analysis.key.mode}" if analysis.key else "",
        "chords": [(span.start_s, span.end_s, chord_label(span.label)) for span in analysis.chords],
        "melody": [(note.start_s, note.end_s, note.pitch) for note in analysis.melody],
    }


def chord_label(name: str) -> str:
    """A chord's name as mir_eval writes it.

    >>> chord_label("Bbm7")
    'Bb:min7'
    """
    if name == "N":
        return name
    root, suffix = parse_chord(name)
    return f"{_NAMES[root]}:{_QUALITIES.get(suffix, 'maj')}"


def score(truth: Truth, found: Mapping[str, Any], duration: float) -> Scores:
    """Every metric that the truth and what was found allow."""
    import mir_eval

    scores: Scores = {}
    if truth.tempo_bpm:
        ratio = found["tempo_bpm"] / truth.tempo_bpm
        scores["tempo_acc1"] = float(abs(ratio - 1) <= TOLERANCE)
        scores["tempo_acc2"] = float(any(abs(ratio / octave - 1) <= TOLERANCE for octave in OCTAVES))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # mir_eval warns of nothing found; that scores 0
        for name in ("beat", "downbeat"):
            known = mir_eval.beat.trim_beats(getattr(truth, f"{name}s_s"))
            if len(known) > 3 and f"{name}s_s" in found:
                guess = mir_eval.beat.trim_beats(np.unique(found[f"{name}s_s"]))
                scores[f"{name}_f"] = float(mir_eval.beat.f_measure(known, guess))
        if truth.key:
            guess = found["key"] or "C major"
            scores["key"] = float(mir_eval.key.weighted_score(_key_label(truth.key), guess))
            scores["key_right"] = float(scores["key"] == 1.0)
        if truth.chords:
            scores |= _chord_scores(truth.chords, found["chords"])
        if truth.melody and "melody" in found:
            times = np.arange(0, duration, _HOP_S)
            known, guess = _pitches(truth.melody, times), _pitches(found["melody"], times)
            scores["melody"] = float(mir_eval.melody.evaluate(times, known, times, guess)["Overall Accuracy"])
    return scores


def _chord_scores(known: Chords, found: Chords) -> Scores:
    import mir_eval

    whole: Chords = []
    for begin, end, label in known:  # what is unknown between chords is not scored
        if whole and begin > whole[-1][1] + 1e-6:
            whole.append((whole[-1][1], begin, "X"))
        whole.append((whole[-1][1] if whole else begin, end, label))
    truth, labels = _intervals(whole)
    guess, guessed = _intervals(found or [(0.0, truth.max(), "N")])
    guess, guessed = mir_eval.util.adjust_intervals(guess, guessed, truth.min(), truth.max(), "N", "N")
    merged, labels, guessed = mir_eval.util.merge_labeled_intervals(truth, labels, guess, guessed)
    seconds = mir_eval.util.intervals_to_durations(merged)
    compared = {
        "chords": mir_eval.chord.majmin(labels, guessed),
        "sevenths": mir_eval.chord.sevenths(labels, guessed),
    }
    return {
        name: float(mir_eval.chord.weighted_accuracy(right, seconds))
        for name, right in compared.items()
        if (right >= 0).any()
    }


def _intervals(chords: Chords) -> tuple[np.ndarray, list[str]]:
    kept = [chord for chord in chords if chord[1] > chord[0]]
    return np.array([chord[:2] for chord in kept]), [chord[2] for chord in kept]


def _pitches(notes: Sequence[tuple[float, float, float]], times: np.ndarray) -> np.ndarray:
    """The frequency at each of ``times``, 0 where no note sounds."""
    hertz = np.zeros(len(times))
    for begin, end, pitch in notes:
        hertz[(times >= begin) & (times < end)] = 440 * 2 ** ((pitch - 69) / 12)
    return hertz


def _key_label(name: str) -> str:
    key = key_named(name)
    return f"{_NAMES[key.tonic]} {key.mode}"


def table(scored: Sequence[tuple[str, Scores, Scores]], *, seed: int = 0) -> dict[str, Any]:
    """Data set (and "all") -> metric -> recordings, our mean and interval, and librosa's."""
    groups: dict[str, list[tuple[Scores, Scores]]] = {"all": []}
    for dataset, ours, peer in scored:
        groups["all"].append((ours, peer))
        groups.setdefault(dataset, []).append((ours, peer))
    rng = np.random.default_rng(seed)
    return {
        name: {metric: row for metric in METRICS if (row := _row(metric, pairs, rng)) is not None}
        for name, pairs in groups.items()
    }


def _row(
    metric: str, pairs: Sequence[tuple[Scores, Scores]], rng: np.random.Generator
) -> dict[str, Any] | None:
    known = [(ours[metric], peer.get(metric)) for ours, peer in pairs if metric in ours]
    if not known:
        return None
    values = np.array([ours for ours, _ in known])
    means = values[rng.integers(len(values), size=(1000, len(values)))].mean(1)
    row: dict[str, Any] = {
        "recordings": len(values),
        "ours": round(float(values.mean()), 4),
        "interval": [round(float(edge), 4) for edge in np.percentile(means, (2.5, 97.5))],
    }
    theirs = [peer for _, peer in known if peer is not None]
    if len(theirs) == len(known):
        row["librosa"] = round(float(np.mean(theirs)), 4)
    return row


def markdown(found: Mapping[str, Mapping[str, Any]]) -> str:
    """A table as the documents show it."""
    lines = ["| recordings | metric | n | ours (95 %) | librosa |", "|---|---|---|---|---|"]
    for name, rows in found.items():
        for metric, row in rows.items():
            low, high = (100 * edge for edge in row["interval"])
            peer = f"{100 * row['librosa']:.1f}" if "librosa" in row else "–"
            lines.append(
                f"| {name} | {metric} | {row['recordings']} | {100 * row['ours']:.1f} ({low:.1f}–{high:.1f}) | {peer} |"
            )
    return "\n".join(lines)
