"""Training of the style classifier, on real music wherever there is any.

Two sets of labels are learnt, each by a network that knows everything and by one that does not know the instruments:

``styles``
    what the flagship can be asked for. Eleven are music as written; for the other eighteen there is no real music with
    a clean licence and bands, and held-out songs arranged by our own rules stand for it (`REAL_STYLES` tells them
    apart). Drum solos are left out.
``genres``
    what people call the MIDI files that they publish; all real. They train a classifier and nothing that composes.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from core.compose.styles import STYLES
from core.errors import Cancelled, TunesmithError
from core.learn.arrange import STYLES as ARRANGED_STYLES
from core.learn.comparison import song_of
from core.learn.data import (
    Example,
    Row,
    encode_corpus,
    encode_rows,
    licences,
    load_pack,
    read_manifest,
    read_song,
)
from core.listen.style import BLIND, GENRES, KIND, NAME, STYLES_ASKED_FOR, VIEWS, Classifier, classifier
from core.listen.style_features import COUNT, GROUPS, WINDOW, features
from core.store.atomic import atomic_write
from core.store.folders import user_folder
from core.store.model_file import ModelFile, save_model

if TYPE_CHECKING:
    from torch import Tensor, nn

Report = Callable[[float], None]
Cancel = Callable[[], bool]

REAL_STYLES = tuple(style for style in STYLES if style not in ARRANGED_STYLES)
"""The styles whose music is as someone wrote it."""

GENRE_SETS = ("web_genre", "web_hiphop")
GENRES_PUBLISHED = ("classical", "country", "hiphop", "pop", "rnb_soul", "rock")

STRETCHES = 2
"""Rows of features taken of a piece at most, so that long pieces do not outweigh the rest."""

HIDDEN = 96
DROPOUT = 0.4
EPOCHS = 40
BATCH = 512
SEED = 1

VIEW_OF_REQUEST = "instruments"
"""The group of features that a request names itself: the classifier that knows these alone is the dull one."""


@dataclass(frozen=True)
class Samples:
    """Stretches of many pieces.

    Attributes
    ----------
    rows : features [shape=(stretches, features)]
    piece : which piece each stretch is of
    label, split, source : of each piece; the source is its data set
    labels : names of the labels
    """

    rows: NDArray[np.float32]
    piece: NDArray[np.int64]
    label: NDArray[np.int64]
    split: NDArray[np.str_]
    source: NDArray[np.str_]
    labels: tuple[str, ...]

    def of(self, split: str) -> Samples:
        """Those of one split."""
        kept = self.split == split
        new_number = np.cumsum(kept) - 1
        inside = kept[self.piece]
        return replace(
            self,
            rows=self.rows[inside],
            piece=new_number[self.piece[inside]],
            label=self.label[kept],
            split=self.split[kept],
            source=self.source[kept],
        )

    def save(self, path: Path) -> None:
        with atomic_write(path) as part, part.open("wb") as out:
            np.savez_compressed(out, **vars(self))

    @classmethod
    def read(cls, path: Path) -> Samples:
        with np.load(path, allow_pickle=False) as kept:
            arrays = {name: kept[name] for name in kept.files if name != "labels"}
            return cls(**arrays, labels=tuple(kept["labels"].tolist()))


def samples_of(
    pieces: Sequence[tuple[NDArray[np.float32], str, str, str]], labels: tuple[str, ...]
) -> Samples:
    """Samples of (features, label, split, data set) of many pieces; those without a row are left out."""
    pieces = [piece for piece in pieces if len(piece[0])]
    return Samples(
        np.concatenate([np.zeros((0, COUNT), np.float32), *(piece[0] for piece in pieces)]),
        np.repeat(np.arange(len(pieces)), [len(piece[0]) for piece in pieces]),
        np.array([labels.index(piece[1]) for piece in pieces], np.int64),
        np.array([piece[2] for piece in pieces], str),
        np.array([piece[3] for piece in pieces], str),
        labels,
    )


def _stop_if(cancelled: Cancel) -> None:
    if cancelled():
        raise Cancelled


def is_told(example: Example) -> bool:
    """Whether a piece has a style that can be told: one with a name, and of more than drums alone."""
    return example.style < len(STYLES) and example.dataset != "groove"


def style_samples(
    examples: Sequence[Example], progress: Report = lambda _: None, cancelled: Cancel = lambda: False
) -> Samples:
    """Features of encoded pieces, labelled with the styles that the flagship can be asked for."""
    found = []
    told = [example for example in examples if is_told(example)]
    for done, example in enumerate(told):
        _stop_if(cancelled)
        rows = features(song_of(example.piece), most=STRETCHES)
        found.append((rows, STYLES[example.style], example.split, example.dataset))
        progress((done + 1) / len(told))
    return samples_of(found, STYLES)


def genre_rows(folder: Path) -> list[Row]:
    """The manifest's files that people published under a genre."""
    return [row for row in read_manifest(folder, shippable=False) if row.dataset in GENRE_SETS]


