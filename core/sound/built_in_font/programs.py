"""The 128 programs: which voices sound together, and how the player shapes them.

The order is that of `core.song.instruments.PROGRAMS`. A row is one layer or several; the families' common settings are
the templates at the top, and a row says only what differs.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any


@dataclass(frozen=True)
class Layer:
    """One voice of a program.

    Attributes
    ----------
    voice : str
    db : level against the other layers.
    cents, semitones : detuning.
    pan : -1 left to 1 right.
    attack, hold, release : seconds; the release is the time to fall by 60 dB.
    decay : seconds to fall by 60 dB while held; 0 leaves it to the sample.
    sustain : dB below full at which the decay ends; 0 holds.
    cutoff : of the low-pass filter at middle C and velocity 127 (Hz); 0 for an open filter. `track` moves it with the
        key: 1 with the note, 0 not at all. `velocity`: cents by which it closes towards velocity 0.
    resonance : dB.
    sweep : cents by which the modulation envelope opens the filter; `bend` cents by which it bends the pitch.
    sweep_attack, sweep_decay : seconds of that envelope; sweep_sustain: share at which it stays.
    vibrato, tremolo, wah : depth in cents, in dB, in cents of the filter, at `rate` Hz after `delay` s.
    reverb, chorus : shares sent to the effects.
    """

    voice: str
    db: float = 0.0
    cents: float = 0.0
    semitones: int = 0
    pan: float = 0.0
    attack: float = 0.0
    hold: float = 0.0
    decay: float = 0.0
    sustain: float = 0.0
    release: float = 0.2
    cutoff: float = 0.0
    track: float = 0.4
    velocity: float = 2400.0
    resonance: float = 0.0
    sweep: float = 0.0
    bend: float = 0.0
    sweep_attack: float = 0.0
    sweep_decay: float = 0.3
    sweep_sustain: float = 0.0
    vibrato: float = 0.0
    tremolo: float = 0.0
    wah: float = 0.0
    rate: float = 5.4
    delay: float = 0.3
    reverb: float = 0.1
    chorus: float = 0.0


Program = tuple[Layer, ...]

PIANO = Layer("", release=0.35, cutoff=6000, track=0.45, velocity=4800, reverb=0.12)
TINES = Layer("", release=0.3, cutoff=2800, track=0.6, velocity=4800, chorus=0.12, reverb=0.1)
MALLET = Layer("", release=1.2, cutoff=8000, velocity=3600, reverb=0.16)
BELL = replace(MALLET, release=3.0, reverb=0.22)
ORGAN = Layer("", release=0.08, velocity=0, reverb=0.12)
REEDS = Layer("", attack=0.03, release=0.12, cutoff=9000, velocity=1800, vibrato=4, rate=5.0, reverb=0.1)
GUITAR = Layer("", release=0.3, cutoff=5500, velocity=4200, reverb=0.1)
BASS = Layer("", release=0.18, cutoff=2600, track=0.3, velocity=4200, reverb=0.02)
BOWED = Layer("", release=0.3, cutoff=6000, velocity=3200, vibrato=15, rate=5.6, delay=0.28, reverb=0.2)
SECTION = Layer("", attack=0.11, release=0.55, cutoff=6000, velocity=3000, reverb=0.25, chorus=0.05)
CHOIR = replace(SECTION, attack=0.14, release=0.6, vibrato=5, rate=5.0, delay=0.4)
HORN = Layer("", release=0.16, cutoff=5000, velocity=4400, vibrato=6, rate=5.2, delay=0.45, reverb=0.17)
REED = Layer("", release=0.13, cutoff=6000, velocity=3400, vibrato=9, rate=5.1, delay=0.35, reverb=0.14)
PIPE = Layer(
    "", release=0.16, cutoff=9000, velocity=2400, vibrato=6, tremolo=0.9, rate=5.0, delay=0.3, reverb=0.2
)
LEAD = Layer(
    "", attack=0.004, release=0.1, cutoff=9000, velocity=2400, vibrato=7, delay=0.4, reverb=0.1, chorus=0.1
)
PAD = Layer("", attack=0.4, release=1.0, cutoff=7000, velocity=1800, reverb=0.3, chorus=0.2)
STRUCK = Layer("", release=0.5, cutoff=12000, velocity=2800, reverb=0.14)
ONCE = Layer("", release=2.5, cutoff=14000, velocity=1800, reverb=0.14)


def one(template: Layer, voice: str, **changes: Any) -> Program:
    """A program of one voice."""
    return (layer(template, voice, **changes),)


def layer(template: Layer, voice: str, **changes: Any) -> Layer:
    """A layer as its family's `template` has it, but for `changes`."""
    return replace(template, voice=voice, **changes)


