"""The ways of making a sound.

Each returns waves on a `Grid`, so that loops close, or plain waves for sounds played once.

Conventions: frequencies in Hz, levels in dB, times in seconds; a decay is the time to fall by 60 dB.
A *formant* is (centre in Hz, width in octaves, gain in dB): a bump on a logarithmic frequency axis.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike
from scipy.ndimage import uniform_filter1d
from scipy.signal import butter, sosfilt

from core.sound.built_in_font.sample import Grid, Sample, Wave

Formant = tuple[float, float, float]
LN_1000 = float(np.log(1000.0))
#: Partials above this share of the sample rate are left out.
HIGHEST = 0.45
#: Of so many throws of the phases, a pad takes the steadiest.
CANDIDATES = 16
#: From here up (Hz), pads become narrower.
TREBLE = 400.0


def gain(db: ArrayLike) -> Wave:
    """Amplitude factor of a level in dB."""
    return np.asarray(10.0 ** (np.asarray(db, float) / 20))


def formant_db(frequencies: Wave, formants: Sequence[Formant]) -> Wave:
    """Sum of the formants' bumps at `frequencies`, in dB."""
    octaves = np.log2(np.maximum(frequencies, 1.0))
    bumps = [db * np.exp(-0.5 * ((octaves - np.log2(centre)) / width) ** 2) for centre, width, db in formants]
    return np.sum(bumps, axis=0) if bumps else np.zeros_like(octaves)


def lowpass_db(frequencies: Wave, corner: float, slope: float) -> Wave:
    """Level in dB of a smooth low-pass at `corner` Hz that falls `slope` dB per octave beyond it."""
    return -slope / 6.02 * 10 * np.log10(1 + (np.asarray(frequencies) / corner) ** 2)


def highpass_db(frequencies: Wave, corner: float, slope: float) -> Wave:
    """Level in dB of a smooth high-pass at `corner` Hz that falls `slope` dB per octave below it."""
    return -slope / 6.02 * 10 * np.log10(1 + (corner / np.maximum(frequencies, 1.0)) ** 2)


def harmonics(grid: Grid, highest: float = 20_000.0) -> Wave:
    """Numbers 1, 2, 3 ... of the harmonics of the note that fit below `highest` Hz and the sample rate."""
    top = min(highest, HIGHEST * grid.rate)
    return np.arange(1, max(2, int(top / grid.f0) + 1)).astype(float)


def modes(
    grid: Grid,
    frequencies: Wave,
    amplitudes: Wave,
    decays: Wave,
    *,
    onset: float = 0.0008,
    prompt: float = 0.0,
    prompt_speed: float = 5.0,
    prompt_detune: float = 0.5,
    phase: float = 1.2,
    random: np.random.RandomState,
) -> Sample:
    """Sum of decaying modes: strings, bars, bells, membranes.

    It is the modal form of Karplus-Strong, without its tuning error.

    The player's envelope makes the whole decay at one rate; the sample holds what differs from that rate up to the
    loop, where the balance of the modes stays as it is.

    Parameters
    ----------
    frequencies, amplitudes, decays : ndarray [shape=(modes,)]
    onset : seconds in which the modes start.
    prompt : share of each mode that dies `prompt_speed` times faster, `prompt_detune` Hz off: the first, bright part of
        a note and its beating.
    phase : spread of the phases in radians; 0 gives the sharpest attack.
    """
    fits = np.asarray(frequencies) < HIGHEST * grid.rate
    frequencies, amplitudes = np.asarray(frequencies)[fits], np.asarray(amplitudes)[fits]
    rates = LN_1000 / np.asarray(decays)[fits]
    time = grid.seconds()
    lead = grid.lead / grid.rate
    held = np.minimum(time, lead)
    powers = (amplitudes * np.exp(-rates * lead)) ** 2
    common = float(np.sum(powers * rates) / np.sum(powers))
    angle = 2 * np.pi * np.arange(grid.frames) / grid.loop
    fading = np.clip(1 - time / lead, 0, 1)
    wave = np.zeros(grid.frames)
    for frequency, amplitude, rate, bin_ in zip(
        frequencies, amplitudes, rates, grid.bins(frequencies), strict=True
    ):
        offset = phase * random.uniform(-1, 1)
        wave += amplitude * (1 - prompt) * np.exp((common - rate) * held) * np.sin(bin_ * angle + offset)
        if prompt:
            shifted = 2 * np.pi * (frequency + prompt_detune * random.uniform(0.5, 1)) * time
            wave += (
                amplitude
                * prompt
                * fading
                * np.exp((common - prompt_speed * rate) * held)
                * np.sin(shifted + offset)
            )
    wave *= 1 - np.exp(-time / onset)
    return grid.sample(wave, LN_1000 / common)