def genre_samples(
    folder: Path,
    rows: Sequence[Row],
    progress: Report = lambda _: None,
    cancelled: Cancel = lambda: False,
) -> Samples:
    """Features of MIDI files, labelled with the manifest's genre."""
    found = []
    for done, row in enumerate(rows):
        _stop_if(cancelled)
        song = read_song(folder, row)
        if song is not None and len(song.notes):
            found.append((features(song, most=STRETCHES), row.genre, row.split, row.dataset))
        progress((done + 1) / len(rows))
    return samples_of(found, GENRES_PUBLISHED)


# ---- training -------------------------------------------------------------------------------------


def train(samples: Samples, view: str, *, seed: int = SEED) -> Classifier:
    """A network learnt from the split "train"; its best epoch by macro-F1 on "valid" is kept."""
    import torch
    from torch import nn

    training, held_out = samples.of("train"), samples.of("valid")
    mean, scale = _standard(training.rows, view)
    # The products are small: more threads only wait for each other.
    torch.set_num_threads(1)
    torch.manual_seed(seed)
    network = nn.Sequential(
        nn.Dropout(DROPOUT / 2),
        nn.Linear(COUNT, HIDDEN),
        nn.ReLU(),
        nn.Dropout(DROPOUT),
        nn.Linear(HIDDEN, len(samples.labels)),
    )
    inputs = torch.from_numpy(np.clip((training.rows - mean) * scale, -5, 5))
    targets = torch.from_numpy(training.label[training.piece])
    counts = np.bincount(targets.numpy(), minlength=len(samples.labels))
    weights = torch.from_numpy((1 / np.sqrt(np.maximum(counts, 1))).astype(np.float32))
    loss_of = nn.CrossEntropyLoss(weights / weights.mean())
    optimiser = torch.optim.AdamW(network.parameters(), 3e-3, weight_decay=0.02)
    fall = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, EPOCHS)
    best, best_score = _frozen(network, samples.labels, mean, scale), -1.0
    for _ in range(EPOCHS):
        _epoch(network, inputs, targets, loss_of, optimiser)
        fall.step()
        found = _frozen(network, samples.labels, mean, scale)
        score = scores(guesses(found, held_out), held_out.label)["macro_f1"]
        if score > best_score:
            best, best_score = found, score
    return best


def _standard(rows: NDArray[np.float32], view: str) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    scale = 1 / np.maximum(rows.std(0), 1e-3)
    if view == BLIND:
        scale[GROUPS[VIEW_OF_REQUEST]] = 0
    elif view == VIEW_OF_REQUEST:
        blinded = np.ones(COUNT, bool)
        blinded[GROUPS[VIEW_OF_REQUEST]] = False
        scale[blinded] = 0
    return rows.mean(0), scale


def _epoch(network: nn.Module, inputs: Tensor, targets: Tensor, loss_of: nn.Module, optimiser: Any) -> None:
    import torch

    network.train()
    for places in torch.randperm(len(inputs)).split(BATCH):
        optimiser.zero_grad()
        loss_of(network(inputs[places]), targets[places]).backward()
        optimiser.step()


