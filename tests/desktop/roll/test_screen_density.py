"""Notes lie on whole device pixels at every density; a scale factor can only be set for a whole process."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

SCRIPT = """
from PySide6.QtWidgets import QApplication
from core.song.notes import Song, Track, make_notes
from desktop import theme
from desktop.document import Document
from desktop.roll.view import RollView
from desktop.time_axis import TimeAxis

app = QApplication([])
axis = TimeAxis()
roll = RollView(Document(Song(make_notes([1000, 2345], [777, 600], [72, 74]), (Track(),))), axis)
roll.resize(700, 500)
roll.show()
app.processEvents()
axis.set_view(333, 0.1234)
roll.state.pitch_axis.set_view(40 * 13, 13)
image = roll.canvas.grab().toImage()
dpr = image.devicePixelRatio()
hue = theme.track_colour(0).hue()
for pitch in (72, 74):
    y = round((roll.state.pitch_axis.y(pitch) + 3) * dpr)
    inside = [x for x in range(image.width())
              if abs(image.pixelColor(x, y).hue() - hue) < 10 and image.pixelColor(x, y).saturation() > 90]
    print(dpr, image.width(), inside[0], inside[-1])
"""


@pytest.mark.parametrize("density", [1.0, 1.5, 2.0])
def test_notes_start_and_end_on_their_device_pixels(density):
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT],
        env={**os.environ, "QT_QPA_PLATFORM": "offscreen", "QT_SCALE_FACTOR": str(density)},
        capture_output=True, text=True, timeout=120, check=True,
    )  # fmt: skip
    scale = 0.1234 * density
    left = round(333 * scale)
    for line, (onset, duration) in zip(done.stdout.split("\n"), ((1000, 777), (2345, 600)), strict=False):
        dpr, _, first, last = map(float, line.split())
        assert dpr == density
        assert first == round(onset * scale) - left
        assert last == round((onset + duration) * scale) - left - 2, "a pixel is free before the next note"
