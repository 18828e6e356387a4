"""Training of MixTape: the elements of many pieces one after another, foretold from windows of 100.

After R. Kumar, A. Mishra and Y. Chhabra, "Application of Recurrent Neural Networks paired with LSTM - Music
Generation" (section VI): categorical cross-entropy, Adam, windows of 100 elements that may run from one
piece into the next. The paper's network, loss and windows are kept; where its training would take days on
a desk, ours differs:

* The paper asks for the element after each window only. Here every place of a window is a question; the same
  work then answers a hundred times as many. The state starts anew with each window, as when composing.
* An input is one number, index / n_vocab, and first weights as Keras draws them tell neighbours apart only
  after many epochs. Ours start as thresholds spread over the indices (`spread_thresholds`), and every layer
  is heard by the next (`even_out`).
* The learning rate falls along a cosine over the time given, and the weights that are best on the validation
  pieces are kept.
* Elements so rare that together they make under `RARE_SHARE` of the training music are left out.
"""

from __future__ import annotations

import json
import math
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors.torch import load_file, save_file
from torch import Tensor, nn
from torch.nn import functional as F

from core.compose.elements import elements_of
from core.compose.mixtape_network import HIDDEN, LAYERS, MixTapeNetwork, network_from
from core.errors import TunesmithError
from core.learn.data import Row, corpus_rows, read_song
from core.store.atomic import atomic_write

WINDOW = 100

RARE_SHARE = 1 / 400

STAGES = (80, 120, 180)
"""Of 180 epochs; the paper's listeners heard the networks of these."""

LAST_STAGE = STAGES[-1]


@dataclass(frozen=True)
class Tokens:
    """A corpus as indices into its vocabulary.

    Attributes
    ----------
    vocabulary : elements, sorted
    train, valid, test : the pieces' elements, one piece after another
    left_out : share of the held-out elements that the vocabulary lacks
    """

    vocabulary: tuple[str, ...]
    train: NDArray[np.int64]
    valid: NDArray[np.int64]
    test: NDArray[np.int64]
    left_out: float


def is_guitar(row: Row) -> bool:
    """Whether a file is for classical guitar; in a folder without a manifest, whether its path says so."""
    return row.genre == "classical_guitar" or (row.dataset == "own" and "guitar" in row.path.lower())


def is_piano(row: Row) -> bool:
    """Whether a file is of the piano set; in a folder without a manifest, whether its path says so."""
    return row.dataset == "piano_midi_de" or (row.dataset == "own" and "piano" in row.path.lower())


CORPORA: dict[str, Callable[[Row], bool]] = {"guitar": is_guitar, "piano": is_piano}


def read_tokens(
    folder: Path, wanted: Callable[[Row], bool], *, progress: Callable[[float], None] = lambda _: None
) -> Tokens:
    """The elements of every file of ``folder`` that is ``wanted``.

    Raises
    ------
    TunesmithError
        Where there is too little to learn from.
    """
    pieces: dict[str, list[str]] = {"train": [], "valid": [], "test": []}
    rows = [row for row in corpus_rows(folder) if wanted(row)]
    for done, row in enumerate(rows):
        song = read_song(folder, row)
        if song is not None:
            pieces[row.split] += elements_of(song)
        progress((done + 1) / len(rows))
    if min(len(pieces["train"]), len(pieces["valid"])) <= WINDOW:
        raise TunesmithError(
            f"{folder} has too few notes to learn from: give it files with some thousand notes, "
            "in folders called guitar or piano"
        )
    return tokens_of(pieces)


def tokens_of(pieces: dict[str, list[str]]) -> Tokens:
    """Elements by split, as indices; the rarest are left out (`RARE_SHARE`)."""
    counts = Counter(pieces["train"]).most_common()
    reached = np.cumsum([count for _, count in counts])
    kept = int(np.searchsorted(reached, (1 - RARE_SHARE) * reached[-1])) + 1
    vocabulary = sorted(name for name, _ in counts[:kept])
    index = {name: place for place, name in enumerate(vocabulary)}
    found = {
        split: np.array([index[name] for name in names if name in index], np.int64)
        for split, names in pieces.items()
    }
    held_out = len(pieces["valid"]) + len(pieces["test"])
    known = len(found["valid"]) + len(found["test"])
    return Tokens(tuple(vocabulary), **found, left_out=1 - known / max(held_out, 1))


def save_tokens(path: Path, tokens: Tokens) -> None:
    """Write tokens as one .npz of plain arrays."""
    names = np.frombuffer(json.dumps(tokens.vocabulary).encode(), np.uint8)
    with atomic_write(path) as part, part.open("wb") as out:
        np.savez_compressed(
            out, train=tokens.train, valid=tokens.valid, test=tokens.test, names=names,
            left_out=np.array(tokens.left_out),
        )  # fmt: skip


