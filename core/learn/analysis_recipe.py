"""The recipe of the analysis's learnt parts: beats, chords and the key, into one small model file."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from core.errors import TunesmithError
from core.learn import analysis_beats, analysis_chords, analysis_keys
from core.learn.analysis_data import Recording, recordings, rows_of
from core.learn.analysis_scores import Scores, score, table, told
from core.listen.analysis import analyse
from core.listen.analysis_frames import MELODY_RATE, ONSET_RATE, PITCH_RATE, SAMPLE_RATE
from core.listen.analysis_model import KIND, NAME
from core.store.folders import user_folder
from core.store.model_file import Tensors, save_model

STRETCHES, HELD_OUT = 600, 120
"""Stretches that are rendered of the splits "train" and "valid"."""

ARCHITECTURE = (
    "beats: dilated convolutions over ten seconds on either side of eight onset bands, level and change of harmony; "
    "chords: a convolution over pitch, folded to pitch classes, and a layer that sees them from every root alike; "
    "key: linear in chroma, bass and chords, seen from every tonic alike"
)


def learn_analysis(
    *,
    data: Path | None,
    out: Path | None = None,
    stretches: int = STRETCHES,
    beats: analysis_beats.Plan | None = None,
    chords: analysis_chords.Plan | None = None,
    progress: Callable[[float], None] = lambda share: None,
    cancelled: Callable[[], bool] = lambda: False,
) -> dict[str, Any]:
    """Render songs of known beats, chords and keys, and fit the analysis to them.

    Parameters
    ----------
    data : folder of MIDI files with a ``manifest.csv`` (path, dataset, split, ship, licence) and the data sets of
        `core.learn.analysis_data`; what must not be shipped is not learnt from
    out : folder for the model file

    Returns
    -------
    dict
        The card's figures, and the ``model`` file.
    """
    if data is None or not data.is_dir():
        raise TunesmithError(
            "say where the training data are: --data FOLDER, MIDI files with their manifest.csv"
        )
    held_out = max(1, stretches * HELD_OUT // STRETCHES)
    rows = [row for row in rows_of(data, "train", stretches) if row.get("ship", "yes") == "yes"]
    known = _rendered(data, rows, lambda share: progress(0.4 * share), cancelled)
    unseen = _rendered(
        data, rows_of(data, "valid", held_out), lambda share: progress(0.4 + 0.1 * share), cancelled
    )
    tensors = fit(known, beats, chords, lambda share: progress(0.5 + 0.5 * share), cancelled)
    out = out or user_folder("data") / "learning" / NAME
    out.mkdir(parents=True, exist_ok=True)
    licences = {(row["dataset"], row.get("licence", "")) for row in rows}
    return ship(out / NAME, tensors, known, unseen, licences)


def fit(
    known: Sequence[Recording],
    beats: analysis_beats.Plan | None = None,
    chords: analysis_chords.Plan | None = None,
    progress: Callable[[float], None] = lambda share: None,
    cancelled: Callable[[], bool] = lambda: False,
) -> Tensors:
    """The weights of all three parts, one after the other: chords go from beat to beat, the key by the chords."""
    beats, chords = beats or analysis_beats.Plan(), chords or analysis_chords.Plan()
    tensors: Tensors = analysis_beats.train(
        analysis_beats.examples_of(known),
        beats,
        report=lambda step, loss: progress(0.7 * step / beats.steps),
        cancelled=cancelled,
    ).weights()
    tensors |= analysis_chords.train(
        *analysis_chords.examples_of(known, tensors),
        chords,
        report=lambda step, loss: progress(0.7 + 0.25 * step / chords.steps),
        cancelled=cancelled,
    ).weights()
    tensors |= analysis_keys.fit(*analysis_keys.examples_of(known, tensors))
    return {name: np.asarray(array, np.float16) for name, array in tensors.items()}


def ship(
    path: Path,
    tensors: Tensors,
    known: Sequence[Recording],
    unseen: Sequence[Recording],
    licences: set[tuple[str, str]],
) -> dict[str, Any]:
    """Write the model file, with figures on recordings that it did not learn from."""
    scored: list[tuple[str, Scores, Scores]] = []
    for recording in unseen:
        found = told(analyse(recording.frames, weights=tensors))
        scored.append((recording.dataset, score(recording.truth, found, recording.frames.duration_s), {}))
    figures = {f"valid_{name}": row for name, row in table(scored)["all"].items()}
    card = {
        "room": "listen",
        "kind": KIND,
        "title": "Beats, chords and keys",
        "architecture": ARCHITECTURE,
        "licence": "MIT",
        "trained_on": {
            "recordings": dict(Counter(recording.dataset for recording in known)),
            "licences": sorted(f"{dataset}: {licence}" for dataset, licence in licences),
            "rendered_by": "FluidSynth with the soundfonts found",
        },
        "split": "by work, as the manifest has it; figures are of the split valid",
        "seed": 0,
        "command": "tunesmith learn analysis --data DIR",
        "front_end": {
            "sample_rate": SAMPLE_RATE,
            "onset_rate": ONSET_RATE,
            "pitch_rate": PITCH_RATE,
            "melody_rate": MELODY_RATE,
        },
        "figures": figures,
    }
    save_model(path, tensors, card)
    return {"model": str(path.with_suffix(".safetensors")), **figures}


def _rendered(
    data: Path,
    rows: Sequence[dict[str, str]],
    progress: Callable[[float], None],
    cancelled: Callable[[], bool],
) -> list[Recording]:
    found = []
    for number, recording in enumerate(recordings(data, rows, cancelled=cancelled), 1):
        found.append(recording)
        progress(min(1.0, number / len(rows)))
    return found
