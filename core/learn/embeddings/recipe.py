"""The embeddings of sound, trained, measured and written with their cards (``tunesmith learn embeddings``).

What is done is kept in the folder ``out`` as it comes, and with ``resume`` not done again:

``paper.json``, ``paper-logs.json``
    the twelve rows of S2's Table 4, and their learning curves
``ali-256``, ``ali-128``, ``ali-40``, ``vae``, ``stable-ali`` (each .safetensors, .json)
    networks, whose cards hold their logs
``adversarial.json``, ``gates.json``
    the rows of S2's Table 7, and what the stabilised game reaches on toys
``summaries.npz``
    clips and tracks summed up in several versions, which the learnt half of the flagship learns from
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from core.errors import TunesmithError
from core.explore.ali import LATENTS, encoder, generator
from core.explore.crop_space import ENCODER, GENERATOR, CropSpace
from core.explore.crops import COLUMNS, crops_of, halved
from core.explore.linear import LinearSpace, principal
from core.explore.random_weights import RandomWeights
from core.explore.sound import EARS, FLOOR, SoundSpace, heard_rows
from core.learn.composers.audio import pictures_of
from core.learn.composers.clips import Clips, read_clips
from core.learn.embeddings import adversarial, flagship, paper, stable
from core.learn.embeddings.judging import regression, row_of
from core.learn.embeddings.measures import codes_of, composers, genres, out_of_fold, track_clips
from core.learn.genres.data import TRAIN, VALID, Tracks, load_tracks
from core.listen.composer_audio import NAME as LISTENER
from core.listen.composer_audio import load as load_listener
from core.store.folders import user_folder
from core.store.model_file import load_card, load_model, model_named, save_model

Report = Callable[[float], None]
Cancel = Callable[[], bool]
Tensors = dict[str, NDArray[Any]]

NAME = "embeddings"
CLIPS, TRACKS = "clips", "gtzan"
"""Folders in the data folder: rendered clips (`core.learn.composers.clips`) and GTZAN (`core.learn.genres.data`)."""

DIMENSIONS = 40
STRENGTHS = (1.0, 0.1, 0.01)
SEEDS = (0, 1, 2)
COMMAND = "tunesmith learn embeddings --data FOLDER"
FRONT_END = {
    "sample_rate": 22050, "window": 2048, "hop": 512, "bands": 128, "range_db": 80, "frames_a_column": 4,
    "columns": COLUMNS,
}  # fmt: skip
LICENCE = "MIT; of what they learnt from see trained_on"
RENDERED = "orchestral MIDI files of five composers, rendered; their licences differ and most state none"
GTZAN = (
    "GTZAN (Tzanetakis & Cook 2002), log-mels, training part of the fault-filtered split; it has no licence"
)
SPLIT = "by work; GTZAN fault-filtered 443/197/290, by artist; test parts looked at once unless figures say otherwise"


@dataclass(frozen=True)
class Data:
    """What is learnt from and measured on.

    Attributes
    ----------
    heard, heard_test : clips of the training and the test works [shape=(clips, 128, 107)], float16
    """

    clips: Clips
    heard: NDArray[np.float16]
    heard_test: NDArray[np.float16]
    tracks: Tracks

    @property
    def training(self) -> Clips:
        return self.clips.of("train")

    @property
    def test(self) -> Clips:
        return self.clips.of("test")


def read_data(data: Path | None) -> Data:
    """Open the folder.

    Raises
    ------
    TunesmithError
        If it has not both parts.
    """
    if data is None:
        raise TunesmithError(
            f"say where the sounds are: --data FOLDER, with the folders {CLIPS} and {TRACKS}; see docs/embeddings.md"
        )
    clips = read_clips(data / CLIPS)
    heard, heard_test = pictures_of(clips.of("train")), pictures_of(clips.of("test"))
    return Data(clips, heard, heard_test, load_tracks(data / TRACKS))


def learn(
    *,
    data: Path | None,
    resume: bool = False,
    out: Path | None = None,
    progress: Report = lambda _: None,
    cancelled: Cancel = lambda: False,
) -> dict[str, Any]:
    """Train everything, about three hours of one core, and write the models.

    Parameters
    ----------
    data : folder with ``clips`` and ``gtzan``
    resume : go on with what ``out`` holds
    out : folder for everything that is made

    Returns
    -------
    dict
        the figures by embedding, and the ``model`` file of the flagship
    """
    found = read_data(data)
    out = out or user_folder("data") / "learning" / NAME
    out.mkdir(parents=True, exist_ok=True)
    if not resume:
        for path in out.glob("*"):
            path.unlink()
    table_4(found, out, progress=lambda share: progress(0.3 * share), cancelled=cancelled)
    table_7(found, out, progress=lambda share: progress(0.3 + 0.5 * share), cancelled=cancelled)
    gates(out)
    on_crops(found, out, cancelled=cancelled)
    progress(0.95)
    return write(found, out, cancelled=cancelled)


def table_4(
    data: Data, out: Path, *, progress: Report = lambda _: None, cancelled: Cancel = lambda: False
) -> dict[str, Any]:
    """S2's Table 4, row by row."""
    rows, logs = kept(out / "paper.json"), kept(out / "paper-logs.json")

    def done(name: str, row: dict[str, Any], log: list[dict[str, float]]) -> None:
        rows[name], logs[name] = row, log
        (out / "paper.json").write_text(json.dumps(rows), encoding="utf-8")
        (out / "paper-logs.json").write_text(json.dumps(logs), encoding="utf-8")

    return paper.measure(data.clips, known=dict(rows), done=done, progress=progress, cancelled=cancelled)


