"""A studio with a pretended embedding of scores and a small collection."""

from __future__ import annotations

from pathlib import Path

import pytest

from core.explore import collection, paths
from core.learn.collection import write_collection
from core.song.midi_file import midi_bytes
from core.song.notes import Song
from desktop.explore.panel import ExplorePanel
from tests.core.explore.conftest import small  # noqa: F401  (a fixture)
from tests.core.explore.pretend import PretendSpace, install, tune
from tests.desktop.hands import Hands

GENRES = ("jazz", "waltz", "pop")
COUNT = 36


def piece(number: int) -> tuple[collection.Piece, bytes]:
    """A piece of the collection: its tonic tells its genre, so that genres lie together."""
    genre, tonic = GENRES[number % 3], (0, 4, 8)[number % 3]
    song = tune(tonic, seed=number, title=f"{genre.capitalize()} {number}", pace=1 + number % 3)
    key = ("C", "E", "Ab")[number % 3] + " major"
    about = collection.Piece(
        f"composed/{number}.mid",
        song.title,
        "composed",
        genre,
        key,
        80 + 4 * tonic,
        song.seconds,
        "CC0 1.0",
        "us",
    )
    return about, midi_bytes(song)


@pytest.fixture
def space(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> PretendSpace:
    made = install(monkeypatch, tmp_path / "home")
    path = tmp_path / "collection.zip"
    write_collection(path, [piece(number) for number in range(COUNT)])
    monkeypatch.setattr(collection, "collection_path", lambda: path)
    collection.collection.cache_clear()

    def path_of_songs(a: Song, b: Song, steps: int, **options: object) -> list[Song]:
        space = made
        first, last = space.encode(a), space.encode(b)
        return [space.decode(first + (last - first) * step / (steps - 1)) for step in range(steps)]

    monkeypatch.setattr(paths, "path_of_songs", path_of_songs)
    return made


@pytest.fixture
def panel(space: PretendSpace, hands: Hands) -> ExplorePanel:
    hands.studio.explore.restore({"projection": "pca"})  # which takes no time
    hands.studio.show_panel("explore")
    explorer = hands.studio.explore.explorer
    hands.until(lambda: explorer.state == "ready" and not explorer.busy)
    return hands.studio.explore
