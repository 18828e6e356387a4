"""S2's Table 4: autoencoders and PCA of 40 dimensions on chroma, MFCC and mel, and a logistic regression on them.

What the paper states is kept: layers, Adam at 0.001 with betas (0.9, 0.999), ten epochs and a weight decay of 10e-5 for
the plain and the contractive, a hundred epochs and none for the variational. What it does not say is ours: batches of
64; rows scaled to between -1 and 1, since the decoder ends in a hyperbolic tangent; the variational loss is the sum
of squared errors and of the divergence; the contractive penalty, the squared Frobenius norm of the encoder's Jacobian,
is estimated by one random direction a batch and weighed by `CONTRACTION`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from core.errors import Cancelled
from core.explore.linear import principal
from core.learn.composers.clips import Clips, decibels
from core.learn.embeddings.judging import regression, row_of

Pictures = NDArray[np.float32]
Report = Callable[[float], None]
Cancel = Callable[[], bool]

BATCH = 64
RATE = 1e-3
DIMENSIONS = 40
CONTRACTION = 1e-3
SEED = 1


@dataclass(frozen=True)
class Kind:
    """A way to learn an autoencoder."""

    name: str
    epochs: int
    decay: float
    variational: bool = False
    contraction: float = 0.0


KINDS = (
    Kind("AE", 10, 10e-5),
    Kind("CAE", 10, 10e-5, contraction=CONTRACTION),
    Kind("VAE", 100, 0.0, variational=True),
)
REPRESENTATIONS = ("chroma", "mfcc", "mel")


def scaled(training: Clips, test: Clips, kind: str) -> tuple[Pictures, Pictures]:
    """A representation of both parts, flattened, each row of a picture between -1 and 1 in the training clips."""
    first, second = (
        decibels(part.read(kind)) if kind == "mel" else part.read(kind).astype(np.float32)
        for part in (training, test)
    )
    low, high = first.min((0, 2), keepdims=True), first.max((0, 2), keepdims=True)
    wide = np.maximum(high - low, 1e-6)
    for part in (first, second):
        part -= low
        part *= 2 / wide
        part -= 1
        np.clip(part, -1, 1, out=part)
    return first.reshape(len(first), -1), second.reshape(len(second), -1)


def train(
    kind: Kind,
    pictures: Pictures,
    *,
    epochs: int | None = None,
    seed: int = SEED,
    report: Callable[[dict[str, float]], None] = lambda _: None,
    cancelled: Cancel = lambda: False,
) -> Any:
    """An autoencoder that has learnt from flattened pictures [shape=(n, inputs)].

    Parameters
    ----------
    epochs : the kind's unless told
    report : gets ``epoch``, ``error`` (mean squared) and ``divergence`` or ``contraction``
    """
    import torch

    from core.explore.autoencoders import Autoencoder, drawn

    torch.set_num_threads(1)
    torch.manual_seed(seed)
    network = Autoencoder(pictures.shape[1], kind.variational)
    optimiser = torch.optim.Adam(
        network.parameters(), RATE, betas=(0.9, 0.999), weight_decay=kind.decay, fused=True
    )
    values = torch.from_numpy(pictures)
    for epoch in range(epochs or kind.epochs):
        errors, others = 0.0, 0.0
        for places in torch.randperm(len(values)).split(BATCH):
            if cancelled():
                raise Cancelled
            x = values[places]
            x.requires_grad_(kind.contraction > 0)
            other = torch.zeros(())
            with torch.autocast("cpu", torch.bfloat16):
                code = network.encoder(x)
                if kind.variational:
                    code, divergence = drawn(code.float())
                    other = divergence.mean()
                if kind.contraction:
                    along = torch.randn_like(code)
                    (slope,) = torch.autograd.grad((code * along).sum(), x, create_graph=True)
                    other = slope.float().pow(2).sum(1).mean()
                error = (network.decoder(code).float() - x.detach()).pow(2)
            if kind.variational:
                loss = error.sum(1).mean() + other
            else:
                loss = error.mean() + kind.contraction * other
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
            errors += float(error.mean().detach()) * len(x) / len(values)
            others += float(other.detach()) * len(x) / len(values)
        name = "divergence" if kind.variational else "contraction"
        report({"epoch": epoch + 1, "error": errors} | ({name: others} if other.ndim == 0 and others else {}))
    return network.eval()


def embedded(network: Any, pictures: Pictures) -> tuple[Pictures, float]:
    """The embeddings of flattened pictures, and the mean squared error of their reconstructions."""
    import torch

    with torch.no_grad():
        codes, errors = [], []
        for x in torch.from_numpy(pictures).split(256):
            codes.append(network.encode(x))
            errors.append((network.decoder(codes[-1]) - x).pow(2).mean(1))
    return torch.cat(codes).numpy(), float(torch.cat(errors).mean())


def measure(
    clips: Clips,
    *,
    seed: int = SEED,
    known: dict[str, Any] | None = None,
    done: Callable[[str, dict[str, Any], list[dict[str, float]]], None] = lambda *_: None,
    progress: Report = lambda _: None,
    cancelled: Cancel = lambda: False,
) -> dict[str, Any]:
    """The twelve rows of Table 4.

    Parameters
    ----------
    known : rows that need not be made
    done : told every row as it comes, with the log of its training

    Returns
    -------
    dict
        by names such as "VAE, mel": `core.learn.embeddings.judging.row_of`, ``training_accuracy``, and
        ``reconstruction_error``, the mean squared error of test clips' reconstructions, of values from -1 to 1
    """
    training, test = clips.of("train"), clips.of("test")
    found = dict(known or {})
    for number, kind in enumerate(REPRESENTATIONS):
        wanted = [name for name in ("PCA", *(each.name for each in KINDS)) if f"{name}, {kind}" not in found]
        if not wanted:
            continue
        learnt, asked = scaled(training, test, kind)
        for name in wanted:
            log: list[dict[str, float]] = []
            if name == "PCA":
                line = principal(learnt, DIMENSIONS)
                first, second = line.encode(learnt), line.encode(asked)
                error = float(np.square(line.decode(second) - asked).mean())
            else:
                way = next(each for each in KINDS if each.name == name)
                network = train(way, learnt, seed=seed, report=log.append, cancelled=cancelled)
                first, _ = embedded(network, learnt)
                second, error = embedded(network, asked)
            row = row_of(regression(first, training.label, second), test.label, test.work)
            own = regression(first, training.label, first).argmax(1)
            row |= {
                "training_accuracy": float((own == training.label).mean()),
                "reconstruction_error": error,
            }
            found[f"{name}, {kind}"] = row
            done(f"{name}, {kind}", row, log)
        progress((number + 1) / len(REPRESENTATIONS))
    return found