def load_tokens(path: Path) -> Tokens:
    """Read what `save_tokens` wrote."""
    with np.load(path, allow_pickle=False) as pack:
        vocabulary = tuple(json.loads(pack["names"].tobytes()))
        return Tokens(vocabulary, pack["train"], pack["valid"], pack["test"], float(pack["left_out"]))


@dataclass(frozen=True)
class Plan:
    """Everything that decides a training run."""

    minutes: float = 20.0
    steps: int | None = None
    """Batches to train for, instead of minutes: the same wherever it runs."""
    batch: int = 32
    learning_rate: float = 2e-3
    last_learning_rate: float = 3e-5
    warm_up: int = 40
    checks: int = 18
    """How often the validation loss is measured, evenly over the run."""
    seed: int = 1
    hidden: int = HIDDEN


@torch.no_grad()
def spread_thresholds(network: MixTapeNetwork, seed: int) -> None:
    """Start the first layer as thresholds at places spread over the inputs 0-1, some steep, some not.

    Steep enough to part neighbours (a slope of n_vocab), gentle enough to know high from low (a slope of 4).
    The forget and output gates, which decide on what is remembered, start as usual.
    """
    rng = np.random.default_rng(seed)
    weights, hidden = network.weights(), network.lstm.hidden_size
    for gate in (0, 2):  # input gate and cell, in torch's order
        rows = slice(gate * hidden, (gate + 1) * hidden)
        slope = np.exp(rng.uniform(np.log(4), np.log(network.n_vocab), hidden)) * rng.choice((-1, 1), hidden)
        bias = -slope * rng.uniform(0, 1, hidden)
        weights["lstm.weight_ih_l0"][rows, 0] = torch.from_numpy(slope).float()
        weights["lstm.bias_ih_l0"][rows] = torch.from_numpy(bias).float()


@torch.no_grad()
def even_out(network: MixTapeNetwork, inputs: Tensor) -> None:
    """Scale the weights between layers so that what each layer makes of ``inputs`` varies by one.

    As they come, a third LSTM hears a hundredth of what the first said, and hundreds of steps go by before
    anything is learnt. After D. Mishkin and J. Matas, "All you need is a good init" (2016, section 3).
    """
    lstm, hidden = network.lstm, network.lstm.hidden_size
    network.eval()
    for layer in range(LAYERS):
        getattr(lstm, f"bias_ih_l{layer}")[hidden : 2 * hidden] += 1  # to remember at first, as Keras does
    for layer in range(1, LAYERS + 1):
        below = nn.LSTM(1, hidden, layer, batch_first=True)
        below.load_state_dict({name: lstm.state_dict()[name] for name in below.state_dict()})
        heard, _ = below((inputs / network.n_vocab).unsqueeze(-1))
        weight = getattr(lstm, f"weight_ih_l{layer}") if layer < LAYERS else network.dense.weight
        weight /= (heard @ weight.T).std()
    network.train()


def batches(tokens: NDArray[np.int64], size: int, seed: int) -> Iterator[tuple[Tensor, Tensor]]:
    """Windows, and what follows each place of them, epoch after epoch, each cut from another beginning.

    Yields
    ------
    inputs, targets : [shape=(size, WINDOW)]
    """
    rng = np.random.default_rng(seed)
    places = np.arange(WINDOW + 1)
    while True:
        beginning = rng.integers(min(WINDOW, len(tokens) - WINDOW))
        starts = np.arange(beginning, len(tokens) - WINDOW, WINDOW)
        rng.shuffle(starts)
        for first in range(0, len(starts), size):
            cut = torch.from_numpy(tokens[starts[first : first + size, None] + places])
            yield cut[:, :-1], cut[:, 1:]


@torch.inference_mode()
def measure(network: MixTapeNetwork, tokens: NDArray[np.int64], most: int = 200) -> dict[str, float]:
    """Nats an element and the share of right first guesses, over all places of up to ``most`` windows."""
    network.eval()
    starts = np.arange(0, len(tokens) - WINDOW, WINDOW)
    starts = starts[np.linspace(0, len(starts) - 1, min(most, len(starts))).astype(int)]
    nats, right = 0.0, 0
    for some in np.array_split(starts, math.ceil(len(starts) / 50)):
        cut = torch.from_numpy(tokens[some[:, None] + np.arange(WINDOW + 1)])
        logits, targets = network(cut[:, :-1]).flatten(0, 1), cut[:, 1:].flatten()
        nats += float(F.cross_entropy(logits, targets, reduction="sum"))
        right += int((logits.argmax(-1) == targets).sum())
    network.train()
    asked = len(starts) * WINDOW
    return {"nats": nats / asked, "accuracy": right / asked}


