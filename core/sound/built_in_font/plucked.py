"""Voices that are plucked: guitars, basses, harp, harpsichord, lutes of the East.

A plucked string is the sum of its modes: the place of the finger sets which are strong (`pluck`, a share of the
length), its softness and the losses set how fast the high ones fade, the body colours them all.
"""

from __future__ import annotations

from functools import partial

import numpy as np
from scipy.signal import decimate

from core.sound.built_in_font import engines
from core.sound.built_in_font.engines import Formant, gain
from core.sound.built_in_font.sample import TAIL, Grid, Sample, Voice, across, dice, make_grid

GUITAR_BODY: tuple[Formant, ...] = (
    (60, 0.7, -9),
    (105, 0.18, 5),
    (205, 0.2, 5),
    (400, 0.3, 3),
    (750, 0.3, -2),
    (1400, 0.5, 2),
    (4500, 0.8, -3),
)
FINGER: tuple[Formant, ...] = ((110, 0.25, 60), (210, 0.3, 58), (900, 1.0, 48))
PICK: tuple[Formant, ...] = ((210, 0.3, 50), (2800, 0.7, 60), (6000, 0.7, 56))
THUMP: tuple[Formant, ...] = ((80, 0.5, 60), (300, 0.8, 52))
SNAP: tuple[Formant, ...] = ((1500, 0.8, 56), (3500, 0.7, 60))


def string(
    key: int,
    *,
    pluck: float = 0.2,
    corner: float = 2500.0,
    slope: float = 12.0,
    tilt: float = 1.0,
    decay: tuple[float, float] = (5.0, 2.0),
    losses: float = 1.0,
    stiffness: float = 3e-5,
    body: tuple[Formant, ...] = (),
    pickup: float = 0.0,
    knock: tuple[tuple[Formant, ...], float, float] | None = None,
    lead: tuple[float, float] = (0.36, 0.12),
    loop: tuple[float, float] = (0.14, 0.06),
    rate: int = 24000,
    prompt: float = 0.42,
    prompt_speed: float = 2.6,
    detune: float = 0.7,
    odd: float = 0.0,
    onset: float = 0.0007,
    oversampling: int = 1,
) -> Sample:
    """A plucked string.

    Parameters
    ----------
    pluck, pickup : place of the finger and of an electric pickup as shares of the string's length (0: no pickup).
    corner, slope : low-pass of the finger or plectrum (Hz, dB per octave).
    tilt : fall of the harmonics as a power of their number.
    decay : of the fundamental at C1 and at C7 (s).
    losses : how much faster the high partials die.
    odd : dB by which the even harmonics are weakened.
    oversampling : makes the sample this many times finer in time, on the same grid of frequencies.
    """
    coarse = make_grid(key, rate, across(key, *lead), across(key, *loop))
    rate, lead_frames, loop_frames = (oversampling * n for n in (coarse.rate, coarse.lead, coarse.loop))
    grid = Grid(key, rate, lead_frames, loop_frames, coarse.cycles)
    random = dice("string", pluck, corner, key)
    number = np.arange(1, max(3, min(80, int(13000 / grid.f0))) + 1)
    frequencies = grid.f0 * number * np.sqrt((1 + stiffness * number**2) / (1 + stiffness))
    level = 20 * np.log10((np.abs(np.sin(np.pi * number * pluck)) + 0.04) / number**tilt)
    if pickup:
        level += 20 * np.log10(np.abs(np.sin(np.pi * number * pickup)) + 0.06)
    level += engines.lowpass_db(frequencies, corner, slope) + engines.formant_db(frequencies, body)
    level -= np.where(number % 2 == 0, odd, 0.0)
    level += random.normal(0, 1.0, len(number))
    damping = (
        1 + losses * (0.06 * (number - 1) + 4e-7 * frequencies**2 / (1 + frequencies / 5000))
    ) / across(key, *decay)
    sample = engines.modes(
        grid,
        frequencies,
        gain(level),
        1 / damping,
        onset=onset,
        prompt=prompt,
        prompt_speed=prompt_speed,
        prompt_detune=detune,
        phase=1.6,
        random=random,
    )
    if knock:
        formants, length, db = knock
        sample = engines.add_knock(sample, formants, length, db, random)
    return sample


