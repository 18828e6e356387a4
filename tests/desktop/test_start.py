"""Starting: the window is there before anything heavy, and without most of the machine too."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from PySide6.QtGui import QImage

from core.store.settings import Settings
from desktop.demo import demo_song
from desktop.document import Document
from desktop.main_window import Studio
from tests.desktop.hands import FakePlayer, Hands

HEAVY = (
    "torch",
    "librosa",
    "sounddevice",
    "fluidsynth",
    "soundfile",
    "scipy",
    "symusic",
    "mido",
    "safetensors",
)

OPEN_AND_LIST = f"""
import json, sys
import desktop.app
from PySide6.QtWidgets import QApplication
from core.store.settings import Settings
from desktop import theme
from desktop.demo import demo_song
from desktop.document import Document
from desktop.main_window import Studio
app = QApplication([])
theme.apply(app)
window = Studio(Document(demo_song()), Settings(), keep_settings=False)
window.show()
app.processEvents()
print(json.dumps([window.isVisible(), [name for name in {HEAVY!r} if name in sys.modules]]))
window.close()
"""

WITHOUT = """
import sys
class Missing:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in {names!r} or name in {names!r}:
            raise ModuleNotFoundError(name)
sys.meta_path.insert(0, Missing())
import threading
from PySide6.QtCore import QTimer
from PySide6.QtWidgets import QApplication
from core.store.settings import Settings
from desktop import theme
from desktop.demo import demo_song
from desktop.document import Document
from desktop.main_window import Studio
app = QApplication([])
theme.apply(app)
window = Studio(Document(demo_song()), Settings(), keep_settings=False)
window.asks_before_closing = False  # Qt closes windows before it quits
window.show()
window.start_engines()
window.add_track()
window.playback.toggle()
window.roll.select_all()
QTimer.singleShot(400, app.quit)
app.exec()
print(len(window.document.song.tracks), "|", window.playback.why_silent, "|", window.compose_panel.why_not())
window.close()
assert [thread.name for thread in threading.enumerate() if not thread.daemon] == ["MainThread"]
"""


def python(code: str, repository: Path, **variables: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", code], cwd=repository, env=os.environ | variables,
        capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip


def test_the_window_opens_without_heavy_imports(repository: Path) -> None:
    result = python(OPEN_AND_LIST, repository)
    assert result.returncode == 0, result.stderr
    assert json.loads(result.stdout) == [True, []]


@pytest.mark.parametrize(
    ("missing", "sound_says", "compose_says"),
    [
        (("torch",), "", "PyTorch is missing"),
        (("core.sound.player",), "No sound", ""),
        (("core.compose.registry",), "", "no generator is installed"),
    ],
)
def test_whatever_is_missing_the_studio_works_and_says_so(
    repository: Path, missing: tuple[str, ...], sound_says: str, compose_says: str
) -> None:
    result = python(WITHOUT.replace("{names!r}", repr(set(missing))), repository)
    assert result.returncode == 0, result.stderr
    tracks, silent, compose = (part.strip() for part in result.stdout.strip().splitlines()[-1].split("|"))
    assert tracks == "5"
    assert sound_says in silent
    assert compose_says in compose


def test_the_window_is_no_larger_than_the_screen(hands: Hands) -> None:
    settings = Settings()
    studio = Studio(Document(demo_song()), settings, keep_settings=False, player=FakePlayer())
    room = studio.screen().availableGeometry()
    least = studio.minimumSize()
    assert studio.width() <= max(room.width(), least.width())
    assert studio.height() <= max(room.height(), least.height())
    studio.setGeometry(room.right() + 4000, room.bottom() + 4000, 1200, 700)
    settings.window = {"geometry": studio.saveGeometry().toBase64().toStdString()}
    again = Studio(Document(demo_song()), settings, keep_settings=False, player=FakePlayer())
    assert room.intersects(again.geometry())
    for window in (studio, again):
        window.asks_before_closing = False
        window.close()


@pytest.mark.parametrize(("size", "scale"), [("1280x800", "1"), ("1280x720", "2")])
def test_a_screenshot_needs_no_screen(repository: Path, tmp_path: Path, size: str, scale: str) -> None:
    out = tmp_path / "deep" / "studio.png"
    result = subprocess.run(
        [sys.executable, "-m", "desktop.app", "--screenshot", str(out), "--size", size, "--panel", "compose"],
        cwd=repository, env=os.environ | {"QT_SCALE_FACTOR": scale},
        capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    assert result.returncode == 0, result.stderr
    image = QImage(str(out))
    width, height = (int(scale) * int(part) for part in size.split("x"))
    assert (image.width(), image.height()) == (width, height)
    colours = {image.pixelColor(x, y).name() for x in range(0, width, 16) for y in range(0, height, 16)}
    assert len(colours) > 12, "a picture of a window with notes, not an empty one"
