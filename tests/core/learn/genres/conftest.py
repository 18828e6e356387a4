"""Three made-up genres that a small network learns in a few steps."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

GENRES = ("bass", "bells", "noise")
EACH = 14


def picture_of(genre: str, rng: np.random.Generator, columns: int = 120) -> NDArray[np.uint8]:
    """A log-mel of a made-up piece: low notes, high notes that die away, or a hiss."""
    sound = rng.normal(20, 12, (128, columns))
    if genre == "bass":
        sound[rng.integers(4, 20) :][:14] += 190
    elif genre == "bells":
        sound[rng.integers(80, 100) :][:20] += 210 * np.exp(-np.arange(columns) % 12 / 6)
    else:
        sound += rng.normal(120, 30, sound.shape)
    return np.clip(sound, 0, 255).astype(np.uint8)


@pytest.fixture(autouse=True)
def few_draws(monkeypatch: pytest.MonkeyPatch) -> None:
    """Wide intervals will do."""
    from core.learn.genres import flagship

    monkeypatch.setattr(flagship, "DRAWS", 20)


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder as the real one is; `bass.00000` and `bass.00001` are copies of each other."""
    path = tmp_path_factory.mktemp("gtzan")
    rng = np.random.default_rng(3)
    names = [f"{genre}.{number:05}" for genre in GENRES for number in range(EACH)]
    pictures = np.stack([picture_of(name.split(".")[0], rng) for name in names])
    pictures[1] = pictures[0]
    np.savez_compressed(path / "logmel_u8.npz", X=pictures, track_id=np.array(names))
    with (path / "tracks.csv").open("w", encoding="utf-8", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(
            ["track_id", "label", "filtered_split", "exact_duplicate_of", "key_lerch", "tempo_from_beats"]
        )
        parts = ["train"] * 7 + ["valid"] * 3 + ["test"] * 3 + ["excluded"]
        twins = {names[0]: names[1], names[1]: names[0]}
        for place, name in enumerate(names):
            key = ("C major", "A minor", "-1")[place % 3]
            tempo = str(60 + 5 * (place % 20))
            rows.writerow([name, name.split(".")[0], parts[place % EACH], twins.get(name, ""), key, tempo])
    return path
