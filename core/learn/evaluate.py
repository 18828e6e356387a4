"""The figures of a model's card, measured anew."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from core.errors import TunesmithError
from core.learn.data import Example
from core.listen.analysis_model import KIND as ANALYSIS_KIND
from core.listen.style import KIND as STYLE_KIND
from core.store.model_file import ModelFile

Progress = Callable[[str, float], None]

HELD_OUT, TRAINING = 200, 300
"""Pieces of the held-out split that a measurement reads, and of the training split that the dull baselines count."""

SAMPLES = 12
"""Pieces of every kind that are composed unless told; the protocol's own number is `Plan.samples` there."""


def evaluate(
    model: ModelFile,
    data: Path | None = None,
    *,
    samples: int = SAMPLES,
    out: Path | None = None,
    progress: Progress = lambda name, share: None,
) -> dict[str, Any]:
    """Measure a model on ``data``.

    Parameters
    ----------
    samples : pieces of every kind that a generator composes; 0 for its loss alone
    out : where composed pieces and figures are kept, so that the measurement can go on where it was stopped

    Raises
    ------
    TunesmithError
        Where there is nothing to measure on, or the model has no measurement.
    """
    kind = _kind(model)
    if kind not in EVALUATORS:
        raise TunesmithError(
            f"the model {model.name!r} has no measurement of its own; there is one for each of the kinds "
            + ", ".join(EVALUATORS)
        )
    if data is None or not data.is_dir():
        raise TunesmithError("say what to measure on: --data FOLDER")
    return EVALUATORS[kind](model, data, samples=samples, out=out, progress=progress)


def _kind(model: ModelFile) -> str:
    if "habits" in model.card:
        return "composer"
    told = model.card.get("kind")
    return next((kind for kind in EVALUATORS if kind == told or model.name.startswith(kind)), "")


def _composer(
    model: ModelFile, data: Path, *, samples: int, out: Path | None, progress: Progress
) -> dict[str, Any]:
    """Loss and accuracy on held-out music, and the figures of `core.learn.protocol`.

    Where ``data`` has a manifest, its test split is measured; else every MIDI file in it is. Pieces shorter than
    the protocol's cannot be compared with what is composed.
    """
    from core.learn.flagship import measure_loss
    from core.learn.held_out import CPU, network_of
    from core.learn.protocol import Plan

    examples = _examples(data)
    held_out = [example for example in examples if example.split == "test"]
    if not held_out:
        raise TunesmithError(f"no MIDI file in {data} has bars of up to eight beats and at least eight notes")
    network, _ = network_of(model.path)
    figures = measure_loss(network, held_out, CPU)
    found = {"pieces": len(held_out), "nll": figures.pop("nats"), **figures}
    if not samples or max(len(example.piece.bar_steps) for example in held_out) < Plan.bars:
        return found
    with TemporaryDirectory() as fresh:
        return found | {"protocol": _protocol(model, examples, samples, out or Path(fresh), progress)}


def _protocol(
    model: ModelFile, examples: Sequence[Example], samples: int, out: Path, progress: Progress
) -> dict[str, Any]:
    from core.learn import protocol

    whole = protocol.Plan()
    plan = protocol.Plan(
        samples=samples,
        seeds=whole.seeds if samples >= whole.samples else 1,
        asked=max(1, samples * whole.asked // whole.samples),
        each_style=max(1, samples * whole.each_style // whole.samples),
        held_out=HELD_OUT,
        training=TRAINING,
        preferences=min(whole.preferences, 2 * samples),
    )
    return protocol.measure(protocol.Bench(model, examples, out, plan, progress=progress))


def _examples(data: Path) -> list[Example]:
    from core.learn.data import encode_rows, read_folder, read_manifest
    from core.learn.flagship import spread

    if not (data / "manifest.csv").is_file():
        # Whatever is in the folder is asked about: nothing was learnt from it that we know of.
        held_out = encode_rows(data, spread(read_folder(data), HELD_OUT))
        return [replace(example, split="test") for example in held_out]
    rows = read_manifest(data)
    test = [row for row in rows if row.split == "test"]
    training = [row for row in rows if row.split == "train"]
    return encode_rows(data, [*spread(test, HELD_OUT), *spread(training, TRAINING)])


def _style(model: ModelFile, data: Path, *, progress: Progress, **_: Any) -> dict[str, Any]:
    """Accuracy and macro-F1 of every network of a style classifier on the split "test"."""
    from core.learn.style_classifier import evaluate_style

    if not (data / "manifest.csv").is_file():
        raise TunesmithError("say what to measure on: --data FOLDER, with its manifest.csv")
    return evaluate_style(model, data, lambda share: progress(model.name, share))


def _short_tunes(model: ModelFile, data: Path, *, progress: Progress, **_: Any) -> dict[str, Any]:
    """The three losses and the share of notes foretold, on the test songs, beside the baselines."""
    from core.learn.short_tunes import evaluate_short_tunes

    return evaluate_short_tunes(model, data, lambda share: progress(model.name, share))


def _mixtape(model: ModelFile, data: Path, *, progress: Progress, **_: Any) -> dict[str, Any]:
    """Nats and right first guesses on the test pieces, in both ways of reading, beside the baselines."""
    from core.learn.mixtape_report import evaluate_mixtape

    return evaluate_mixtape(model, data, lambda share: progress(model.name, share))


def _analysis(model: ModelFile, data: Path, *, progress: Progress, **_: Any) -> dict[str, Any]:
    """Tempo, beats, key, chords and melody beside librosa, on the songs or recordings in the folder."""
    from core.learn.analysis_scores import evaluate_analysis

    return evaluate_analysis(data, progress=lambda share: progress(model.name, share))


EVALUATORS: dict[str, Callable[..., dict[str, Any]]] = {
    "composer": _composer,
    "short-tunes": _short_tunes,
    "mixtape": _mixtape,
    STYLE_KIND: _style,
    ANALYSIS_KIND: _analysis,
}
"""By what the card calls a model's kind, or by how its name begins."""