#: Oversampling of the distorted guitars, so that what the clipping adds does not fold back.
OVERSAMPLING = 4


def driven_string(key: int, *, drive: float, cabinet: float, decay: float, rate: int = 24000) -> Sample:
    """An electric guitar string through an overdriven amplifier and a loudspeaker that ends at `cabinet` Hz."""
    fine = string(
        key,
        pluck=0.13,
        corner=3500,
        tilt=0.7,
        pickup=0.11,
        decay=(30.0, 20.0),
        losses=0.35,
        stiffness=2e-6,
        rate=rate,
        oversampling=OVERSAMPLING,
        lead=(0.25, 0.12),
        loop=(0.2, 0.08),
        knock=(PICK, 0.03, -14),
    )
    assert fine.loop is not None
    start, end = fine.loop
    # A second round of the loop: filters need to look past its end.
    wave = np.concatenate([fine.wave[:end], fine.wave[start:end]])
    wave /= np.sqrt(np.mean(wave[start:end] ** 2))
    clipped = np.tanh(drive * (wave + 0.15)) - np.tanh(0.15 * drive)
    clipped = engines.band(clipped, fine.rate, 70, cabinet, 3)
    clipped += 0.8 * engines.band(clipped, fine.rate, 1200, 3600, 1)
    coarse = np.asarray(decimate(clipped, OVERSAMPLING, ftype="fir"))
    start, end = start // OVERSAMPLING, end // OVERSAMPLING
    return Sample(coarse[: end + TAIL], fine.rate // OVERSAMPLING, key, (start, end), decay)


VOICES: dict[str, Voice] = {
    "harpsichord": Voice(
        partial(
            string,
            pluck=0.11,
            corner=9000,
            slope=8,
            tilt=0.75,
            decay=(10.5, 3.04),
            losses=0.7,
            stiffness=6e-5,
            body=((80, 0.9, -10), (350, 0.4, 3), (1300, 0.6, 4), (3200, 0.6, 3)),
            knock=(((1500, 0.8, 56), (4500, 0.7, 60)), 0.025, -13),
            rate=32000,
            lead=(0.3, 0.105),
            loop=(0.144, 0.05),
        ),
        (35, 48, 60, 72, 84),
    ),
    "clavinet": Voice(
        partial(
            string,
            pluck=0.04,
            corner=5000,
            slope=12,
            tilt=0.45,
            pickup=0.17,
            decay=(6.1, 2.28),
            losses=0.5,
            stiffness=4e-5,
            body=((100, 0.8, -6), (900, 0.6, 5), (2500, 0.5, 4)),
            knock=(((700, 0.8, 60), (2500, 0.8, 54)), 0.02, -15),
            lead=(0.225, 0.09),
            loop=(0.108, 0.043),
        ),
        (33, 45, 57, 69, 81),
    ),
    "nylon guitar": Voice(
        partial(
            string,
            pluck=0.23,
            corner=2800,
            slope=11,
            tilt=0.85,
            decay=(8.8, 2.28),
            losses=1.5,
            stiffness=2e-5,
            body=GUITAR_BODY,
            knock=(FINGER, 0.11, -9),
            lead=(0.525, 0.15),
            loop=(0.216, 0.072),
            detune=0.9,
            onset=0.0016,
        ),
        (39, 45, 51, 57, 63, 69, 76, 84),
    ),
    "steel guitar": Voice(
        partial(
            string,
            pluck=0.15,
            corner=5200,
            slope=10,
            tilt=0.8,
            decay=(14, 4.56),
            losses=0.8,
            stiffness=7e-5,
            body=GUITAR_BODY,
            knock=(PICK, 0.045, -11),
            lead=(0.525, 0.15),
            loop=(0.216, 0.072),
            rate=28000,
            detune=0.8,
        ),
        (39, 45, 51, 57, 63, 69, 76, 84),
    ),
    "jazz guitar": Voice(
        partial(
            string,
            pluck=0.24,
            corner=1100,
            slope=14,
            tilt=0.8,
            pickup=0.24,
            decay=(10.5, 3.8),
            stiffness=3e-5,
            body=((250, 0.6, 3), (60, 0.7, -5)),
            knock=(((600, 0.9, 60), (2000, 0.8, 50)), 0.03, -17),
            rate=22050,
            onset=0.002,
        ),
        (41, 53, 65, 80),
    ),
    "clean guitar": Voice(
        partial(
            string,
            pluck=0.13,
            corner=3800,
            slope=13,
            tilt=0.75,
            pickup=0.12,
            decay=(15.8, 5.7),
            losses=0.7,
            stiffness=4e-5,
            body=((60, 0.7, -5), (2200, 0.6, 3)),
            knock=(PICK, 0.02, -19),
            lead=(0.338, 0.112),
        ),
        (41, 53, 65, 80),
    ),
    "muted guitar": Voice(
        partial(
            string,
            pluck=0.12,
            corner=2200,
            slope=12,
            tilt=0.7,
            pickup=0.13,
            decay=(1.6, 0.8),
            losses=2.5,
            knock=(PICK, 0.025, -14),
            detune=0.2,
            lead=(0.188, 0.09),
            loop=(0.043, 0.03),
            rate=24000,
        ),
        (40, 52, 64, 78),
    ),
    "overdriven guitar": Voice(partial(driven_string, drive=1.6, cabinet=4200, decay=14.0), (40, 50, 60, 72)),
    "distorted guitar": Voice(partial(driven_string, drive=7.0, cabinet=5200, decay=25.0), (36, 46, 56, 68)),
    "guitar harmonics": Voice(
        partial(
            string,
            pluck=0.38,
            corner=2600,
            slope=16,
            tilt=1.6,
            decay=(10.5, 4.75),
            losses=0.6,
            stiffness=1e-5,
            knock=(PICK, 0.03, -15),
            lead=(0.225, 0.112),
            loop=(0.086, 0.043),
            prompt=0.3,
        ),
        (52, 64, 76, 88),
    ),
    "acoustic bass": Voice(
        partial(
            string,
            pluck=0.26,
            corner=520,
            slope=9,
            tilt=0.75,
            decay=(6.3, 2.28),
            losses=3.0,
            body=((38, 0.5, -3), (100, 0.3, 4), (220, 0.4, 3), (900, 0.6, 2)),
            knock=(((95, 0.4, 60), (350, 0.8, 53), (1800, 0.8, 42)), 0.1, -10),
            rate=22050,
            lead=(0.413, 0.15),
            onset=0.003,
            prompt=0.4,
        ),
        (28, 36, 45, 56),
    ),
    "fingered bass": Voice(
        partial(
            string,
            pluck=0.21,
            corner=900,
            slope=12,
            tilt=0.7,
            pickup=0.16,
            decay=(12.2, 4.75),
            losses=1.6,
            stiffness=5e-5,
            body=((45, 0.5, 2), (700, 0.7, 3)),
            knock=(THUMP, 0.05, -14),
            rate=22050,
            onset=0.002,
        ),
        (28, 37, 47, 60),
    ),
    "picked bass": Voice(
        partial(
            string,
            pluck=0.1,
            corner=2400,
            slope=12,
            tilt=0.65,
            pickup=0.12,
            decay=(12.2, 4.75),
            losses=1.0,
            stiffness=6e-5,
            knock=(PICK, 0.03, -13),
            rate=22050,
            lead=(0.3, 0.15),
        ),
        (29, 40, 54),
    ),
    "fretless bass": Voice(
        partial(
            string,
            pluck=0.3,
            corner=650,
            slope=10,
            tilt=0.9,
            pickup=0.2,
            decay=(14, 5.7),
            losses=0.8,
            body=((550, 0.45, 8),),
            rate=22050,
            onset=0.018,
            prompt=0.15,
            lead=(0.3, 0.15),
        ),
        (29, 40, 54),
    ),
    "slap bass": Voice(
        partial(
            string,
            pluck=0.33,
            corner=4200,
            slope=12,
            tilt=0.75,
            pickup=0.09,
            decay=(8.8, 3.8),
            losses=0.9,
            stiffness=9e-5,
            body=((60, 0.6, 5), (600, 0.7, -5)),
            knock=(((90, 0.6, 56), *SNAP), 0.035, -6),
            rate=24000,
            lead=(0.3, 0.15),
        ),
        (29, 40, 54),
    ),
    "popped bass": Voice(
        partial(
            string,
            pluck=0.07,
            corner=5500,
            slope=10,
            tilt=0.55,
            pickup=0.07,
            decay=(6.1, 2.66),
            losses=0.8,
            stiffness=9e-5,
            body=((1800, 0.7, 5),),
            knock=(SNAP, 0.025, -3),
            rate=26000,
            lead=(0.262, 0.112),
        ),
        (29, 40, 54),
    ),
    "pizzicato": Voice(
        partial(
            string,
            pluck=0.3,
            corner=900,
            slope=9,
            tilt=0.9,
            decay=(1.9, 0.61),
            losses=2.2,
            body=((280, 0.25, 5), (480, 0.25, 4), (1100, 0.5, 2)),
            knock=(((280, 0.4, 60), (600, 0.8, 54)), 0.07, -10),
            lead=(0.262, 0.075),
            loop=(0.058, 0.03),
            rate=24000,
            onset=0.0025,
            detune=2.5,
        ),
        (36, 46, 56, 66, 76, 88),
    ),
    "harp": Voice(
        partial(
            string,
            pluck=0.38,
            corner=1700,
            slope=10,
            tilt=1.05,
            decay=(10.5, 2.66),
            losses=1.2,
            stiffness=1e-5,
            body=((70, 0.8, -5), (240, 0.4, 3), (520, 0.4, 2)),
            knock=(FINGER, 0.07, -15),
            lead=(0.338, 0.112),
            onset=0.002,
            rate=26000,
        ),
        (31, 43, 55, 67, 79, 93),
    ),
    "sitar": Voice(
        partial(
            string,
            pluck=0.09,
            corner=7500,
            slope=9,
            tilt=0.25,
            decay=(14, 6.65),
            losses=0.35,
            stiffness=2e-6,
            body=((180, 0.5, -4), (900, 0.35, 6), (2600, 0.5, 6)),
            knock=(PICK, 0.02, -16),
            lead=(0.375, 0.188),
            rate=28000,
            prompt=0.6,
            detune=2.2,
        ),
        (38, 50, 63),
    ),
    "banjo": Voice(
        partial(
            string,
            pluck=0.08,
            corner=5500,
            slope=9,
            tilt=0.55,
            decay=(2.8, 0.95),
            losses=0.9,
            stiffness=4e-5,
            body=((150, 0.7, -10), (420, 0.3, 5), (900, 0.3, 4), (3000, 0.5, 2)),
            knock=(((420, 0.4, 60), (1000, 0.5, 58), (3500, 0.6, 54)), 0.06, -8),
            lead=(0.225, 0.09),
            loop=(0.072, 0.036),
        ),
        (46, 57, 68, 80),
    ),
    "shamisen": Voice(
        partial(
            string,
            pluck=0.06,
            corner=4500,
            slope=9,
            tilt=0.5,
            decay=(2.3, 0.95),
            losses=0.7,
            body=((250, 0.3, 4), (700, 0.25, 8), (1500, 0.3, 5), (3500, 0.6, -4)),
            knock=(((350, 0.3, 60), (1200, 0.8, 58), (4000, 0.7, 50)), 0.05, -2),
            lead=(0.225, 0.09),
            loop=(0.072, 0.036),
            odd=4.0,
        ),
        (46, 58, 70, 82),
    ),
    "koto": Voice(
        partial(
            string,
            pluck=0.05,
            corner=3800,
            slope=10,
            tilt=0.9,
            decay=(7.9, 2.47),
            losses=1.4,
            stiffness=1e-5,
            body=((200, 0.3, 4), (500, 0.3, 3), (1800, 0.5, 4)),
            knock=(((500, 0.5, 60), (2200, 0.6, 60)), 0.035, -6),
            lead=(0.3, 0.105),
            loop=(0.086, 0.043),
            detune=1.6,
        ),
        (43, 55, 67, 79),
    ),
}
