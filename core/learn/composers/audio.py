"""Training of our own classifier of composers by sound, and what it comes to beside S2's nine.

Conventions
-----------
* First ears (`core.listen.composer_networks.Ears`) learn what sounds at every moment (`core.learn.composers.sounding`):
  there are few works, but many seconds, whose truth is in the score. They learn nothing of composers.
* Then a logistic regression learns the composer of statistics of what is heard
  (`core.listen.composer_audio.described`), and of what sounds in further works by the same composers
  (`core.learn.composers.further`).
* Training clips are changed by seed: equalised, with a floor of noise, and with bands and columns left out (Park et
  al. 2019, SpecAugment).
* Strength of the regression, temperature and the limit of "not sure" were chosen on out-of-fold chances of the
  training works. The test works were looked at once.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from core.errors import Cancelled, TunesmithError
from core.learn.composers import s2
from core.learn.composers.clips import (
    COMPOSERS,
    FOLDS,
    LIST,
    SECONDS,
    Clips,
    decibels,
    open_array,
    read_clips,
)
from core.learn.composers.further import Further, further_of
from core.learn.composers.rendering import excerpt, render_clips, song_of
from core.learn.composers.sounding import COUNT, truths
from core.learn.figures import (
    by_work,
    calibration_error,
    confusion,
    softmax,
    temperature_of,
    threshold_of,
    when_sure,
    with_interval,
)
from core.learn.workers import Workers
from core.listen.composer_audio import COLUMNS, FARTHEST, JUDGE, KIND, NAME, columns, described, strangeness
from core.listen.composer_features import COUNT as FEATURES
from core.listen.composer_features import features
from core.listen.composer_scores import prepared
from core.store.folders import user_folder
from core.store.model_file import load_model, save_model

if TYPE_CHECKING:
    from torch import Tensor

    from core.listen.composer_networks import Ears

Report = Callable[[float], None]
Cancel = Callable[[], bool]
Pictures = NDArray[np.float16]

BY_SOUND = "ours: ears and regression (mel)"
WITH_FURTHER = BY_SOUND + ", with {} files of further works by the five"
BY_NOTES = "ours, given the notes of the clips"
"""Rows of the table s2."""

WORKS_LIST = "five_composers.csv"
"""In the data folder: which MIDI files, by whom, which work, and the split."""

LAYERS: dict[str, Any] = {"targets": COUNT, "widths": (160, 128), "width": 96}
EPOCHS = 16
BATCH = 32
RATE = 3e-3
DECAY = 0.02
STRENGTH = 0.02
ALONE_STRENGTH = 0.005
NOTES_STRENGTH = 0.001
"""Of the regressions: with further works, without, and by notes; smaller is simpler."""

LEAST_SPREAD = 1e-4
EQUALISER_DB = 4.0
SEED = 1
USUAL = 0.9
"""The share of training clips that are not strange; of a strange file most clips must be."""

SURE_ENOUGH = 0.75
"""How often a file's verdict that is not "not sure" is to be right, out of fold."""


def pictures_of(clips: Clips) -> Pictures:
    """What the network hears of clips [shape=(clips, 128, columns)]."""
    parts = [
        columns(decibels(clips.where(_slice(len(clips.rows), at)).read("mel128"))).astype(np.float16)
        for at in range(0, len(clips.rows), 256)
    ]
    return np.concatenate(parts)


def _slice(count: int, at: int) -> NDArray[np.bool_]:
    kept = np.zeros(count, bool)
    kept[at : at + 256] = True
    return kept