def train(
    tokens: Tokens,
    out: Path,
    plan: Plan,
    *,
    device: str = "cpu",
    resume: bool = False,
    report: Callable[[dict[str, float]], None] = lambda _: None,
    cancelled: Callable[[], bool] = lambda: False,
) -> Path:
    """Train on ``tokens.train``, check on ``tokens.valid``; weights of the three stages and the best go to ``out``.

    Returns
    -------
    Path
        the weights that are best on the validation pieces.
    """
    out.mkdir(parents=True, exist_ok=True)
    torch.manual_seed(plan.seed)
    network = MixTapeNetwork(len(tokens.vocabulary), plan.hidden)
    spread_thresholds(network, plan.seed)
    even_out(network, next(batches(tokens.train, 8, plan.seed))[0])
    network.to(device)
    trained = [value for value in network.parameters() if value.requires_grad]
    optimiser = torch.optim.Adam(trained, plan.learning_rate, fused=True)
    state = Progress()
    if resume and (out / STATE).is_file():
        state = _restore(out, network, optimiser)
    feed = batches(tokens.train, plan.batch, plan.seed + state.step)
    stages = [stage for stage in STAGES if stage / LAST_STAGE > state.share(plan)]
    clock = time.monotonic()
    losses: list[float] = []
    while stages and not cancelled():
        inputs, targets = next(feed)
        rate = _learning_rate(plan, state)
        for group in optimiser.param_groups:
            group["lr"] = rate
        with torch.autocast(torch.device(device).type, torch.bfloat16):
            logits = network(inputs.to(device))
        loss = F.cross_entropy(logits.flatten(0, 1).float(), targets.to(device).flatten())
        optimiser.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]  # torch has no annotation here
        torch.nn.utils.clip_grad_norm_(trained, 1.0)
        optimiser.step()
        losses.append(loss.item())
        now = time.monotonic()
        state.step, state.spent, clock = state.step + 1, state.spent + now - clock, now
        state.elements += inputs.numel()
        if state.share(plan) >= min((state.checks + 1) / plan.checks, stages[0] / LAST_STAGE):
            found = measure(network, tokens.valid)
            figures = {"step": state.step, "epoch": state.elements / len(tokens.train)}
            figures |= {"minutes": state.spent / 60, "train_nats": float(np.mean(losses))}
            report(figures | {f"valid_{name}": value for name, value in found.items()})
            losses.clear()
            state.checks = int(state.share(plan) * plan.checks)
            if found["nats"] < state.best:
                state.best = found["nats"]
                _save(network, out / BEST)
            while stages and state.share(plan) >= stages[0] / LAST_STAGE:
                _save(network, out / stage_file(stages.pop(0)))
            _keep(out, network, optimiser, state)
            clock = time.monotonic()
    return out / BEST


BEST = "best.safetensors"
STATE = "state.safetensors"


def stage_file(stage: int) -> str:
    """Name of the weights after ``stage`` / 180 of a run."""
    return f"stage-{stage}.safetensors"


@dataclass
class Progress:
    """How far a run is."""

    step: int = 0
    elements: int = 0
    spent: float = 0.0
    checks: int = 0
    best: float = math.inf

    def share(self, plan: Plan) -> float:
        """Of the steps or minutes given, 0-1."""
        done = self.step / plan.steps if plan.steps else self.spent / (plan.minutes * 60)
        return min(1.0, done)


def _learning_rate(plan: Plan, state: Progress) -> float:
    fallen = 0.5 * (1 + math.cos(math.pi * state.share(plan)))
    rate = plan.last_learning_rate + (plan.learning_rate - plan.last_learning_rate) * fallen
    return rate * min(1.0, (state.step + 1) / plan.warm_up)


def _save(network: MixTapeNetwork, path: Path) -> None:
    with atomic_write(path) as part:
        save_file({name: value.cpu().contiguous() for name, value in network.weights().items()}, part)


def _keep(out: Path, network: MixTapeNetwork, optimiser: torch.optim.Adam, state: Progress) -> None:
    """Everything a later run needs to go on, as plain tensors."""
    tensors = {f"network.{name}": value.cpu().contiguous() for name, value in network.weights().items()}
    for index, moments in optimiser.state_dict()["state"].items():
        tensors |= {f"optimiser.{index}.{name}": torch.as_tensor(v).cpu() for name, v in moments.items()}
    tensors["progress"] = torch.tensor(list(asdict(state).values()), dtype=torch.float64)
    with atomic_write(out / STATE) as part:
        save_file(tensors, part)


def _restore(out: Path, network: MixTapeNetwork, optimiser: torch.optim.Adam) -> Progress:
    tensors = load_file(out / STATE)
    weights = {name.removeprefix("network."): v for name, v in tensors.items() if name.startswith("network.")}
    network.load_state_dict(weights, strict=False)
    moments: dict[int, dict[str, Tensor]] = {}
    for name, value in tensors.items():
        if name.startswith("optimiser."):
            _, index, key = name.split(".")
            moments.setdefault(int(index), {})[key] = value
    optimiser.load_state_dict({"state": moments, "param_groups": optimiser.state_dict()["param_groups"]})
    step, elements, spent, checks, best = tensors["progress"].tolist()
    return Progress(int(step), int(elements), spent, int(checks), best)


def load_weights(path: Path) -> MixTapeNetwork:
    """The network of a file that `train` left."""
    return network_from(load_file(path))
