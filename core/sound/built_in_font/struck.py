"""Voices that are struck: pianos, bars, bells, membranes.

A struck body rings in its modes: the partials of a stiff string, of a bar, of a bell or of a skin. What sets one
instrument apart is which frequencies those are, how strongly the hammer excites each, and how fast each dies.
"""

from __future__ import annotations

from functools import partial

import numpy as np

from core.sound.built_in_font import engines
from core.sound.built_in_font.engines import Formant, Wave, gain
from core.sound.built_in_font.sample import Sample, Voice, across, dice, frequency, make_grid

#: By key: stiffness of the string, fall of the partials (dB each), decay of the fundamental (s). Between the rows:
#: geometric interpolation. Orders of magnitude as measured on grand pianos.
PIANO_KEYS = np.array(
    [
        (21, 3.2e-4, 0.70, 22.0),
        (36, 1.3e-4, 1.15, 18.0),
        (48, 1.6e-4, 1.9, 14.0),
        (60, 3.8e-4, 3.3, 10.0),
        (72, 1.0e-3, 5.8, 6.0),
        (84, 3.0e-3, 10.0, 2.6),
        (96, 8.0e-3, 16.0, 1.1),
        (108, 1.8e-2, 24.0, 0.5),
    ]
)
#: The soundboard hardly moves below 100 Hz, is strongest at 200-1500 Hz and has its own small hills.
SOUNDBOARD: tuple[Formant, ...] = (
    (30, 0.9, -17),
    (190, 0.35, 2.5),
    (430, 0.3, 2),
    (1000, 0.5, 2.5),
    (2700, 0.35, -2.5),
    (5200, 0.5, -4),
)
HAMMER_KNOCK: tuple[Formant, ...] = ((110, 0.6, 60), (420, 0.6, 54), (1500, 0.9, 44))


def piano_key(key: int) -> tuple[float, float, float]:
    """Stiffness, fall per partial and decay of the fundamental of one piano key (columns of `PIANO_KEYS`)."""
    values = [np.exp(np.interp(key, PIANO_KEYS[:, 0], np.log(PIANO_KEYS[:, column]))) for column in (1, 2, 3)]
    return float(values[0]), float(values[1]), float(values[2])


def piano(
    key: int,
    *,
    hardness: float = 1.2,
    rate: int = 32000,
    lead: tuple[float, float] = (0.95, 0.2),
    loop: tuple[float, float] = (0.55, 0.12),
    sustain: float = 1.0,
    knock: float = -19.0,
    board: tuple[Formant, ...] = SOUNDBOARD,
    strike: float = 0.122,
    fundamental: float = 0.0,
) -> Sample:
    """A hammered string on a soundboard. `hardness` divides the fall of the partials."""
    grid = make_grid(key, rate, across(key, *lead), across(key, *loop))
    random = dice("piano", key)
    stiffness, fall, decay = piano_key(key)
    count = max(2, min(70, int(12000 / grid.f0)))
    number = np.arange(1, count + 1)
    frequencies = grid.f0 * number * np.sqrt((1 + stiffness * number**2) / (1 + stiffness))
    comb = np.abs(np.sin(np.pi * number * strike)) * 0.85 + 0.15
    # The felt is a low-pass whose slope grows: partials fall linearly in dB at first, more gently far up.
    steps = number - 1
    level = -fall / hardness * steps / (1 + 0.012 * steps) + 20 * np.log10(comb / comb[0])
    level += engines.formant_db(frequencies, board) + random.normal(0, 1.6, count)
    level[0] += fundamental
    damping = 1 / decay + 1.1e-7 * frequencies**2 / (1 + frequencies / 6000) / sustain
    damping += 0.045 * (number - 1) / decay
    sample = engines.modes(
        grid,
        frequencies,
        gain(level),
        sustain / damping * random.uniform(0.75, 1.2, count),
        onset=across(key, 0.0025, 0.0006),
        prompt=0.52,
        prompt_speed=3.2,
        prompt_detune=across(key, 0.3, 1.6),
        phase=1.5,
        random=random,
    )
    return engines.add_knock(sample, HAMMER_KNOCK, across(key, 0.16, 0.06), knock + across(key, 1, 7), random)


