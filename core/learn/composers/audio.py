"""Training of our own classifier of composers by sound, and what it comes to beside S2's nine.

Conventions
-----------
* The network (`core.listen.composer_networks.ComposerNet`) learns the composer of a clip and, beside it, what sounds
  in every column (`core.learn.composers.sounding`).
* Training clips are changed by seed: moved up or down by some bands of the mel-spectrogram, equalised, made quieter
  in their soft places, with bands and columns left out (Park et al. 2019, SpecAugment), and mixed in pairs (Zhang et
  al. 2018, mixup).
* Settings, the number of epochs, temperature and the limit of "not sure" were chosen on out-of-fold chances of the
  training works. The test works were looked at once.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from core.errors import Cancelled, TunesmithError
from core.learn.composers import s2
from core.learn.composers.clips import COMPOSERS, FOLDS, LIST, Clips, decibels, read_clips
from core.learn.composers.figures import (
    by_work,
    calibration_error,
    confusion,
    softmax,
    temperature_of,
    threshold_of,
    when_sure,
    with_interval,
)
from core.learn.composers.rendering import render_clips
from core.learn.composers.sounding import TARGETS, truths
from core.learn.workers import Workers
from core.listen.composer_audio import COLUMNS, KIND, NAME, columns
from core.store.folders import user_folder
from core.store.model_file import save_model

if TYPE_CHECKING:
    from torch import Tensor

    from core.listen.composer_networks import ComposerNet

Report = Callable[[float], None]
Cancel = Callable[[], bool]
Pictures = NDArray[np.float16]

WORKS_LIST = "five_composers.csv"
"""In the data folder: which MIDI files, by whom, which work, and the split."""

LAYERS: dict[str, Any] = {"targets": TARGETS, "widths": (12, 20, 28), "width": 64, "dropout": 0.5}
EPOCHS = 14
BATCH = 32
RATE = 3e-3
DECAY = 0.05
SOUNDING_WEIGHT = 3.0
"""Of the loss of what sounds, beside that of the composer."""

SMOOTHING = 0.1
MIXED = 0.3
MOST_BANDS = 4
"""How far clips are moved: about two semitones where bands are narrow."""

EQUALISER_DB = 4.0
SEED = 1
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


def changed(mel: Tensor, sounding: Tensor, drawn: Any) -> tuple[Tensor, Tensor]:
    """Training clips, changed, and what sounds in them."""
    import torch

    count, bands, length = mel.shape
    mel = mel.clone()
    for number in range(count):
        shift = int(drawn.integers(-MOST_BANDS, MOST_BANDS + 1))
        turned = torch.roll(mel[number], shift, 0)
        if shift > 0:
            turned[:shift] = mel[number, :1]
        elif shift < 0:
            turned[shift:] = mel[number, -1:]
        mel[number] = turned
    points = torch.from_numpy(drawn.normal(0, EQUALISER_DB / 80, (count, 1, 8)).astype(np.float32))
    curve = torch.nn.functional.interpolate(points, bands, mode="linear", align_corners=True)
    mel = (mel + curve.transpose(1, 2) * (mel > 0)).clamp(0, None)
    # Where recordings have a floor of noise, renderings have silence.
    floor = torch.from_numpy(drawn.uniform(0, 0.4, (count, 1, 1)).astype(np.float32))
    mel = torch.maximum(mel, floor)
    mel = mel / mel.amax((1, 2), keepdim=True)
    for number in range(count):
        for _ in range(2):
            low, wide = int(drawn.integers(bands)), int(drawn.integers(12))
            mel[number, low : low + wide] = mel[number].mean()
        first, long = int(drawn.integers(length)), int(drawn.integers(16))
        mel[number, :, first : first + long] = mel[number].mean()
    return mel, sounding


def train(
    mel: Pictures,
    label: NDArray[np.int64],
    sounding: NDArray[np.bool_],
    *,
    epochs: int = EPOCHS,
    seed: int = SEED,
    report: Callable[[int, ComposerNet], None] = lambda epoch, network: None,
    cancelled: Cancel = lambda: False,
) -> ComposerNet:
    """A trained network.

    Parameters
    ----------
    mel, label, sounding : of the clips; see `pictures_of` and `core.learn.composers.sounding.truths`
    report : told every epoch
    """
    import torch
    from torch.nn import functional

    from core.listen.composer_networks import ComposerNet

    torch.set_num_threads(1)
    torch.manual_seed(seed)
    drawn = np.random.default_rng(seed)
    network = ComposerNet(len(COMPOSERS), **LAYERS)
    steps = len(mel) // BATCH or 1
    optimiser = torch.optim.AdamW(network.parameters(), RATE, weight_decay=DECAY)
    fall = torch.optim.lr_scheduler.OneCycleLR(optimiser, RATE, total_steps=steps * epochs)
    counts = np.bincount(label, minlength=len(COMPOSERS))
    chance = np.sqrt(counts.sum() / np.maximum(counts, 1))[label]
    for epoch in range(epochs):
        network.train()
        order = drawn.choice(len(mel), steps * min(BATCH, len(mel)), replace=True, p=chance / chance.sum())
        for places in order.reshape(steps, -1):
            if cancelled():
                raise Cancelled
            heard = torch.from_numpy(mel[places].astype(np.float32))
            told = torch.from_numpy(sounding[places].astype(np.float32))
            heard, told = changed(heard, told, drawn)
            wanted = functional.one_hot(torch.from_numpy(label[places]), len(COMPOSERS)).float()
            wanted = wanted * (1 - SMOOTHING) + SMOOTHING / len(COMPOSERS)
            share = float(drawn.beta(MIXED, MIXED))
            other = torch.from_numpy(drawn.permutation(len(places)))
            scores, found = network.hear(share * heard + (1 - share) * heard[other])
            wanted = share * wanted + (1 - share) * wanted[other]
            told = share * told + (1 - share) * told[other]
            loss = -(wanted * torch.log_softmax(scores, 1)).sum(1).mean()
            loss = loss + SOUNDING_WEIGHT * functional.binary_cross_entropy_with_logits(found, told)
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
            fall.step()
        report(epoch, network)
    return network.eval()


def chances_of(network: ComposerNet, mel: Pictures) -> NDArray[np.float64]:
    """Uncalibrated chances of clips [shape=(clips, composers)]."""
    import torch

    network.eval()
    with torch.inference_mode():
        parts = [network(part.float()) for part in torch.from_numpy(mel).split(64)]
    return softmax(torch.cat(parts).numpy())


def out_of_fold(
    clips: Clips, mel: Pictures, sounding: NDArray[np.bool_], *, cancelled: Cancel = lambda: False
) -> NDArray[np.float64]:
    """Uncalibrated chances of training clips, each by a network that has not seen its work."""
    fold, label = clips.fold, clips.label
    found = np.zeros((len(label), len(COMPOSERS)))
    for number in np.unique(fold):
        kept = fold != number
        network = train(mel[kept], label[kept], sounding[kept], cancelled=cancelled)
        found[~kept] = chances_of(network, mel[~kept])
    return found


def files_of(
    chances: NDArray[np.float64], clips: Clips
) -> tuple[NDArray[np.float64], NDArray[np.int64], NDArray]:
    """Chances, composer and work of every file: what the application tells of a whole recording."""
    path = np.array([row.path for row in clips.rows], str)
    verdicts, label, names = by_work(chances, clips.label, path)
    work = dict(zip(path.tolist(), clips.work.tolist(), strict=True))
    return verdicts, label, np.array([work[name] for name in names.tolist()], str)


def described(
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
    data : folder of MIDI files with ``five_composers.csv``: path, composer, work, split, duration_s of every file
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
    mel, sounding = pictures_of(training), truths(training, data, cancelled)
    kept = out / "out_of_fold.npy"
    if resume and kept.is_file():
        outside = np.load(kept, allow_pickle=False)
    else:
        outside = out_of_fold(training, mel, sounding, cancelled=cancelled)
        np.save(kept, outside)
    progress(0.6)
    verdicts, label, _ = files_of(outside, training)
    temperature = temperature_of(verdicts, label)
    fitted = softmax(np.log(np.maximum(verdicts, 1e-9)), temperature)
    sure = {"temperature": temperature, "threshold": threshold_of(fitted, label, SURE_ENOUGH)}
    network = train(mel, training.label, sounding, cancelled=cancelled)
    tensors = {name: value.numpy() for name, value in network.state_dict().items()}
    tensors = {
        name: value.astype(np.float16) if value.dtype == np.float32 else value
        for name, value in tensors.items()
    }
    network.load_state_dict(_as_loaded(tensors))
    progress(0.7)
    chances = chances_of(network, pictures_of(test))
    told = {
        "out_of_fold": described(outside, training, **sure),
        "test": described(chances, test, **sure) | {"by_font": by_font(chances, test)},
    }
    measured = out / "s2.json"
    if resume and measured.is_file():
        nine: dict[str, Any] = json.loads(measured.read_text(encoding="utf-8"))
    else:
        nine = s2.measure(clips, progress=lambda p: progress(0.7 + 0.3 * p), cancelled=cancelled)
        measured.write_text(json.dumps(nine), encoding="utf-8")
    nine = nine | {"our own network (mel, 10 s)": told["test"]["by_clip"]}
    nine |= {"our own network, whole files": told["test"]["by_file"]}
    card = {
        "room": "listen",
        "kind": KIND,
        "architecture": "three convolutions over bands, what sounds told by column, two over time, attention",
        "parameters": sum(value.numel() for value in network.parameters()),
        "licence": "MIT",
        "labels": COMPOSERS,
        "layers": LAYERS,
        **sure,
        "front_end": {
            "sample_rate": 22050, "window": 2048, "hop": 512, "bands": 128, "range_db": 80, "frames_a_column": 4,
            "columns": COLUMNS,
        },
        "trained_on": {
            "music": "orchestral MIDI files of five composers, rendered; their licences differ and most state none",
            "clips": len(training.rows),
            "works": len(np.unique(training.work)),
            "fonts": sorted({row.font for row in clips.rows}),
        },
        "split": f"by work; {FOLDS} folds of the training works",
        "seed": SEED,
        "command": "tunesmith learn composers-audio --data FOLDER",
        "figures": told | {"s2": nine},
    }  # fmt: skip
    save_model(out / NAME, tensors, card)
    progress(1.0)
    return {
        **told,
        "s2": {name: row["accuracy"] for name, row in nine.items()},
        "model": str(out / f"{NAME}.safetensors"),
    }


def _halved(value: NDArray[Any]) -> NDArray[Any]:
    return value.astype(np.float16) if value.dtype == np.float32 else value


def _as_loaded(tensors: dict[str, NDArray[Any]]) -> dict[str, Tensor]:
    import torch

    return {name: torch.from_numpy(value).float() for name, value in tensors.items()}
