"""The one-folder program, built once and then used as a stranger would: no Python, no repository, no home.

Minutes and about 2 GB of disk, so it runs only when asked for: ./test -m frozen
"""

from __future__ import annotations

import importlib.util
import json
import os
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
import soundfile

from core.song.midi_file import read_midi

pytestmark = pytest.mark.frozen

HOME = Path(__file__).resolve().parents[2]
GENERATOR = "flagship"

Start = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture(scope="session")
def program(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The built program's executable."""
    if importlib.util.find_spec("PyInstaller") is None:
        project = tomllib.loads((HOME / "pyproject.toml").read_text("utf-8"))["project"]
        subprocess.run(
            [sys.executable, "-m", "pip", "install", "-q", *project["optional-dependencies"]["bundle"]],
            check=True,
        )
    folder = tmp_path_factory.mktemp("frozen")
    places = ["--distpath", str(folder / "dist"), "--workpath", str(folder / "build")]
    build = subprocess.run(
        [sys.executable, "-m", "PyInstaller", "--noconfirm", *places, str(HOME / "build.spec")],
        capture_output=True,
        text=True,
        check=False,
        cwd=folder,
    )
    assert build.returncode == 0, build.stderr[-4000:]
    yield folder / "dist" / "tunesmith" / "tunesmith"
    shutil.rmtree(folder)


@pytest.fixture
def stranger(program: Path, tmp_path: Path) -> Start:
    """Start the program in an empty folder with nothing of ours in the environment."""

    def start(*arguments: str) -> subprocess.CompletedProcess[str]:
        environment = {
            "PATH": "/usr/bin:/bin",
            "HOME": str(tmp_path),
            "QT_QPA_PLATFORM": "offscreen",
            "LANG": os.environ.get("LANG", "C.UTF-8"),
        }
        answer = subprocess.run(
            [str(program), *arguments],
            env=environment,
            cwd=tmp_path,
            capture_output=True,
            text=True,
            check=False,
        )
        assert answer.returncode == 0, answer.stderr[-2000:]
        for word in ("ImportError", "ModuleNotFoundError", "Traceback"):
            assert word not in answer.stderr
        return answer

    return start


def test_it_knows_its_version(stranger: Start) -> None:
    from core.version import VERSION

    assert stranger("--version").stdout.split()[-1] == VERSION


def test_the_window_opens(stranger: Start, tmp_path: Path) -> None:
    from PySide6.QtGui import QImage

    stranger("studio", "--screenshot", "studio.png", "--size", "1280x800")
    picture = QImage(str(tmp_path / "studio.png")).convertToFormat(QImage.Format.Format_RGB32)
    assert (picture.width(), picture.height()) == (1280, 800)
    pixels = np.frombuffer(picture.constBits(), np.uint32)
    # Text, icons and notes have many colours; an empty window a handful.
    assert len(np.unique(pixels)) > 200


def test_it_composes_the_same_notes_as_the_source(stranger: Start, tmp_path: Path) -> None:
    wish = ("compose", "--generator", GENERATOR, "--bars", "4", "--seed", "7", "--json", "--out")
    answer = json.loads(stranger(*wish, "frozen.mid").stdout)
    assert answer["seed"] == 7
    subprocess.run(
        [sys.executable, "-m", "core.cli", *wish, str(tmp_path / "source.mid")],
        cwd=HOME,
        check=True,
        capture_output=True,
    )
    frozen, source = read_midi(tmp_path / "frozen.mid"), read_midi(tmp_path / "source.mid")
    assert len(frozen.notes) > 0
    assert np.array_equal(frozen.notes, source.notes)


def test_it_renders_with_its_own_synthesiser(program: Path, stranger: Start, tmp_path: Path) -> None:
    assert (program.parent / "_internal" / "libfluidsynth.so.3").exists()
    stranger("compose", "--bars", "2", "--seed", "3", "--out", "song.mid", "--wav", "song.wav")
    sound, rate = soundfile.read(tmp_path / "song.wav")
    assert rate == 44100
    assert sound.shape[1] == 2
    assert len(sound) / rate > 2.0
    assert np.sqrt(np.mean(sound**2)) > 0.003


def test_it_draws_maps(stranger: Start) -> None:
    found = json.loads(stranger("doctor", "--json").stdout)
    assert found["maps"] == {"ok": True, "found": "PCA, t-SNE, UMAP can be drawn", "mend": ""}


def test_it_carries_nothing_it_does_not_use(program: Path) -> None:
    inside = {path.name for path in (program.parent / "_internal").iterdir()}
    assert not inside & {"librosa", "numba", "llvmlite", "matplotlib", "music21", "pytest"}
    size = sum(
        path.stat().st_size for path in program.parent.rglob("*") if path.is_file() and not path.is_symlink()
    )
    assert size < 1.3e9
