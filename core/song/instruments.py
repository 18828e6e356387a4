"""General MIDI by name: the 128 programs, their families, the drum sounds, and the words people use.

Conventions
-----------
* Programs count from 0, as in the MIDI message (printed tables count from 1).
* All names are lower case.
"""

from __future__ import annotations

from difflib import get_close_matches

from core.errors import TunesmithError

FAMILIES: dict[str, tuple[str, ...]] = {
    "piano": (
        "acoustic grand piano", "bright acoustic piano", "electric grand piano", "honky-tonk piano",
        "electric piano 1", "electric piano 2", "harpsichord", "clavinet",
    ),
    "chromatic percussion": (
        "celesta", "glockenspiel", "music box", "vibraphone",
        "marimba", "xylophone", "tubular bells", "dulcimer",
    ),
    "organ": (
        "drawbar organ", "percussive organ", "rock organ", "church organ",
        "reed organ", "accordion", "harmonica", "tango accordion",
    ),
    "guitar": (
        "acoustic guitar (nylon)", "acoustic guitar (steel)", "electric guitar (jazz)",
        "electric guitar (clean)", "electric guitar (muted)", "overdriven guitar",
        "distortion guitar", "guitar harmonics",
    ),
    "bass": (
        "acoustic bass", "electric bass (finger)", "electric bass (pick)", "fretless bass",
        "slap bass 1", "slap bass 2", "synth bass 1", "synth bass 2",
    ),
    "strings": (
        "violin", "viola", "cello", "contrabass",
        "tremolo strings", "pizzicato strings", "orchestral harp", "timpani",
    ),
    "ensemble": (
        "string ensemble 1", "string ensemble 2", "synth strings 1", "synth strings 2",
        "choir aahs", "voice oohs", "synth voice", "orchestra hit",
    ),
    "brass": (
        "trumpet", "trombone", "tuba", "muted trumpet",
        "french horn", "brass section", "synth brass 1", "synth brass 2",
    ),
    "reed": (
        "soprano sax", "alto sax", "tenor sax", "baritone sax",
        "oboe", "english horn", "bassoon", "clarinet",
    ),
    "pipe": (
        "piccolo", "flute", "recorder", "pan flute",
        "blown bottle", "shakuhachi", "whistle", "ocarina",
    ),
    "synth lead": (
        "lead 1 (square)", "lead 2 (sawtooth)", "lead 3 (calliope)", "lead 4 (chiff)",
        "lead 5 (charang)", "lead 6 (voice)", "lead 7 (fifths)", "lead 8 (bass + lead)",
    ),
    "synth pad": (
        "pad 1 (new age)", "pad 2 (warm)", "pad 3 (polysynth)", "pad 4 (choir)",
        "pad 5 (bowed)", "pad 6 (metallic)", "pad 7 (halo)", "pad 8 (sweep)",
    ),
    "synth effects": (
        "fx 1 (rain)", "fx 2 (soundtrack)", "fx 3 (crystal)", "fx 4 (atmosphere)",
        "fx 5 (brightness)", "fx 6 (goblins)", "fx 7 (echoes)", "fx 8 (sci-fi)",
    ),
    "ethnic": (
        "sitar", "banjo", "shamisen", "koto",
        "kalimba", "bagpipe", "fiddle", "shanai",
    ),
    "percussive": (
        "tinkle bell", "agogo", "steel drums", "woodblock",
        "taiko drum", "melodic tom", "synth drum", "reverse cymbal",
    ),
    "sound effects": (
        "guitar fret noise", "breath noise", "seashore", "bird tweet",
        "telephone ring", "helicopter", "applause", "gunshot",
    ),
}  # fmt: skip
"""Family -> its eight programs, in program order."""

PROGRAMS: tuple[str, ...] = tuple(name for names in FAMILIES.values() for name in names)
"""The name of every program, 0-127."""

DRUMS: dict[int, str] = {
    35: "acoustic bass drum", 36: "bass drum", 37: "side stick", 38: "acoustic snare", 39: "hand clap",
    40: "electric snare", 41: "low floor tom", 42: "closed hi-hat", 43: "high floor tom",
    44: "pedal hi-hat", 45: "low tom", 46: "open hi-hat", 47: "low-mid tom", 48: "hi-mid tom",
    49: "crash cymbal 1", 50: "high tom", 51: "ride cymbal 1", 52: "chinese cymbal", 53: "ride bell",
    54: "tambourine", 55: "splash cymbal", 56: "cowbell", 57: "crash cymbal 2", 58: "vibraslap",
    59: "ride cymbal 2", 60: "hi bongo", 61: "low bongo", 62: "mute hi conga", 63: "open hi conga",
    64: "low conga", 65: "high timbale", 66: "low timbale", 67: "high agogo", 68: "low agogo",
    69: "cabasa", 70: "maracas", 71: "short whistle", 72: "long whistle", 73: "short guiro",
    74: "long guiro", 75: "claves", 76: "hi wood block", 77: "low wood block", 78: "mute cuica",
    79: "open cuica", 80: "mute triangle", 81: "open triangle",
}  # fmt: skip
"""Pitch -> the drum it plays on the drum channel."""

