"""Training of Short Tunes, and what it is measured against.

After P. Schaldenbrand, Y. He and H. Almoubayyed, "Long Short-Tunes Memory": pop songs as rows of pitch,
velocity and seconds since the row before (section 2.2), the polynomial note loss and a fifth of its weight
for each of the other two (2.3), stochastic gradient descent (2.4), stopped when held-out music is foretold
no better, and a logistic regression on the ten notes before as the baseline (2.1).

What the paper leaves open, and we chose: a random network is a poor start for a loss with so many valleys.
It falls into the nearest and foretells one note for ever. So pitch is learnt by its squared error first, for
`Plan.warm_up` of the time, and by the note loss from there.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from core.compose.short_tunes import (
    COLUMNS,
    DENSE_UNITS,
    LOOK_BACK,
    LSTM_UNITS,
    MOVES,
    NAME,
    TRAINABLE,
    rows_of,
)
from core.errors import Cancelled, TunesmithError
from core.learn.data import Row, licences, read_folder, read_manifest
from core.learn.note_loss import draw, note_loss, note_loss_of_tensor, polynomial
from core.learn.workers import Workers, mapped
from core.song.midi_file import read_midi
from core.store.folders import user_folder
from core.store.model_file import ModelFile, save_model

DATASETS = ("pop909", "openewld")
"""Pop songs and the lead sheets of popular songs: "mostly pop", as in section 4 of the paper."""

OTHERS_WEIGHT = 0.2
"""Of velocity and of time, beside the note loss, whose hills are 1 high."""

BASELINE_NOTES = 10
BASELINE_ROWS = 40_000
"""Rows that the logistic regressions learn from, evenly spaced over the training songs."""

PITCHES = 128

KEPT_ERRORS = 1024
"""Errors on held-out music that the model file remembers, to compose with."""

Rows = NDArray[np.float32]
Report = Callable[[float], None]


@dataclass(frozen=True)
class Corpus:
    """Songs as rows, one after another.

    Attributes
    ----------
    rows : [shape=(notes, 3)]
    bounds : where each song begins, and the end of the last [shape=(songs + 1,)]
    splits, datasets : of each song
    """

    rows: Rows
    bounds: NDArray[np.int64]
    splits: NDArray[np.str_]
    datasets: NDArray[np.str_]

    def songs(self, split: str) -> int:
        """How many songs a part has."""
        return int((self.splits == split).sum())

    def targets(self, split: str, before: int = LOOK_BACK) -> NDArray[np.int64]:
        """Places of the rows of a part that have ``before`` rows of their song before them."""
        lengths = np.diff(self.bounds)
        place = np.arange(len(self.rows)) - np.repeat(self.bounds[:-1], lengths)
        return np.flatnonzero((np.repeat(self.splits, lengths) == split) & (place >= before))

    def scaler(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Mean and variance of the training part's columns."""
        training = self.rows[np.repeat(self.splits == "train", np.diff(self.bounds))].astype(np.float64)
        return training.mean(0), training.var(0)


def _rows_of_file(path: Path) -> Rows:
    """Rows of one file; none where it cannot be read."""
    try:
        return rows_of(read_midi(path)).astype(np.float32)
    except TunesmithError:
        return np.empty((0, len(COLUMNS)), np.float32)


def read_corpus(
    folder: Path,
    *,
    workers: Workers = None,
    progress: Report = lambda _: None,
    cancelled: Callable[[], bool] = lambda: False,
) -> Corpus:
    """The songs of `DATASETS` in a folder with a manifest, or every MIDI file of one without.

    Parameters
    ----------
    workers : what reads them, see `core.learn.workers`

    Raises
    ------
    TunesmithError
        Where there is no song to learn from.
    """
    if (folder / "manifest.csv").is_file():
        rows = [row for row in read_manifest(folder) if row.dataset in DATASETS]
    else:
        rows = read_folder(folder)
    found: list[tuple[Row, Rows]] = []
    jobs = [folder / row.path for row in rows]
    for number, (row, read) in enumerate(zip(rows, mapped(_rows_of_file, jobs, workers), strict=True)):
        if cancelled():
            raise Cancelled
        if len(read) > BASELINE_NOTES:
            found.append((row, read))
        progress((number + 1) / len(rows))
    if not any(row.split == "train" for row, _ in found):
        raise TunesmithError(
            f"{folder} has no song that could be learnt from: songs of {BASELINE_NOTES + 1} notes are needed"
        )
    return Corpus(
        np.concatenate([read for _, read in found]),
        np.cumsum([0] + [len(read) for _, read in found]),
        np.array([row.split for row, _ in found]),
        np.array([row.dataset for row, _ in found]),
    )


