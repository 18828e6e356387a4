"""Sounds of the last family: noises and scenes rather than notes. Each is one sample; the keys only move its pitch."""

from __future__ import annotations

from functools import partial

import numpy as np

from core.sound.built_in_font import engines
from core.sound.built_in_font.drums import crash
from core.sound.built_in_font.engines import Formant
from core.sound.built_in_font.sample import Grid, Sample, Voice, Wave, dice

CENTRE = 60


def _scene(seconds: float, rate: int) -> Grid:
    # A scene has no pitch: its loop need only be whole.
    return Grid(CENTRE, rate, 12, int(seconds * rate), 1)


def _around(grid: Grid, loop: Wave) -> Sample:
    return grid.sample(loop[(np.arange(grid.frames) - grid.lead) % grid.loop])


def reverse_cymbal(key: int) -> Sample:
    """A crash played backwards."""
    forward = crash(rate=22050)
    return Sample(forward.wave[: int(0.9 * 22050)][::-1].copy(), 22050, CENTRE)


def fret_noise(key: int) -> Sample:
    """A finger that slides along a wound string: a rising squeak of windings passing by."""
    rate = 24000
    time = np.arange(int(0.38 * rate)) / rate
    random = dice("fret noise")
    glide = 900 + 1500 * (time / time[-1]) ** 1.5
    turn = 2 * np.pi * np.cumsum(glide * (1 + 0.02 * random.standard_normal(len(time)))) / rate
    squeak = np.sin(turn) + 0.5 * np.sin(2 * turn) + 0.25 * np.sin(3 * turn)
    noise = engines.burst(len(time), rate, ((1500, 0.6, 60), (3500, 0.8, 56)), 5.0, random)
    shape = np.sin(np.pi * np.clip(time / time[-1], 0, 1)) ** 0.6
    return Sample((0.5 * squeak + 0.8 * noise) * shape, rate, CENTRE)


def breath(key: int) -> Sample:
    """Air blown through a closed flute."""
    rate = 22050
    time = np.arange(int(0.7 * rate)) / rate
    random = dice("breath")
    noise = engines.burst(len(time), rate, ((600, 0.5, 54), (1700, 0.6, 60), (4500, 0.7, 52)), 9.0, random)
    return Sample(noise * np.sin(np.pi * (time / time[-1]) ** 0.6) ** 1.5, rate, CENTRE)


def seashore(key: int) -> Sample:
    """Waves: noise whose brightness and loudness rise and fall once in a loop."""
    grid = _scene(1.5, 22050)
    random = dice("seashore")
    dark: tuple[Formant, ...] = ((250, 1.2, 60),)
    light: tuple[Formant, ...] = ((1800, 1.3, 58), (5000, 0.8, 52))
    surf = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(grid.frames) / grid.loop)
    low, high = engines.held_noise(grid, dark, random), engines.held_noise(grid, light, random)
    return grid.sample(low * (0.35 + 0.3 * surf) + high * (0.12 + surf**2.2))


def bird(key: int) -> Sample:
    """Chirps: quick glides around three kilohertz."""
    rate = 24000
    grid = _scene(0.9, rate)
    wave = np.zeros(grid.loop)
    random = dice("bird")
    for start, length, low, high in (
        (0.02, 0.07, 2600, 4300),
        (0.13, 0.07, 2700, 4500),
        (0.24, 0.07, 2600, 4400),
        (0.40, 0.16, 4600, 2900),
        (0.62, 0.05, 3300, 3900),
    ):
        frames = int(length * rate)
        share = np.arange(frames) / frames
        glide = low * (high / low) ** share * (1 + 0.03 * np.sin(2 * np.pi * 55 * share * length))
        turn = 2 * np.pi * np.cumsum(glide) / rate + random.uniform(0, 6)
        first = int(start * rate)
        wave[first : first + frames] += np.sin(np.pi * share) * (np.sin(turn) + 0.15 * np.sin(2 * turn))
    return _around(grid, wave)


