"""Training of the classifier that tells a piece's composer by its notes.

Conventions
-----------
* A composer is told where the data have at least `FEWEST_WORKS` works of his or hers; everyone else's music is one
  more class, `OTHERS`, so that the classifier can say that it knows none of the composers.
* A *work* is a group of the manifest: near-duplicates and movements of one work, whatever file they stand in. Works
  are never parted. The manifest's test works are the test; a composer with fewer than `FEWEST_TEST` gets more of his
  or her own. The rest is dealt to folds: settings, temperature and the limit of "not sure" come from out-of-fold
  chances.
* A work's verdict is the mean of the logarithms of the chances of all stretches of all of its files.
* All figures are by work. Those of the composers leave the class of others out, in truth and in verdict, unless said.
"""

from __future__ import annotations

import zlib
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from core.errors import Cancelled, TunesmithError
from core.learn.data import Row, read_manifest, read_song
from core.learn.figures import (
    by_work,
    calibration_error,
    softmax,
    temperature_of,
    threshold_of,
    with_interval,
)
from core.learn.workers import Workers, mapped
from core.listen.composer_features import COUNT, GROUPS, STRETCHES, features
from core.listen.composer_scores import KIND, NAME, OTHERS, Composers, prepared
from core.store.atomic import atomic_write
from core.store.folders import user_folder
from core.store.model_file import save_model

Report = Callable[[float], None]
Cancel = Callable[[], bool]

GENRES = frozenset(
    ["classical", "classical_guitar", "classical_chamber", "art_song", "chorale", "hymn", "ragtime", "march"]
)
"""Music by composers, written down."""

NOBODY = frozenset(["", "Anonymous", "Traditional", "[Traditional]", "Other"])
NOT_WRITTEN = frozenset(["groove", "js_fakes"])
"""Data sets of drums, and of what a model wrote."""

FEWEST_WORKS = 15
FEWEST_TEST = 3
FOLDS = 4
FILES_OF_WORK = 3
FILES_OF_COMPOSER = 400
FILES_OF_OTHERS = 1600

HIDDEN = 192
DIRECTIONS = 320
"""Features are learnt from in the directions of their largest spread: less work, and less to learn by heart."""

SPREAD_ROWS = 6000
EPOCHS = 20
BATCH = 256
RATE = 2e-3
DECAY = 0.05
DROPOUT = (0.3, 0.5)
SMOOTHING = 0.1
BALANCE = 0.75
"""A class weighs as the number of its stretches to the power of minus this."""

SEED = 1
SURE_ENOUGH = 0.8
"""How often a verdict that is not "not sure" is to be right, out of fold."""

CONTROLS: dict[str, tuple[str, ...]] = {
    "pitch classes alone": ("key",),
    "instruments alone": ("instruments",),
    "all but instruments": tuple(name for name in GROUPS if name not in ("instruments", "drums")),
}


@dataclass(frozen=True)
class Pieces:
    """Stretches of many files.

    Attributes
    ----------
    rows : features [shape=(stretches, features)]
    piece : which file each stretch is of
    label : of each file, a number in ``labels``
    work, split, source : of each file; the source is its data set
    fold : of each file, -1 for test
    labels : the composers, and `OTHERS`
    """

    rows: NDArray[np.float32]
    piece: NDArray[np.int64]
    label: NDArray[np.int64]
    work: NDArray[np.str_]
    source: NDArray[np.str_]
    fold: NDArray[np.int64]
    labels: tuple[str, ...]

    def where(self, kept: NDArray[np.bool_]) -> Pieces:
        """The files for which ``kept`` is true."""
        number = np.cumsum(kept) - 1
        inside = kept[self.piece]
        return Pieces(
            self.rows[inside],
            number[self.piece[inside]],
            self.label[kept],
            self.work[kept],
            self.source[kept],
            self.fold[kept],
            self.labels,
        )

    def save(self, path: Path) -> None:
        with atomic_write(path) as part, part.open("wb") as out:
            np.savez(out, **(vars(self) | {"rows": self.rows.astype(np.float16)}))

    @classmethod
    def read(cls, path: Path) -> Pieces:
        with np.load(path, allow_pickle=False) as kept:
            arrays = {name: kept[name] for name in kept.files if name != "labels"}
            arrays["rows"] = arrays["rows"].astype(np.float32)
            return cls(**arrays, labels=tuple(kept["labels"].tolist()))


