"""Sound that is no song's, beside what the engine plays: the same samples, for as long as they last, and no click."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from core.sound.playback_engine import Engine
from core.sound.playback_state import StateBlock
from core.sound.player import Player

RATE = 44100
BLOCK = 441


def engine() -> Engine:
    return Engine(RATE, StateBlock(), None)


def run(machine: Engine, seconds: float) -> NDArray[np.float32]:
    blocks = []
    for _ in range(round(seconds * RATE / BLOCK)):
        out = np.full((BLOCK, 2), np.nan, np.float32)
        machine.process(out)
        blocks.append(out)
    return np.concatenate(blocks)


def sine(rate: int, seconds: float, hertz: float = 440.0) -> NDArray[np.int16]:
    time = np.arange(round(rate * seconds)) / rate
    return np.round(0.5 * 32767 * np.sin(2 * np.pi * hertz * time)).astype(np.int16)


@pytest.mark.parametrize("rate", [44100, 22050])
def test_a_tone_sounds_at_its_pitch_level_and_length_without_a_synthesiser(rate: int) -> None:
    machine = engine()
    machine.hear(sine(rate, 1.0), rate, True, True)
    heard = run(machine, 2.0)
    assert np.array_equal(heard[:, 0], heard[:, 1])
    sounding = np.flatnonzero(np.abs(heard[:, 0]) > 0.01)
    assert sounding[-1] / RATE == pytest.approx(1.0, abs=0.01)
    middle = heard[RATE // 4 : 3 * RATE // 4, 0]
    spectrum = np.abs(np.fft.rfft(middle * np.hanning(len(middle))))
    assert spectrum.argmax() * RATE / len(middle) == pytest.approx(440, abs=3)
    assert np.abs(middle).max() == pytest.approx(0.5, abs=0.01)


def test_pieces_join_without_a_seam() -> None:
    whole, pieces = engine(), engine()
    tone = sine(22050, 1.0)
    whole.hear(tone, 22050, True, True)
    for start in range(0, len(tone), 5000):
        pieces.hear(tone[start : start + 5000], 22050, start == 0, start + 5000 >= len(tone))
    assert np.allclose(run(whole, 1.2), run(pieces, 1.2), atol=1e-6)


def test_a_fresh_sound_replaces_the_one_before_and_stopping_fades() -> None:
    machine = engine()
    machine.hear(sine(RATE, 5.0), RATE, True, True)
    run(machine, 0.1)
    machine.hear(sine(RATE, 0.2, 880.0), RATE, True, True)
    heard = run(machine, 1.0)[:, 0]
    assert np.flatnonzero(np.abs(heard) > 0.01)[-1] / RATE == pytest.approx(0.205, abs=0.01)
    machine.hear(sine(RATE, 5.0), RATE, True, True)
    run(machine, 0.1)
    machine.hear_no_more()
    tail = run(machine, 0.1)[:, 0]
    assert np.abs(np.diff(tail)).max() < 0.05
    assert not tail[RATE // 100 :].any()


def test_it_comes_out_of_a_real_device_at_its_pitch(recorder: Any, font: Path) -> None:
    player = Player(soundfont=font)
    player.start()
    try:
        deadline = time.monotonic() + 60
        while player._state is None or not player._state.read()["blocks"] > 50:
            assert time.monotonic() < deadline, "the player does not start"
            time.sleep(0.02)
        tone = sine(22050, 2.0)
        recorder.start()
        player.hear(tone[:22050], 22050, fresh=True, last=False)
        player.hear(tone[22050:], 22050, fresh=False, last=True)
        recorder.wait(2.5)
        heard = recorder.stop()[:, 0]
    finally:
        player.close()
    sounding = np.flatnonzero(np.abs(heard) > 0.1)
    assert len(sounding) / len(heard) > 0.3
    # A whole number of periods from its middle, wherever a busy machine may have left a gap before or after.
    middle = heard[sounding[len(sounding) // 2] - 11025 :][:22050]
    spectrum = np.abs(np.fft.rfft(middle * np.hanning(len(middle))))
    assert spectrum.argmax() * RATE / len(middle) == pytest.approx(440, abs=4)
    assert np.abs(middle).max() == pytest.approx(0.5, abs=0.02)