def detuned(template: Layer, voice: str, cents: float, **changes: Any) -> Program:
    """Two copies of a voice, `cents` apart."""
    return tuple(layer(template, voice, cents=sign * cents / 2, **changes) for sign in (-1, 1))


LESLIE: dict[str, Any] = {"tremolo": 1.3, "vibrato": 9, "rate": 6.4, "delay": 0.0}

PROGRAMS: tuple[Program, ...] = (
    # piano
    one(PIANO, "grand piano"),
    one(PIANO, "bright piano", cutoff=11000, velocity=3800),
    one(PIANO, "electric grand", chorus=0.15, cutoff=5000),
    detuned(PIANO, "grand piano", 17, cutoff=9000),
    one(TINES, "tine piano", tremolo=0.8, rate=4.6, delay=0.0),
    one(TINES, "fm piano", cutoff=8000, chorus=0.3),
    one(GUITAR, "harpsichord", cutoff=14000, velocity=600, release=0.15),
    one(GUITAR, "clavinet", release=0.08, cutoff=7500, velocity=4200),
    # chromatic percussion
    one(MALLET, "celesta"),
    one(BELL, "glockenspiel", cutoff=15000),
    one(BELL, "music box", release=2.0),
    one(MALLET, "vibraphone", tremolo=2.6, rate=5.2, delay=0.0, release=0.8),
    one(MALLET, "marimba", release=0.5, cutoff=8000, velocity=3600),
    one(MALLET, "xylophone", release=0.3),
    one(BELL, "tubular bell"),
    one(MALLET, "dulcimer"),
    # organ
    one(ORGAN, "drawbar organ", **LESLIE),
    (layer(ORGAN, "percussive organ"), layer(ORGAN, "organ percussion", db=1, decay=0.45)),
    one(ORGAN, "rock organ", **LESLIE | {"tremolo": 2.0, "vibrato": 14, "rate": 6.8}, chorus=0.15),
    one(ORGAN, "church organ", release=0.5, reverb=0.4),
    one(REEDS, "reed organ", attack=0.05, vibrato=0, cutoff=6000),
    one(REEDS, "accordion", vibrato=0),
    one(REEDS, "harmonica", vibrato=10, tremolo=1.0, delay=0.3),
    one(REEDS, "bandoneon", vibrato=3, delay=0.4),
    # guitar
    one(GUITAR, "nylon guitar", cutoff=3000, velocity=4800, reverb=0.13),
    one(GUITAR, "steel guitar", cutoff=8000, reverb=0.13),
    one(GUITAR, "jazz guitar", cutoff=3000),
    one(GUITAR, "clean guitar", chorus=0.2),
    one(GUITAR, "muted guitar", release=0.12),
    one(GUITAR, "overdriven guitar", velocity=1800, vibrato=5, delay=0.6, release=0.12),
    one(GUITAR, "distorted guitar", velocity=1000, vibrato=6, delay=0.6, release=0.12),
    one(GUITAR, "guitar harmonics", release=0.8, reverb=0.2),
    # bass
    one(BASS, "acoustic bass", reverb=0.06),
    one(BASS, "fingered bass"),
    one(BASS, "picked bass", cutoff=4500),
    one(BASS, "fretless bass", vibrato=6, rate=4.6, delay=0.4, bend=-35, sweep_decay=0.09, chorus=0.06),
    one(BASS, "slap bass", cutoff=7000, velocity=4800),
    one(BASS, "popped bass", cutoff=11000, velocity=4800),
    one(
        BASS,
        "saw",
        cutoff=420,
        track=0.6,
        resonance=7,
        sweep=2600,
        sweep_decay=0.32,
        sweep_sustain=0.12,
        decay=6,
        velocity=1800,
    ),
    one(BASS, "growl", cutoff=3500, release=0.12),
    # strings
    one(BOWED, "violin"),
    one(BOWED, "viola", vibrato=14, rate=5.4),
    one(BOWED, "cello", vibrato=12, rate=5.2),
    one(BOWED, "contrabass", vibrato=8, rate=4.8),
    one(SECTION, "string section", attack=0.05, tremolo=4.5, rate=9.5, delay=0.0),
    one(STRUCK, "pizzicato", release=0.3, cutoff=9000, reverb=0.2),
    one(STRUCK, "harp", release=1.2, cutoff=9000, reverb=0.2),
    one(STRUCK, "timpani", release=0.9, cutoff=5000, velocity=3600, reverb=0.25),
    # ensemble
    one(SECTION, "string section"),
    one(SECTION, "string section", attack=0.38, release=0.9, cutoff=3200, velocity=1800),
    one(SECTION, "saw ensemble", cutoff=4200, attack=0.07, chorus=0.25),
    one(SECTION, "saw ensemble", cutoff=1500, resonance=3, attack=0.3, release=0.9, chorus=0.35),
    one(CHOIR, "choir aah"),
    one(CHOIR, "choir ooh"),
    one(CHOIR, "synth vowel", attack=0.06, release=0.35, vibrato=10),
    one(ONCE, "hit", release=1.2, velocity=3600, reverb=0.25),
    # brass
    one(HORN, "trumpet", cutoff=7000),
    one(HORN, "trombone"),
    one(HORN, "tuba", vibrato=0),
    one(HORN, "muted trumpet", cutoff=10000, velocity=2400),
    one(HORN, "french horn", vibrato=3, release=0.25, reverb=0.25),
    one(
        HORN,
        "brass section",
        attack=0.035,
        cutoff=1800,
        sweep=2400,
        sweep_attack=0.07,
        sweep_decay=0.5,
        sweep_sustain=0.75,
        vibrato=0,
        reverb=0.22,
    ),
    detuned(
        HORN,
        "saw",
        14,
        attack=0.02,
        cutoff=900,
        track=0.6,
        sweep=2900,
        sweep_attack=0.05,
        sweep_decay=0.45,
        sweep_sustain=0.5,
        chorus=0.2,
        velocity=2400,
    ),
    detuned(
        HORN,
        "pulse",
        18,
        attack=0.06,
        cutoff=700,
        track=0.6,
        sweep=2200,
        sweep_attack=0.16,
        sweep_decay=0.9,
        sweep_sustain=0.55,
        chorus=0.3,
        velocity=2000,
        release=0.3,
    ),
    # reed
    one(REED, "soprano sax"),
    one(REED, "alto sax", vibrato=11),
    one(REED, "tenor sax", vibrato=11, rate=4.9),
    one(REED, "baritone sax", rate=4.8),
    one(REED, "oboe", velocity=2000),
    one(REED, "english horn", velocity=2000),
    one(REED, "bassoon", vibrato=5),
    one(REED, "clarinet", vibrato=0, velocity=3400),
    # pipe
    one(PIPE, "piccolo", cutoff=14000),
    one(PIPE, "flute", vibrato=8, tremolo=1.4),
    one(PIPE, "recorder", vibrato=3, tremolo=0.4),
    one(PIPE, "pan flute", release=0.22),
    one(PIPE, "blown bottle", vibrato=3),
    one(PIPE, "shakuhachi", vibrato=18, tremolo=2.0, rate=4.7, delay=0.45, bend=-90, sweep_decay=0.12),
    one(PIPE, "whistle", vibrato=14, rate=5.8),
    one(PIPE, "ocarina", vibrato=7),
    # lead
    one(LEAD, "square", cutoff=7000),
    detuned(LEAD, "saw", 9, cutoff=9000),
    (layer(LEAD, "sine"), layer(LEAD, "whistle", db=-6, attack=0.02), layer(LEAD, "pan flute", db=-9)),
    (layer(LEAD, "square", cutoff=2600, db=-2), layer(LEAD, "pan flute", db=0)),
    (layer(LEAD, "distorted guitar", velocity=800), layer(LEAD, "saw", db=-4)),
    (layer(LEAD, "synth vowel", attack=0.03, vibrato=10), layer(LEAD, "sine", db=-5)),
    (layer(LEAD, "saw"), layer(LEAD, "saw", semitones=7, db=-1, cents=3)),
    (
        layer(LEAD, "saw", cutoff=1500, sweep=2200, sweep_decay=0.4, resonance=5, vibrato=0),
        layer(LEAD, "square", semitones=-12, cents=5, cutoff=1800, vibrato=0),
    ),
    # pad
    (layer(PAD, "glass", attack=0.1), layer(PAD, "crystal", db=0, attack=0.0)),
    one(PAD, "saw ensemble", cutoff=800, track=0.6, attack=0.35),
    one(
        PAD,
        "saw ensemble",
        attack=0.012,
        cutoff=1900,
        track=0.7,
        sweep=1900,
        sweep_decay=0.9,
        sweep_sustain=0.3,
        release=0.5,
    ),
    (layer(PAD, "choir aah", attack=0.3), layer(PAD, "glass", db=-8)),
    one(PAD, "bowed glass", attack=0.4),
    (layer(PAD, "metal", attack=0.08), layer(PAD, "saw", db=-9, cutoff=5000, attack=0.15, cents=5)),
    (layer(PAD, "choir ooh", attack=0.4, release=1.6), layer(PAD, "hollow ensemble", db=-2, attack=0.7)),
    one(
        PAD,
        "saw ensemble",
        attack=0.25,
        cutoff=500,
        track=0.6,
        resonance=9,
        sweep=3600,
        sweep_attack=1.1,
        sweep_decay=2.5,
        sweep_sustain=0.4,
    ),
    # synthesiser effects
    (layer(PAD, "glass", attack=0.15, db=-4), layer(PAD, "rain", attack=0.0, db=0, track=0)),
    (
        layer(PAD, "saw ensemble", attack=0.4, cutoff=1800),
        layer(PAD, "hollow ensemble", db=-2, semitones=7, attack=0.6),
    ),
    one(BELL, "crystal", release=2.0, chorus=0.2),
    (layer(GUITAR, "nylon guitar", release=1.0, reverb=0.3), layer(PAD, "choir aah", db=-6, attack=0.5)),
    (
        layer(PAD, "bright bell", attack=0.0, cutoff=14000),
        layer(PAD, "choir aah", db=-7, attack=0.2, cutoff=12000),
    ),
    (
        layer(PAD, "synth vowel", attack=0.4, vibrato=40, rate=3.1, delay=0.0, wah=900, cutoff=1800),
        layer(PAD, "metal", db=-6, attack=1.0),
    ),
    one(
        PAD,
        "hollow ensemble",
        attack=0.02,
        decay=1.2,
        sustain=14,
        tremolo=9,
        rate=3.3,
        delay=0.0,
        release=1.2,
        reverb=0.5,
        cutoff=4000,
    ),
    (
        layer(PAD, "metal", attack=0.02, vibrato=35, rate=6.5, delay=0.0, wah=1500, cutoff=2500, resonance=8),
        layer(PAD, "saw", db=-5, semitones=12, cents=8, attack=0.2, vibrato=35, rate=6.5, delay=0.0),
    ),
    # ethnic
    one(GUITAR, "sitar", cutoff=11000, bend=25, sweep_decay=0.12, release=0.7),
    one(GUITAR, "banjo", cutoff=12000, release=0.2),
    one(GUITAR, "shamisen", cutoff=12000, release=0.2),
    one(GUITAR, "koto", release=0.9, bend=18, sweep_decay=0.06),
    one(MALLET, "kalimba", release=0.6),
    one(REED, "bagpipe", vibrato=0, velocity=300),
    one(BOWED, "fiddle", vibrato=7, cutoff=13000, release=0.15),
    one(REED, "shanai", vibrato=18, rate=5.6, cutoff=12000, bend=-70, sweep_decay=0.1),
    # percussive
    one(BELL, "tinkle bell", cutoff=15000, release=1.6),
    one(STRUCK, "agogo"),
    one(STRUCK, "steel drum"),
    one(STRUCK, "woodblock"),
    one(ONCE, "taiko", reverb=0.2),
    one(ONCE, "melodic tom"),
    one(ONCE, "synth drum"),
    one(ONCE, "reverse cymbal", release=1.2),
    # sound effects
    one(ONCE, "fret noise"),
    one(ONCE, "breath", release=0.3),
    one(ONCE, "seashore", attack=0.5, release=2.0, velocity=600),
    one(ONCE, "bird", release=0.4),
    one(ONCE, "telephone", release=0.3),
    one(ONCE, "helicopter", attack=0.15, release=0.8),
    one(ONCE, "applause", attack=0.15, release=1.0),
    one(ONCE, "gunshot"),
)