def _frozen(
    network: nn.Module, labels: tuple[str, ...], mean: NDArray[np.float32], scale: NDArray[np.float32]
) -> Classifier:
    """The network as it will be shipped, in half precision."""
    arrays = [_halved(array.detach().numpy()) for array in network.parameters()]
    layers = tuple((arrays[at].T, arrays[at + 1]) for at in range(0, len(arrays), 2))
    return Classifier(labels, _halved(mean), _halved(scale), layers)


def _halved(array: NDArray[np.float32]) -> NDArray[np.float32]:
    return array.astype(np.float16).astype(np.float32)


# ---- figures --------------------------------------------------------------------------------------


def guesses(network: Classifier, samples: Samples) -> NDArray[np.int64]:
    """The likeliest label of every piece."""
    chances = network.chances(samples.rows)
    total = np.zeros((len(samples.label), len(samples.labels)))
    np.add.at(total, samples.piece, chances)
    return total.argmax(1)


def scores(guessed: NDArray[np.int64], label: NDArray[np.int64]) -> dict[str, float]:
    """Accuracy, and F1 as the mean over the labels that there are."""
    f1 = []
    for name in np.unique(label):
        hits = ((guessed == name) & (label == name)).sum()
        f1.append(2 * hits / max(1, (guessed == name).sum() + (label == name).sum()))
    return {"accuracy": float((guessed == label).mean()), "macro_f1": float(np.mean(f1))}


def by_label(guessed: NDArray[np.int64], samples: Samples) -> dict[str, list[float]]:
    """For every label: the share of its pieces that are named rightly, and how many there are."""
    return {
        name: [
            float((guessed == number)[samples.label == number].mean()),
            int((samples.label == number).sum()),
        ]
        for number, name in enumerate(samples.labels)
        if (samples.label == number).any()
    }


def figures(samples: Samples, networks: dict[str, Classifier]) -> dict[str, Any]:
    """Accuracy and macro-F1 of every network on the split "test", beside the dull ones."""
    training, test = samples.of("train"), samples.of("test")
    majority = np.full(len(test.label), np.bincount(training.label).argmax())
    chance = 1 / len(samples.labels)
    found: dict[str, Any] = {
        "pieces": {"train": len(training.label), "test": len(test.label)},
        "chance": {"accuracy": chance},
        "majority": scores(majority, test.label),
    }
    for view, network in networks.items():
        found[view] = scores(guesses(network, test), test.label)
    found |= {f"logistic regression, {view}": _logistic(samples, view) for view in VIEWS}
    found["by_label"] = by_label(guesses(networks[BLIND], test), test)
    if REAL_STYLES[0] in samples.labels:
        real = np.isin(test.label, [samples.labels.index(style) for style in REAL_STYLES])
        found["as_written"] = {
            view: scores(guesses(network, test)[real], test.label[real]) for view, network in networks.items()
        }
    return found


def _logistic(samples: Samples, view: str) -> dict[str, float]:
    from sklearn.linear_model import LogisticRegression

    training, test = samples.of("train"), samples.of("test")
    mean, scale = _standard(training.rows, view)
    model = LogisticRegression(C=0.1, max_iter=300)
    model.fit(np.clip((training.rows - mean) * scale, -5, 5), training.label[training.piece])
    chances = model.predict_proba(np.clip((test.rows - mean) * scale, -5, 5))
    total = np.zeros((len(test.label), chances.shape[1]))
    np.add.at(total, test.piece, chances)
    return scores(model.classes_[total.argmax(1)], test.label)


# ---- the model file -------------------------------------------------------------------------------


