"""How loud a sample will sound, so that every program and every key can be made equally loud.

Loudness is the mean power after the K-weighting of ITU-R BS.1770 (the ear's curve as broadcasters use it), in dB. A
note is judged by the weighted mean of two numbers: its first half second, which is what fast music hears, and its
loudest 0.4 s, which is what slow music hears.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from scipy.ndimage import minimum_filter1d, uniform_filter1d

from core.sound.built_in_font.sample import Sample, Wave

NOTE_SECONDS = 1.4
FIRST_SECONDS = 0.5
LOUDEST_SECONDS = 0.4
FIRST_SHARE = 0.6
STROKE_SECONDS = 0.125
#: How fast the limiter moves, and how far.
LIMITER_SECONDS = 0.0015
LIMITER_DB = 7.0


def k_weighting(frequencies: Wave) -> Wave:
    """Amplitude of the K-weighting at `frequencies` in Hz: a shelf of +4 dB above 1.7 kHz, a high-pass at 38 Hz."""
    f = np.maximum(np.asarray(frequencies, float), 1e-3)
    s = 1j * f / 1681.97
    shelf = (1.584865 * s**2 + 1.258721 * s / 0.7071752 + 1) / (s**2 + s / 0.7071752 + 1)
    h = 1j * f / 38.1355
    high = h**2 / (h**2 + h / 0.5003270 + 1)
    return np.asarray(np.abs(shelf * high))


def held(sample: Sample, seconds: float) -> Wave:
    """`seconds` of the sample as a player would give it: looped, with the decay it asks for."""
    frames = int(seconds * sample.rate)
    if sample.loop is None:
        wave = sample.wave[:frames]
        wave = np.concatenate([wave, np.zeros(frames - len(wave))])
    else:
        start, end = sample.loop
        index = np.arange(frames)
        wave = sample.wave[np.where(index < end, index, start + (index - start) % (end - start))]
    return wave


def loudness(wave: Wave, rate: int) -> float:
    """Loudness in dB of a note's `wave` (see the module)."""
    power = _weighted_power(wave, rate)
    first = float(np.mean(power[: int(FIRST_SECONDS * rate)]))
    loudest = _loudest(power, int(LOUDEST_SECONDS * rate))
    return FIRST_SHARE * _decibel(first) + (1 - FIRST_SHARE) * _decibel(loudest)


def limited(sample: Sample, ceiling: float) -> Sample:
    """The sample with what stands above `ceiling` before its loop turned down, as by a limiter that looks ahead.

    The loop itself is left alone, or its ends would no longer meet.
    """
    before = sample.loop[0] if sample.loop else len(sample.wave)
    needed = np.minimum(1.0, ceiling / np.maximum(np.abs(sample.wave), ceiling))
    needed[before:] = 1.0
    reach = 2 * int(LIMITER_SECONDS * sample.rate) + 1
    gain = uniform_filter1d(minimum_filter1d(needed, 2 * reach + 1), reach)
    gain[before:] = 1.0
    settling = np.clip((before - np.arange(before)) / reach, 0, 1)
    gain[:before] = 1 - (1 - gain[:before]) * settling
    return replace(sample, wave=np.clip(sample.wave * gain, -ceiling, ceiling))


def headroom(sample: Sample, ceiling: float) -> float:
    """The gain in dB that the sample bears under `ceiling`, when `limited` may take `LIMITER_DB` off its attack."""
    start, end = sample.loop or (0, 0)
    whole = float(np.max(np.abs(sample.wave)))
    looped = float(np.max(np.abs(sample.wave[start : end + 1]))) if sample.loop else 0.0
    return float(20 * np.log10(ceiling / max(looped, whole * 10 ** (-LIMITER_DB / 20))))


def stroke_loudness(wave: Wave, rate: int) -> float:
    """Loudness in dB of the loudest eighth of a second: for drums."""
    padded = np.concatenate([wave, np.zeros(max(0, int(STROKE_SECONDS * rate) - len(wave)) + 1)])
    return _decibel(_loudest(_weighted_power(padded, rate), int(STROKE_SECONDS * rate)))


def _weighted_power(wave: Wave, rate: int) -> Wave:
    spectrum = np.fft.rfft(wave) * k_weighting(np.fft.rfftfreq(len(wave), 1 / rate))
    return np.asarray(np.fft.irfft(spectrum, len(wave)) ** 2)


def _loudest(power: Wave, frames: int) -> float:
    total = np.concatenate([[0.0], np.cumsum(power)])
    return float(np.max(total[frames:] - total[:-frames]) / frames)


def _decibel(power: float) -> float:
    return float(10 * np.log10(power + 1e-20))
