"""From recipes to a soundfont: synthesise, make equally loud, write."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from dataclasses import replace

import numpy as np
from scipy.signal import butter, sosfilt

from core.errors import Cancelled
from core.song.instruments import PROGRAMS as NAMES
from core.sound.built_in_font import effects, electronic, levels, plucked, struck, sustained
from core.sound.built_in_font.drums import KIT
from core.sound.built_in_font.programs import PROGRAMS, Layer
from core.sound.built_in_font.sample import Sample, Voice, frequency
from core.sound.built_in_font.sf2_file import (
    ATTENUATION_SCALE,
    Preset,
    Zone,
    absolute_cents,
    sf2_bytes,
    timecents,
)

VOICES: dict[str, Voice] = {
    **struck.VOICES,
    **plucked.VOICES,
    **sustained.VOICES,
    **electronic.VOICES,
    **effects.VOICES,
}
INFO = {
    "INAM": "Tunesmith built-in",
    "IENG": "Tunesmith contributors",
    "ICOP": "CC0 1.0: public domain",
    "ICMT": "Synthesised by core.sound.built_in_font; no recordings were used.",
}

#: Loudness of a note at `VELOCITY` inside the font, in dB of full scale; the level of common General MIDI fonts.
TARGET_DB = -15.0
DRUM_TARGET_DB = -12.0
VELOCITY = 100
#: Samples peak at most here.
CEILING = 0.97
#: A player's envelopes run over this many dB; ours are given as times to fall by 60.
ENVELOPE_DB = 96.0
OPEN_FILTER_CENTS = 13500
DRUM_RELEASE = 6.0

Key = tuple[str, int]


def build(
    progress: Callable[[float], None] = lambda share: None, cancelled: Callable[[], bool] = lambda: False
) -> bytes:
    """Synthesise the font.

    Returns
    -------
    bytes
        A SoundFont 2.04 file with banks 0 (programs 0-127) and 128 (the standard kit).

    Raises
    ------
    Cancelled
        When `cancelled()` became true.
    """
    wanted = sorted({layer.voice for program in PROGRAMS for layer in program})
    recipes: dict[Key, Callable[[], Sample]] = {
        (voice, root): (lambda voice=voice, root=root: VOICES[voice].make(root))  # type: ignore[misc]
        for voice in wanted
        for root in VOICES[voice].roots
    }
    recipes |= {("drum", key): drum.recipe for key, drum in KIT.items() if drum.recipe}
    samples: dict[Key, Sample] = {}
    for done, (key, make) in enumerate(recipes.items()):
        if cancelled():
            raise Cancelled
        samples[key] = make()
        progress(done / len(recipes))
    return sf2_bytes(*_assemble(samples), INFO)


def _assemble(samples: dict[Key, Sample]) -> tuple[list[tuple[str, Sample]], list[Preset]]:
    gains = _gains(samples)
    index = {key: number for number, key in enumerate(samples)}
    finished = [
        (f"{voice[:15]} {root}", _scaled(sample, gains[voice, root]))
        for (voice, root), sample in samples.items()
    ]
    presets = []
    for number, program in enumerate(PROGRAMS):
        zones = []
        for layer in program:
            voice = VOICES[layer.voice]
            for root, keys in zip(voice.roots, voice.ranges(), strict=True):
                sample = samples[layer.voice, root]
                quieter = gains[layer.voice, root] - _needed(program, layer, sample, root)
                generators = layer_generators(layer, sample) | _attenuation(quieter)
                zones.append(Zone(index[layer.voice, root], keys, generators, round(layer.velocity)))
        presets.append(Preset(NAMES[number], 0, number, tuple(zones)))
    presets.append(
        Preset(
            "standard kit", 128, 0, tuple(_drum_zone(key, index["drum", KIT[key].like or key]) for key in KIT)
        )
    )
    return finished, presets


def _gains(samples: dict[Key, Sample]) -> dict[Key, float]:
    """The gain in dB to bake into each sample: what the loudest of its uses needs, as far as it fits in 16 bits."""
    needs: dict[Key, list[float]] = defaultdict(list)
    for program in PROGRAMS:
        for layer in program:
            for root in VOICES[layer.voice].roots:
                needs[layer.voice, root].append(_needed(program, layer, samples[layer.voice, root], root))
    for key, drum in KIT.items():
        if not drum.recipe:
            continue
        sample = samples["drum", key]
        needs["drum", key].append(DRUM_TARGET_DB + drum.db - levels.stroke_loudness(sample.wave, sample.rate))
    room = {
        key: float(20 * np.log10(CEILING / np.max(np.abs(sample.wave)))) for key, sample in samples.items()
    }
    return {key: min(max(needs[key]), room[key]) for key in samples}


def _needed(program: tuple[Layer, ...], layer: Layer, sample: Sample, root: int) -> float:
    stack = 10 * np.log10(sum(10 ** (other.db / 10) for other in program))
    return float(
        TARGET_DB + _taper(root) + layer.db - stack - levels.loudness(sounding(layer, sample), sample.rate)
    )


def _taper(key: int) -> float:
    # Very high notes at full loudness hurt.
    return -0.12 * max(0, key - 84)


def sounding(layer: Layer, sample: Sample) -> np.ndarray:
    """The note at its root as a player makes it at `VELOCITY`: looped, filtered, with the layer's envelope."""
    wave = levels.held(sample, levels.NOTE_SECONDS)
    time = np.arange(len(wave)) / sample.rate
    decay = layer.decay or sample.decay
    fall = np.minimum(60 * time / decay, layer.sustain or 200) if decay else 0.0
    wave = wave * 10 ** (-np.asarray(fall) / 20) * np.clip(time / max(layer.attack, 1e-3), 0, 1)
    closed = layer.velocity * (1 - VELOCITY / 127)
    cutoff = _cutoff(layer, sample.key) * 2 ** ((0.6 * layer.sweep - closed) / 1200)
    if layer.cutoff and cutoff < 0.45 * sample.rate:
        wave = sosfilt(butter(2, cutoff, fs=sample.rate, output="sos"), wave)
    return np.asarray(wave)


