"""Voices that are bowed, blown or sung: what holds as long as the player wants.

A reed, lips, a bow or the vocal folds make a rich harmonic source; the body, the bell or the mouth is a set of formants
that stay where they are while the notes move. Breath and bow noise go with it.
"""

from __future__ import annotations

from functools import partial

import numpy as np

from core.sound.built_in_font import engines
from core.sound.built_in_font.engines import Formant, gain
from core.sound.built_in_font.sample import Sample, Voice, across, dice, make_grid


def solo(
    key: int,
    *,
    tilt: float = 1.0,
    formants: tuple[Formant, ...] = (),
    corner: float = 5000.0,
    slope: float = 6.0,
    low: float = 0.0,
    even: float = 0.0,
    levels: tuple[float, ...] = (),
    rough: float = 0.8,
    rise: float = 0.05,
    spread: float = 0.0,
    overshoot: float = 0.0,
    shimmer: float = 0.08,
    breath: tuple[tuple[Formant, ...], float, float, float] | None = None,
    lead: float = 0.1,
    loop: tuple[float, float] = (0.15, 0.1),
    rate: int = 23000,
    track: float = 0.0,
) -> Sample:
    """One wind or bowed instrument.

    Parameters
    ----------
    tilt : fall of the harmonics as a power of their number.
    corner, slope : low-pass (Hz, dB per octave); `track` moves it with the key (1: with the note).
    low : high-pass corner in Hz below which the instrument cannot radiate.
    even : dB taken from the even harmonics (closed pipes).
    levels : dB of the first harmonics, added.
    breath : noise as (formants, dB below the tone, gain of its burst at the start, seconds of that burst).
    """
    grid = make_grid(key, rate, lead, across(key, *loop))
    random = dice("solo", formants, corner, levels, key)
    number = engines.harmonics(grid, 12_000)
    frequencies = number * grid.f0
    level = -20 * tilt * np.log10(number) + engines.formant_db(frequencies, formants)
    level += engines.lowpass_db(frequencies, corner * (grid.f0 / 440) ** track, slope)
    if low:
        level += engines.highpass_db(frequencies, low, 12)
    level -= np.where(number % 2 == 0, even, 0.0)
    count = min(len(levels), len(number))
    level[:count] += levels[:count]
    level += random.normal(0, rough, len(number))
    kept = level > np.max(level) - 75
    wave = engines.held_harmonics(
        grid,
        gain(np.where(kept, level, -200)),
        rise=min(rise, lead),
        spread=spread,
        overshoot=overshoot,
        shimmer=shimmer,
        random=random,
    )
    if breath:
        noise, db, start, fall = breath
        tone = np.sqrt(np.mean(wave[grid.lead :] ** 2))
        wave += tone * gain(db) * engines.held_noise(grid, noise, random) * engines.swell(grid, start, fall)
    return grid.sample(wave)


def section(
    key: int,
    *,
    tilt: float = 1.0,
    formants: tuple[Formant, ...] = (),
    corner: float = 5000.0,
    slope: float = 6.0,
    low: float = 0.0,
    even: float = 0.0,
    cents: float = 9.0,
    ratios: tuple[tuple[float, float], ...] = ((1.0, 0.0),),
    noise: tuple[tuple[Formant, ...], float] | None = None,
    loop: float = 0.8,
    rate: int = 22050,
    rough: float = 1.0,
    highest: float = 9000.0,
) -> Sample:
    """Many players or singers at once, as bands `cents` wide. `ratios`: (ratio, dB) of ranks sounding together."""
    grid = make_grid(key, rate, 0.0, loop)
    random = dice("section", formants, corner, cents, key)
    number = engines.harmonics(grid, highest)
    partials, levels = [], []
    for ratio, db in ratios:
        frequencies = number * grid.f0 * ratio
        level = db - 20 * tilt * np.log10(number) + engines.formant_db(frequencies, formants)
        level += engines.lowpass_db(frequencies, corner, slope) + random.normal(0, rough, len(number))
        if low:
            level += engines.highpass_db(frequencies, low, 12)
        level -= np.where(number % 2 == 0, even, 0.0)
        fits = frequencies < min(highest, engines.HIGHEST * grid.rate)
        partials.append((number * ratio)[fits])
        levels.append(level[fits])
    wave = engines.pad_loop(grid, np.concatenate(partials), gain(np.concatenate(levels)), cents, random)
    if noise:
        shape, db = noise
        wave += np.sqrt(np.mean(wave**2)) * gain(db) * engines.held_noise(grid, shape, random)
    return grid.sample(wave)