def table_7(
    data: Data, out: Path, *, progress: Report = lambda _: None, cancelled: Cancel = lambda: False
) -> dict[str, Any]:
    """S2's Table 7, and the two rows of the text before it."""
    rows = kept(out / "adversarial.json")
    training, test = data.training, data.test
    first, second = adversarial.middle_crops(training), adversarial.middle_crops(test)

    def keep(name: str, row: dict[str, Any]) -> None:
        rows[name] = row
        (out / "adversarial.json").write_text(json.dumps(rows), encoding="utf-8")

    for name, network in (
        ("feed forward, 32x32 crop", adversarial.feed_forward),
        ("ALI's encoder as classifier", adversarial.encoder_as_classifier),
    ):
        if name not in rows:
            judge = adversarial.train_classifier(network(), first, training.label, cancelled=cancelled)
            own = adversarial.chances(judge, first).argmax(1)
            row = row_of(adversarial.chances(judge, second), test.label, test.work)
            keep(name, row | {"training_accuracy": float((own == training.label).mean())})
    mel = training.read("mel")
    for number, dimensions in enumerate(LATENTS):
        file = out / f"ali-{dimensions}"
        if not file.with_suffix(".safetensors").is_file():
            sides = adversarial.train(mel, dimensions, cancelled=cancelled)
            save_networks(file, sides.encoder, sides.generator, sides.log)
        if f"ALI, {dimensions}" not in rows:
            sees, draws = networks_of(file, encoder(dimensions), generator(dimensions))
            codes, asked = (adversarial.embedded(sees, crops) for crops in (first, second))
            row = row_of(regression(codes, training.label, asked), test.label, test.work)
            own = regression(codes, training.label, codes).argmax(1)
            with torch.no_grad():
                back = torch.cat([draws(part) for part in torch.from_numpy(asked).split(128)]).numpy()
            keep(
                f"ALI, {dimensions}",
                row
                | {
                    "training_accuracy": float((own == training.label).mean()),
                    "reconstruction_error": float(np.square(2 * (back - second)).mean()),
                },
            )
        progress((number + 1) / len(LATENTS))
    return rows


def gates(out: Path) -> dict[str, Any]:
    """What the stabilised game reaches on toys."""
    found = kept(out / "gates.json")
    if not found:
        found = {"line": stable.line_gate(), "grid": stable.grid_gate()}
        (out / "gates.json").write_text(json.dumps(found), encoding="utf-8")
    return found