def changed(mel: Tensor, drawn: Any) -> Tensor:
    """Training clips, changed: equalised, with a floor of noise, and with bands and columns left out."""
    import torch

    count, bands, length = mel.shape
    points = torch.from_numpy(drawn.normal(0, EQUALISER_DB / 80, (count, 1, 8)).astype(np.float32))
    curve = torch.nn.functional.interpolate(points, bands, mode="linear", align_corners=True)
    mel = (mel + curve.transpose(1, 2) * (mel > 0)).clamp(0, None)
    # Where recordings have a floor of noise, renderings have silence.
    mel = torch.maximum(mel, torch.from_numpy(drawn.uniform(0, 0.4, (count, 1, 1)).astype(np.float32)))
    mel = mel / mel.amax((1, 2), keepdim=True)
    for number in range(count):
        low, wide = int(drawn.integers(bands)), int(drawn.integers(12))
        mel[number, low : low + wide] = mel[number].mean()
        first, long = int(drawn.integers(length)), int(drawn.integers(8))
        mel[number, :, first : first + long] = mel[number].mean()
    return mel


def train_ears(
    mel: Pictures,
    sounding: NDArray[np.bool_],
    *,
    epochs: int | None = None,
    seed: int = SEED,
    report: Callable[[int, Ears], None] = lambda epoch, network: None,
    cancelled: Cancel = lambda: False,
) -> Ears:
    """A network that hears what sounds.

    Parameters
    ----------
    mel, sounding : of the clips; see `pictures_of` and `core.learn.composers.sounding.truths`
    epochs : `EPOCHS` unless told
    report : told every epoch
    """
    import torch
    from torch.nn import functional

    from core.listen.composer_networks import Ears

    epochs = epochs or EPOCHS
    torch.set_num_threads(1)
    torch.manual_seed(seed)
    drawn = np.random.default_rng(seed)
    network = Ears(**LAYERS)
    size = min(BATCH, len(mel))
    steps = len(mel) // size
    optimiser = torch.optim.AdamW(network.parameters(), RATE, weight_decay=DECAY)
    fall = torch.optim.lr_scheduler.OneCycleLR(optimiser, RATE, total_steps=steps * epochs)
    for epoch in range(epochs):
        network.train()
        for places in drawn.permutation(len(mel))[: steps * size].reshape(steps, size):
            if cancelled():
                raise Cancelled
            heard = changed(torch.from_numpy(mel[places].astype(np.float32)), drawn)
            told = torch.from_numpy(sounding[places].astype(np.float32))
            loss = functional.binary_cross_entropy_with_logits(network(heard), told)
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
            fall.step()
        report(epoch, network)
    return network.eval()


def hear(network: Ears, mel: Pictures) -> NDArray[np.float32]:
    """How likely what sounds in clips [shape=(clips, targets, pairs)]."""
    import torch

    network.eval()
    with torch.inference_mode():
        parts = [torch.sigmoid(network(part.float())) for part in torch.from_numpy(mel).split(64)]
    return torch.cat(parts).numpy()


@dataclass(frozen=True)
class Judge:
    """A line from statistics to composers, as `core.listen.composer_audio.Trained` has it."""

    mean: NDArray[np.float32]
    scale: NDArray[np.float32]
    weights: NDArray[np.float32]
    biases: NDArray[np.float32]


def train_judge(
    rows: NDArray[np.float32],
    label: NDArray[np.int64],
    strength: float | None = None,
    further: Further | None = None,
) -> Judge:
    """A regression learnt from statistics of clips [shape=(clips, statistics)], every composer of the same weight.

    Parameters
    ----------
    strength : `STRENGTH` or `ALONE_STRENGTH` unless told
    further : as much again is learnt from these. They are measured from their own mean, in their own deviations, so
        that a quartet's composer shows and its being a quartet does not. What never changes in them, the
        instruments, is not looked at.
    """
    from sklearn.linear_model import LogisticRegression

    strength = strength or (STRENGTH if further else ALONE_STRENGTH)
    even = np.full(len(rows), 1 / len(rows))
    mean, scale = _moments(rows, even)
    values, learnt, weight = [_standard(rows, mean, scale)], [label], [_evenly(label) * len(rows)]
    if further is not None:
        share = _evenly(further.label)
        values.append(_standard(further.rows, *_moments(further.rows, share)))
        learnt.append(further.label)
        weight.append(share * len(rows))
        values[0][:, further.rows.std(0) == 0] = 0
    model = LogisticRegression(C=strength, max_iter=300).fit(
        np.concatenate(values), np.concatenate(learnt), sample_weight=np.concatenate(weight)
    )
    weights, biases = np.zeros((rows.shape[1], len(COMPOSERS))), np.full(len(COMPOSERS), -30.0)
    if len(model.classes_) == 2:  # sklearn then keeps the second's only
        weights[:, model.classes_] = np.stack([-model.coef_[0] / 2, model.coef_[0] / 2], 1)
        biases[model.classes_] = [-model.intercept_[0] / 2, model.intercept_[0] / 2]
    else:
        weights[:, model.classes_] = model.coef_.T
        biases[model.classes_] = model.intercept_
    return Judge(*(_halved(np.asarray(array, np.float32)) for array in (mean, scale, weights, biases)))


