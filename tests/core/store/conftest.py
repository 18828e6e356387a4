"""A song with something of everything, and a home of its own for every test."""

from collections.abc import Callable

import numpy as np
import pytest

from core.song.notes import CONTROL, KeyMark, Marker, Meter, RawEvent, Song, Tempo, Track, make_notes


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    folder = tmp_path / "home"
    monkeypatch.setenv("TUNESMITH_HOME", str(folder))
    return folder


def rich_song(count: int = 200, seed: int = 0) -> Song:
    random = np.random.default_rng(seed)
    controls = np.zeros(3, CONTROL)
    controls["tick"] = [0, 480, 960]
    controls["kind"] = [0xB0, 0xE0, 0xC0]
    controls["value"] = [64, -8192, 12]
    return Song(
        notes=make_notes(
            random.integers(0, 480 * 64, count),
            random.integers(1, 960, count),
            random.integers(0, 128, count),
            random.integers(1, 128, count),
            random.integers(0, 2, count),
        ),
        tracks=(Track("Flöte", 73, 0, False, 90, 10, 3), Track("Drums", 0, 9, True)),
        ticks_per_beat=480,
        tempos=(Tempo(0, 500_000), Tempo(960, 433_333)),
        meters=(Meter(0, 4, 4), Meter(1920, 7, 8)),
        keys=(KeyMark(0, 2, "minor"),),
        markers=(Marker(1920, "Chorus ♯"),),
        controls=controls,
        raw_events=(RawEvent(0, 0, 0xF0, 0, b"\x43\x12\x00\xf7"), RawEvent(480, 1, 0xFF, 5, b"la")),
        title="Étude",
    )


@pytest.fixture
def make_song() -> Callable[..., Song]:
    return rich_song


@pytest.fixture
def song() -> Song:
    return rich_song()