def on_crops(data: Data, out: Path, *, cancelled: Cancel = lambda: False) -> None:
    """The variational autoencoder and the stabilised game, on crops of three seconds."""
    for name, train in (("vae", stable.train_variational), ("stable-ali", stable.train_on_music)):
        if not (out / f"{name}.safetensors").is_file():
            pictures = np.concatenate(
                [
                    np.rint(255 * halved(part)).astype(np.uint8)
                    for part in np.array_split(data.heard, 1 + len(data.heard) // 64)
                ]
            )
            made = train(stable.crops_from(pictures), DIMENSIONS, cancelled=cancelled)
            save_networks(out / name, made.encoder, made.generator, made.log)


def write(data: Data, out: Path, *, cancelled: Cancel = lambda: False) -> dict[str, Any]:
    """Fit what is quick, measure all, and write the models with their cards."""
    seen = track_clips(data.tracks)
    models = {
        "embedding-pca": _pca(data),
        "embedding-vae": _of_crops(out, "vae"),
        "embedding-stable-ali": _of_crops(out, "stable-ali"),
    }
    spaces: dict[str, Any] = {
        "embedding-pca": LinearSpace(*models["embedding-pca"]),
        "embedding-vae": CropSpace(*models["embedding-vae"]),
        "embedding-stable-ali": CropSpace(*models["embedding-stable-ali"]),
    }
    told = {name: measured(space, data, seen) for name, space in spaces.items()}
    told["random-weights"] = measured(RandomWeights("random-weights"), data, seen)
    tensors, card, strength = _flagship(data, out, cancelled)
    models["embedding-sound"] = tensors, card
    told["embedding-sound"] = measured(SoundSpace(tensors, card), data, seen, strength)
    told["embedding-sound"]["strength"] = strength

    errors = {name: reconstruction_error(spaces[name], data) for name in spaces}
    for name, error in errors.items():
        told[name]["reconstruction_error"] = error
    told["embedding-stable-ali"]["gates"] = kept(out / "gates.json")
    for name, title in TITLES.items():
        told[name]["s2"] = {title: told[name].pop("composers")}
    told["embedding-pca"]["s2"] |= kept(out / "paper.json") | kept(out / "adversarial.json")
    told["embedding-sound"]["s2"] |= {"random weights (ours)": told["random-weights"].pop("composers")}
    told["embedding-sound"]["random_weights"] = told.pop("random-weights")
    for name, (arrays, card) in models.items():
        save_model(out / name, halved_numbers(arrays), CARD | card | {"figures": told[name]})
    return told | {"model": str(out / "embedding-sound.safetensors")}


TITLES = {
    "embedding-pca": "PCA, 40, clips of the program",
    "embedding-vae": "VAE, 40, crops of 3 s",
    "embedding-stable-ali": "stabilised ALI, 40, crops of 3 s",
    "embedding-sound": "by sound, 64, all ten seconds",
}
"""Rows of the table s2 that are ours."""

CARD: dict[str, Any] = {
    "room": "explore",
    "licence": LICENCE,
    "front_end": FRONT_END,
    "split": SPLIT,
    "seed": stable.SEED,
    "command": COMMAND,
}


def measured(space: Any, data: Data, seen: NDArray[np.float32], strength: float = 1.0) -> dict[str, Any]:
    """Everything of `core.learn.embeddings.measures`."""
    first, second = codes_of(space, data.heard), codes_of(space, data.heard_test)
    return {
        "composers": composers(first, second, data.training, data.test, strength),
        "gtzan": genres(codes_of(space, seen), data.tracks),
    }


def reconstruction_error(space: Any, data: Data) -> dict[str, float]:
    """Mean squared error of test clips, or of their crops, of values from 0 to 1 (80 dB).

    "pca_on_crops" is that of as many principal components of the same crops: what a straight line can do.
    """
    pictures = np.concatenate([halved(part) for part in np.array_split(data.heard_test, 16)])
    if isinstance(space, LinearSpace):
        flat = pictures.reshape(len(pictures), -1)
        return {"clips": float(np.square(space.line.decode(space.line.encode(flat)) - flat).mean())}
    crops = crops_of(pictures)
    learnt = crops_of(np.concatenate([halved(part) for part in np.array_split(data.heard, 32)]))
    line = principal(learnt.reshape(len(learnt), -1), space.dimensions)
    flat = crops.reshape(len(crops), -1)
    return {
        "crops": float(np.square(space.drawn(space.of_crops(crops)) - crops).mean()),
        "pca_on_crops": float(np.square(line.decode(line.encode(flat)) - flat).mean()),
    }


def _pca(data: Data) -> tuple[Tensors, dict[str, Any]]:
    pictures = np.concatenate([halved(part) for part in np.array_split(data.heard, 32)])
    line = principal(pictures.reshape(len(pictures), -1), DIMENSIONS)
    tensors: Tensors = {"mean": line.mean, "components": line.components}
    card = {
        "kind": "principal components of mel-spectrograms",
        "architecture": "40 principal components of clips of 64 bands by 107 columns",
        "dimensions": DIMENSIONS,
        "trained_on": {"music": RENDERED, "clips": len(pictures)},
    }
    return {name: value.astype(np.float16).astype(np.float32) for name, value in tensors.items()}, card


def _of_crops(out: Path, name: str) -> tuple[Tensors, dict[str, Any]]:
    tensors, kept_card = load_model(out / name)
    how = {
        "vae": ("variational autoencoder of crops", "convolutions to 40 means and variances, and back"),
        "stable-ali": (
            "adversarially learned inference, stabilised",
            "the same encoder and generator; a discriminator of x, z and both with spectral normalisation",
        ),
    }[name]
    card = {
        "kind": how[0],
        "architecture": how[1],
        "dimensions": DIMENSIONS,
        "trained_on": {"music": RENDERED, "crops": "three seconds of clips of the training works, at random"},
        "log": kept_card["log"],
    }
    return {key: _rounded(value) for key, value in tensors.items()}, card


def _flagship(data: Data, out: Path, cancelled: Cancel) -> tuple[Tensors, dict[str, Any], float]:
    """Weights, card, and the regression's strength.

    Seed and strength are chosen out of fold on the training works, and on GTZAN's validation part.
    """
    layers = load_card(model_named(LISTENER, "listen").path)["layers"]
    ears = load_listener(LISTENER).ears
    learns = data.tracks.part(TRAIN)
    file = out / "summaries.npz"
    if not file.is_file():
        loud = [
            np.rint(255 * np.clip((part.astype(np.float32) - FLOOR) / (1 - FLOOR), 0, 1)).astype(np.uint8)
            for part in np.array_split(data.heard, 32)
        ]
        clips = flagship.copies_of(np.concatenate(loud), cancelled=cancelled)
        tracks = flagship.copies_of(data.tracks.pictures[learns], cancelled=cancelled)
        np.savez(file, clips=clips.astype(np.float16), tracks=tracks.astype(np.float16))
    with np.load(file, allow_pickle=False) as arrays:
        clips, tracks = arrays["clips"].astype(np.float32), arrays["tracks"].astype(np.float32)
    heard = heard_rows(ears, torch.from_numpy(data.heard.astype(np.float32)))
    files = np.unique([row.path for row in data.training.rows], return_inverse=True)[1]
    own = {f"{EARS}{name}": value.numpy() for name, value in ears.state_dict().items()}
    valid_clips = track_clips(data.tracks)
    best: tuple[float, Tensors, dict[str, Any], float] | None = None
    tried = []
    for seed in SEEDS:
        log: list[dict[str, float]] = []
        halves = flagship.fit(
            heard, clips, files, tracks, data.tracks.labels[learns], flagship.Plan(seed=seed),
            report=log.append, cancelled=cancelled,
        )  # fmt: skip
        tensors = {name: _rounded(value) for name, value in halves.tensors().items()} | own
        card = {
            "kind": "embedding of sound",
            "architecture": "ears and 40 components of what they tell, in every key the same; "
            "a summary by rule and two dense layers to 24 numbers",
            "dimensions": halves.dimensions,
            "layers": layers,
            "trained_on": {
                "music": RENDERED,
                "genres": GTZAN,
                "ears": "those of composer-audio, which learnt what sounds from the training works' scores",
            },
            "seed": seed,
            "log": log,
        }
        space = SoundSpace(tensors, card)
        codes = codes_of(space, data.heard)
        by_strength = {each: out_of_fold(codes, data.training, each) for each in STRENGTHS}
        strength = max(by_strength, key=lambda each: by_strength[each])
        genre = genres(codes_of(space, valid_clips), data.tracks)[VALID]["neighbours"]["accuracy"]
        tried.append(
            {"seed": seed, "strength": strength, "out_of_fold": by_strength[strength], "genres": genre}
        )
        score = by_strength[strength] + genre
        if best is None or score > best[0]:
            best = score, tensors, card, strength
    assert best is not None
    return best[1], best[2] | {"chosen_among": tried}, best[3]


def kept(path: Path) -> dict[str, Any]:
    """What was kept there, or nothing."""
    found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}
    return found


