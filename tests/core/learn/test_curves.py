"""Learning curves: what is read from a log, and that the picture shows it."""

import json
from pathlib import Path

import numpy as np
import pytest

from core.errors import TunesmithError
from core.learn.curves import HELD_OUT, TRAINING_MEAN, draw_curves, read_log, smoothed


@pytest.fixture
def log(tmp_path: Path) -> Path:
    lines: list[dict[str, float]] = []
    for step in range(1, 101):
        loss = 1 + 3 / step
        lines.append(
            {
                "step": step,
                "minutes": step / 10,
                "notes": 50 * step,
                "nats": loss,
                "rate": 0.1,
                "pitch": loss / 2,
            }
        )
        if step % 20 == 0:
            check = {
                "valid_nats": loss + 0.2,
                "valid_pitch_nats": loss / 2 + 0.1,
                "valid_pitch_accuracy": 0.5,
            }
            lines.append({"step": step, "minutes": step / 10, "notes": 50 * step, "valid_notes": 9.0} | check)
    path = tmp_path / "log.jsonl"
    path.write_text("".join(json.dumps(line) + "\n" for line in lines) + '{"step": 101, "minu')
    return path


def test_a_log_is_read_into_losses_by_name(log: Path) -> None:
    training, held_out = read_log(log)
    assert list(training) == list(held_out) == ["nats", "pitch"]
    assert training["nats"].shape == (100, 2)
    assert held_out["nats"][:, 0].tolist() == [2, 4, 6, 8, 10]
    assert held_out["pitch"][-1, 1] == pytest.approx(1.03 / 2 + 0.1)


def test_smoothing_keeps_lines_and_means() -> None:
    line = np.column_stack([np.arange(60.0), 2 * np.arange(60.0)])
    assert smoothed(line)[20:40] == pytest.approx(line[20:40])
    flat = np.column_stack([np.arange(60.0), np.tile([0.0, 2.0], 30)])
    assert smoothed(flat)[:, 1] == pytest.approx(np.ones(60), abs=0.1)


def test_the_picture_has_training_and_held_out_in_every_panel(log: Path, tmp_path: Path) -> None:
    image = pytest.importorskip("matplotlib.image")
    out = draw_curves(log, tmp_path / "curve.png", "Learning")
    pixels = image.imread(out)[..., :3]
    height, width, _ = pixels.shape
    assert height > 250
    assert width > 700
    assert pixels.mean() > 0.9, "a light picture"
    for half in (pixels[:, : width // 2], pixels[:, width // 2 :]):
        for colour in (HELD_OUT, TRAINING_MEAN):
            wanted = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
            assert (np.abs(half - wanted).max(-1) < 0.03).sum() > 50, colour


def test_the_same_log_gives_the_same_picture(log: Path, tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    one, two = draw_curves(log, tmp_path / "one.png"), draw_curves(log, tmp_path / "two.png")
    assert one.read_bytes() == two.read_bytes()


def test_a_file_without_losses_is_refused(tmp_path: Path) -> None:
    (tmp_path / "log.jsonl").write_text("no log\n")
    with pytest.raises(TunesmithError, match="tells no losses"):
        draw_curves(tmp_path / "log.jsonl", tmp_path / "curve.png")
    with pytest.raises(TunesmithError, match="cannot read the log"):
        draw_curves(tmp_path / "none.jsonl", tmp_path / "curve.png")
    assert not (tmp_path / "curve.png").exists()