def telephone(key: int) -> Sample:
    """Two gongs struck twenty times a second."""
    rate = 24000
    grid = _scene(0.4, rate)
    time = np.arange(grid.loop) / rate
    wave = np.zeros(grid.loop)
    for index in range(10):
        ago = (time - index * 0.04) % 0.4
        for hertz, level, decay in ((1180, 1, 0.25), (1545, 0.8, 0.25), (2960, 0.6, 0.12), (4310, 0.4, 0.08)):
            pitch = hertz * (1.0 if index % 2 else 1.26)
            wave += (
                level
                * np.exp(-6.9 * ago / decay)
                * np.sin(2 * np.pi * pitch * ago)
                * np.clip(ago / 0.0006, 0, 1)
            )
    return _around(grid, wave)


def helicopter(key: int) -> Sample:
    """Rotor blades: bursts of low noise, and the turbine behind."""
    grid = _scene(0.8, 22050)
    random = dice("helicopter")
    angle = 2 * np.pi * np.arange(grid.frames) / grid.loop
    blade = (0.5 + 0.5 * np.cos(10 * angle)) ** 5
    low = engines.held_noise(grid, ((85, 0.7, 60), (260, 0.6, 55), (900, 0.8, 44)), random)
    turbine = engines.held_noise(grid, ((1900, 0.3, 60), (420, 0.2, 52)), random)
    return grid.sample(low * (0.12 + blade) + 0.1 * turbine * (0.6 + 0.4 * blade))


def applause(key: int) -> Sample:
    """Some hundred claps at random times, in a hall."""
    rate = 24000
    grid = _scene(1.2, rate)
    random = dice("applause")
    wave = np.zeros(grid.loop)
    length = int(0.06 * rate)
    for _clap in range(420):
        centre = random.uniform(800, 2400)
        clap = engines.burst(length, rate, ((centre, 0.45, 60), (2.7 * centre, 0.5, 50)), 0.03, random)
        places = (random.randint(grid.loop) + np.arange(length)) % grid.loop
        wave[places] += clap * random.uniform(0.1, 1.0) ** 2
    return _around(grid, wave)


def gunshot(key: int) -> Sample:
    """A crack, a boom and the echo of the street."""
    rate = 26000
    frames = int(0.9 * rate)
    random = dice("gunshot")
    crack = engines.burst(frames, rate, ((1500, 1.5, 60),), 0.06, random)
    boom = engines.burst(frames, rate, ((110, 0.8, 60), (400, 1.0, 52)), 0.45, random)
    echo = engines.burst(frames, rate, ((500, 1.2, 60),), 1.2, random)
    late = np.clip(np.arange(frames) / rate / 0.08, 0, 1)
    wave = np.tanh(1.4 * (2.2 * crack + 0.9 * boom)) + 0.12 * echo * late
    return Sample(wave * np.clip(np.arange(frames)[::-1] / (0.25 * frames), 0, 1), rate, CENTRE)


def rain(key: int) -> Sample:
    """Drops: many small plinks, for the effect called rain."""
    rate = 24000
    grid = _scene(0.8, rate)
    random = dice("rain")
    wave = np.zeros(grid.loop)
    length = int(0.12 * rate)
    time = np.arange(length) / rate
    base = 440 * 2 ** ((CENTRE - 69) / 12)
    for _drop in range(30):
        pitch = base * random.choice([2, 3, 4, 6, 8])
        plink = (
            np.sin(2 * np.pi * pitch * time)
            * np.exp(-time / random.uniform(0.008, 0.03))
            * np.clip(time / 0.001, 0, 1)
        )
        places = (random.randint(grid.loop) + np.arange(length)) % grid.loop
        wave[places] += plink * random.uniform(0.2, 1)
    return _around(grid, wave)


RECIPES = {
    "reverse cymbal": reverse_cymbal,
    "fret noise": fret_noise,
    "breath": breath,
    "seashore": seashore,
    "bird": bird,
    "telephone": telephone,
    "helicopter": helicopter,
    "applause": applause,
    "gunshot": gunshot,
    "rain": rain,
}
VOICES: dict[str, Voice] = {name: Voice(partial(recipe), (CENTRE,)) for name, recipe in RECIPES.items()}
