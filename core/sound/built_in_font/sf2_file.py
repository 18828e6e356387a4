"""SoundFont 2.04 files: samples, instruments and presets written as the RIFF chunks INFO, sdta and pdta.

Only what the built-in font needs is here. A preset holds one instrument; an instrument is a list of zones; a zone is a
sample with generators. The specification is "SoundFont Technical Specification 2.04" (Creative, 2006).
"""

from __future__ import annotations

import math
import struct
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from core.sound.built_in_font.sample import Sample

#: Silence that the specification asks for after every sample.
SILENT_FRAMES = 46

#: Generators by name: their numbers in the specification (section 8.1.2).
GENERATORS = {
    "mod_lfo_to_pitch": 5,
    "vib_lfo_to_pitch": 6,
    "mod_env_to_pitch": 7,
    "filter_cutoff": 8,
    "filter_resonance": 9,
    "mod_lfo_to_filter": 10,
    "mod_env_to_filter": 11,
    "mod_lfo_to_volume": 13,
    "chorus_send": 15,
    "reverb_send": 16,
    "pan": 17,
    "mod_lfo_delay": 21,
    "mod_lfo_frequency": 22,
    "vib_lfo_delay": 23,
    "vib_lfo_frequency": 24,
    "mod_env_attack": 26,
    "mod_env_hold": 27,
    "mod_env_decay": 28,
    "mod_env_sustain": 29,
    "mod_env_release": 30,
    "vol_env_delay": 33,
    "vol_env_attack": 34,
    "vol_env_hold": 35,
    "vol_env_decay": 36,
    "vol_env_sustain": 37,
    "vol_env_release": 38,
    "key_range": 43,
    "attenuation": 48,
    "coarse_tune": 51,
    "fine_tune": 52,
    "sample": 53,
    "loop_mode": 54,
    "scale_tuning": 56,
    "exclusive_class": 57,
    "root_key": 58,
}
INSTRUMENT = 41

#: Modulator sources (section 8.2): note-on velocity, falling, linear; and the same as a switch.
VELOCITY_FALLING = 0x0102
VELOCITY_SWITCH = 0x0C02

#: Engineers' 0.4: players scale the attenuation generator as the first hardware did.
ATTENUATION_SCALE = 0.4


@dataclass(frozen=True)
class Zone:
    """One sample on a range of keys.

    Attributes
    ----------
    sample : int
        Index into the file's samples.
    generators : dict
        Name in `GENERATORS` -> amount in the specification's units. Key range, sample and loop mode are added here.
    velocity_to_cutoff : int
        Cents by which the filter closes from velocity 127 to 0.
    """

    sample: int
    keys: tuple[int, int]
    generators: dict[str, int]
    velocity_to_cutoff: int = 0


@dataclass(frozen=True)
class Preset:
    """A named program: `bank` 0-127, or 128 for drums."""

    name: str
    bank: int
    program: int
    zones: tuple[Zone, ...]


def timecents(seconds: float) -> int:
    """Seconds as the specification writes times: 1200 times the binary logarithm, at least a millisecond."""
    return max(-12000, min(8000, round(1200 * math.log2(max(seconds, 0.001)))))


def absolute_cents(hertz: float) -> int:
    """A frequency in cents above 8.176 Hz, as filters and slow oscillators are given."""
    return round(1200 * math.log2(hertz / 8.175798915643707))


def sf2_bytes(
    samples: Sequence[tuple[str, Sample]], presets: Sequence[Preset], info: dict[str, str]
) -> bytes:
    """The whole file.

    Parameters
    ----------
    samples : pairs of a name and a sample whose wave lies within -1 to 1.
    presets : in any order.
    info : texts by chunk name: INAM (name), ICOP (copyright), IENG (author), ICMT (comment).
    """
    presets = sorted(presets, key=lambda preset: (preset.bank, preset.program))
    audio, headers = _sample_data(samples)
    info_chunks = _chunk(b"ifil", struct.pack("<HH", 2, 4)) + _chunk(b"isng", _text("EMU8000"))
    info_chunks += b"".join(_chunk(name.encode(), _text(text)) for name, text in info.items())
    body = (
        b"sfbk"
        + _chunk(b"LIST", b"INFO" + info_chunks)
        + _chunk(b"LIST", b"sdta" + _chunk(b"smpl", audio))
        + _chunk(b"LIST", b"pdta" + _preset_data(samples, presets) + _chunk(b"shdr", headers))
    )
    return _chunk(b"RIFF", body)