class ShortTunes(nn.Module):
    """LSTM(48) -> Dense(24) -> Dense(3), with one vector of biases in the LSTM as in Keras.

    Begins as Keras begins: Glorot's uniform distribution, orthogonal recurrent weights, biases 0 but the
    forget gate's, which are 1.
    """

    def __init__(self) -> None:
        super().__init__()
        units = LSTM_UNITS
        squares = [nn.init.orthogonal_(torch.empty(units, units)) for _ in range(4)]
        forget = torch.zeros(4 * units)
        forget[units : 2 * units] = 1.0
        self.kernel = nn.Parameter(nn.init.xavier_uniform_(torch.empty(len(COLUMNS), 4 * units)))
        self.recurrent = nn.Parameter(torch.cat(squares, dim=1))
        self.bias = nn.Parameter(forget)
        self.hidden = nn.Parameter(nn.init.xavier_uniform_(torch.empty(units, DENSE_UNITS)))
        self.hidden_bias = nn.Parameter(torch.zeros(DENSE_UNITS))
        self.output = nn.Parameter(nn.init.xavier_uniform_(torch.empty(DENSE_UNITS, len(COLUMNS))))
        self.output_bias = nn.Parameter(torch.zeros(len(COLUMNS)))

    def forward(self, window: Tensor) -> Tensor:
        """The next row after three [shape=(batch, 3, 3)], all scaled."""
        inputs = window @ self.kernel + self.bias
        state = cell = inputs.new_zeros(len(window), LSTM_UNITS)
        for step in range(LOOK_BACK):
            enter, forget, new, leave = (inputs[:, step] + state @ self.recurrent).chunk(4, dim=1)
            cell = forget.sigmoid() * cell + enter.sigmoid() * new.tanh()
            state = leave.sigmoid() * cell.tanh()
        hidden = torch.tanh(state @ self.hidden + self.hidden_bias)
        return hidden @ self.output + self.output_bias


def losses(predicted: Tensor, true: Tensor, pitch_scale: float, *, warm: bool = False) -> Tensor:
    """Mean note loss, and mean squared errors of velocity and time [shape=(3,)]; rows are scaled.

    Parameters
    ----------
    pitch_scale : semitones in one unit of a scaled pitch
    warm : the squared error of pitch in the place of the note loss
    """
    squares = (predicted - true).square().mean(0)
    if warm:
        return squares
    note = note_loss_of_tensor((predicted[:, 0] - true[:, 0]) * pitch_scale).mean()
    return torch.cat([note[None], squares[1:]])


def combined(three: Tensor) -> Tensor:
    """What is made small: the note loss and `OTHERS_WEIGHT` of the other two."""
    return three[0] + OTHERS_WEIGHT * (three[1] + three[2])


@dataclass(frozen=True)
class Plan:
    """Everything that decides a training run.

    ``patience`` checks without a better one end it, as ``minutes`` or ``most_steps`` do; the first
    ``warm_up`` of either is never the best. The note loss is some twenty times as steep as the squared error
    of the warm-up, and its learning rate as much lower.
    """

    minutes: float = 20.0
    most_steps: int | None = None
    """Batches to end after: the same run on a fast and on a slow machine."""
    warm_up: float = 0.5
    warm_rate: float = 0.2
    learning_rate: float = 0.01
    batch: int = 256
    check_steps: int = 500
    check_rows: int = 10_000
    patience: int = 12
    seed: int = 1


PLAN = Plan()
"""What a recipe starts from."""


class Windows:
    """The scaled rows of a corpus, and the rows before any of them."""

    def __init__(self, corpus: Corpus, device: str) -> None:
        mean, variance = corpus.scaler()
        self.pitch_scale = float(np.sqrt(variance[0]))
        self.mean, self.variance = mean, variance
        scaled = (corpus.rows - mean) / np.sqrt(np.maximum(variance, 1e-12))
        self._rows = torch.from_numpy(scaled.astype(np.float32)).to(device)
        self._before = torch.arange(-LOOK_BACK, 0, device=device)

    def at(self, places: Tensor) -> tuple[Tensor, Tensor]:
        """(three rows before each place [shape=(n, 3, 3)], the rows there [shape=(n, 3)])."""
        return self._rows[places[:, None] + self._before], self._rows[places]


