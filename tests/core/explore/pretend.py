"""An embedding for tests: of scores, by their pitch classes and their pace, installed like a real one."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from core.errors import TunesmithError
from core.explore import registry
from core.song.notes import Song, Tempo, Track, make_notes
from core.store.model_file import save_model

NAME = "score"
SOUND_NAME = "pca"
BEAT = 480


class PretendSpace:
    """Pitch classes and notes a beat; a vector is turned back into a scale of its loudest pitch classes."""

    def __init__(self) -> None:
        self.dimensions = registry.EMBEDDINGS[NAME].dimensions
        self.encoded: list[str] = []

    def encode(self, thing: Any) -> np.ndarray:
        if not isinstance(thing, Song) or not len(thing.notes):
            raise TunesmithError("there is not a note in it")
        self.encoded.append(thing.title)
        vector = np.zeros(self.dimensions, np.float32)
        vector[:12] = np.bincount(thing.notes["pitch"] % 12, minlength=12) / len(thing.notes)
        vector[12] = min(1.0, len(thing.notes) * BEAT / max(thing.end_tick, 1) / 8)
        return vector

    def decode(self, vector: np.ndarray) -> Song:
        pitches = 60 + np.sort(np.argsort(-np.asarray(vector)[:12], kind="stable")[:5])
        notes = make_notes(np.arange(16) * BEAT // 2, BEAT // 2, np.resize(pitches, 16), 80, 0)
        return Song(notes, (Track("Piano"),), tempos=(Tempo.from_bpm(0, 100),))

    def describe(self) -> dict[str, Any]:
        return {"name": "pretend"}


class PretendEar:
    """The mean level of every band of a recording; a vector is turned back into a picture that holds them."""

    def __init__(self) -> None:
        self.dimensions = registry.EMBEDDINGS[SOUND_NAME].dimensions

    def encode(self, thing: Any) -> np.ndarray:
        bands = np.asarray(thing.mel_db, np.float32).mean(1)
        return (bands[: self.dimensions] + 100) / 100

    def decode(self, vector: np.ndarray) -> np.ndarray:
        levels = np.resize(np.asarray(vector, np.float32) * 100 - 100, 64)
        return np.repeat((levels - levels.max())[:, None], 40, axis=1)

    def describe(self) -> dict[str, Any]:
        return {"name": "pretended ear"}


def install_ear(monkeypatch: pytest.MonkeyPatch, home: Path) -> PretendEar:
    """Beside what `install` put there, an embedding of sound."""
    row = registry.EMBEDDINGS[SOUND_NAME]
    card = {"name": row.model, "room": "explore", "kind": "pretend"}
    save_model(home / "data" / "models" / row.model, {"nothing": np.ones(1, np.float32)}, card)
    ear, loaded = PretendEar(), registry.loaded
    monkeypatch.setattr(registry, "loaded", lambda name: ear if name == SOUND_NAME else loaded(name))
    monkeypatch.setattr(registry, "available", lambda: (registry.EMBEDDINGS[NAME], row))
    return ear


def install(monkeypatch: pytest.MonkeyPatch, home: Path) -> PretendSpace:
    """Put weights of the score embedding into the home of a test, with this space behind them; no others."""
    monkeypatch.setenv("TUNESMITH_HOME", str(home))
    row = registry.EMBEDDINGS[NAME]
    card = {"name": row.model, "room": "explore", "kind": "pretend"}
    (home / "data" / "models").mkdir(parents=True, exist_ok=True)
    save_model(home / "data" / "models" / row.model, {"nothing": np.zeros(1, np.float32)}, card)
    space = PretendSpace()
    monkeypatch.setattr(registry, "loaded", lambda name: space)
    monkeypatch.setattr(registry, "available", lambda: (row,))
    return space


def tune(tonic: int, seed: int = 0, beats: int = 32, title: str = "", pace: int = 2) -> Song:
    """A major tune on ``tonic``, ``pace`` notes a beat."""
    rng = np.random.default_rng(seed)
    scale = np.array([0, 2, 4, 5, 7, 9, 11]) + tonic
    count = pace * beats
    pitches = 60 + scale[rng.integers(0, 7, count)] % 12
    notes = make_notes(np.arange(count) * BEAT // pace, BEAT // pace, pitches, 80, 0)
    return Song(
        notes, (Track("Piano"),), tempos=(Tempo.from_bpm(0, 80 + 4 * tonic),),
        title=title or f"Tune {tonic} {seed}",
    )  # fmt: skip