def _evenly(label: NDArray[np.int64]) -> NDArray[np.float64]:
    """A weight for each, the same for every composer together; they add up to 1."""
    counts = np.bincount(label)
    return 1 / (np.count_nonzero(counts) * counts[label])


def _moments(
    rows: NDArray[np.float32], share: NDArray[np.float64]
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """The mean, and the inverse of the deviation, of rows that have a share each."""
    mean = share @ rows
    spread = np.sqrt(share @ np.square(rows - mean))
    return mean.astype(np.float32), (1 / np.maximum(spread, LEAST_SPREAD)).astype(np.float32)


def _standard(
    rows: NDArray[np.float32], mean: NDArray[np.float32], scale: NDArray[np.float32]
) -> NDArray[np.float32]:
    return np.clip((rows - mean) * scale, -FARTHEST, FARTHEST)


def judged(judge: Judge, rows: NDArray[np.float32]) -> NDArray[np.float64]:
    """Uncalibrated chances of clips [shape=(clips, composers)]."""
    values = _standard(rows, judge.mean, judge.scale)
    return softmax(values @ judge.weights.astype(np.float32) + judge.biases)


def out_of_fold(
    rows: NDArray[np.float32], clips: Clips, strength: float | None = None, further: Further | None = None
) -> NDArray[np.float64]:
    """Uncalibrated chances of training clips, each by a regression that has not seen its work."""
    fold, label = clips.fold, clips.label
    found = np.full((len(label), len(COMPOSERS)), 1 / len(COMPOSERS))
    for number in np.unique(fold):
        kept = fold != number
        if len(np.unique(label[kept])) > 1:
            found[~kept] = judged(train_judge(rows[kept], label[kept], strength, further), rows[~kept])
    return found


def notes_of(clips: Clips, data: Path, cancelled: Cancel = lambda: False) -> NDArray[np.float32]:
    """Features of the notes of clips, by `core.listen.composer_features` [shape=(clips, features)]."""
    found = np.zeros((len(clips.rows), FEATURES), np.float32)
    for number, row in enumerate(clips.rows):
        if cancelled():
            raise Cancelled
        part = excerpt(song_of(data / row.path), row.start_s, row.start_s + SECONDS * row.tempo)
        described_ = features(part, most=1) if len(part.notes) else found[:0]
        if len(described_):
            found[number] = prepared(described_[0])
    return found


def files_of(
    chances: NDArray[np.float64], clips: Clips
) -> tuple[NDArray[np.float64], NDArray[np.int64], NDArray]:
    """Chances, composer and work of every file: what the application tells of a whole recording."""
    path = np.array([row.path for row in clips.rows], str)
    verdicts, label, names = by_work(chances, clips.label, path)
    work = dict(zip(path.tolist(), clips.work.tolist(), strict=True))
    return verdicts, label, np.array([work[name] for name in names.tolist()], str)


def report_of(
    chances: NDArray[np.float64], clips: Clips, temperature: float, threshold: float
) -> dict[str, Any]:
    """Figures by clip, by file and by work, each with its interval by works; and calibration by file."""
    label, work = clips.label, clips.work
    verdicts, file_label, file_work = files_of(chances, clips)
    works, work_label, names = by_work(chances, label, work)
    fitted = softmax(np.log(np.maximum(verdicts, 1e-9)), temperature)
    return {
        "clips": len(label),
        "files": len(file_label),
        "works": len(names),
        "by_clip": with_interval(chances.argmax(1), label, work)
        | {"confusion": confusion(chances.argmax(1), label, len(COMPOSERS))},
        "by_file": with_interval(verdicts.argmax(1), file_label, file_work)
        | {"confusion": confusion(verdicts.argmax(1), file_label, len(COMPOSERS))},
        "by_work": with_interval(works.argmax(1), work_label, names),
        "calibration_error": calibration_error(fitted, file_label),
        **when_sure(fitted, file_label, threshold),
    }


def by_font(chances: NDArray[np.float64], clips: Clips) -> dict[str, float]:
    """Accuracy of clips by the soundfont they were rendered with."""
    font = np.array([row.font for row in clips.rows], str)
    right = chances.argmax(1) == clips.label
    return {name: float(right[font == name].mean()) for name in np.unique(font).tolist()}


def strange_files(strange: NDArray[np.float32], clips: Clips, strangest: float) -> float:
    """The share of files half of whose clips are stranger than ``strangest``."""
    path = np.array([row.path for row in clips.rows], str)
    return float(np.mean([np.median(strange[path == name]) > strangest for name in np.unique(path)]))


def learn(
    *,
    data: Path | None,
    resume: bool = False,
    out: Path | None = None,
    workers: Workers = None,
    progress: Report = lambda _: None,
    cancelled: Cancel = lambda: False,
) -> dict[str, Any]:
    """Render the clips, train our own network and S2's nine (``tunesmith learn composers-audio``); about two hours.

    Parameters
    ----------
    data : folder of MIDI files with ``five_composers.csv``: path, composer, work, split, duration_s of every file;
        further works are learnt from where it has a ``manifest.csv`` too
    resume : take the clips, out-of-fold chances and baselines that ``out`` holds
    out : folder for the clips (see `core.learn.composers.clips`), figures and the model

    Returns
    -------
    dict
        The card's figures, and the ``model`` file.
    """
    if data is None or not (data / WORKS_LIST).is_file():
        raise TunesmithError(f"say where the orchestral works are: --data FOLDER, with {WORKS_LIST}")
    out = out or user_folder("data") / "learning" / NAME
    folder = out / "clips"
    if not resume and (folder / LIST).is_file():
        raise TunesmithError(f"{folder} holds clips already: go on with --resume, or choose another --out")
    render_clips(
        data, data / WORKS_LIST, folder, workers=workers, progress=lambda p: progress(0.4 * p), cancelled=cancelled
    )  # fmt: skip
    return finish(read_clips(folder), data, out, resume=resume, progress=progress, cancelled=cancelled)


def finish(
    clips: Clips,
    data: Path,
    out: Path,
    *,
    resume: bool = False,
    progress: Report = lambda _: None,
    cancelled: Cancel = lambda: False,
) -> dict[str, Any]:
    """Everything after the rendering; see `learn`."""
    training, test = clips.of("train"), clips.of("test")
    mel, kept = pictures_of(training), out / "ears.safetensors"
    if resume and kept.is_file():
        ears = _ears_of(load_model(kept)[0])
    else:
        ears = train_ears(mel, truths(training, data, cancelled), cancelled=cancelled)
        save_model(kept, _tensors(ears), {"room": "learn", "kind": "ears"})
        ears = _ears_of(_tensors(ears))
    progress(0.6)
    further = further_of(data, data / WORKS_LIST, cancelled)
    rows = prepared(described(hear(ears, mel)))
    outside = out_of_fold(rows, training, further=further)
    verdicts, label, _ = files_of(outside, training)
    temperature = temperature_of(verdicts, label)
    fitted = softmax(np.log(np.maximum(verdicts, 1e-9)), temperature)
    sure = {"temperature": temperature, "threshold": threshold_of(fitted, label, SURE_ENOUGH)}
    judge = train_judge(rows, training.label, further=further)
    strangest = float(np.quantile(strangeness(rows, judge.mean, judge.scale), USUAL))
    heard = prepared(described(hear(ears, pictures_of(test))))
    chances = judged(judge, heard)
    told = {
        "out_of_fold": report_of(outside, training, **sure),
        "test": report_of(chances, test, **sure) | {"by_font": by_font(chances, test)},
    }
    told["test"]["strange_files"] = strange_files(
        strangeness(heard, judge.mean, judge.scale), test, strangest
    )
    progress(0.65)
    notes = train_judge(notes_of(training, data, cancelled), training.label, NOTES_STRENGTH)
    told["notes"] = report_of(judged(notes, notes_of(test, data, cancelled)), test, 1.0, 0.0)
    progress(0.7)
    measured = out / "s2.json"
    if resume and measured.is_file():
        nine: dict[str, Any] = json.loads(measured.read_text(encoding="utf-8"))
    else:
        nine = s2.measure(clips, progress=lambda p: progress(0.7 + 0.3 * p), cancelled=cancelled)
        measured.write_text(json.dumps(nine), encoding="utf-8")
    by_sound = WITH_FURTHER.format(further.files) if further else BY_SOUND
    for name, found in ((by_sound, told["test"]), (BY_NOTES, told["notes"])):
        nine |= {name: found["by_clip"], f"{name}, whole files": found["by_file"]}
    card = {
        "room": "listen",
        "kind": KIND,
        "architecture": "convolutions over time tell what sounds; logistic regression on statistics of 10 s",
        "licence": "MIT; of what they learnt from see trained_on",
        "labels": COMPOSERS,
        "layers": LAYERS,
        **sure,
        "strangest": strangest,
        "front_end": {
            "sample_rate": 22050, "window": 2048, "hop": 512, "bands": 128, "range_db": 80, "frames_a_column": 4,
            "columns": COLUMNS,
        },
        "trained_on": {
            "music": "orchestral MIDI files of five composers, rendered; their licences differ and most state none",
            "clips": len(training.rows),
            "rendered": {"clips": len(clips.rows), "planned": len(open_array(clips.folder, "state"))},
            "works": len(np.unique(training.work)),
            "further_works": further.credits if further else {},
            "stretches_of_further_works": len(further.label) if further else 0,
            "fonts": sorted({row.font for row in clips.rows}),
        },
        "split": f"by work; {FOLDS} folds of the training works for what is out of fold",
        "seed": SEED,
        "command": "tunesmith learn composers-audio --data FOLDER",
        "figures": told | {"s2": nine},
    }  # fmt: skip
    save_model(
        out / NAME, _tensors(ears) | {name: getattr(judge, name).astype(np.float16) for name in JUDGE}, card
    )
    progress(1.0)
    return {
        **told,
        "s2": {name: row["accuracy"] for name, row in nine.items()},
        "model": str(out / f"{NAME}.safetensors"),
    }


def _halved(value: NDArray[Any]) -> NDArray[Any]:
    """Rounded as it will be shipped."""
    return value.astype(np.float16).astype(np.float32) if value.dtype == np.float32 else value


def _tensors(ears: Ears) -> dict[str, NDArray[Any]]:
    """Weights of the ears as they are shipped."""
    arrays = {name: value.numpy() for name, value in ears.state_dict().items()}
    return {
        name: array.astype(np.float16) if array.dtype == np.float32 else array
        for name, array in arrays.items()
    }


def _ears_of(tensors: dict[str, NDArray[Any]]) -> Ears:
    import torch

    from core.listen.composer_networks import Ears

    ears = Ears(**LAYERS)
    ears.load_state_dict(
        {name: torch.from_numpy(np.asarray(array)).float() for name, array in tensors.items()}
    )
    return ears.eval()
