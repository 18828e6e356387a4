"""Recordings on the map: real sound files, read and decoded as in the program."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import soundfile
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest

from core.explore import collection
from desktop.explore.panel import ExplorePanel
from desktop.spectrogram.sound import SAMPLE_RATE
from tests.core.explore.pretend import SOUND_NAME, PretendEar, PretendSpace, install_ear
from tests.desktop.hands import Hands


@pytest.fixture
def ear(space: PretendSpace, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> PretendEar:
    made = install_ear(monkeypatch, tmp_path / "home")
    monkeypatch.setattr(collection, "collection", lambda: ())  # nothing that would have to be played first
    return made


@pytest.fixture
def recordings(tmp_path: Path) -> list[Path]:
    """Four tones, low to high."""
    paths = []
    for number, hertz in enumerate((110, 220, 440, 880)):
        seconds = np.arange(2 * SAMPLE_RATE) / SAMPLE_RATE
        path = tmp_path / f"tone {number}.wav"
        soundfile.write(path, 0.3 * np.sin(2 * np.pi * hertz * seconds).astype(np.float32), SAMPLE_RATE)
        paths.append(path)
    return paths


@pytest.fixture
def panel(ear: PretendEar, hands: Hands, recordings: list[Path]) -> ExplorePanel:
    panel = hands.studio.explore
    panel.restore({"projection": "pca"})
    panel.add_files(recordings)
    hands.qtbot.waitUntil(lambda: panel.explorer.state == "ready" and not panel.explorer.busy, timeout=60_000)
    return panel


def test_recordings_have_a_map_by_sound_can_be_heard_and_walked_between(
    hands: Hands, panel: ExplorePanel
) -> None:
    chart = panel.explorer.chart
    assert chart is not None
    assert (chart.space.name, len(chart)) == (SOUND_NAME, 4)  # though a map of scores could be had
    assert {piece["kind"] for piece in chart.pieces} == {"audio"}
    points = {piece["title"]: point for point, piece in enumerate(chart.pieces)}
    low, high = points["tone 0"], points["tone 3"]
    assert chart.nearest(chart.vector(low), 1, but=low)[0][0] == points["tone 1"]
    # One was read, so that what decodes is there when the pointer comes.
    panel.map.set_mark(np.empty(0, np.int64))
    panel.ear.warm()
    hands.until(lambda: any(panel.hearing.is_ready(chart.key(point)) for point in range(4)))
    # Heard: samples go to the player.
    panel.map.set_mark(np.empty(0, np.int64), quiet=True)
    panel.ear.press(low)
    hands.until(lambda: panel.hearing.heard == chart.key(low))
    samples = hands.player.last("hear")[1]
    spectrum = np.abs(np.fft.rfft(samples[:SAMPLE_RATE].astype(float)))
    assert abs(int(spectrum.argmax()) - 110) <= 2
    panel.hearing.stop()
    # Walked: eight pictures made audible, from the low tone to the high one.
    panel.find_path(low, high)
    hands.qtbot.waitUntil(lambda: len(panel.way.stops) == 8, timeout=60_000)
    pictures = [stop.picture for stop in panel.way.stops]
    assert all(picture is not None and picture.shape == (64, 40) for picture in pictures)
    first, last = pictures[0], pictures[-1]
    assert first is not None
    assert last is not None
    assert first[:, 0].argmax() < last[:, 0].argmax()
    strip = panel.path.strip
    QTest.mouseClick(strip, Qt.MouseButton.LeftButton, pos=strip.area(7).center())
    assert panel.hearing.heard == panel.way.stops[7].key
    assert not panel.path.roll.isEnabled()  # there are no notes to send
    panel.open_point(low)
    hands.until(lambda: hands.studio.spectrogram.path == Path(chart.pieces[low]["path"]))
