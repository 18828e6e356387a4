"""A path saved in the studio is the path that the command line writes, file by file."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from core import cli
from core.explore import library
from core.explore.score import ScoreSpace
from core.song.midi_file import midi_bytes, write_midi
from desktop.explore.explorer import Chart, Space
from desktop.explore.way import stops_of, write
from desktop.jobs import Task
from tests.core.explore.kit import tune


def test_studio_and_command_line_write_the_same_path(
    small: ScoreSpace,
    tmp_path: Path,
) -> None:
    a, b = tmp_path / "a.mid", tmp_path / "b.mid"
    write_midi(tune(0), a)
    write_midi(tune(5, 120), b)
    index = library.index_of("score")
    library.fill(index, library.file_things([a, b]), "score")
    two = np.zeros(2, np.float32)
    chart = Chart(
        Space("score", "By notes", "score"), "pca", index, np.arange(2), np.eye(2, dtype=np.float32), two + 1,
        np.zeros(2, np.int16),
    )  # fmt: skip
    task = Task(1, lambda *_: None)
    studio = write(task, chart, 0, 1, "linear", tmp_path / "studio")
    assert cli.main(["path", str(a), str(b), "--out", str(tmp_path / "line")]) == 0
    line = sorted((tmp_path / "line").iterdir())
    assert [path.name for path in studio] == [path.name for path in line]
    assert len(line) == 8
    for ours, theirs in zip(studio, line, strict=True):
        assert ours.read_bytes() == theirs.read_bytes()
    heard = stops_of(task, chart, 0, 1, "linear")
    assert [midi_bytes(stop.song) for stop in heard if stop.song] == [path.read_bytes() for path in line]