def _chunk(name: bytes, data: bytes) -> bytes:
    return name + struct.pack("<I", len(data)) + data + b"\0" * (len(data) % 2)


def _text(text: str) -> bytes:
    data = text.encode("ascii") + b"\0"
    return data + b"\0" * (len(data) % 2)


def _name(name: str) -> bytes:
    return name.encode("ascii")[:19].ljust(20, b"\0")


def _sample_data(samples: Sequence[tuple[str, Sample]]) -> tuple[bytes, bytes]:
    pieces, headers, position = [], [], 0
    for name, sample in samples:
        words = np.clip(np.rint(sample.wave * 32767), -32767, 32767).astype("<i2")
        start, end = sample.loop or (0, len(words))
        headers.append(
            struct.pack(
                "<20sIIIIIBbHH",
                _name(name),
                position,
                position + len(words),
                position + start,
                position + end,
                sample.rate,
                sample.key,
                0,
                0,
                1,
            )
        )
        pieces.append(words.tobytes() + bytes(2 * SILENT_FRAMES))
        position += len(words) + SILENT_FRAMES
    headers.append(struct.pack("<20sIIIIIBbHH", _name("EOS"), 0, 0, 0, 0, 0, 0, 0, 0, 0))
    return b"".join(pieces), b"".join(headers)


def _zone_generators(zone: Zone, looped: bool) -> bytes:
    # The order is the specification's: the key range first, the sample last.
    amounts = {"loop_mode": int(looped), **zone.generators}
    rows = [struct.pack("<HBB", GENERATORS["key_range"], *zone.keys)]
    rows += [
        struct.pack("<Hh", GENERATORS[name], amount) for name, amount in amounts.items() if name != "sample"
    ]
    rows.append(struct.pack("<HH", GENERATORS["sample"], zone.sample))
    return b"".join(rows)


def _zone_modulators(zone: Zone) -> bytes:
    # The first row silences the default that reads a second, switched source; the second is ours.
    cutoff = GENERATORS["filter_cutoff"]
    rows = ((VELOCITY_SWITCH, 0), (0, -zone.velocity_to_cutoff))
    return b"".join(
        struct.pack("<HHhHH", VELOCITY_FALLING, cutoff, amount, second, 0) for second, amount in rows
    )


def _preset_data(samples: Sequence[tuple[str, Sample]], presets: Sequence[Preset]) -> bytes:
    phdr: list[bytes] = []
    pbag: list[bytes] = []
    pgen: list[bytes] = []
    inst: list[bytes] = []
    ibag: list[bytes] = []
    igen: list[bytes] = []
    imod: list[bytes] = []
    generators = modulators = 0
    for number, preset in enumerate(presets):
        phdr.append(
            struct.pack("<20sHHHIII", _name(preset.name), preset.program, preset.bank, number, 0, 0, 0)
        )
        pbag.append(struct.pack("<HH", number, 0))
        pgen.append(struct.pack("<HH", INSTRUMENT, number))
        inst.append(struct.pack("<20sH", _name(preset.name), len(ibag)))
        for zone in preset.zones:
            ibag.append(struct.pack("<HH", generators, modulators))
            igen.append(_zone_generators(zone, samples[zone.sample][1].loop is not None))
            imod.append(_zone_modulators(zone))
            generators += len(igen[-1]) // 4
            modulators += len(imod[-1]) // 10
    count = len(presets)
    phdr.append(struct.pack("<20sHHHIII", _name("EOP"), 0, 0, count, 0, 0, 0))
    pbag.append(struct.pack("<HH", count, 0))
    inst.append(struct.pack("<20sH", _name("EOI"), len(ibag)))
    ibag.append(struct.pack("<HH", generators, modulators))
    chunks = {
        b"phdr": phdr,
        b"pbag": pbag,
        b"pmod": [bytes(10)],
        b"pgen": [*pgen, bytes(4)],
        b"inst": inst,
        b"ibag": ibag,
        b"imod": [*imod, bytes(10)],
        b"igen": [*igen, bytes(4)],
    }
    return b"".join(_chunk(name, b"".join(rows)) for name, rows in chunks.items())