# ---- which files ---------------------------------------------------------------------------------


def chosen(rows: Sequence[Row], fewest_works: int = FEWEST_WORKS) -> tuple[list[Row], tuple[str, ...]]:
    """The rows to learn from, with `OTHERS` as the composer of those by none of the labels; and the labels."""
    rows = [row for row in rows if row.dataset not in NOT_WRITTEN]
    works: dict[str, set[str]] = defaultdict(set)
    for row in rows:
        if row.genre in GENRES and row.composer not in NOBODY:
            works[row.composer].add(row.group)
    labels = tuple(sorted(name for name, groups in works.items() if len(groups) >= fewest_works))
    own: dict[str, list[Row]] = defaultdict(list)
    of_work: dict[tuple[str, str], int] = defaultdict(int)
    for row in sorted(rows, key=_any_order):
        name = row.composer if row.composer in labels and row.genre in GENRES else OTHERS
        most = FILES_OF_OTHERS if name == OTHERS else FILES_OF_COMPOSER
        if len(own[name]) < most and of_work[name, row.group] < FILES_OF_WORK:
            own[name].append(replace(row, composer=name))
            of_work[name, row.group] += 1
    return [row for name in (*labels, OTHERS) for row in own[name]], (*labels, OTHERS)


def _any_order(row: Row) -> tuple[int, str]:
    return zlib.crc32(row.path.encode()), row.path


def folds(rows: Sequence[Row]) -> NDArray[np.int64]:
    """The fold of every row, -1 for test; see the module."""
    splits: dict[tuple[str, str], set[str]] = defaultdict(set)
    for row in rows:
        splits[row.composer, row.group].add(row.split)
    # A group that the data sets' own splits part is learnt from.
    is_test = {key: found == {"test"} for key, found in splits.items()}
    fold_of: dict[tuple[str, str], int] = {}
    for name in sorted({row.composer for row in rows}):
        own = sorted(
            (key for key in splits if key[0] == name), key=lambda key: zlib.crc32("".join(key).encode())
        )
        missing = FEWEST_TEST - sum(is_test[key] for key in own)
        spare = iter([key for key in own if not is_test[key]])
        for _ in range(missing):
            is_test[next(spare)] = True
        learnt = [key for key in own if not is_test[key]]
        fold_of |= {key: number % FOLDS for number, key in enumerate(learnt)}
    return np.array([fold_of.get((row.composer, row.group), -1) for row in rows], np.int64)


def _features(job: tuple[Path, Row]) -> NDArray[np.float32]:
    song = read_song(*job)
    if song is None or not len(song.notes):
        return np.zeros((0, COUNT), np.float32)
    return features(song)


def read_pieces(
    folder: Path,
    *,
    fewest_works: int = FEWEST_WORKS,
    workers: Workers = None,
    progress: Report = lambda _: None,
    cancelled: Cancel = lambda: False,
) -> Pieces:
    """Features of the composers' files of a folder with a ``manifest.csv``.

    Raises
    ------
    TunesmithError
        Where no composer has enough works.
    """
    rows, labels = chosen(read_manifest(folder, shippable=False), fewest_works)
    if len(labels) < 3:
        raise TunesmithError(f"{folder} has fewer than two composers with {fewest_works} works; add music")
    jobs = [(folder, row) for row in rows]
    results = (_features(job) for job in jobs) if workers == 1 else mapped(_features, jobs, workers)
    kept, found = [], []
    for done, (row, described) in enumerate(zip(rows, results, strict=True)):
        if cancelled():
            raise Cancelled
        if len(described):
            kept.append(row)
            found.append(described)
        progress((done + 1) / len(rows))
    return Pieces(
        np.concatenate(found),
        np.repeat(np.arange(len(found)), [len(described) for described in found]),
        np.array([labels.index(row.composer) for row in kept], np.int64),
        np.array([f"{row.composer}: {row.group}" for row in kept], str),
        np.array([row.dataset for row in kept], str),
        folds(kept),
        labels,
    )


