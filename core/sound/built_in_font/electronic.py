"""Voices of synthesisers: oscillators, layers for pads, and single waves for leads."""

from __future__ import annotations

from functools import partial

import numpy as np

from core.sound.built_in_font import engines
from core.sound.built_in_font.engines import gain
from core.sound.built_in_font.sample import Sample, Voice, Wave, dice, make_grid
from core.sound.built_in_font.struck import ringing, tines
from core.sound.built_in_font.sustained import section


def saw(number: Wave) -> Wave:
    """Amplitudes of a sawtooth."""
    return 1 / number


def square(number: Wave) -> Wave:
    """Amplitudes of a square wave."""
    return np.where(number % 2 == 1, 1 / number, 0.0)


def pulse(number: Wave) -> Wave:
    """Amplitudes of a pulse as wide as a sixth of its period."""
    return np.abs(np.sin(np.pi * number / 6)) / number


def sine(number: Wave) -> Wave:
    """A sine with a trace of its octave."""
    return np.where(number == 1, 1.0, np.where(number == 2, 0.05, 0.0))


SHAPES = {"saw": saw, "square": square, "pulse": pulse, "sine": sine}


def oscillator(
    key: int, *, shape: str, rate: int = 32000, loop: float = 0.01, corner: float = 9000.0
) -> Sample:
    """A band-limited wave; the loop is a cycle or a few, so that it weighs next to nothing."""
    grid = make_grid(key, rate, 0.002, loop)
    number = engines.harmonics(grid, 13_000)
    amplitudes = SHAPES[shape](number) * gain(engines.lowpass_db(number * grid.f0, corner, 6))
    angle = 2 * np.pi * grid.cycles * (np.arange(grid.frames) - grid.lead) / grid.loop
    wave = np.sin(number[:, None] * angle).T @ amplitudes
    return grid.sample(wave)


def growl(key: int, *, rate: int = 24000) -> Sample:
    """Two square waves an octave apart, in phase modulation: the rubber of a synthesiser bass."""
    grid = make_grid(key, rate, 0.12, 0.04)
    return engines.fm(grid, ((1, 1.0, 1, 2.6, 0.9, 0.05), (0.5, 0.35, 0.5, 1.0, 0.5, 0.1)), 6.0)


def hit(key: int, *, rate: int = 24000) -> Sample:
    """The whole orchestra on one chord of octaves and fifths, short and dying away."""
    frames = int(0.65 * rate)
    time = np.arange(frames) / rate
    random = dice("hit", key)
    base = 440 * 2 ** ((key - 69) / 12)
    wave = np.zeros(frames)
    for ratio, level in ((0.5, 0.7), (1, 1.0), (2, 0.8), (3, 0.3), (4, 0.45)):
        for _player in range(5):
            detune = 2 ** (random.normal(0, 6) / 1200)
            number = np.arange(1, max(2, int(min(30, 8000 / (base * ratio)))))
            for n in number:
                start = 0.004 + 0.012 * random.uniform()
                fade = np.exp(-time * (3.5 + 0.0009 * n * base * ratio)) * np.clip(time / start, 0, 1)
                turn = 2 * np.pi * base * ratio * n * detune * time + random.uniform(0, 2 * np.pi)
                wave += level / n**0.8 * fade * np.sin(turn)
    wave /= np.max(np.abs(wave))
    wave += 0.5 * engines.burst(frames, rate, ((90, 0.6, 60), (2500, 1.2, 46)), 0.25, random)
    wave *= np.clip((time[-1] - time) / 0.1, 0, 1)
    return Sample(wave, rate, key)


KEYS = (36, 45, 54, 63, 72, 81, 90, 99)
OCTAVES = (42, 54, 66, 78)

VOICES: dict[str, Voice] = {
    "saw": Voice(partial(oscillator, shape="saw"), KEYS),
    "square": Voice(partial(oscillator, shape="square"), KEYS),
    "pulse": Voice(partial(oscillator, shape="pulse"), KEYS),
    "sine": Voice(partial(oscillator, shape="sine", rate=24000), (42, 60, 78, 96)),
    "growl": Voice(growl, (28, 40, 52, 66)),
    "hit": Voice(hit, (50, 66)),
    "saw ensemble": Voice(
        partial(section, corner=9000, slope=5, cents=8.0, loop=0.8, rough=0.0, highest=9900), (40, 54, 68, 82)
    ),
    "hollow ensemble": Voice(
        partial(
            section, even=14.0, tilt=1.1, corner=5000, slope=8, cents=6.0, loop=0.5, rough=0.0, highest=8000
        ),
        (42, 56, 70, 84),
    ),
    "glass": Voice(
        partial(
            section,
            tilt=2.2,
            cents=5.0,
            ratios=((1.0, 0), (2.0, -5), (4.0, -9), (3.01, -13), (6.02, -17)),
            loop=0.45,
            highest=9000,
        ),
        (48, 62, 76, 90),
    ),
    "bowed glass": Voice(
        partial(
            section,
            tilt=1.3,
            cents=4.0,
            formants=((900, 0.25, 8), (2100, 0.25, 8), (4200, 0.3, 7)),
            ratios=((1.0, 0), (2.76, -14)),
            noise=(((2100, 0.5, 60), (4500, 0.6, 56)), -26),
            loop=0.55,
            highest=9000,
        ),
        (45, 60, 75),
    ),
    "metal": Voice(
        partial(
            section,
            tilt=1.2,
            cents=3.0,
            ratios=((1.0, 0), (1.0 / 2, -9), (2.41, -8), (3.37, -9), (4.53, -12)),
            corner=3500,
            loop=0.55,
            highest=9000,
        ),
        (45, 60, 75),
    ),
    "crystal": Voice(
        partial(
            ringing,
            ratios=(1, 2.0, 3.99, 5.43, 8.02),
            levels=(0, -5, -5, -12, -14),
            decays=(5.0, 4.0, 2.5, 1.4, 1.0),
            prompt=0.4,
            detune=2.5,
            lead=0.2,
            loop=0.12,
        ),
        (48, 62, 76, 90),
    ),
    "bright bell": Voice(
        partial(
            tines,
            pairs=((1, 0.7, 3.5, 1.6, 0.5, 0.25), (2, 0.4, 7.0, 1.2, 0.2, 0.2), (1, 0.4, 1, 0.8, 0.5, 0.4)),
            decay=7.0,
            lead=0.3,
            loop=0.12,
        ),
        (48, 62, 76, 90),
    ),
}
