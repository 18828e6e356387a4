"""What the analysis keeps of a recording."""

from __future__ import annotations

import numpy as np
import pytest

from core.listen.analysis_frames import (
    BINS_PER_SEMITONE,
    LOWEST_PITCH,
    MELODY_LOWEST,
    ONSET_RATE,
    SAMPLE_RATE,
    FrameMaker,
    Frames,
)

SERIES = ("level", "onset_bands", "pitch_levels", "salience")


def frames_of(sound: np.ndarray, cuts: tuple[int, ...] = ()) -> Frames:
    maker = FrameMaker()
    for piece in np.split(sound, cuts):
        maker.push(piece)
    return maker.finish()


def sine(pitch: float, seconds: float, harmonics: int = 1) -> np.ndarray:
    at = np.arange(int(seconds * SAMPLE_RATE)) / SAMPLE_RATE
    hertz = 440 * 2 ** ((pitch - 69) / 12)
    total = sum(np.sin(2 * np.pi * hertz * n * at) / n for n in range(1, harmonics + 1))
    return (0.2 * total).astype(np.float32)


@pytest.mark.parametrize("seconds", [0.0, 0.01, 3.0, 10.0, 23.7])
def test_frames_do_not_depend_on_how_the_sound_was_cut(seconds: float) -> None:
    rng = np.random.default_rng(1)
    sound = rng.normal(0, 0.1, int(seconds * SAMPLE_RATE)).astype(np.float32)
    whole = frames_of(sound)
    cut = frames_of(sound, tuple(np.sort(rng.integers(0, len(sound) + 1, 40)).tolist()))
    for name in SERIES:
        np.testing.assert_array_equal(getattr(whole, name), getattr(cut, name))
    assert whole.tuning == cut.tuning
    assert whole.duration_s == pytest.approx(seconds, abs=1e-4)
    assert len(whole.level) == len(sound) // (SAMPLE_RATE // ONSET_RATE) + 1


@pytest.mark.parametrize("pitch", [45, 57, 60, 69, 84])
def test_a_tone_is_loudest_at_its_own_pitch(pitch: int) -> None:
    frames = frames_of(sine(pitch, 2.0, harmonics=6))
    middle = frames.pitch_levels[len(frames.pitch_levels) // 2]
    assert LOWEST_PITCH + int(middle.argmax()) // BINS_PER_SEMITONE == pitch
    salience = frames.salience[len(frames.salience) // 2]
    assert MELODY_LOWEST + int(salience.argmax()) // BINS_PER_SEMITONE == pitch


@pytest.mark.parametrize("off", [-0.35, -0.2, 0.0, 0.15, 0.4])
def test_tuning_is_found(off: float) -> None:
    sound = np.concatenate([sine(pitch + off, 1.0, 3) for pitch in (57, 60, 64, 69, 72)])
    assert frames_of(sound).tuning == pytest.approx(off, abs=0.06)


def test_something_begins_when_a_click_sounds() -> None:
    sound = np.zeros(4 * SAMPLE_RATE, np.float32)
    for second in (1.0, 2.0, 3.0):
        sound[int(second * SAMPLE_RATE) :][:200] = 0.5 * np.random.default_rng(0).normal(size=200)
    rise = frames_of(sound).onset_bands.sum(1)
    loudest = np.sort(np.argsort(rise)[-3:]) / ONSET_RATE
    np.testing.assert_allclose(loudest, (1.0, 2.0, 3.0), atol=0.03)
    assert rise[int(1.4 * ONSET_RATE) : int(1.9 * ONSET_RATE)].max() < 1e-3


def test_samples_that_are_no_numbers_are_silence() -> None:
    frames = frames_of(np.full(SAMPLE_RATE, np.nan, np.float32))
    assert frames.level.max() == 0
    assert frames.pitch_levels.max() == 0
    assert frames.tuning == 0


def test_another_sample_rate_is_refused() -> None:
    with pytest.raises(ValueError, match="22050"):
        FrameMaker(44100)