@torch.no_grad()
def measure(network: ShortTunes, windows: Windows, places: Tensor) -> dict[str, float]:
    """The three losses, what is made small, and the share of notes foretold once rounded."""
    total, right = torch.zeros(3), 0
    for part in places.split(8192):
        before, true = windows.at(part)
        predicted = network(before)
        total += losses(predicted, true, windows.pitch_scale).cpu() * len(part)
        off = (predicted[:, 0] - true[:, 0]) * windows.pitch_scale
        # The true pitch is whole: rounded right is off by less than half a semitone.
        right += int((off.abs() < 0.5).sum())
    mean = total / max(1, len(places))
    return {
        "loss": float(combined(mean)),
        **{name: float(value) for name, value in zip(("note", "velocity", "time"), mean, strict=True)},
        "accuracy": right / max(1, len(places)),
    }


def train(
    corpus: Corpus,
    out: Path,
    plan: Plan,
    *,
    device: str = "cpu",
    resume: bool = False,
    report: Callable[[dict[str, float]], None] = lambda _: None,
    cancelled: Callable[[], bool] = lambda: False,
) -> ShortTunes:
    """Train on the training part until held-out music is foretold no better; the best network.

    ``out`` holds the best and the last weights, so that a run can go on.
    """
    from safetensors.torch import load_file, save_file

    torch.manual_seed(plan.seed)
    windows, network = Windows(corpus, device), ShortTunes().to(device)
    best_file, last_file = out / "best.safetensors", out / "last.safetensors"
    step, spent = 0, 0.0
    if resume and last_file.is_file():
        state = load_file(last_file)
        step, spent = int(state["progress"][0]), float(state.pop("progress")[1])
        network.load_state_dict(state)
    training = torch.from_numpy(corpus.targets("train")).to(device)
    held_out = torch.from_numpy(spaced(corpus.targets("valid"), plan.check_rows)).to(device)
    optimiser = torch.optim.SGD(network.parameters(), plan.learning_rate)
    feed = _shuffled(training, plan.batch, plan.seed + step)
    least, worse, began = float("inf"), 0, time.monotonic() - spent
    recent = torch.zeros(3)
    last_check = step
    while True:
        spent = time.monotonic() - began
        done = max(spent / (plan.minutes * 60), step / plan.most_steps if plan.most_steps else 0.0)
        over, warm = done >= 1, done < plan.warm_up
        if over or step % plan.check_steps == 0:
            figures = {f"valid_{name}": value for name, value in measure(network, windows, held_out).items()}
            learnt = recent / max(1, step - last_check)
            about = {"step": float(step), "minutes": spent / 60, "rows": float(step * plan.batch)}
            if step > last_check and not warm:
                figures["train_loss"] = float(combined(learnt))
            report(about | figures | {"warm": float(warm)})
            recent, last_check = torch.zeros(3), step
            weights = {name: value.detach().clone() for name, value in network.state_dict().items()}
            if warm or figures["valid_loss"] < least:
                least, worse = float("inf") if warm else figures["valid_loss"], 0
                save_file(weights, best_file)
            else:
                worse += 1
            save_file(weights | {"progress": torch.tensor([step, spent], dtype=torch.float64)}, last_file)
            if over or worse >= plan.patience:
                break
        if cancelled():
            raise Cancelled
        optimiser.param_groups[0]["lr"] = plan.warm_rate if warm else plan.learning_rate
        before, true = windows.at(next(feed))
        three = losses(network(before), true, windows.pitch_scale, warm=warm)
        optimiser.zero_grad(set_to_none=True)
        combined(three).backward()
        optimiser.step()
        recent += three.detach().cpu()
        step += 1
    network.load_state_dict(load_file(best_file))
    return network


def _shuffled(places: Tensor, batch: int, seed: int) -> Iterator[Tensor]:
    """Batches of places, each place once before any comes again."""
    generator = torch.Generator().manual_seed(seed)
    while True:
        order = torch.randperm(len(places), generator=generator).to(places.device)
        yield from places[order].split(batch)


def spaced(places: NDArray[np.int64], count: int) -> NDArray[np.int64]:
    """``count`` of the places (or all), evenly spaced."""
    return places[np.linspace(0, len(places) - 1, min(count, len(places))).astype(np.int64)]


# ---- baselines ------------------------------------------------------------------------------------