def ringing(
    key: int,
    *,
    ratios: tuple[float, ...],
    levels: tuple[float, ...],
    decays: tuple[float, ...],
    rate: int = 32000,
    lead: float = 0.2,
    loop: float = 0.06,
    keys: float = 0.5,
    knock: tuple[tuple[Formant, ...], float, float] | None = None,
    onset: float = 0.0006,
    prompt: float = 0.25,
    detune: float = 0.8,
) -> Sample:
    """A bar, a bell, a skin: modes at `ratios` of the note with `levels` (dB) and `decays` (s at middle C).

    `keys` is how much faster high notes die: decay proportional to frequency ** -keys.
    """
    faster = (frequency(key) / 261.6) ** -keys
    grid = make_grid(key, rate, max(0.06, lead * min(1.5, faster)), loop)
    random = dice("ringing", ratios, key)
    sample = engines.modes(
        grid,
        grid.f0 * np.array(ratios),
        gain(levels),
        np.array(decays) * faster,
        onset=onset,
        prompt=prompt,
        prompt_detune=detune,
        random=random,
    )
    if knock:
        formants, decay, db = knock
        sample = engines.add_knock(sample, formants, decay, db, random)
    return sample


def tines(
    key: int,
    *,
    pairs: tuple[tuple[float, float, float, float, float, float], ...],
    decay: float,
    lead: float = 0.36,
    loop: float = 0.08,
    rate: int = 26000,
    soften: float = 0.35,
    knock: tuple[tuple[Formant, ...], float, float] | None = None,
) -> Sample:
    """An electric piano by frequency modulation; `soften` is how quickly the indices shrink up the keyboard."""
    grid = make_grid(key, rate, across(key, lead * 1.2, lead * 0.5), loop)
    lower = min(1.6, (frequency(key) / 261.6) ** -soften)
    fits = [pair for pair in pairs if max(pair[0], pair[2]) * grid.f0 < 0.4 * grid.rate]
    tuned = [(c, level, m, index * lower, rest * lower, half) for c, level, m, index, rest, half in fits]
    sample = engines.fm(grid, tuned, decay * across(key, 1.5, 0.45), onset=0.0012)
    if knock:
        formants, length, db = knock
        sample = engines.add_knock(sample, formants, length, db, dice("tines", pairs, key))
    return sample


def drum_skin(
    key: int,
    *,
    ratios: tuple[float, ...],
    levels: tuple[float, ...],
    decays: tuple[float, ...],
    bend: float,
    seconds: float,
    noise: tuple[tuple[Formant, ...], float, float],
    bend_time: float = 0.06,
    rate: int = 22050,
) -> Sample:
    """A tuned drum played once: modes that start `bend` semitones sharp, and the stick's noise.

    `noise` is (formants, decay, dB).
    """
    time = np.arange(int(seconds * rate)) / rate
    random = dice("drum skin", ratios, key)
    cycles = frequency(key) * (time + (2 ** (bend / 12) - 1) * bend_time * (1 - np.exp(-time / bend_time)))
    wave: Wave = np.zeros(len(time))
    for ratio, level, decay in zip(ratios, levels, decays, strict=True):
        ring = np.exp(-engines.LN_1000 * time / decay)
        wave += gain(level) * ring * np.sin(2 * np.pi * ratio * cycles + random.uniform(0, 0.5))
    formants, decay, db = noise
    wave += gain(db) * engines.burst(len(time), rate, formants, decay, random)
    wave *= np.clip(time / 0.0015, 0, 1) * np.clip((time[-1] - time) / (0.2 * seconds), 0, 1)
    return Sample(wave, rate, key)


TAP: tuple[Formant, ...] = ((900, 0.8, 60), (3000, 0.8, 52))
SOFT_TAP: tuple[Formant, ...] = ((300, 0.8, 60), (900, 0.8, 50))
CLICK: tuple[Formant, ...] = ((4500, 0.8, 60),)