def learn_style(
    *,
    data: Path | None,
    resume: bool = False,
    out: Path | None = None,
    progress: Report = lambda _: None,
    cancelled: Cancel = lambda: False,
) -> dict[str, Any]:
    """Train the style classifier; it takes minutes, most of them for the features.

    Parameters
    ----------
    data : folder with a ``manifest.csv``; may be None where ``out`` holds the features already
    resume : take the features, and the packed data, that ``out`` holds
    out : folder for the features and the model

    Returns
    -------
    dict
        The card's figures, and the ``model`` file.
    """
    out = out or user_folder("data") / "learning" / NAME
    out.mkdir(parents=True, exist_ok=True)
    sets: dict[str, Samples] = {}
    for place, labels in enumerate((STYLES_ASKED_FOR, GENRES)):
        kept = out / f"{labels}.npz"
        if not (resume and kept.is_file()):
            if data is None or not (data / "manifest.csv").is_file():
                raise TunesmithError("say where the labelled music is: --data FOLDER, with its manifest.csv")
            _samples(labels, data, out, _Half(progress, place), cancelled).save(kept)
        sets[labels] = Samples.read(kept)
    tensors: dict[str, NDArray[Any]] = {}
    told: dict[str, Any] = {}
    for labels, samples in sets.items():
        networks = {view: train(samples, view) for view in VIEWS}
        for view, network in networks.items():
            tensors |= _tensors(f"{labels}.{view}", network)
        told[labels] = figures(samples, networks | {VIEW_OF_REQUEST: train(samples, VIEW_OF_REQUEST)})
    card = {
        "room": "listen",
        "kind": KIND,
        "architecture": f"{COUNT} features of {WINDOW} bars, {HIDDEN} rectified units, one output a label",
        "licence": "MIT",
        "labels": {labels: samples.labels for labels, samples in sets.items()},
        "real_labels": {STYLES_ASKED_FOR: REAL_STYLES, GENRES: sets[GENRES].labels},
        "trained_on": {labels: _credits(samples, data) for labels, samples in sets.items()},
        "features": COUNT,
        "front_end": {
            "bars": WINDOW,
            "groups": {name: part.stop - part.start for name, part in GROUPS.items()},
        },
        "layers": 2,
        "split": "by work, from the manifest",
        "seed": SEED,
        "command": "tunesmith learn style --data DIR",
        "figures": told,
    }
    save_model(out / NAME, tensors, card)
    return {**told, "model": str(out / f"{NAME}.safetensors")}


def evaluate_style(model: ModelFile, data: Path, progress: Report = lambda _: None) -> dict[str, Any]:
    """Accuracy and macro-F1 of a model file on the split "test" of a folder with a manifest."""
    tensors, card = model.load()
    rows = [row for row in read_manifest(data) if row.split == "test"]
    test = {
        STYLES_ASKED_FOR: style_samples(encode_rows(data, rows), _Half(progress, 0)),
        GENRES: genre_samples(
            data, [row for row in genre_rows(data) if row.split == "test"], _Half(progress, 1)
        ),
    }
    return {
        f"{labels}, {view}": scores(guesses(classifier(tensors, card, labels, view), samples), samples.label)
        | {"pieces": len(samples.label)}
        for labels, samples in test.items()
        if len(samples.label)
        for view in VIEWS
    }


@dataclass(frozen=True)
class _Half:
    """Progress through one of two halves of a job."""

    whole: Report
    half: int

    def __call__(self, share: float) -> None:
        self.whole((self.half + share) / 2)


def _samples(labels: str, data: Path, out: Path, progress: Report, cancelled: Cancel) -> Samples:
    if labels == GENRES:
        return genre_samples(data, genre_rows(data), progress, cancelled)
    pack = out / "pack.npz"
    examples = load_pack(pack) if pack.is_file() else encode_corpus(data)
    return style_samples(examples, progress, cancelled)


def _credits(samples: Samples, data: Path | None) -> dict[str, Any]:
    """Per data set: pieces learnt from, and the licence as stated; see `core.learn.shipping.data_credits`."""
    stated: dict[str, str] = {}
    if data is not None and (data / "manifest.csv").is_file():
        stated = licences(data) | {row.dataset: row.licence for row in genre_rows(data)}
    names, counts = np.unique(samples.of("train").source, return_counts=True)
    return {
        name: {"pieces": count, "licence": stated.get(name, "")}
        for name, count in zip(names.tolist(), counts.tolist(), strict=True)
    }


def _tensors(prefix: str, network: Classifier) -> dict[str, NDArray[Any]]:
    tensors = {f"{prefix}.mean": network.mean, f"{prefix}.scale": network.scale}
    for layer, (weights, biases) in enumerate(network.layers):
        tensors[f"{prefix}.{layer}.weights"] = weights
        tensors[f"{prefix}.{layer}.biases"] = biases
    return {name: array.astype(np.float16) for name, array in tensors.items()}