def next_notes(
    corpus: Corpus, split: str, most: int | None = None
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """(pitches of the ten notes before [shape=(n, 10)], pitches that follow [shape=(n,)])."""
    places = corpus.targets(split, BASELINE_NOTES)
    places = places if most is None else spaced(places, most)
    pitches = corpus.rows[:, 0].astype(np.int64)
    return pitches[places[:, None] + np.arange(-BASELINE_NOTES, 0)], pitches[places]


def baseline_accuracies(corpus: Corpus, most: int = BASELINE_ROWS) -> dict[str, float]:
    """Share of next notes in the test part that each baseline foretells.

    "logistic" reads the ten pitches as numbers, as the paper's; "logistic_one_hot" reads each as one of 128.
    """
    from scipy.sparse import csr_array
    from sklearn.linear_model import LogisticRegression

    def as_numbers(before: NDArray[np.int64]) -> NDArray[np.float64]:
        return (before - 60) / 12

    def one_hot(before: NDArray[np.int64]) -> csr_array:
        count, notes = before.shape
        columns = (before + PITCHES * np.arange(notes)).ravel()
        return csr_array(
            (np.ones(count * notes), columns, np.arange(0, count * notes + 1, notes)),
            (count, notes * PITCHES),
        )

    before, following = next_notes(corpus, "train", most)
    test_before, test_following = next_notes(corpus, "test")
    commonest = np.bincount(corpus.rows[corpus.targets("train"), 0].astype(np.int64)).argmax()
    found = {
        "commonest": float((test_following == commonest).mean()),
        "repeat": float((test_before[:, -1] == test_following).mean()),
    }
    for name, features, rounds in (("logistic", as_numbers, 200), ("logistic_one_hot", one_hot, 60)):
        model = LogisticRegression(max_iter=rounds).fit(features(before), following)
        found[name] = float((model.predict(features(test_before)) == test_following).mean())
    return found


# ---- from a run to a model file -------------------------------------------------------------------


def draw_curve(log: Path, picture: Path) -> None:
    """Draw the learning curve of a run's log: what is made small, and its three parts."""
    from matplotlib.figure import Figure

    lines = [json.loads(line) for line in log.read_text(encoding="utf-8").splitlines()]
    rows = [line["rows"] / 1e6 for line in lines]
    figure = Figure(figsize=(9, 3.4), layout="constrained")
    whole, parts = figure.subplots(1, 2)
    whole.plot(rows, [line["valid_loss"] for line in lines], label="held out")
    learnt = [line for line in lines if "train_loss" in line]
    whole.plot(
        [line["rows"] / 1e6 for line in learnt], [line["train_loss"] for line in learnt], label="learnt"
    )
    whole.set_ylabel("note + 0.2 (velocity + time)")
    for name, weight in (("note", 1.0), ("velocity", OTHERS_WEIGHT), ("time", OTHERS_WEIGHT)):
        label = name if weight == 1 else f"{weight} × {name}"
        parts.plot(rows, [weight * line[f"valid_{name}"] for line in lines], label=label)
    parts.set_ylim(bottom=0)
    for axes in (whole, parts):
        axes.set_xlabel("million rows learnt from")
        axes.legend(frameon=False)
    figure.savefig(picture, dpi=110)


def tensors_of(network: ShortTunes, corpus: Corpus) -> dict[str, NDArray[Any]]:
    """What the model file holds: weights, scaler, errors on held-out music, and the note loss of each move."""
    windows = Windows(corpus, "cpu")
    network = network.cpu()
    with torch.no_grad():
        before, true = windows.at(torch.from_numpy(spaced(corpus.targets("valid"), KEPT_ERRORS)))
        errors = (true - network(before))[:, 1:].numpy()
    trained = {name: value.numpy() for name, value in network.state_dict().items()}
    facts = {"mean": windows.mean, "variance": windows.variance, "errors": errors}
    return trained | facts | {"move_loss": note_loss(MOVES)}


def data_credits(corpus: Corpus, stated: dict[str, str]) -> dict[str, Any]:
    """Per data set: how many songs and notes were learnt from, and the licence as stated."""
    training, lengths = corpus.splits == "train", np.diff(corpus.bounds)
    return {
        str(name): {
            "pieces": int((training & (corpus.datasets == name)).sum()),
            "events": int(lengths[training & (corpus.datasets == name)].sum()),
            "licence": stated.get(str(name), ""),
        }
        for name in np.unique(corpus.datasets[training])
    }


def learn(
    *,
    data: Path | None,
    minutes: float | None = None,
    resume: bool = False,
    device: str = "auto",
    out: Path | None = None,
    name: str = NAME,
    workers: Workers = None,
    patience: int | None = None,
    progress: Report = lambda _: None,
    cancelled: Callable[[], bool] = lambda: False,
) -> dict[str, Any]:
    """The recipe: from a folder of songs to the model file with its card, beside its baselines.

    Parameters
    ----------
    data : folder of MIDI files, with a ``manifest.csv`` or without
    minutes : how long to train at most, 20 unless told
    resume : go on from what ``out`` holds
    device : "auto" or "cpu" (the network is too small for more) or "cuda"
    out : folder for the weights, the log, the pictures and the model
    name : of the model file
    workers : what reads the songs, see `core.learn.workers`
    patience : checks in a row without a better one that end it

    Returns
    -------
    dict
        The card's figures, and the ``model`` file.
    """
    if data is None or not data.is_dir():
        raise TunesmithError("say where the training data are: --data FOLDER, a folder of MIDI files")
    place = "cpu" if device == "auto" else device
    out = out or user_folder("data") / "learning" / name
    out.mkdir(parents=True, exist_ok=True)
    corpus = read_corpus(
        data, workers=workers, progress=lambda share: progress(0.1 * share), cancelled=cancelled
    )
    plan = replace(PLAN, minutes=minutes or PLAN.minutes, patience=patience or PLAN.patience)
    log = out / "log.jsonl"
    if not resume:
        log.unlink(missing_ok=True)

    def report(figures: dict[str, float]) -> None:
        with log.open("a", encoding="utf-8") as lines:
            lines.write(json.dumps(figures) + "\n")
        progress(0.1 + 0.7 * min(1.0, figures["minutes"] / plan.minutes))

    network = train(corpus, out, plan, device=place, resume=resume, report=report, cancelled=cancelled)
    figures = figures_of(network, corpus, log)
    draw_curve(log, out / f"{name}-curve.png")
    draw(out / f"{name}-note-loss.png")
    about = {
        "room": "compose",
        "description": "An endless stream of notes, after the paper's small network",
        "architecture": f"LSTM({LSTM_UNITS}) -> Dense({DENSE_UNITS}) -> Dense({len(COLUMNS)}), look-back {LOOK_BACK}",
        "parameters": sum(getattr(network, name).numel() for name in TRAINABLE),
        "columns": list(COLUMNS),
        "note_loss_coefficients": polynomial().coef.tolist(),
        "plan": asdict(plan),
        "seed": plan.seed,
        "command": f"tunesmith learn short-tunes --data DIR --minutes {plan.minutes:g}",
        "trained_on": data_credits(corpus, licences(data)),
        "split": "the manifest's"
        if (data / "manifest.csv").is_file()
        else "one file in ten held out, by its name",
        "figures": figures,
    }
    card = save_model(out / name, tensors_of(network, corpus), about)
    progress(1.0)
    return {**figures, "model": str(out / f"{name}.safetensors"), "parameters": card["parameters"]}


def figures_of(network: ShortTunes, corpus: Corpus, log: Path) -> dict[str, Any]:
    """Held-out figures of a finished run, its balance of losses, and the baselines."""
    windows, cpu = Windows(corpus, "cpu"), network.cpu()
    lines: Sequence[dict[str, float]] = [
        json.loads(line) for line in log.read_text(encoding="utf-8").splitlines()
    ]
    best = min((line for line in lines if not line["warm"]), key=lambda line: line["valid_loss"])

    def balance(line: dict[str, float]) -> dict[str, float]:
        """The parts of the loss, as they are added."""
        return {
            "note": line["valid_note"],
            "velocity": OTHERS_WEIGHT * line["valid_velocity"],
            "time": OTHERS_WEIGHT * line["valid_time"],
        }

    found: dict[str, Any] = {
        "songs": {split: corpus.songs(split) for split in ("train", "valid", "test")},
        "minutes": lines[-1]["minutes"],
        "rows_learnt_from": best["rows"],
        "valid": measure(cpu, windows, torch.from_numpy(corpus.targets("valid"))),
        "balance": {"untrained": balance(lines[0]), "trained": balance(best)},
    }
    if corpus.songs("test"):
        # The same notes for all: those with ten before them.
        places = torch.from_numpy(corpus.targets("test", BASELINE_NOTES))
        found["test"] = measure(cpu, windows, places)
        found["next_note_accuracy"] = baseline_accuracies(corpus) | {"network": found["test"]["accuracy"]}
    return found


def evaluate_short_tunes(model: ModelFile, data: Path, progress: Report = lambda _: None) -> dict[str, Any]:
    """Measure a model file on the test songs of ``data``, or on the held-out ones where it has no manifest.

    Raises
    ------
    TunesmithError
        Where there are no such songs.
    """
    corpus = read_corpus(data, progress=progress)
    places = torch.from_numpy(corpus.targets("test", BASELINE_NOTES))
    if not len(places):
        raise TunesmithError(f"{data} has no song in its test part")
    tensors, _ = model.load()
    network = ShortTunes()
    network.load_state_dict({name: torch.from_numpy(tensors[name]).float() for name in TRAINABLE})
    found = measure(network, Windows(corpus, "cpu"), places)
    return found | {"next_note_accuracy": baseline_accuracies(corpus) | {"network": found["accuracy"]}}