def _cutoff(layer: Layer, key: int) -> float:
    return layer.cutoff * (frequency(key) / frequency(60)) ** layer.track


def _scaled(sample: Sample, db: float) -> Sample:
    return levels.limited(replace(sample, wave=sample.wave * 10 ** (db / 20)), CEILING)


def _attenuation(db: float) -> dict[str, int]:
    return {"attenuation": round(max(0.0, db) * 10 / ATTENUATION_SCALE)}


def _envelope_time(seconds_to_60_db: float) -> int:
    return timecents(seconds_to_60_db * ENVELOPE_DB / 60)


def layer_generators(layer: Layer, sample: Sample) -> dict[str, int]:
    """The SoundFont generators of one zone of `layer`."""
    decay = layer.decay or sample.decay
    amounts: dict[str, float] = {
        "vol_env_attack": timecents(layer.attack),
        "vol_env_hold": timecents(layer.hold),
        "vol_env_release": _envelope_time(layer.release),
        "reverb_send": 1000 * layer.reverb,
        "chorus_send": 1000 * layer.chorus,
        "pan": 500 * layer.pan,
        "coarse_tune": layer.semitones,
        "fine_tune": layer.cents,
        "filter_resonance": 10 * layer.resonance,
        "filter_cutoff": min(OPEN_FILTER_CENTS, absolute_cents(_cutoff(layer, sample.key)))
        if layer.cutoff
        else OPEN_FILTER_CENTS,
    }
    if decay:
        amounts["vol_env_decay"] = _envelope_time(decay)
        amounts["vol_env_sustain"] = 10 * layer.sustain or 1000
    if layer.sweep or layer.bend:
        amounts |= {
            "mod_env_to_filter": layer.sweep,
            "mod_env_to_pitch": layer.bend,
            "mod_env_attack": timecents(layer.sweep_attack),
            "mod_env_decay": timecents(layer.sweep_decay),
            "mod_env_sustain": 1000 * (1 - layer.sweep_sustain),
            "mod_env_release": timecents(layer.release),
        }
    if layer.vibrato:
        amounts |= {
            "vib_lfo_to_pitch": layer.vibrato,
            "vib_lfo_frequency": absolute_cents(layer.rate),
            "vib_lfo_delay": timecents(layer.delay),
        }
    if layer.tremolo or layer.wah:
        amounts |= {
            "mod_lfo_to_volume": 10 * layer.tremolo,
            "mod_lfo_to_filter": layer.wah,
            "mod_lfo_frequency": absolute_cents(layer.rate),
            "mod_lfo_delay": timecents(layer.delay),
        }
    return {name: round(amount) for name, amount in amounts.items()}


def _drum_zone(key: int, sample: int) -> Zone:
    drum = KIT[key]
    generators = {
        "vol_env_release": _envelope_time(DRUM_RELEASE),
        "reverb_send": 60,
        "pan": round(250 * drum.pan),
        "filter_cutoff": OPEN_FILTER_CENTS,
        "root_key": key - round(drum.semitones),
        "fine_tune": round(100 * (drum.semitones - round(drum.semitones))),
    }
    if drum.choke:
        generators["exclusive_class"] = drum.choke
    return Zone(sample, (key, key), generators, velocity_to_cutoff=2400)