KITS: dict[str, int] = {
    "drums": 0, "drum kit": 0, "drum set": 0, "percussion": 0, "standard kit": 0, "room kit": 8,
    "power kit": 16, "electronic kit": 24, "tr-808 kit": 25, "jazz kit": 32, "brush kit": 40,
    "orchestra kit": 48,
}  # fmt: skip
"""Name -> program on the drum channel (General MIDI 2 kits)."""

ALIASES: dict[str, str] = {
    "piano": "acoustic grand piano", "grand piano": "acoustic grand piano",
    "electric piano": "electric piano 1", "rhodes": "electric piano 1", "e-piano": "electric piano 1",
    "honky tonk": "honky-tonk piano", "keyboard": "electric piano 1", "clavichord": "clavinet",
    "bells": "tubular bells", "vibes": "vibraphone", "hammered dulcimer": "dulcimer",
    "organ": "drawbar organ", "hammond": "drawbar organ", "pipe organ": "church organ",
    "harmonium": "reed organ", "bandoneon": "tango accordion", "mouth organ": "harmonica",
    "guitar": "acoustic guitar (nylon)", "acoustic guitar": "acoustic guitar (steel)",
    "nylon guitar": "acoustic guitar (nylon)", "classical guitar": "acoustic guitar (nylon)",
    "steel guitar": "acoustic guitar (steel)", "jazz guitar": "electric guitar (jazz)",
    "electric guitar": "electric guitar (clean)", "clean guitar": "electric guitar (clean)",
    "muted guitar": "electric guitar (muted)", "overdrive guitar": "overdriven guitar",
    "distorted guitar": "distortion guitar", "lead guitar": "distortion guitar",
    "bass": "electric bass (finger)", "bass guitar": "electric bass (finger)",
    "electric bass": "electric bass (finger)", "finger bass": "electric bass (finger)",
    "picked bass": "electric bass (pick)", "slap bass": "slap bass 1", "synth bass": "synth bass 1",
    "upright bass": "acoustic bass", "double bass": "contrabass", "string bass": "contrabass",
    "strings": "string ensemble 1", "string ensemble": "string ensemble 1",
    "synth strings": "synth strings 1", "pizzicato": "pizzicato strings", "harp": "orchestral harp",
    "choir": "choir aahs", "voice": "voice oohs", "vocals": "voice oohs", "voices": "choir aahs",
    "brass": "brass section", "horns": "brass section", "horn": "french horn",
    "synth brass": "synth brass 1",
    "sax": "tenor sax", "saxophone": "tenor sax", "soprano saxophone": "soprano sax",
    "alto saxophone": "alto sax", "tenor saxophone": "tenor sax", "baritone saxophone": "baritone sax",
    "cor anglais": "english horn", "pan pipes": "pan flute",
    "lead": "lead 2 (sawtooth)", "synth": "lead 2 (sawtooth)", "synth lead": "lead 2 (sawtooth)",
    "square lead": "lead 1 (square)", "saw lead": "lead 2 (sawtooth)",
    "pad": "pad 2 (warm)", "synth pad": "pad 2 (warm)", "warm pad": "pad 2 (warm)",
    "bagpipes": "bagpipe", "steel drum": "steel drums", "taiko": "taiko drum",
}  # fmt: skip
"""A word people use -> the General MIDI name it stands for."""

_PROGRAM_OF = {name: program for program, name in enumerate(PROGRAMS)}
_NAMES = (*PROGRAMS, *ALIASES, *KITS)


def family_of(program: int) -> str:
    """The family of a program 0-127.

    >>> family_of(33)
    'bass'
    """
    return tuple(FAMILIES)[program // 8]


def instrument_name(program: int, is_drum: bool = False) -> str:
    """What a person calls a program; the kit's name for a drum track.

    >>> instrument_name(40)
    'violin'
    """
    if is_drum:
        return next((name for name, kit in KITS.items() if kit == program), "drums")
    return PROGRAMS[program]


def find_instrument(name: str) -> tuple[int, bool]:
    """The instrument a person means.

    Parameters
    ----------
    name : a General MIDI name, an alias, a kit, or a program number from 0; case does not matter

    Returns
    -------
    program : 0-127
    is_drum : whether it is a drum kit

    Raises
    ------
    TunesmithError
        If there is no such instrument; the message lists the closest names.

    >>> find_instrument("Strings")
    (48, False)
    """
    wanted = " ".join(name.lower().replace("_", " ").split())
    if wanted in KITS:
        return KITS[wanted], True
    wanted = ALIASES.get(wanted, wanted)
    if wanted in _PROGRAM_OF:
        return _PROGRAM_OF[wanted], False
    if wanted.isascii() and wanted.isdigit() and len(wanted) <= 3 and int(wanted) < len(PROGRAMS):
        return int(wanted), False
    close = get_close_matches(wanted, _NAMES, n=4, cutoff=0.55)
    close += [known for known in _NAMES if wanted and wanted in known and known not in close][:3]
    hint = f"did you mean {', '.join(close)}?" if close else 'try "piano", "bass", "strings" or "drums"'
    raise TunesmithError(f'There is no instrument "{name}": {hint}')