# ---- training ------------------------------------------------------------------------------------


def train(
    pieces: Pieces,
    groups: Sequence[str] = tuple(GROUPS),
    *,
    epochs: int | None = None,
    seed: int = SEED,
    cancelled: Cancel = lambda: False,
) -> Composers:
    """A network that knows the named groups of features, learnt from all of ``pieces`` in `EPOCHS` unless told."""
    import torch
    from torch import nn

    epochs = epochs or EPOCHS
    rows = prepared(pieces.rows)
    mean, scale = rows.mean(0), 1 / np.maximum(rows.std(0), 0.02)
    seen = np.zeros(COUNT, bool)
    for name in groups:
        seen[GROUPS[name]] = True
    scale[~seen] = 0
    torch.set_num_threads(1)
    torch.manual_seed(seed)
    standard = Composers.standard(rows, mean, scale)
    turned, directions = _directions(standard)
    network = nn.Sequential(
        nn.Dropout(DROPOUT[0]),
        nn.Linear(turned.shape[1], HIDDEN),
        nn.ReLU(),
        nn.Dropout(DROPOUT[1]),
        nn.Linear(HIDDEN, len(pieces.labels)),
    )
    inputs = torch.from_numpy(turned)
    targets = torch.from_numpy(pieces.label[pieces.piece])
    counts = np.bincount(targets.numpy(), minlength=len(pieces.labels))
    weights = torch.from_numpy(np.maximum(counts, 1).astype(np.float32) ** -BALANCE)
    loss_of = nn.CrossEntropyLoss(weights / weights.mean(), label_smoothing=SMOOTHING)
    optimiser = torch.optim.AdamW(network.parameters(), RATE, weight_decay=DECAY)
    steps = epochs * -(-len(inputs) // BATCH)
    fall = torch.optim.lr_scheduler.OneCycleLR(optimiser, RATE, total_steps=steps)
    network.train()
    for _ in range(epochs):
        if cancelled():
            raise Cancelled
        for places in torch.randperm(len(inputs)).split(BATCH):
            optimiser.zero_grad()
            loss_of(network(inputs[places]), targets[places]).backward()
            optimiser.step()
            fall.step()
    first, first_bias, last, last_bias = (array.detach().numpy() for array in network.parameters())
    # Turning into the directions is one product with the first layer's.
    layers = ((_halved(directions @ first.T), _halved(first_bias)), (_halved(last.T), _halved(last_bias)))
    return Composers(pieces.labels, _halved(mean), _halved(scale), layers)


def _directions(standard: NDArray[np.float32]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """The rows in the directions of largest spread, and what turns them [shape=(features, directions)]."""
    some = standard[:: max(1, len(standard) // SPREAD_ROWS)]
    if len(some) < some.shape[1]:
        _, sizes, rows = np.linalg.svd(some, full_matrices=False)
        spread, axes = (sizes**2 / len(some))[::-1], rows.T[:, ::-1]
    else:
        spread, axes = np.linalg.eigh(some.T @ some / len(some))
    count = min(DIRECTIONS, int((spread > 1e-4).sum()))
    # Rare directions are not blown up to the size of the others.
    size = np.sqrt(spread[-count:] + float(spread[-count:].mean()) * 0.1)
    directions = (axes[:, -count:] / size).astype(np.float32)
    return standard @ directions, directions


def _halved(array: NDArray) -> NDArray[np.float32]:
    return array.astype(np.float16).astype(np.float32)


# ---- chances and figures -------------------------------------------------------------------------


def chances_of(network: Composers, pieces: Pieces) -> NDArray[np.float64]:
    """Uncalibrated chances of every file: the mean logarithm over its stretches, made to add up to 1."""
    total = np.zeros((len(pieces.label), len(pieces.labels)))
    np.add.at(total, pieces.piece, network.logarithms(pieces.rows))
    total /= np.bincount(pieces.piece, minlength=len(total))[:, None]
    return softmax(total)


def out_of_fold(
    pieces: Pieces, groups: Sequence[str] = tuple(GROUPS), cancelled: Cancel = lambda: False
) -> NDArray[np.float64]:
    """Uncalibrated chances of the files of ``pieces``, each by a network that has not seen its work."""
    found = np.zeros((len(pieces.label), len(pieces.labels)))
    for fold in np.unique(pieces.fold):
        held_out = pieces.fold == fold
        network = train(pieces.where(~held_out), groups, cancelled=cancelled)
        found[held_out] = chances_of(network, pieces.where(held_out))
    return found


def among_composers(chances: NDArray[np.float64]) -> NDArray[np.float64]:
    """Without the class of others, which is the last."""
    known = chances[:, :-1]
    return known / np.maximum(known.sum(1, keepdims=True), 1e-12)


def figures(chances: NDArray[np.float64], pieces: Pieces) -> dict[str, Any]:
    """By work: balanced accuracy and macro-F1 over the composers, with intervals, and the top five's accuracy."""
    others = len(pieces.labels) - 1
    known = pieces.label != others
    verdicts, label, work = by_work(among_composers(chances[known]), pieces.label[known], pieces.work[known])
    top = np.argsort(-verdicts, 1)[:, :5]
    return {
        "works": len(label),
        **with_interval(verdicts.argmax(1), label, work),
        "top5": float((top == label[:, None]).any(1).mean()),
    }


# ---- the model file ------------------------------------------------------------------------------


def calibrated(chances: NDArray[np.float64], pieces: Pieces) -> dict[str, Any]:
    """Temperature and least chance of a verdict, of out-of-fold chances of files, by work, and what they come to."""
    verdicts, label, _ = by_work(chances, pieces.label, pieces.work)
    temperature = temperature_of(verdicts, label)
    fitted = softmax(np.log(np.maximum(verdicts, 1e-9)), temperature)
    # Where everyone else is likeliest no verdict is given, so it is not one that could be wrong.
    known = fitted.argmax(1) != len(pieces.labels) - 1
    threshold = threshold_of(fitted[known], label[known], SURE_ENOUGH)
    return {"temperature": temperature, "threshold": threshold}


def sureness(
    chances: NDArray[np.float64], pieces: Pieces, temperature: float, threshold: float
) -> dict[str, Any]:
    """What calibration comes to, by work and with the class of others: its error, and how often a verdict is given."""
    verdicts, label, _ = by_work(chances, pieces.label, pieces.work)
    fitted = softmax(np.log(np.maximum(verdicts, 1e-9)), temperature)
    others = len(pieces.labels) - 1
    given = (fitted.max(1) >= threshold) & (fitted.argmax(1) != others)
    right = fitted.argmax(1) == label
    return {
        "works": len(label),
        "calibration_error": calibration_error(fitted, label),
        "coverage": float(given[label != others].mean()),
        "accuracy_when_given": float(right[given].mean()) if given.any() else 0.0,
        "others_given_a_name": float(given[label == others].mean()) if (label == others).any() else 0.0,
    }


def by_composer(chances: NDArray[np.float64], pieces: Pieces) -> dict[str, list[float]]:
    """Recall by work of every composer, and how many works there are."""
    known = pieces.label != len(pieces.labels) - 1
    verdicts, label, _ = by_work(among_composers(chances[known]), pieces.label[known], pieces.work[known])
    right = verdicts.argmax(1) == label
    return {
        name: [round(float(right[label == number].mean()), 3), int((label == number).sum())]
        for number, name in enumerate(pieces.labels[:-1])
        if (label == number).any()
    }


def source_alone(learnt: Pieces, test: Pieces) -> dict[str, Any]:
    """The control that knows nothing but which data set a file is from: its composer with the most works there."""
    others = len(learnt.labels) - 1
    table = {
        source: np.bincount(learnt.label[learnt.source == source], minlength=others + 1)
        for source in np.unique(learnt.source).tolist()
    }
    every = np.bincount(learnt.label, minlength=others + 1)
    counts = np.stack([table.get(source, every) for source in test.source.tolist()]).astype(float)
    return figures(counts / counts.sum(1, keepdims=True), test)


def learn(
    *,
    data: Path | None,
    resume: bool = False,
    out: Path | None = None,
    workers: Workers = None,
    progress: Report = lambda _: None,
    cancelled: Cancel = lambda: False,
) -> dict[str, Any]:
    """Train the classifier of composers by notes (``tunesmith learn composers-scores``); minutes on two cores.

    Parameters
    ----------
    data : folder of MIDI files with a ``manifest.csv`` (path, dataset, genre, composer, group, split, ship, licence);
        may be None where ``out`` holds the features already
    resume : take the features that ``out`` holds
    out : folder for the features and the model

    Returns
    -------
    dict
        The card's figures, and the ``model`` file.
    """
    out = out or user_folder("data") / "learning" / NAME
    out.mkdir(parents=True, exist_ok=True)
    kept = out / "pieces.npz"
    if not (resume and kept.is_file()):
        if data is None or not (data / "manifest.csv").is_file():
            raise TunesmithError("say where the composers' music is: --data FOLDER, with its manifest.csv")
        read_pieces(
            data, workers=workers, progress=lambda share: progress(0.6 * share), cancelled=cancelled
        ).save(kept)
    pieces = Pieces.read(kept)
    learnt, test = pieces.where(pieces.fold >= 0), pieces.where(pieces.fold < 0)
    outside = out_of_fold(learnt, cancelled=cancelled)
    progress(0.8)
    fitted = calibrated(outside, learnt)
    network = replace(train(learnt, cancelled=cancelled), **fitted)
    progress(0.85)
    chances = chances_of(network, test)
    told: dict[str, Any] = {
        "composers": len(pieces.labels) - 1,
        "works": {"learnt": len(np.unique(learnt.work)), "test": len(np.unique(test.work))},
        "chance": 1 / (len(pieces.labels) - 1),
        "out_of_fold": figures(outside, learnt),
        "test": figures(chances, test),
        "test_sureness": sureness(chances, test, **fitted),
    }
    for name, groups in CONTROLS.items():
        told[name] = figures(chances_of(train(learnt, groups, cancelled=cancelled), test), test)
    told["data set alone"] = source_alone(learnt, test)
    told["by_composer"] = by_composer(chances, test)
    tensors = {"mean": network.mean, "scale": network.scale}
    for layer, (weights, biases) in enumerate(network.layers):
        tensors |= {f"{layer}.weights": weights, f"{layer}.biases": biases}
    card = {
        "room": "listen",
        "kind": KIND,
        "architecture": f"{COUNT} features of 16 bars, {HIDDEN} rectified units, one output a composer",
        "licence": "MIT",
        "labels": [label.replace("_", " ") for label in pieces.labels],
        "features": COUNT,
        "layers": 2,
        **fitted,
        "front_end": {"bars": 16, "stretches": STRETCHES, "features": {k: v.start for k, v in GROUPS.items()}},
        "trained_on": _credits(learnt, data),
        "split": "by work: the manifest's test works, at least three a composer; the rest in four folds",
        "seed": SEED,
        "command": "tunesmith learn composers-scores --data FOLDER",
        "figures": told,
    }  # fmt: skip
    save_model(out / NAME, {name: array.astype(np.float16) for name, array in tensors.items()}, card)
    progress(1.0)
    return {**told, "model": str(out / f"{NAME}.safetensors")}


def _credits(pieces: Pieces, data: Path | None) -> dict[str, Any]:
    """Per data set: files learnt from, and the licence as stated."""
    stated: dict[str, str] = {}
    if data is not None and (data / "manifest.csv").is_file():
        stated = {row.dataset: row.licence for row in read_manifest(data, shippable=False)}
    names, counts = np.unique(pieces.source, return_counts=True)
    return {
        name: {"files": count, "licence": stated.get(name, "")}
        for name, count in zip(names.tolist(), counts.tolist(), strict=True)
    }