def held_harmonics(
    grid: Grid,
    amplitudes: Wave,
    *,
    rise: float = 0.04,
    spread: float = 0.0,
    overshoot: float = 0.0,
    shimmer: float = 0.06,
    random: np.random.RandomState,
) -> Wave:
    """Harmonics that rise and then hold: winds, bowed strings, organs.

    Parameters
    ----------
    amplitudes : ndarray [shape=(harmonics,)], from the fundamental up.
    rise : seconds in which the fundamental rises.
    spread : seconds by which the highest harmonics come later (the brightening attack of brass).
    overshoot : how much louder the attack is than the held sound, as a share.
    shimmer : depth of a slow, separate swell of each harmonic inside the loop, as a share.
    """
    numbers = np.arange(1, len(amplitudes) + 1)
    lead = grid.lead / grid.rate
    time = grid.seconds()
    angle = 2 * np.pi * np.arange(grid.frames) / grid.loop
    late = np.minimum(spread * np.log2(numbers) / np.log2(24), max(0.0, lead - rise))
    bump = overshoot * np.sin(np.pi * np.clip(time / lead, 0, 1)) ** 2
    wave = np.zeros(grid.frames)
    for number, amplitude, delay in zip(numbers, amplitudes, late, strict=True):
        risen = 0.5 - 0.5 * np.cos(np.pi * np.clip((time - delay) / rise, 0, 1))
        swell = 1 + shimmer * np.cos(random.randint(1, 4) * angle + random.uniform(0, 2 * np.pi))
        turn = number * grid.cycles * angle + random.uniform(0, 2 * np.pi)
        wave += amplitude * risen * swell * (1 + bump) * np.sin(turn)
    return wave


