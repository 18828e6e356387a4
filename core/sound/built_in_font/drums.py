"""The drum kit: one row a key, each a recipe of a few numbers.

Four recipes make nearly all of it. A *skin* is a membrane whose pitch falls as it dies, with the stick's noise. *Metal*
is a crowd of modes at unrelated frequencies, denser towards the top. A *rattle* is a train of short noises. A *bar* is
a few modes of wood or metal.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from core.sound.built_in_font import engines
from core.sound.built_in_font.engines import LN_1000, Formant, gain
from core.sound.built_in_font.sample import Sample, Wave, dice

Noise = tuple[tuple[Formant, ...], float, float]


def _times(seconds: float, rate: int) -> Wave:
    return np.arange(int(seconds * rate)) / rate


def _closed(wave: Wave, rate: int) -> Sample:
    # The end fades, so that a sound cut short by its length ends in silence.
    fade = np.clip(np.arange(len(wave))[::-1] / (0.25 * len(wave)), 0, 1)
    return Sample(wave * fade, rate, 60)


def skin(
    seconds: float,
    hertz: float,
    *,
    drop: float = 0.5,
    drop_time: float = 0.03,
    ratios: tuple[float, ...] = (1, 1.59, 2.14, 2.3),
    levels: tuple[float, ...] = (0, -8, -12, -14),
    decays: tuple[float, ...] = (0.5, 0.25, 0.2, 0.15),
    noises: tuple[Noise, ...] = (),
    drive: float = 0.0,
    rate: int = 32000,
) -> Sample:
    """A membrane that starts `drop` (share) above `hertz`; `noises` are (formants, decay, dB); `drive` saturates."""
    time = _times(seconds, rate)
    random = dice("skin", hertz, noises)
    cycles = hertz * (time + drop * drop_time * (1 - np.exp(-time / drop_time)))
    wave = np.zeros(len(time))
    for ratio, level, decay in zip(ratios, levels, decays, strict=False):
        wave += gain(level) * np.exp(-LN_1000 * time / decay) * np.sin(2 * np.pi * ratio * cycles)
    for formants, decay, db in noises:
        wave += gain(db) * engines.burst(len(time), rate, formants, decay, random)
    if drive:
        wave = np.tanh(drive * wave)
    return _closed(wave * np.clip(time / 0.0006, 0, 1), rate)


def metal(
    seconds: float,
    *,
    low: float,
    high: float = 15000.0,
    count: int = 220,
    peak: float = 5000.0,
    width: float = 1.3,
    decay: float = 2.0,
    faster: float = 0.4,
    bloom: float = 0.0,
    stick: Noise | None = None,
    wash: float = -8.0,
    tones: tuple[tuple[float, float, float], ...] = (),
    rate: int = 32000,
) -> Sample:
    """A cymbal. Modes lie between `low` and `high`, strongest about `peak`; `decay` holds at `peak`.

    Parameters
    ----------
    faster : high modes die as frequency ** -faster.
    bloom : seconds in which the high modes build up after the stroke.
    wash : dB of the noise among the modes.
    tones : single modes (Hz, dB, decay) that ring out, as of a bell.
    """
    time = _times(seconds, rate)
    random = dice("metal", low, peak, decay, count)
    high = min(high, 0.46 * rate)
    frequencies = low * (high / low) ** np.sort(random.uniform(size=count) ** 0.8)
    level = engines.formant_db(frequencies, ((peak, width, 40),)) - 40 + random.normal(0, 4, count)
    decays = decay * (frequencies / peak) ** -faster * random.uniform(0.6, 1.3, count)
    wave = np.zeros(len(time))
    for frequency, db, ring in zip(frequencies, level, decays, strict=True):
        build = bloom * np.log2(max(1.0, frequency / 800))
        grow = 1 - np.exp(-time / build) if build else 1.0
        turn = 2 * np.pi * frequency * time + random.uniform(0, 2 * np.pi)
        wave += gain(db) * grow * np.exp(-LN_1000 * time / ring) * np.sin(turn)
    wave /= np.sqrt(np.mean(wave[: len(wave) // 4] ** 2))
    grow = 1 - np.exp(-time / (2 * bloom)) if bloom else 1.0
    wave += (
        gain(wash) * grow * engines.burst(len(time), rate, ((peak * 1.3, width, 60),), decay * 0.8, random)
    )
    for frequency, db, ring in tones:
        wave += gain(db) * np.exp(-LN_1000 * time / ring) * np.sin(2 * np.pi * frequency * time + 1)
    if stick:
        formants, length, db = stick
        wave += gain(db) * engines.burst(len(time), rate, formants, length, random)
    return _closed(wave * np.clip(time / 0.0005, 0, 1), rate)


def rattle(
    seconds: float,
    formants: tuple[Formant, ...],
    *,
    strokes: tuple[tuple[float, float, float], ...],
    rise: float = 0.002,
    grain: float = 0.0,
    rate: int = 32000,
) -> Sample:
    """Noise in `strokes` (start in s, dB, decay in s), each rising in `rise`; `grain` is the share of separate grains."""
    time = _times(seconds, rate)
    random = dice("rattle", formants, strokes)
    wave = np.zeros(len(time))
    for start, db, decay in strokes:
        first = int(start * rate)
        length = len(time) - first
        noise = engines.burst(length, rate, formants, decay, random)
        if grain:
            bumps = random.uniform(size=length // 40 + 2) ** 6
            noise *= (1 - grain) + grain * 6 * np.interp(np.arange(length) / 40, np.arange(len(bumps)), bumps)
        wave[first:] += gain(db) * noise * np.clip(np.arange(length) / rate / rise, 0, 1)
    return _closed(wave, rate)


def bar(
    seconds: float,
    hertz: float,
    *,
    ratios: tuple[float, ...],
    levels: tuple[float, ...],
    decays: tuple[float, ...],
    noise: Noise | None = None,
    onset: float = 0.0004,
    rate: int = 32000,
) -> Sample:
    """A few modes of wood or metal at `ratios` of `hertz`."""
    time = _times(seconds, rate)
    random = dice("bar", hertz, ratios)
    wave = np.zeros(len(time))
    for ratio, level, decay in zip(ratios, levels, decays, strict=True):
        turn = 2 * np.pi * ratio * hertz * time + random.uniform(0, 1)
        wave += gain(level) * np.exp(-LN_1000 * time / decay) * np.sin(turn)
    if noise:
        formants, decay, db = noise
        wave += gain(db) * engines.burst(len(time), rate, formants, decay, random)
    return _closed(wave * (1 - np.exp(-time / onset)), rate)


def cuica(seconds: float, start: float, end: float, *, rate: int = 24000) -> Sample:
    """A rubbed drum: a buzzing tone that glides from `start` to `end` Hz."""
    time = _times(seconds, rate)
    glide = start * (end / start) ** np.clip(time / seconds / 0.8, 0, 1)
    turn = 2 * np.pi * np.cumsum(glide) / rate
    wave = sum(np.sin(n * turn) / n**1.2 for n in range(1, 9))
    shape = np.clip(time / 0.02, 0, 1) * np.exp(-1.5 * time / seconds)
    return _closed(engines.band(np.asarray(wave) * shape, rate, 250, 3000, 1), rate)


def whistle(seconds: float, *, rate: int = 24000) -> Sample:
    """A pea whistle: two close tones chopped by the pea, with breath."""
    time = _times(seconds, rate)
    random = dice("whistle", seconds)
    pea = 0.6 + 0.4 * np.sin(2 * np.pi * 38 * time)
    turn = 2 * np.pi * (2350 * time + 0.35 * np.sin(2 * np.pi * 38 * time))
    wave = pea * (np.sin(turn) + 0.4 * np.sin(1.21 * turn))
    wave += 0.12 * engines.burst(len(time), rate, ((3500, 0.8, 60),), 60.0, random)
    return _closed(wave * np.clip(time / 0.012, 0, 1), rate)


@dataclass(frozen=True)
class Drum:
    """One key of the kit.

    Attributes
    ----------
    recipe : callable or None
        Makes the sample; None for a drum that is another one, `like`, moved by `semitones`.
    db : float
        Loudness against the snare (maximum over 125 ms, weighted as by the ear).
    choke : int
        Drums of the same group cut each other off; 0 for none.
    pan : float
        -1 (left) to 1 (right), as the player sees the kit.
    """

    recipe: Callable[[], Sample] | None
    db: float = 0.0
    choke: int = 0
    pan: float = 0.0
    like: int = 0
    semitones: float = 0.0


BEATER: Noise = (((3200, 0.9, 60), (1200, 0.7, 56)), 0.022, -11)
WIRES: tuple[Formant, ...] = ((240, 0.5, 40), (2200, 0.9, 54), (6000, 0.8, 60))
STICK: Noise = (((900, 0.8, 56), (3500, 0.8, 60)), 0.02, -4)
SNARE_STICK: Noise = (((900, 0.9, 58), (3500, 0.9, 60)), 0.025, -9)
TOM_STICK: Noise = (((450, 0.9, 58), (2600, 0.8, 54)), 0.045, -9)
HAND: Noise = (((600, 0.7, 58), (1800, 0.7, 58)), 0.02, -6)
SLAP: Noise = (((1500, 0.6, 60), (3500, 0.7, 56)), 0.05, 0)
HATS: dict[str, Any] = {"low": 1800.0, "peak": 8500.0, "width": 0.75, "wash": 2.0}
PING: Noise = (((6500, 0.7, 60), (2500, 0.8, 52)), 0.03, 7)


def tom(hertz: float) -> Callable[[], Sample]:
    """The tom tuned to `hertz`; larger ones ring longer."""
    longer = (110 / hertz) ** 0.4
    return partial(
        skin,
        0.75 * longer,
        hertz,
        drop=0.35,
        drop_time=0.05,
        decays=(0.9 * longer, 0.4, 0.28, 0.2),
        levels=(0, -7, -12, -15),
        noises=(TOM_STICK,),
        rate=22050,
    )


crash = partial(metal, 1.45, low=320, peak=4200, width=1.25, decay=4.2, bloom=0.006, wash=-3, rate=26000)
ride = partial(
    metal,
    0.9,
    low=420,
    peak=5200,
    width=1.0,
    decay=2.6,
    faster=0.2,
    wash=-12,
    stick=PING,
    count=120,
    rate=26000,
)

KIT: dict[int, Drum] = {
    35: Drum(
        partial(
            skin,
            0.42,
            44,
            drop=2.4,
            drop_time=0.018,
            ratios=(1, 1.8),
            levels=(0, -16),
            decays=(0.5, 0.12),
            noises=((((1400, 0.9, 60),), 0.02, -16),),
            drive=1.2,
            rate=24000,
        ),
        0.0,
    ),
    36: Drum(
        partial(
            skin,
            0.38,
            52,
            drop=2.8,
            drop_time=0.016,
            ratios=(1, 1.8),
            levels=(0, -14),
            decays=(0.42, 0.1),
            noises=(BEATER,),
            drive=1.6,
            rate=30000,
        ),
        0.5,
    ),
    37: Drum(
        partial(
            bar,
            0.14,
            430,
            ratios=(1, 1.74, 3.9, 6.2),
            levels=(-6, 0, -5, -9),
            decays=(0.1, 0.07, 0.05, 0.03),
            noise=STICK,
        ),
        -4.0,
    ),
    38: Drum(
        partial(
            skin,
            0.34,
            182,
            drop=0.35,
            drop_time=0.012,
            ratios=(1, 1.78, 2.4),
            levels=(0, -5, -11),
            decays=(0.28, 0.16, 0.1),
            noises=((WIRES, 0.26, -7), SNARE_STICK),
            drive=1.1,
        ),
        0.0,
    ),
    39: Drum(
        partial(
            rattle,
            0.3,
            ((1150, 0.6, 60), (2600, 0.8, 55)),
            strokes=((0.0, -3, 0.03), (0.011, -3, 0.03), (0.023, 0, 0.22)),
            rise=0.0007,
        ),
        -2.0,
    ),
    40: Drum(
        partial(
            skin,
            0.26,
            225,
            drop=0.3,
            drop_time=0.01,
            ratios=(1, 1.62, 2.7),
            levels=(0, -3, -8),
            decays=(0.17, 0.1, 0.07),
            noises=((((1800, 0.7, 56), (5000, 0.9, 60)), 0.2, -4), SNARE_STICK),
            drive=1.3,
        ),
        0.0,
    ),
    41: Drum(tom(78), -0.5, pan=0.5),
    42: Drum(
        partial(metal, 0.12, **HATS, decay=0.11, count=110, stick=(((9000, 0.6, 60),), 0.012, 2)),
        -6.0,
        1,
        -0.3,
    ),
    43: Drum(None, pan=0.35, like=41, semitones=2.85),
    44: Drum(partial(metal, 0.1, **HATS, decay=0.085, count=111, bloom=0.002), -9.0, 1, -0.3),
    45: Drum(None, pan=0.15, like=47, semitones=-3.35),
    46: Drum(
        partial(metal, 0.8, **HATS, decay=1.4, count=112, stick=(((9000, 0.6, 60),), 0.015, 2)), -4.5, 1, -0.3
    ),
    47: Drum(tom(136), -0.5, pan=-0.05),
    48: Drum(None, pan=-0.2, like=50, semitones=-3.35),
    49: Drum(partial(crash, stick=(((3000, 1.0, 60),), 0.05, 3)), -1.5, pan=-0.4),
    50: Drum(tom(200), -0.5, pan=-0.35),
    51: Drum(ride, -5.5, pan=0.4),
    52: Drum(
        partial(
            metal, 0.9, low=260, peak=3000, width=1.1, decay=2.2, bloom=0.003, wash=2, count=150, rate=26000
        ),
        -2.0,
        pan=0.45,
    ),
    53: Drum(
        partial(
            metal,
            0.8,
            low=1500,
            peak=5000,
            width=0.9,
            decay=0.8,
            count=40,
            wash=-14,
            tones=((790, 6, 1.6), (1180, 4, 1.4), (1985, 5, 1.1), (3010, 4, 0.9), (4420, 2, 0.6)),
            stick=PING,
            rate=26000,
        ),
        -4.0,
        pan=0.4,
    ),
    54: Drum(
        partial(
            metal,
            0.36,
            low=3800,
            high=13000,
            count=48,
            peak=7500,
            width=0.7,
            decay=0.5,
            wash=-4,
            bloom=0.004,
            stick=(((600, 0.8, 60), (1800, 0.7, 54)), 0.03, -6),
        ),
        -4.5,
    ),
    55: Drum(
        partial(metal, 0.6, low=600, peak=6500, width=1.0, decay=0.75, wash=-1, count=140), -2.5, pan=-0.15
    ),
    56: Drum(
        partial(
            bar,
            0.34,
            562,
            ratios=(1, 1.503, 2.6, 3.7, 4.5),
            levels=(0, -1, -8, -9, -14),
            decays=(0.32, 0.26, 0.13, 0.1, 0.08),
            noise=(((3500, 0.8, 60),), 0.012, -6),
        ),
        -4.0,
    ),
    57: Drum(None, pan=0.45, like=49, semitones=2.4),
    58: Drum(
        partial(
            rattle,
            0.7,
            ((2400, 0.25, 60), (3700, 0.2, 57), (1200, 0.3, 46)),
            strokes=tuple((0.02 + i * 0.0215 + 0.00028 * i * i, -0.9 * i, 0.018) for i in range(20)),
            rise=0.0004,
        ),
        -6.0,
    ),
    59: Drum(None, pan=-0.35, like=51, semitones=2.2),
    60: Drum(
        partial(skin, 0.22, 395, drop=0.12, decays=(0.17, 0.1, 0.08, 0.06), noises=(HAND,)), -3.0, pan=-0.3
    ),
    61: Drum(
        partial(skin, 0.32, 270, drop=0.12, decays=(0.28, 0.14, 0.1, 0.08), noises=(HAND,)), -3.0, pan=-0.3
    ),
    62: Drum(
        partial(skin, 0.15, 330, drop=0.1, decays=(0.07, 0.05, 0.04, 0.03), noises=(SLAP,)), -4.0, pan=0.3
    ),
    63: Drum(
        partial(skin, 0.36, 245, drop=0.08, decays=(0.32, 0.14, 0.1, 0.08), noises=(HAND,)), -3.0, pan=0.3
    ),
    64: Drum(
        partial(skin, 0.42, 172, drop=0.08, decays=(0.4, 0.16, 0.12, 0.1), noises=(HAND,)), -3.0, pan=0.3
    ),
    65: Drum(
        partial(
            skin,
            0.4,
            350,
            drop=0.06,
            ratios=(1, 1.6, 2.15, 2.9, 3.8),
            levels=(0, -3, -5, -8, -11),
            decays=(0.35, 0.25, 0.2, 0.16, 0.12),
            noises=(STICK,),
        ),
        -3.0,
        pan=-0.25,
    ),
    66: Drum(
        partial(
            skin,
            0.45,
            238,
            drop=0.06,
            ratios=(1, 1.6, 2.15, 2.9, 3.8),
            levels=(0, -3, -5, -8, -11),
            decays=(0.42, 0.28, 0.22, 0.16, 0.12),
            noises=(STICK,),
        ),
        -3.0,
        pan=-0.25,
    ),
    67: Drum(
        partial(
            bar,
            0.4,
            905,
            ratios=(1, 1.52, 2.63, 4.1),
            levels=(0, -4, -3, -7),
            decays=(0.4, 0.28, 0.2, 0.12),
            noise=(((5000, 0.7, 60),), 0.01, -8),
        ),
        -5.0,
        pan=0.35,
    ),
    68: Drum(
        partial(
            bar,
            0.45,
            668,
            ratios=(1, 1.52, 2.63, 4.1),
            levels=(0, -4, -3, -7),
            decays=(0.45, 0.3, 0.2, 0.12),
            noise=(((5000, 0.7, 60),), 0.01, -8),
        ),
        -5.0,
        pan=0.35,
    ),
    69: Drum(
        partial(
            rattle,
            0.16,
            ((5200, 0.6, 60), (8500, 0.5, 57)),
            strokes=((0.0, -6, 0.05), (0.03, 0, 0.1)),
            rise=0.02,
            grain=0.3,
        ),
        -6.5,
        pan=-0.4,
    ),
    70: Drum(
        partial(
            rattle, 0.1, ((6500, 0.5, 60), (9500, 0.4, 56)), strokes=((0.0, 0, 0.07),), rise=0.012, grain=0.4
        ),
        -7.0,
        pan=0.4,
    ),
    71: Drum(partial(whistle, 0.16), -8.0, 2),
    72: Drum(partial(whistle, 0.55), -8.0, 2),
    73: Drum(
        partial(
            rattle,
            0.14,
            ((2600, 0.35, 60), (5200, 0.4, 55)),
            strokes=tuple((i * 0.011, -6 + i * 0.6, 0.013) for i in range(10)),
            rise=0.0004,
        ),
        -5.5,
        3,
    ),
    74: Drum(
        partial(
            rattle,
            0.5,
            ((2400, 0.35, 60), (4900, 0.4, 55)),
            strokes=tuple((i * 0.0165 + 0.0001 * i * i, -5 + 5 * np.sin(i / 7.5), 0.014) for i in range(25)),
            rise=0.0004,
        ),
        -5.5,
        3,
    ),
    75: Drum(
        partial(
            bar,
            0.12,
            2480,
            ratios=(1, 1.43, 2.7),
            levels=(0, -12, -16),
            decays=(0.09, 0.05, 0.03),
            noise=(((2500, 0.6, 60),), 0.005, -8),
        ),
        -4.5,
        pan=0.2,
    ),
    76: Drum(
        partial(
            bar,
            0.13,
            1080,
            ratios=(1, 1.55, 2.6),
            levels=(0, -6, -10),
            decays=(0.08, 0.05, 0.04),
            noise=(((1500, 0.6, 60),), 0.008, -6),
        ),
        -4.0,
        pan=0.3,
    ),
    77: Drum(
        partial(
            bar,
            0.15,
            790,
            ratios=(1, 1.55, 2.6),
            levels=(0, -6, -10),
            decays=(0.1, 0.06, 0.04),
            noise=(((1100, 0.6, 60),), 0.008, -6),
        ),
        -4.0,
        pan=0.3,
    ),
    78: Drum(partial(cuica, 0.22, 620, 880), -5.0, 4, -0.3),
    79: Drum(partial(cuica, 0.34, 520, 330), -5.0, 4, -0.3),
    80: Drum(
        partial(
            bar,
            0.1,
            1720,
            ratios=(1, 2.58, 4.02, 5.4),
            levels=(-6, -2, 0, -4),
            decays=(0.1, 0.08, 0.07, 0.05),
            noise=(((7000, 0.6, 60),), 0.008, -6),
            rate=36000,
        ),
        -7.0,
        5,
        0.3,
    ),
    81: Drum(
        partial(
            bar,
            0.85,
            1720,
            ratios=(1, 2.58, 2.591, 4.02, 4.03, 5.4, 7.1),
            levels=(-8, -4, -7, 0, -4, -3, -8),
            decays=(1.4, 1.6, 1.5, 1.5, 1.3, 1.0, 0.7),
            noise=(((7000, 0.6, 60),), 0.008, -6),
            rate=32000,
        ),
        -6.5,
        5,
        0.3,
    ),
}