def drawbars(
    key: int,
    *,
    ranks: tuple[tuple[float, float], ...],
    click: float = 0.0,
    tilt: float = 0.0,
    corner: float = 7000.0,
    loop: float = 0.08,
    lead: float = 0.03,
    rate: int = 24000,
    shimmer: float = 0.0,
    chiff: tuple[tuple[Formant, ...], float, float, float] | None = None,
    rise: float = 0.006,
) -> Sample:
    """Organ pipes or tone wheels: `ranks` are (ratio, dB). `click` is the level of the key contact."""
    grid = make_grid(key, rate, lead, loop)
    random = dice("drawbars", ranks, key)
    ratios = np.array([ratio for ratio, _ in ranks])
    levels = np.array([db for _, db in ranks]) + engines.lowpass_db(ratios * grid.f0, corner, 12)
    fits = ratios * grid.f0 < engines.HIGHEST * grid.rate
    angle = 2 * np.pi * np.arange(grid.frames) / grid.loop
    time = grid.seconds()
    wave = np.zeros(grid.frames)
    for ratio, level in zip(ratios[fits], levels[fits], strict=True):
        bin_ = int(grid.bins(np.array(ratio * grid.f0)))
        swell = 1 + shimmer * np.sin(random.randint(1, 3) * angle + random.uniform(0, 6))
        wave += gain(level) * swell * np.sin(bin_ * angle + random.uniform(0, 2 * np.pi))
    wave *= 0.5 - 0.5 * np.cos(np.pi * np.clip(time / rise, 0, 1))
    tone = np.sqrt(np.mean(wave[grid.lead :] ** 2))
    if click:
        noise = engines.burst(grid.lead, grid.rate, ((2500, 1.0, 60),), 0.012, random)
        wave[: grid.lead] += click * tone * noise * np.clip(4 * (1 - time[: grid.lead] / lead), 0, 1)
    if chiff:
        shape, db, start, fall = chiff
        wave += tone * gain(db) * engines.held_noise(grid, shape, random) * engines.swell(grid, start, fall)
    return grid.sample(wave)


VIOLIN_BODY: tuple[Formant, ...] = (
    (200, 0.4, -10),
    (275, 0.12, 5),
    (460, 0.15, 6),
    (560, 0.12, 5),
    (800, 0.2, -3),
    (1150, 0.25, 3),
    (1600, 0.2, -3),
    (2600, 0.4, 8),
    (5500, 0.6, -8),
)
VIOLA_BODY: tuple[Formant, ...] = (
    (130, 0.4, -8),
    (220, 0.15, 6),
    (370, 0.18, 6),
    (620, 0.2, -3),
    (900, 0.25, 5),
    (1900, 0.4, 5),
    (4000, 0.7, -9),
)
CELLO_BODY: tuple[Formant, ...] = (
    (60, 0.5, -8),
    (105, 0.2, 5),
    (190, 0.2, 6),
    (320, 0.25, 2),
    (480, 0.25, -3),
    (700, 0.3, 4),
    (1500, 0.5, 5),
    (3500, 0.7, -8),
)
BASS_BODY: tuple[Formant, ...] = (
    (35, 0.4, -8),
    (65, 0.25, 5),
    (110, 0.25, 5),
    (230, 0.3, 2),
    (500, 0.5, 3),
    (1100, 0.5, 0),
    (2500, 0.8, -10),
)
BOW: tuple[Formant, ...] = ((900, 0.9, 52), (2800, 0.8, 60), (6000, 0.8, 52))
AIR: tuple[Formant, ...] = ((700, 0.8, 52), (2200, 1.0, 60), (6000, 0.9, 55))
REED_AIR: tuple[Formant, ...] = ((1500, 0.8, 58), (4000, 0.8, 60))
AAH: tuple[Formant, ...] = ((250, 0.6, -3), (780, 0.28, 13), (1180, 0.2, 11), (2750, 0.2, 7), (3400, 0.25, 5))
OOH: tuple[Formant, ...] = ((360, 0.4, 14), (720, 0.25, 6), (2500, 0.3, -6), (1600, 0.4, -10))
SYNTH_VOWEL: tuple[Formant, ...] = ((420, 0.3, 12), (1650, 0.18, 12), (2600, 0.2, 10), (900, 0.3, -6))
FULL_ORGAN = tuple((ratio, -0.5 * i) for i, ratio in enumerate((0.5, 1.0, 1.5, 2.0, 3.0, 4.0, 5.0, 6.0, 8.0)))
PIPES = tuple(
    (rank * n, rank_db - 20 * np.log10(n) * 1.15)
    for rank, rank_db in ((0.5, -7), (1, 0), (2, -2), (4, -6), (3, -11), (6, -13), (8, -11))
    for n in range(1, 7)
)