VOICES: dict[str, Voice] = {
    "grand piano": Voice(piano, tuple(range(24, 102, 7))),
    "bright piano": Voice(
        partial(piano, hardness=2.0, lead=(0.375, 0.112), loop=(0.21, 0.07), knock=-17.0, strike=0.09),
        (34, 48, 61, 74, 89),
    ),
    "electric grand": Voice(
        partial(
            piano,
            hardness=1.4,
            lead=(0.338, 0.112),
            loop=(0.175, 0.07),
            knock=-27.0,
            board=((60, 0.8, -10), (800, 0.6, 5), (2200, 0.5, 4), (6000, 0.7, -8)),
            strike=0.21,
            sustain=0.7,
        ),
        (34, 52, 70, 88),
    ),
    "tine piano": Voice(
        partial(
            tines,
            pairs=(
                (1, 1.0, 1, 1.15, 0.32, 0.12),
                (2, 0.10, 1, 0.6, 0.2, 0.1),
                (7.1, 0.10, 1, 0.0, 0.0, 1.0),
            ),
            decay=7.0,
            knock=(SOFT_TAP, 0.06, -22),
        ),
        (36, 52, 68, 84),
    ),
    "fm piano": Voice(
        partial(
            tines,
            pairs=(
                (1, 0.9, 14, 0.75, 0.03, 0.07),
                (1, 0.55, 1, 1.0, 0.55, 0.25),
                (3, 0.10, 1, 0.5, 0.1, 0.2),
            ),
            decay=8.0,
            soften=0.25,
        ),
        (36, 52, 68, 84),
    ),
    "celesta": Voice(
        partial(
            ringing,
            ratios=(1, 4.0, 2.01, 6.7, 11.0),
            levels=(0, -13, -22, -24, -30),
            decays=(3.0, 0.9, 1.5, 0.35, 0.2),
            knock=(SOFT_TAP, 0.05, -20),
            lead=0.155,
            loop=0.045,
        ),
        (58, 72, 86, 100),
    ),
    "glockenspiel": Voice(
        partial(
            ringing,
            ratios=(1, 2.756, 5.404, 8.933),
            levels=(0, -8, -12, -18),
            decays=(5.0, 2.0, 0.8, 0.4),
            knock=(CLICK, 0.02, -16),
            rate=40000,
            loop=0.038,
            lead=0.136,
        ),
        (60, 72, 84, 96),
    ),
    "music box": Voice(
        partial(
            ringing,
            ratios=(1, 2.0, 3.0, 6.27, 5.02),
            levels=(0, -10, -17, -12, -24),
            decays=(2.6, 1.4, 0.8, 0.5, 0.5),
            prompt=0.4,
            detune=1.5,
            knock=(CLICK, 0.015, -20),
            loop=0.045,
            lead=0.136,
        ),
        (54, 66, 78, 90),
    ),
    "vibraphone": Voice(
        partial(
            ringing,
            ratios=(1, 3.98, 10.0),
            levels=(0, -14, -22),
            decays=(7.0, 1.8, 0.5),
            knock=(SOFT_TAP, 0.03, -24),
            prompt=0.1,
            onset=0.0015,
            loop=0.038,
            lead=0.155,
        ),
        (48, 60, 72, 84),
    ),
    "marimba": Voice(
        partial(
            ringing,
            ratios=(1, 3.93, 9.2),
            levels=(0, -9, -17),
            decays=(1.15, 0.3, 0.12),
            keys=0.75,
            knock=(SOFT_TAP, 0.035, -13),
            prompt=0.15,
            onset=0.001,
            loop=0.038,
            lead=0.124,
        ),
        (45, 58, 71, 86),
    ),
    "xylophone": Voice(
        partial(
            ringing,
            ratios=(1, 3.0, 6.1, 9.9),
            levels=(0, -3, -8, -15),
            decays=(0.6, 0.3, 0.16, 0.1),
            keys=0.6,
            knock=(TAP, 0.02, -9),
            loop=0.03,
            lead=0.087,
        ),
        (54, 66, 78, 90),
    ),
    "tubular bell": Voice(
        partial(
            ringing,
            ratios=(1.0, 2.0, 3.01, 4.17, 5.43, 6.79, 0.5, 1.19),
            levels=(-2, 0, -1, -5, -9, -13, -14, -16),
            decays=(6.0, 7.0, 5.0, 3.2, 2.0, 1.2, 8.0, 3.0),
            keys=0.3,
            lead=0.31,
            loop=0.225,
            rate=26000,
            knock=(TAP, 0.03, -16),
        ),
        (58, 74),
    ),
    "dulcimer": Voice(
        partial(
            piano,
            hardness=1.8,
            lead=(0.3, 0.105),
            loop=(0.154, 0.056),
            knock=-15.0,
            board=((90, 0.8, -12), (600, 0.4, 4), (1800, 0.5, 4)),
            strike=0.07,
            sustain=0.6,
        ),
        (45, 58, 71, 86),
    ),
    "kalimba": Voice(
        partial(
            ringing,
            ratios=(1, 5.8, 2.0, 9.6),
            levels=(0, -15, -18, -24),
            decays=(1.3, 0.22, 0.7, 0.1),
            keys=0.4,
            knock=(TAP, 0.025, -14),
            loop=0.038,
            lead=0.124,
        ),
        (50, 65, 80),
    ),
    "tinkle bell": Voice(
        partial(
            ringing,
            ratios=(1, 2.39, 3.85, 5.66, 7.9),
            levels=(0, -3, -5, -9, -13),
            decays=(2.6, 1.9, 1.3, 0.8, 0.5),
            rate=44100,
            prompt=0.5,
            detune=6.0,
            knock=(CLICK, 0.015, -15),
            loop=0.038,
            lead=0.124,
        ),
        (63, 78, 93),
    ),
    "agogo": Voice(
        partial(
            ringing,
            ratios=(1, 1.483, 2.61, 3.83, 5.2),
            levels=(0, -5, -5, -9, -12),
            decays=(1.0, 0.7, 0.5, 0.35, 0.25),
            keys=0.4,
            knock=(CLICK, 0.02, -12),
            loop=0.045,
            lead=0.112,
        ),
        (57, 72, 87),
    ),
    "steel drum": Voice(
        partial(
            ringing,
            ratios=(1, 2.0, 3.0, 4.02, 5.1),
            levels=(0, -2, -8, -12, -18),
            decays=(1.2, 1.0, 0.6, 0.35, 0.2),
            keys=0.4,
            onset=0.006,
            prompt=0.45,
            detune=3.5,
            knock=(SOFT_TAP, 0.04, -17),
            loop=0.06,
            lead=0.155,
        ),
        (50, 65, 80),
    ),
    "woodblock": Voice(
        partial(
            ringing,
            ratios=(1, 2.42, 4.3),
            levels=(0, -5, -12),
            decays=(0.4, 0.2, 0.1),
            keys=0.2,
            knock=(TAP, 0.02, -12),
            loop=0.03,
            lead=0.05,
        ),
        (48, 60, 72, 84),
    ),
    "timpani": Voice(
        partial(
            ringing,
            ratios=(1, 1.504, 1.99, 2.44, 2.89, 3.7),
            levels=(0, -3, -7, -12, -15, -20),
            decays=(2.6, 2.0, 1.6, 1.1, 0.8, 0.5),
            keys=0.3,
            rate=22050,
            onset=0.002,
            lead=0.217,
            loop=0.188,
            knock=(((90, 0.6, 60), (250, 0.8, 54), (900, 0.9, 40)), 0.16, -6),
        ),
        (38, 48, 60),
    ),
    "taiko": Voice(
        partial(
            drum_skin,
            ratios=(1, 1.59, 2.3, 2.92),
            levels=(0, -8, -13, -17),
            decays=(1.4, 0.6, 0.35, 0.25),
            bend=3,
            seconds=0.8,
            noise=(((120, 0.8, 60), (400, 0.8, 52), (1800, 0.8, 36)), 0.15, -8),
        ),
        (40, 55),
    ),
    "melodic tom": Voice(
        partial(
            drum_skin,
            ratios=(1, 1.59, 2.14, 2.65),
            levels=(0, -7, -12, -16),
            decays=(0.75, 0.4, 0.25, 0.2),
            bend=4,
            seconds=0.7,
            noise=(((500, 0.9, 60), (2500, 0.8, 50)), 0.08, -11),
        ),
        (45, 62),
    ),
    "synth drum": Voice(
        partial(
            drum_skin,
            ratios=(1, 2.0),
            levels=(0, -16),
            decays=(0.8, 0.3),
            bend=19,
            bend_time=0.07,
            seconds=0.6,
            noise=(((3000, 1.0, 60),), 0.06, -14),
        ),
        (45, 62),
    ),
}
