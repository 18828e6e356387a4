"""The recipe "mixtape": both networks from a folder of data to model files, with what they are measured by.

After R. Kumar, A. Mishra and Y. Chhabra, "Application of Recurrent Neural Networks paired with LSTM - Music
Generation" (section VI). What is asked of the networks and of the dull baselines is the same: which element
follows, at places spread evenly over the held-out pieces, each with a whole window before it.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors.torch import load_file
from torch import Tensor

from core.compose.flagship import unpacked
from core.compose.mixtape import NAME, Loaded
from core.compose.mixtape_network import DENSE, HIDDEN, MixTapeNetwork, network_from
from core.errors import Cancelled, TunesmithError
from core.learn.data import Row, corpus_rows
from core.learn.mixtape import (
    BEST,
    CORPORA,
    RARE_SHARE,
    STAGES,
    WINDOW,
    Plan,
    Tokens,
    load_tokens,
    load_weights,
    measure,
    read_tokens,
    save_tokens,
    stage_file,
    train,
)
from core.learn.mixtape_facts import ELEMENTS, composed, mean_facts
from core.learn.shipping import packed
from core.store.folders import user_folder
from core.store.model_file import ModelFile, save_model

Report = Callable[[float], None]
Indices = NDArray[np.int64]

MOST_QUESTIONS = 2000
SEED_STRETCHES = 128
SEED_LENGTH = 500
"""Stretches of training music that composing may begin after; long enough for windows of 500."""

STAGE_PIECES = 4
REAL_PIECES = 40

LONGEST_CONTEXT = 2
"""Elements that the n-gram knows: one makes it a bigram, two a trigram."""

_WEIGHT = 4.0
"""How many observations the shorter context counts for, as in `core.learn.baselines`."""

ARCHITECTURE = (
    f"LSTM({HIDDEN}) - dropout - LSTM({HIDDEN}) - dropout - LSTM({HIDDEN}) - Dense({DENSE}) - dropout - "
    "Dense(n_vocab); an input is an element's index / n_vocab"
)


def learn_mixtape(
    *,
    data: Path | None,
    minutes: float | None = None,
    resume: bool = False,
    device: str = "auto",
    out: Path | None = None,
    progress: Report = lambda _: None,
    cancelled: Callable[[], bool] = lambda: False,
) -> dict[str, Any]:
    """Train MixTape's networks on the guitar and the piano pieces of ``data``, each for half of the time.

    Parameters
    ----------
    data : folder with a ``manifest.csv``, or of MIDI files in folders called guitar and piano
    minutes : 40 unless told
    resume : go on from what ``out`` holds
    device : "auto", "cpu" or "cuda"
    out : folder for checkpoints, logs, the picture of the curves and the models

    Returns
    -------
    dict
        Figures of each network on the held-out pieces, beside the baselines'.

    Raises
    ------
    TunesmithError
        Where the folder has neither guitar nor piano pieces.
    """
    if data is None or not data.is_dir():
        raise TunesmithError("say where the training data are: --data FOLDER, a folder of MIDI files")
    out = out or user_folder("data") / "learning" / NAME
    if device == "auto":
        device = "cuda" if torch.cuda.is_available() else "cpu"
    rows = corpus_rows(data)
    names = [name for name, wanted in CORPORA.items() if any(map(wanted, rows))]
    if not names:
        raise TunesmithError(
            f"{data} has no folder called guitar or piano, and no manifest that tells of them"
        )
    plan = Plan(minutes=(minutes or 40.0) / len(names))
    found: dict[str, Any] = {}
    for place, name in enumerate(names):
        run = out / name

        def tell(share: float, place: int = place) -> None:
            progress((place + share) / len(names))

        tokens = _tokens(run, data, name, resume)
        _train(tokens, run, plan, device, resume, tell, cancelled)
        about = {"plan": asdict(plan), "trained_on": credits_of(rows, name)}
        found[name] = ship(run, tokens, out / f"{NAME}-{name}", about)
    draw_curves({name: out / name / LOG for name in names}, out / "mixtape-curve.png")
    return found


LOG = "log.jsonl"
TOKENS = "tokens.npz"


def _tokens(run: Path, data: Path, name: str, resume: bool) -> Tokens:
    if not (resume and (run / TOKENS).is_file()):
        run.mkdir(parents=True, exist_ok=True)
        save_tokens(run / TOKENS, read_tokens(data, CORPORA[name]))
    return load_tokens(run / TOKENS)


def _train(
    tokens: Tokens,
    run: Path,
    plan: Plan,
    device: str,
    resume: bool,
    progress: Report,
    cancelled: Callable[[], bool],
) -> None:
    log = run / LOG
    if not resume:
        log.unlink(missing_ok=True)

    def report(figures: Mapping[str, float]) -> None:
        with log.open("a", encoding="utf-8") as lines:
            lines.write(json.dumps(figures) + "\n")
        progress(min(1.0, figures["minutes"] / plan.minutes))

    train(tokens, run, plan, device=device, resume=resume, report=report, cancelled=cancelled)
    if cancelled():
        raise Cancelled


def credits_of(rows: Sequence[Row], name: str) -> dict[str, Any]:
    """Per data set: how many training pieces there are, and under which licences."""
    wanted = [row for row in rows if CORPORA[name](row) and row.split == "train"]
    return {
        dataset: {
            "pieces": sum(row.dataset == dataset for row in wanted),
            "licences": dict(Counter(row.licence for row in wanted if row.dataset == dataset).most_common()),
        }
        for dataset in sorted({row.dataset for row in wanted})
    }


def ship(run: Path, tokens: Tokens, out: Path, more: Mapping[str, Any]) -> dict[str, Any]:
    """Write the model file of the best weights of a run, once measured.

    Returns
    -------
    dict
        "valid" and "test" figures, each by who foretells.
    """
    weights = packed({name: value.numpy() for name, value in load_file(run / BEST).items()})
    network = network_from({name: torch.from_numpy(array) for name, array in unpacked(weights).items()})
    log = [json.loads(line) for line in (run / LOG).read_text(encoding="utf-8").splitlines()]
    best = min(log, key=lambda line: float(line["valid_nats"]))
    figures = {
        "valid": {
            "network": of_windows(network, tokens.valid),
            "network, not packed": of_windows(load_weights(run / BEST), tokens.valid),
        },
        "test": measure_all(network, tokens.train, tokens.test),
        "stages": measure_stages(run, tokens, log),
    }
    card = {
        "room": "compose",
        "architecture": ARCHITECTURE,
        "vocabulary": list(tokens.vocabulary),
        "window": WINDOW,
        "parameters": sum(value.numel() for value in network.weights().values()),
        "rare_share_left_out": RARE_SHARE,
        "held_out_left_out": tokens.left_out,
        "training_elements": len(tokens.train),
        "epochs": round(log[-1]["epoch"], 2),
        "best_epoch": round(best["epoch"], 2),
        "minutes": round(log[-1]["minutes"], 1),
        "split": "by work, from the manifest",
        "figures": figures,
        **more,
    }
    save_model(out, weights | {"seeds": seed_stretches(tokens.train)}, card)
    return figures


def evaluate_mixtape(model: ModelFile, data: Path, progress: Report = lambda _: None) -> dict[str, Any]:
    """Measure a model file on the test pieces of the corpus that its name tells, beside baselines.

    Raises
    ------
    TunesmithError
        Where the folder has no such pieces, or the name tells of no corpus.
    """
    name = model.name.removeprefix(f"{NAME}-")
    if name not in CORPORA:
        raise TunesmithError(f"the model {model.name!r} is of neither {' nor '.join(CORPORA)} music")
    tokens = read_tokens(data, CORPORA[name], progress=progress)
    tensors, card = model.load()
    known = {element: place for place, element in enumerate(card["vocabulary"])}

    def renamed(stream: Indices) -> Indices:
        names = [tokens.vocabulary[place] for place in stream]
        return np.array([known[element] for element in names if element in known], np.int64)

    test = renamed(tokens.test)
    if len(test) <= WINDOW:
        raise TunesmithError(f"{data} has fewer than {WINDOW} elements of {name} music in its test part")
    weights = {key: array for key, array in tensors.items() if key != "seeds"}
    network = network_from({key: torch.from_numpy(array) for key, array in unpacked(weights).items()})
    return measure_all(network, renamed(tokens.train), test)


def measure_stages(
    run: Path, tokens: Tokens, log: Sequence[Mapping[str, float]]
) -> dict[str, dict[str, float]]:
    """Facts of the music that the networks of the three stages compose, and of held-out music ("real").

    Also each stage's epochs, and its loss at all places of the held-out windows.
    """
    found: dict[str, dict[str, float]] = {}
    for stage in STAGES:
        if not (run / stage_file(stage)).is_file():
            continue  # passed over by a run that was resumed with less time
        network = load_weights(run / stage_file(stage))
        loaded = Loaded(network, tokens.vocabulary, seed_stretches(tokens.train))
        reached = next((line for line in log if line["minutes"] >= stage_minutes(stage, log)), log[-1])
        found[str(stage)] = {
            "epochs": round(reached["epoch"], 2),
            "valid_nats": measure(network, tokens.valid)["nats"],
            **mean_facts([composed(loaded, seed) for seed in range(STAGE_PIECES)]),
        }
    held_out = np.concatenate([tokens.valid, tokens.test])
    firsts = np.linspace(0, max(0, len(held_out) - ELEMENTS), REAL_PIECES).astype(int)
    real = [[tokens.vocabulary[index] for index in held_out[first : first + ELEMENTS]] for first in firsts]
    return found | {"real": mean_facts(real)}


def stage_minutes(stage: int, log: Sequence[Mapping[str, float]]) -> float:
    """Minutes of training after which the weights of a stage were kept."""
    return log[-1]["minutes"] * stage / STAGES[-1]


def seed_stretches(tokens: Indices) -> NDArray[np.uint16]:
    """Up to `SEED_STRETCHES` stretches, evenly spaced [shape=(n, up to `SEED_LENGTH`)]."""
    length = min(SEED_LENGTH, len(tokens))
    firsts = np.linspace(0, len(tokens) - length, SEED_STRETCHES).astype(int)
    return tokens[np.unique(firsts)[:, None] + np.arange(length)].astype(np.uint16)


def questions(stream: Indices) -> Indices:
    """Places that are foretold, each with a whole window before it."""
    count = min(MOST_QUESTIONS, len(stream) - WINDOW)
    return np.linspace(WINDOW, len(stream) - 1, count).astype(np.int64)


def measure_all(network: MixTapeNetwork, training: Indices, stream: Indices) -> dict[str, dict[str, float]]:
    """Nats and share of right first guesses of the network, in both its ways, and of the baselines."""
    places = questions(stream)
    asked = stream[places]
    n_grams = ngram_chances(training, stream, places, network.n_vocab)
    return {
        "network, windows read anew": of_windows(network, stream),
        "network, state carried on": of_carried(network, stream),
        "trigram": score(n_grams[2], asked),
        "bigram": score(n_grams[1], asked),
        "the commonest": score(n_grams[0], asked),
        "the one before": {"accuracy": float((stream[places - 1] == asked).mean())},
    }


def score(chances: NDArray[np.float64], asked: Indices) -> dict[str, float]:
    """Nats and accuracy of distributions [shape=(n, n_vocab)]."""
    nats = -np.log(chances[np.arange(len(asked)), asked]).mean()
    return {"nats": float(nats), "accuracy": float((chances.argmax(1) == asked).mean())}


@torch.inference_mode()
def of_windows(network: MixTapeNetwork, stream: Indices) -> dict[str, float]:
    """Figures of the network that reads the window before each place anew, as the paper's does."""
    places = questions(stream)
    chances = []
    for some in np.array_split(places, max(1, len(places) // 50)):
        windows = torch.from_numpy(stream[some[:, None] + np.arange(-WINDOW, 0)])
        chances.append(_chances(network(windows)[:, -1]))
    return score(np.concatenate(chances), stream[places])


@torch.inference_mode()
def of_carried(network: MixTapeNetwork, stream: Indices) -> dict[str, float]:
    """Figures of the network that has read everything from the first piece on."""
    places = questions(stream)
    hidden, _ = network.lstm((torch.from_numpy(stream[None, :-1]) / network.n_vocab).unsqueeze(-1))
    return score(_chances(network.out(network.dense(hidden[0, places - 1]))), stream[places])


def _chances(logits: Tensor) -> NDArray[np.float64]:
    chances: NDArray[np.float64] = logits.double().softmax(-1).numpy()
    return chances


def ngram_chances(
    training: Indices, stream: Indices, places: Indices, n_vocab: int
) -> list[NDArray[np.float64]]:
    """Distributions at ``places`` after contexts of 0, 1 and 2 elements, each interpolated with the shorter."""
    uniform = np.full((len(places), n_vocab), 1 / n_vocab)
    levels: list[NDArray[np.float64]] = []
    for length in range(LONGEST_CONTEXT + 1):
        known = _contexts(training, np.arange(length, len(training)), length, n_vocab)
        contexts, place = np.unique(_contexts(stream, places, length, n_vocab), return_inverse=True)
        row = np.minimum(np.searchsorted(contexts, known), len(contexts) - 1)
        seen = contexts[row] == known
        counts = np.zeros((len(contexts), n_vocab))
        np.add.at(counts, (row[seen], training[length:][seen]), 1)
        shorter = levels[-1] if levels else uniform
        levels.append((counts[place] + _WEIGHT * shorter) / (counts.sum(1)[place, None] + _WEIGHT))
    return levels


def _contexts(stream: Indices, places: Indices, length: int, n_vocab: int) -> Indices:
    """The ``length`` elements before each place, as one number."""
    code = np.zeros(len(places), np.int64)
    for back in range(1, length + 1):
        code = code * n_vocab + stream[places - back]
    return code


def draw_curves(logs: Mapping[str, Path], out: Path) -> Path:
    """Training and held-out loss of each network by epochs, as a PNG.

    Raises
    ------
    TunesmithError
        Where matplotlib is missing.
    """
    try:
        from matplotlib.figure import Figure
    except ImportError as error:
        raise TunesmithError(
            f"pictures of curves need matplotlib ({error}); run ./run --set-up-only test to install it"
        ) from error
    figure = Figure(figsize=(4.5 * len(logs), 3.4), layout="constrained")
    axes = figure.subplots(1, len(logs), squeeze=False, sharey=True).flatten()
    for axis, (name, path) in zip(axes, logs.items(), strict=True):
        lines = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
        epochs = [line["epoch"] for line in lines]
        axis.plot(epochs, [line["train_nats"] for line in lines], "#33415c", label="training")
        axis.plot(epochs, [line["valid_nats"] for line in lines], "#d1495b", label="held out")
        axis.set(title=f"MixTape, {name}", xlabel="epochs", ylabel="nats an element")
        axis.grid(alpha=0.25)
        axis.legend(frameon=False)
    figure.savefig(out, dpi=110)
    return out