def pad_loop(
    grid: Grid, partials: Wave, amplitudes: Wave, cents: float, random: np.random.RandomState
) -> Wave:
    """Many players of one note: every partial is a narrow band instead of a line, `cents` wide (standard deviation).

    Parameters
    ----------
    partials : frequencies as multiples of the note's.

    Returns
    -------
    ndarray [shape=(grid.frames,)], periodic in the loop.
    """
    bins = np.arange(grid.loop // 2 + 1)
    spectrum = np.zeros(len(bins))
    # So many cents are more Hz in the treble, where they would be heard as trembling.
    narrowed = cents * min(1.0, (TREBLE / grid.f0) ** 0.5)
    for partial, amplitude in zip(partials, amplitudes, strict=True):
        centre = float(np.rint(partial * grid.cycles))
        width = max(0.2, centre * (2 ** (narrowed / 1200) - 1))
        reach = slice(max(1, int(centre - 5 * width)), min(len(bins), int(centre + 5 * width) + 2))
        bell = np.exp(-0.5 * ((bins[reach] - centre) / width) ** 2)
        spectrum[reach] += (amplitude**2) * bell**2 / np.sum(bell**2)
    waves = [periodic(grid, np.sqrt(spectrum), random) for _ in range(CANDIDATES)]
    return min(waves, key=lambda wave: _unsteadiness(wave[: grid.loop], grid.rate))


def _unsteadiness(loop: Wave, rate: int) -> float:
    # How much the power, over twentieths of a second, strays from its mean.
    power = uniform_filter1d(loop**2, max(1, rate // 20), mode="wrap")
    return float(np.std(power) / np.mean(power))


def periodic(grid: Grid, spectrum: Wave, random: np.random.RandomState) -> Wave:
    """A wave periodic in the loop with this magnitude `spectrum` [shape=(loop // 2 + 1,)] and random phases."""
    turned = spectrum * np.exp(2j * np.pi * random.uniform(size=len(spectrum)))
    loop = np.fft.irfft(turned, grid.loop) * grid.loop / 2
    return loop[(np.arange(grid.frames) - grid.lead) % grid.loop]


def held_noise(
    grid: Grid, formants: Sequence[Formant], random: np.random.RandomState, floor: float = -60
) -> Wave:
    """Noise periodic in the loop (breath, bow, wind): `formants` on a `floor` in dB; its power is 1."""
    frequencies = np.arange(grid.loop // 2 + 1) * grid.bin_hz
    level = gain(floor + formant_db(frequencies, formants)) * (frequencies > 30)
    wave = periodic(grid, level * np.abs(random.standard_normal(len(level))), random)
    return wave / np.sqrt(np.mean(wave[grid.lead : grid.lead + grid.loop] ** 2))


def swell(grid: Grid, start: float, fall: float, rise: float = 0.005) -> Wave:
    """A gain of `start` that falls to 1 within `fall` seconds (at the latest where the loop begins), after a `rise`."""
    time = grid.seconds()
    end = min(fall, grid.lead / grid.rate)
    return (1 + (start - 1) * np.clip(1 - time / end, 0, 1) ** 2) * np.clip(time / rise, 0, 1)


def fm(
    grid: Grid,
    pairs: Sequence[tuple[float, float, float, float, float, float]],
    decay: float,
    onset: float = 0.001,
) -> Sample:
    """Frequency modulation. Each pair is (carrier ratio, level, modulator ratio, index, index at rest, seconds).

    The index falls from `index` to `index at rest`, halfway in `seconds`; it rests before the loop begins.
    """
    time = grid.seconds()
    held = np.minimum(time, grid.lead / grid.rate)
    angle = 2 * np.pi * np.arange(grid.frames) / grid.loop
    wave = np.zeros(grid.frames)
    for carrier, level, modulator, index, rest, half in pairs:
        depth = rest + (index - rest) * 0.5 ** (held / half)
        modulation = depth * np.sin(grid.bins(np.array(modulator * grid.f0)) * angle)
        wave += level * np.sin(grid.bins(np.array(carrier * grid.f0)) * angle + modulation)
    return grid.sample(wave * (1 - np.exp(-time / onset)), decay)


def burst(
    frames: int,
    rate: int,
    formants: Sequence[Formant],
    decay: float,
    random: np.random.RandomState,
    floor: float = -60,
) -> Wave:
    """Shaped noise that decays; its power at the start is 1."""
    noise = random.standard_normal(frames)
    frequencies = np.fft.rfftfreq(frames, 1 / rate)
    level = gain(floor + formant_db(frequencies, formants)) * (frequencies > 20)
    wave = np.fft.irfft(np.fft.rfft(noise) * level, frames)
    return wave / np.sqrt(np.mean(wave**2)) * np.exp(-LN_1000 * np.arange(frames) / rate / decay)


def add_knock(
    sample: Sample, formants: Sequence[Formant], decay: float, db: float, random: np.random.RandomState
) -> Sample:
    """`sample` with a burst of noise at its start (hammer, pick, finger), `db` relative to the sample's own attack."""
    assert sample.loop is not None
    frames = sample.loop[0]
    head = sample.wave[: int(0.06 * sample.rate)]
    level = np.sqrt(np.mean(head**2)) * gain(db)
    fading = np.clip(4 * (1 - np.arange(frames) / frames), 0, 1)
    wave = sample.wave.copy()
    wave[:frames] += level * fading * burst(frames, sample.rate, formants, decay, random)
    return Sample(wave, sample.rate, sample.key, sample.loop, sample.decay)


def band(wave: Wave, rate: int, low: float | None, high: float | None, order: int = 2) -> Wave:
    """`wave` filtered to the frequencies between `low` and `high` (Hz; None for open)."""
    top = 0.49 * rate
    for kind, corner in (("highpass", low), ("lowpass", high)):
        if corner is not None and corner < top:
            wave = sosfilt(butter(order, corner, kind, fs=rate, output="sos"), wave)
    return np.asarray(wave)