def save_networks(path: Path, sees: nn.Module, draws: nn.Module, log: list[dict[str, float]]) -> None:
    """Keep an encoder and a generator with the log of their training."""
    tensors = {
        f"{prefix}{name}": value.numpy()
        for prefix, network in ((ENCODER, sees), (GENERATOR, draws))
        for name, value in network.state_dict().items()
    }
    save_model(path, tensors, {"room": "learn", "kind": "networks of crops", "log": log})


def networks_of(path: Path, sees: nn.Module, draws: nn.Module) -> tuple[nn.Module, nn.Module]:
    """The kept networks, in evaluation mode."""
    tensors = load_model(path)[0]
    for prefix, network in ((ENCODER, sees), (GENERATOR, draws)):
        own = {name.removeprefix(prefix): value for name, value in tensors.items() if name.startswith(prefix)}
        network.load_state_dict({name: torch.from_numpy(np.asarray(value)) for name, value in own.items()})
        network.eval()
    return sees, draws


def log_of(path: Path) -> list[dict[str, float]]:
    """How the training of kept networks went."""
    log: list[dict[str, float]] = load_card(path)["log"]
    return log


def halved_numbers(tensors: Tensors) -> Tensors:
    """In 16 bits, as they are shipped."""
    return {
        name: value.astype(np.float16) if value.dtype == np.float32 else value
        for name, value in tensors.items()
    }


def _rounded(value: NDArray[Any]) -> NDArray[Any]:
    """As it will be when it is shipped."""
    return value.astype(np.float16).astype(np.float32) if value.dtype == np.float32 else value