VOICES: dict[str, Voice] = {
    "violin": Voice(
        partial(
            solo,
            formants=VIOLIN_BODY,
            corner=4200,
            slope=9,
            rough=2.2,
            rise=0.09,
            spread=0.03,
            breath=(BOW, -27, 3.0, 0.1),
            low=190,
            rate=26000,
        ),
        (55, 62, 69, 76, 84, 93),
    ),
    "viola": Voice(
        partial(
            solo,
            formants=VIOLA_BODY,
            corner=3200,
            slope=9,
            rough=2.2,
            rise=0.1,
            spread=0.03,
            breath=(BOW, -28, 3.0, 0.1),
        ),
        (48, 57, 66, 75, 86),
    ),
    "cello": Voice(
        partial(
            solo,
            formants=CELLO_BODY,
            corner=2600,
            slope=9,
            rough=2.0,
            rise=0.1,
            spread=0.04,
            breath=(BOW, -29, 3.0, 0.12),
            rate=24000,
        ),
        (36, 45, 54, 63, 75),
    ),
    "contrabass": Voice(
        partial(
            solo,
            formants=BASS_BODY,
            corner=1500,
            slope=10,
            rough=2.0,
            rise=0.12,
            spread=0.04,
            breath=(BOW, -30, 3.0, 0.14),
            rate=22050,
            lead=0.16,
        ),
        (28, 38, 48, 60),
    ),
    "fiddle": Voice(
        partial(
            solo,
            formants=VIOLIN_BODY,
            corner=6500,
            slope=7,
            tilt=0.75,
            rough=3.0,
            rise=0.035,
            breath=(BOW, -19, 4.0, 0.08),
            low=230,
            rate=26000,
            levels=(-4.0,),
        ),
        (55, 65, 76, 88),
    ),
    "string section": Voice(
        partial(
            section,
            formants=((110, 0.5, -5), (280, 0.4, 3), (520, 0.35, 4), (1100, 0.4, 1), (2500, 0.5, 4)),
            corner=3000,
            slope=9,
            cents=7.5,
            noise=(BOW, -33),
            loop=0.95,
            highest=9500,
        ),
        (31, 42, 52, 62, 73, 85),
    ),
    "choir aah": Voice(
        partial(
            section,
            tilt=1.05,
            formants=AAH,
            corner=3600,
            slope=12,
            cents=8.0,
            noise=(AIR, -30),
            loop=0.72,
            highest=8000,
        ),
        (42, 51, 60, 69, 80),
    ),
    "choir ooh": Voice(
        partial(
            section,
            tilt=1.5,
            formants=OOH,
            corner=1800,
            slope=14,
            cents=8.0,
            noise=(AIR, -33),
            loop=0.62,
            highest=5000,
        ),
        (45, 57, 69, 82),
    ),
    "synth vowel": Voice(
        partial(
            section, tilt=0.7, formants=SYNTH_VOWEL, corner=4200, slope=16, cents=4.0, loop=0.4, highest=8000
        ),
        (42, 54, 66, 78),
    ),
    "brass section": Voice(
        partial(
            section,
            tilt=0.35,
            formants=((550, 0.7, 4), (1300, 0.6, 5)),
            corner=1900,
            slope=13,
            cents=5.0,
            loop=0.36,
            highest=10000,
            rate=24000,
        ),
        (40, 49, 58, 67, 78),
    ),
    "trumpet": Voice(
        partial(
            solo,
            tilt=0.12,
            formants=((1250, 0.55, 7), (350, 0.6, -3)),
            corner=2300,
            slope=13,
            rise=0.03,
            spread=0.055,
            overshoot=0.18,
            shimmer=0.05,
            breath=(REED_AIR, -38, 5.0, 0.06),
            rate=26000,
        ),
        (54, 62, 70, 78, 87),
    ),
    "trombone": Voice(
        partial(
            solo,
            tilt=0.2,
            formants=((560, 0.6, 6), (1700, 0.6, 2)),
            corner=1300,
            slope=12,
            rise=0.04,
            spread=0.065,
            overshoot=0.12,
            shimmer=0.05,
            breath=(REED_AIR, -40, 5.0, 0.06),
            rate=24000,
        ),
        (40, 49, 58, 67, 78),
    ),
    "tuba": Voice(
        partial(
            solo,
            tilt=0.4,
            formants=((240, 0.7, 6),),
            corner=520,
            slope=12,
            rise=0.05,
            spread=0.05,
            overshoot=0.1,
            shimmer=0.05,
            breath=(AIR, -38, 4.0, 0.08),
            rate=22050,
        ),
        (28, 38, 48, 60),
    ),
    "muted trumpet": Voice(
        partial(
            solo,
            tilt=0.0,
            formants=((1900, 0.4, 13), (700, 0.5, -6), (4500, 0.5, 4)),
            corner=4500,
            slope=12,
            low=500,
            rise=0.025,
            spread=0.03,
            overshoot=0.15,
            rate=26000,
            breath=(REED_AIR, -34, 3.0, 0.05),
        ),
        (56, 65, 74, 84),
    ),
    "french horn": Voice(
        partial(
            solo,
            tilt=0.45,
            formants=((400, 0.7, 6), (800, 0.5, 3)),
            corner=850,
            slope=13,
            rise=0.06,
            spread=0.07,
            overshoot=0.08,
            shimmer=0.05,
            breath=(AIR, -40, 4.0, 0.08),
            rate=22050,
        ),
        (41, 50, 59, 68, 78),
    ),
    "soprano sax": Voice(
        partial(
            solo,
            tilt=0.6,
            formants=((900, 0.4, 6), (2400, 0.5, 5)),
            corner=4200,
            slope=11,
            levels=(0, 2, 0),
            rise=0.04,
            breath=(REED_AIR, -31, 4.0, 0.07),
            rate=26000,
        ),
        (56, 65, 74, 84),
    ),
    "alto sax": Voice(
        partial(
            solo,
            tilt=0.65,
            formants=((560, 0.35, 5), (1450, 0.4, 7), (3300, 0.5, 4)),
            corner=3200,
            slope=11,
            rough=1.8,
            rise=0.04,
            overshoot=0.1,
            breath=(REED_AIR, -28, 4.0, 0.08),
            rate=25000,
        ),
        (49, 57, 65, 74, 84),
    ),
    "tenor sax": Voice(
        partial(
            solo,
            tilt=0.6,
            formants=((420, 0.4, 6), (1050, 0.4, 6), (2600, 0.5, 5)),
            corner=2500,
            slope=11,
            rough=2.0,
            rise=0.04,
            overshoot=0.1,
            breath=(REED_AIR, -25, 4.0, 0.09),
        ),
        (44, 53, 62, 72, 82),
    ),
    "baritone sax": Voice(
        partial(
            solo,
            tilt=0.4,
            formants=((260, 0.4, 5), (750, 0.4, 7), (1800, 0.5, 5)),
            corner=1900,
            slope=11,
            rough=2.2,
            rise=0.04,
            overshoot=0.12,
            breath=(REED_AIR, -26, 4.0, 0.09),
            rate=24000,
        ),
        (36, 46, 56, 68),
    ),
    "oboe": Voice(
        partial(
            solo,
            tilt=0.35,
            formants=((1150, 0.32, 12), (2900, 0.3, 9), (600, 0.4, -2)),
            corner=4200,
            slope=14,
            levels=(-7, -1, 1),
            rise=0.03,
            shimmer=0.04,
            breath=(REED_AIR, -40, 3.0, 0.05),
            rate=25000,
        ),
        (58, 66, 74, 82, 91),
    ),
    "english horn": Voice(
        partial(
            solo,
            tilt=0.55,
            formants=((930, 0.3, 12), (2300, 0.35, 5)),
            corner=2600,
            slope=14,
            levels=(-3, 0, 1),
            rise=0.045,
            shimmer=0.04,
            breath=(REED_AIR, -40, 3.0, 0.05),
        ),
        (52, 61, 70, 80),
    ),
    "bassoon": Voice(
        partial(
            solo,
            tilt=0.55,
            formants=((460, 0.32, 13), (1200, 0.3, 7), (2300, 0.4, 3)),
            corner=1800,
            slope=13,
            levels=(-6, -2, 0),
            rise=0.035,
            shimmer=0.06,
            breath=(REED_AIR, -38, 3.0, 0.05),
            rate=22050,
        ),
        (34, 43, 52, 61, 72),
    ),
    "clarinet": Voice(
        partial(
            solo,
            tilt=0.75,
            even=24.0,
            formants=((1500, 0.5, 6), (3500, 0.4, 3)),
            corner=3000,
            slope=12,
            rise=0.045,
            shimmer=0.03,
            breath=(REED_AIR, -40, 3.0, 0.06),
            rate=26000,
        ),
        (50, 59, 68, 77, 88),
    ),
    "piccolo": Voice(
        partial(
            solo,
            tilt=1.5,
            corner=5000,
            slope=8,
            levels=(0, -3, -6),
            rise=0.035,
            shimmer=0.05,
            breath=(((2500, 0.7, 56), (6000, 0.9, 60)), -25, 3.5, 0.07),
            rate=30000,
        ),
        (76, 88, 100),
    ),
    "flute": Voice(
        partial(
            solo,
            tilt=1.0,
            formants=((700, 0.6, 3),),
            corner=1900,
            slope=10,
            levels=(0, 0, -1, -5, -4, -8),
            rise=0.06,
            spread=0.02,
            shimmer=0.12,
            rough=1.5,
            breath=(AIR, -25, 4.5, 0.11),
            rate=25000,
            loop=(0.306, 0.238),
        ),
        (60, 68, 76, 84, 94),
    ),
    "recorder": Voice(
        partial(
            solo,
            tilt=1.4,
            even=9.0,
            corner=4000,
            slope=9,
            levels=(0, -6, 2),
            rise=0.025,
            shimmer=0.03,
            breath=(((1800, 0.8, 60), (5000, 0.7, 54)), -31, 6.0, 0.05),
        ),
        (62, 72, 82, 92),
    ),
    "pan flute": Voice(
        partial(
            solo,
            tilt=1.4,
            even=16.0,
            corner=2500,
            slope=10,
            levels=(0, -6, 0),
            rise=0.05,
            shimmer=0.08,
            breath=(((900, 0.7, 58), (2500, 0.9, 60)), -15, 6.0, 0.1),
            loop=(0.272, 0.238),
        ),
        (55, 65, 75, 86),
    ),
    "blown bottle": Voice(
        partial(
            solo,
            tilt=2.6,
            corner=1500,
            slope=12,
            levels=(0, -10),
            rise=0.07,
            shimmer=0.05,
            breath=(((500, 0.6, 60), (1500, 1.0, 52)), -11, 2.5, 0.1),
            rate=22050,
            loop=(0.272, 0.238),
        ),
        (50, 62, 74, 86),
    ),
    "shakuhachi": Voice(
        partial(
            solo,
            tilt=0.9,
            formants=((1300, 0.5, 4),),
            corner=2600,
            slope=10,
            levels=(0, 1, -4, -3),
            rise=0.06,
            spread=0.04,
            overshoot=0.2,
            shimmer=0.22,
            rough=2.5,
            breath=(((1400, 0.9, 60), (5000, 0.9, 56)), -14, 7.0, 0.12),
            loop=(0.272, 0.238),
        ),
        (55, 65, 75, 86),
    ),
    "whistle": Voice(
        partial(
            solo,
            tilt=4.0,
            levels=(0, -18),
            rise=0.04,
            shimmer=0.03,
            breath=(((2500, 0.6, 60), (5000, 0.6, 54)), -28, 2.0, 0.06),
            rate=24000,
            loop=(0.17, 0.136),
        ),
        (67, 79, 91),
    ),
    "ocarina": Voice(
        partial(
            solo,
            tilt=2.4,
            levels=(0, -12, -4),
            rise=0.035,
            shimmer=0.03,
            breath=(((900, 0.6, 60), (1800, 0.6, 52)), -24, 3.0, 0.06),
            rate=22050,
            loop=(0.17, 0.136),
        ),
        (60, 71, 82, 93),
    ),
    "drawbar organ": Voice(
        partial(drawbars, ranks=((0.5, 0), (1, 0), (1.5, 0), (2, -9), (3, -14), (4, -12)), click=0.5),
        (36, 48, 60, 72, 84),
    ),
    "percussive organ": Voice(
        partial(drawbars, ranks=((0.5, -2), (1, 0), (1.5, -3)), click=0.7), (36, 48, 60, 72, 84)
    ),
    "organ percussion": Voice(partial(drawbars, ranks=((3, 0), (2, -3)), click=0.6), (36, 48, 60, 72)),
    "rock organ": Voice(
        partial(drawbars, ranks=FULL_ORGAN, click=0.6, shimmer=0.25, loop=0.16), (36, 46, 56, 66, 76, 86)
    ),
    "church organ": Voice(
        partial(
            drawbars,
            ranks=PIPES,
            shimmer=0.1,
            loop=0.22,
            lead=0.07,
            rise=0.05,
            rate=26000,
            chiff=(((1200, 0.8, 60), (4000, 0.8, 52)), -34, 5.0, 0.07),
        ),
        (36, 48, 60, 72, 84),
    ),
    "reed organ": Voice(
        partial(
            solo,
            tilt=0.7,
            formants=((450, 0.6, 4), (1600, 0.5, 3)),
            corner=2600,
            slope=11,
            rise=0.07,
            shimmer=0.03,
            lead=0.1,
            loop=(0.082, 0.068),
            breath=(AIR, -38, 2.0, 0.08),
        ),
        (41, 55, 69, 84),
    ),
    "accordion": Voice(
        partial(
            section,
            tilt=0.5,
            formants=((900, 0.5, 4), (2400, 0.5, 5)),
            corner=3400,
            slope=13,
            cents=0.3,
            ratios=((1.0, 0), (1.0065, -3), (0.9935, -3), (0.5, -7)),
            loop=0.6,
            rough=0.5,
        ),
        (45, 57, 69, 82),
    ),
    "harmonica": Voice(
        partial(
            solo,
            tilt=0.35,
            formants=((750, 0.4, 4), (2100, 0.4, 7), (1300, 0.25, -4)),
            corner=3800,
            slope=14,
            levels=(-3, 0, 2),
            rise=0.04,
            shimmer=0.12,
            breath=(AIR, -29, 4.0, 0.08),
            rate=25000,
        ),
        (55, 66, 77, 88),
    ),
    "bandoneon": Voice(
        partial(
            solo,
            tilt=0.45,
            formants=((620, 0.45, 6), (1500, 0.5, 2), (3000, 0.4, 3)),
            corner=2400,
            slope=12,
            even=3.0,
            rise=0.045,
            shimmer=0.06,
            breath=(AIR, -36, 3.0, 0.06),
            lead=0.1,
            loop=(0.102, 0.082),
        ),
        (43, 57, 70, 84),
    ),
    "bagpipe": Voice(
        partial(
            solo,
            tilt=0.1,
            formants=((900, 0.35, 5), (1700, 0.4, 7), (3200, 0.4, 4)),
            corner=3800,
            slope=14,
            rise=0.02,
            shimmer=0.05,
            lead=0.06,
            loop=(0.136, 0.102),
            rate=25000,
        ),
        (50, 60, 70, 81),
    ),
    "shanai": Voice(
        partial(
            solo,
            tilt=0.15,
            formants=((1000, 0.3, 5), (1500, 0.25, 8), (3000, 0.3, 9), (400, 0.5, -5)),
            corner=4800,
            slope=14,
            levels=(-6, -2),
            rise=0.05,
            shimmer=0.15,
            rough=2.5,
            breath=(REED_AIR, -28, 4.0, 0.08),
            rate=26000,
        ),
        (56, 66, 77, 88),
    ),
}
