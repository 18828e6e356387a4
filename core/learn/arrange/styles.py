"""The styles: who plays, in which patterns, how fast, on whose drums. Data only."""

from __future__ import annotations

from dataclasses import dataclass

from core.learn.arrange.patterns import FOUR, SIX, WALTZ


@dataclass(frozen=True, slots=True)
class Part:
    """One player of an arrangement.

    Attributes
    ----------
    role : "melody", "double", "bass", "comp", "pad", "arp" or "counter"
    programs : General MIDI programs (0-127) to choose from
    pattern : name in `patterns.BASS` (bass) or `patterns.CHORDAL` (comp, pad, arp); "" for lines
    enter : the section energy, 0-3, from which the part plays
    velocity : its usual loudness
    voicing : "close", "rootless" (with the ninth), "power", "wide" or "one" (the third or seventh)
    centre : MIDI pitch around which its notes lie
    chance : 0-1, how often the style has this part
    gate : share of a written length that really sounds
    """

    role: str
    programs: tuple[int, ...]
    pattern: str = ""
    enter: int = 0
    velocity: int = 70
    voicing: str = "close"
    centre: int = 62
    chance: float = 1.0
    gate: float = 0.95


@dataclass(frozen=True, slots=True)
class Style:
    """How a style sounds.

    Attributes
    ----------
    parts : candidates, in the order of the score
    tempo : (slowest, fastest) bpm
    meters : meters the style knows
    human_drums : groove's style folders, best first; () plays `drums.KITS` only
    kit : name in `drums.KITS`, for meters and styles without human bars; "" has no drums
    kit_share : 0-1, how often the kit is taken although there are human bars
    swing : 0-1; 1 puts off-beat eighths on the third triplet
    keep_piano : 0-1, how often the source's own piano part stands in for the first comp part
    sevenths : whether plain chords become sevenths where the key has them
    """

    parts: tuple[Part, ...]
    tempo: tuple[int, int]
    meters: tuple[tuple[int, int], ...] = (FOUR,)
    human_drums: tuple[str, ...] = ()
    kit: str = "rock"
    kit_share: float = 0.0
    swing: float = 0.0
    keep_piano: float = 0.0
    sevenths: bool = False


LEAD_RANGES = {
    0: (58, 88), 1: (58, 88), 4: (58, 86), 11: (58, 86), 12: (58, 84), 16: (55, 84), 17: (55, 84),
    18: (55, 84), 21: (57, 86), 22: (60, 86), 24: (52, 79), 25: (52, 79), 26: (52, 79), 27: (52, 81),
    29: (52, 81), 30: (52, 81), 40: (60, 90), 41: (52, 79), 42: (43, 69), 48: (57, 88), 52: (53, 77),
    53: (53, 77), 54: (53, 79), 56: (56, 82), 57: (45, 70), 59: (56, 80), 60: (45, 74), 61: (53, 79),
    64: (58, 84), 65: (52, 79), 66: (47, 74), 67: (42, 68), 68: (59, 86), 70: (40, 68), 71: (53, 84),
    72: (74, 103), 73: (62, 93), 74: (65, 93), 75: (62, 90), 78: (65, 93), 105: (53, 79), 110: (58, 89),
    114: (60, 86),
}  # fmt: skip
"""Comfortable (lowest, highest) pitch of a program that leads; others are kept in 57-86."""

_ALL = (FOUR, WALTZ, SIX)


def _melody(*programs: int, velocity: int = 96) -> Part:
    return Part("melody", programs, velocity=velocity)


def _double(*programs: int, chance: float = 0.5, enter: int = 3) -> Part:
    return Part("double", programs, enter=enter, velocity=76, chance=chance)


def _counter(*programs: int, chance: float = 0.6, enter: int = 2) -> Part:
    return Part("counter", programs, enter=enter, velocity=68, centre=66, chance=chance)


def _bass(pattern: str, *programs: int, velocity: int = 84, enter: int = 1, centre: int = 37) -> Part:
    return Part("bass", programs, pattern, enter, velocity, centre=centre, gate=0.96)


def _pad(*programs: int, enter: int = 1, chance: float = 0.8, centre: int = 64, velocity: int = 58) -> Part:
    return Part("pad", programs, "pad", enter, velocity, centre=centre, chance=chance, gate=1.0)


STYLES: dict[str, Style] = {
    "pop": Style(
        (
            _melody(0, 53, 54, 73, 80, 81, 27, 65),
            _double(48, 53, 80, 11),
            _counter(48, 73, 68, 27, 11),
            Part("comp", (0, 1, 4, 5), "pop", 0, 72),
            Part("comp", (25, 27, 28), "strum", 2, 64, "wide", 60, 0.7),
            Part("arp", (11, 8, 24, 88), "arpeggio", 2, 58, centre=72, chance=0.35),
            _pad(48, 50, 89),
            _bass("plain", 33, 34, 38),
        ),
        (84, 132), _ALL, ("pop", "rock", "soul"), "rock", keep_piano=0.35,
    ),
    "ballad": Style(
        (
            _melody(53, 73, 65, 40, 0, 68, 66),
            _double(48, 40, 53, chance=0.4),
            _counter(42, 60, 68, 40, chance=0.7),
            Part("comp", (0, 4, 5), "arpeggio", 0, 64),
            Part("comp", (24, 25), "quarters", 2, 56, centre=60, chance=0.5),
            _pad(48, 49, 89, 52),
            _bass("plain", 33, 35, 32),
        ),
        (56, 88), _ALL, ("soul", "pop", "rock"), "ballad", 0.3, keep_piano=0.5,
    ),
    "rock": Style(
        (
            _melody(29, 27, 81, 53, 18, 30),
            _double(29, 30, 18, chance=0.35),
            Part("comp", (29, 30, 27), "power", 0, 76, "power", 50),
            Part("comp", (18, 0, 27), "pop", 2, 64, chance=0.7),
            _pad(48, 16, 50, enter=3, chance=0.4),
            _bass("rock", 34, 33),
        ),
        (100, 160), _ALL, ("rock",), "rock",
    ),
    "metal": Style(
        (
            _melody(30, 29, 81),
            _double(30, 29, chance=0.5, enter=2),
            Part("comp", (30,), "power", 0, 88, "power", 47),
            Part("comp", (29, 30), "power", 2, 80, "power", 54, 0.6),
            _bass("metal", 34, 33, velocity=92),
        ),
        (140, 200), (FOUR,), ("punk", "rock"), "metal", 0.4,
    ),
    "funk": Style(
        (
            _melody(65, 66, 56, 61, 4, 53),
            _double(61, 57, 66, chance=0.5),
            Part("comp", (28, 27), "scratch", 0, 68, "rootless", 66, gate=0.7),
            Part("comp", (4, 7, 16), "stabs", 1, 72, "rootless", 62, 0.8),
            Part("comp", (61, 62), "stabs", 3, 78, "close", 67, 0.6),
            _pad(16, 50, enter=2, chance=0.3),
            _bass("funk", 33, 36, 37, velocity=92),
        ),
        (92, 124), (FOUR,), ("funk",), "funk", sevenths=True,
    ),
    "soul": Style(
        (
            _melody(53, 65, 66, 16, 73),
            _double(61, 53, 48, chance=0.4),
            _counter(48, 61, 66, chance=0.5),
            Part("comp", (4, 16, 0), "pop", 0, 68, "rootless"),
            Part("comp", (27, 28), "skank", 1, 60, "close", 66, 0.7, 0.6),
            Part("comp", (61,), "stabs", 3, 74, "close", 66, 0.6),
            _pad(48, 16, chance=0.5),
            _bass("soul", 33, 35),
        ),
        (72, 116), (FOUR, SIX), ("soul", "funk"), "soul", sevenths=True, keep_piano=0.15,
    ),
    "jazz": Style(
        (
            _melody(66, 65, 56, 59, 11, 71, 26, 57, 0),
            _double(65, 66, 57, 71, chance=0.3),
            Part("comp", (0,), "charleston", 0, 64, "rootless", 61),
            Part("comp", (26,), "quarters", 2, 50, "rootless", 58, 0.4, 0.5),
            Part("pad", (61, 66), "stabs", 3, 66, "close", 64, 0.4),
            _bass("walk", 32, 32, 33),
        ),
        (100, 220), (FOUR, WALTZ), ("jazz",), "swing", swing=1.0, sevenths=True,
    ),
    "bossa nova": Style(
        (
            _melody(73, 65, 24, 53, 11, 66),
            _counter(48, 73, 11, chance=0.5),
            Part("comp", (24,), "bossa", 0, 66, "rootless", 60),
            Part("comp", (4, 0), "sparse", 2, 54, "rootless", 64, 0.5),
            _pad(48, 49, enter=2, chance=0.5),
            _bass("bossa", 32, 33),
        ),
        (104, 148), (FOUR,), ("latin",), "bossa", 0.5, sevenths=True,
    ),
    "latin": Style(
        (
            _melody(56, 73, 53, 65, 57, 11),
            _double(56, 57, 61, chance=0.6),
            Part("comp", (0,), "montuno", 0, 76, "close", 66),
            Part("comp", (24, 25), "sparse", 1, 60, "close", 60, 0.5),
            Part("comp", (61, 56), "stabs", 3, 80, "close", 67, 0.7),
            _bass("tumbao", 32, 33),
        ),
        (96, 128), (FOUR,), ("latin", "afrocuban"), "salsa", 0.2,
    ),
    "reggae": Style(
        (
            _melody(53, 16, 65, 56, 73, 22),
            _double(61, 66, 57, chance=0.35),
            Part("comp", (27, 28), "skank", 0, 74, "close", 65, gate=0.6),
            Part("comp", (16, 17, 18), "bubble", 1, 60, "close", 60, 0.8, 0.6),
            Part("comp", (61,), "stabs", 3, 72, "close", 67, 0.4),
            _pad(16, 89, enter=2, chance=0.3),
            _bass("reggae", 33, 35, velocity=96),
        ),
        (68, 92), (FOUR,), ("reggae",), "onedrop", 0.35,
    ),
    "hiphop": Style(
        (
            _melody(80, 4, 73, 53, 11, 81, 0),
            _counter(48, 11, 108, chance=0.35),
            Part("comp", (4, 0, 5), "sparse", 0, 66, "rootless", 62),
            Part("arp", (0, 8, 24, 46, 108), "arpeggio", 1, 58, centre=70, chance=0.6),
            _pad(48, 50, 89, chance=0.6, enter=2),
            _bass("hiphop", 38, 39, 33, velocity=98, centre=35),
        ),
        (76, 104), (FOUR,), ("hiphop",), "hiphop", 0.15,
    ),
    "electronic": Style(
        (
            _melody(81, 80, 54, 85, 84, 87),
            _double(80, 81, 90, chance=0.5),
            Part("comp", (90, 81, 62, 63), "offbeat", 1, 70, "close", 64, gate=0.8),
            Part("arp", (81, 80, 84, 88), "arpeggio16", 0, 62, centre=70, chance=0.8, gate=0.8),
            _pad(89, 90, 94, 95, 50, enter=0, chance=0.9),
            _bass("dance", 38, 39, 87, velocity=96),
        ),
        (118, 136), (FOUR,), ("dance",), "house", 0.7,
    ),
    "country": Style(
        (
            _melody(25, 110, 22, 27, 53, 0),
            _double(110, 26, 22, chance=0.4),
            _counter(110, 27, 25, chance=0.5),
            Part("comp", (25,), "boomchick", 0, 70, "wide", 60, gate=0.7),
            Part("arp", (105, 27), "arpeggio16", 2, 60, centre=66, chance=0.5),
            Part("comp", (0,), "pop", 2, 60, chance=0.5),
            _bass("two", 32, 33),
        ),
        (88, 152), _ALL, ("country", "rock"), "train", 0.6,
    ),
    "folk": Style(
        (
            _melody(110, 73, 74, 21, 72, 22, 71),
            _double(21, 110, 73, 74, chance=0.6, enter=2),
            _counter(42, 68, 73, chance=0.35),
            Part("comp", (25, 24), "strum", 0, 66, "wide", 58),
            Part("arp", (24, 46, 105, 15), "arpeggio", 2, 56, centre=66, chance=0.6),
            Part("pad", (21, 109, 42), "pad", 2, 52, "one", 58, 0.4, 1.0),
            _bass("two", 32, 32, 42),
        ),
        (84, 144), _ALL, (), "folk",
    ),
    "waltz": Style(
        (
            _melody(40, 21, 71, 0, 73, 48),
            _double(73, 40, 48, 68, chance=0.5),
            _counter(42, 60, 71, chance=0.6),
            Part("comp", (48, 0, 21, 45), "waltz", 0, 62, "close", 60, gate=0.8),
            Part("arp", (46,), "arpeggio", 2, 54, centre=70, chance=0.4),
            _pad(60, 48, 49, enter=2, chance=0.6),
            _bass("two", 43, 32, 58),
        ),
        (84, 184), (WALTZ,), (), "waltz",
    ),
    "blues": Style(
        (
            _melody(22, 29, 27, 65, 53, 0, 66),
            _double(61, 66, 29, chance=0.3),
            Part("comp", (27, 25, 29), "shuffle", 0, 68, "close", 57, gate=0.75),
            Part("comp", (0, 16, 18), "charleston", 1, 64, "rootless", 62, 0.8),
            Part("comp", (61,), "stabs", 3, 70, "close", 66, 0.35),
            _bass("shuffle", 33, 32),
        ),
        (72, 132), (FOUR, SIX), ("blues",), "shuffle", 0.6, swing=1.0, sevenths=True,
    ),
    "afrobeat": Style(
        (
            _melody(66, 56, 65, 16, 53),
            _double(61, 57, 67, chance=0.6, enter=2),
            Part("comp", (27, 28), "scratch", 0, 66, "close", 67, gate=0.7),
            Part("comp", (16, 4), "offbeat", 1, 62, "rootless", 62, 0.8, 0.6),
            Part("comp", (61,), "stabs", 2, 76, "close", 66, 0.7),
            _bass("tumbao", 33, 34, velocity=92),
        ),
        (100, 128), (FOUR,), ("afrobeat", "highlife"), "funk", sevenths=True,
    ),
    "orchestral": Style(
        (
            _melody(48, 40, 73, 68, 71, 60),
            _double(73, 68, 56, 72, 40, chance=0.9, enter=2),
            _counter(42, 60, 70, 71, chance=0.9, enter=1),
            Part("comp", (48, 49, 45, 44), "strings", 0, 60, "close", 60),
            Part("pad", (60, 70, 71), "pad", 1, 56, "close", 57, 0.8, 1.0),
            Part("comp", (61, 56, 57), "fanfare", 2, 76, "close", 64, 0.7),
            Part("arp", (46,), "arpeggio", 1, 54, centre=68, chance=0.4),
            _bass("orchestra", 43, 42, enter=0, centre=38),
            Part("bass", (47,), "timpani", 2, 74, centre=45, chance=0.9, gate=0.6),
        ),
        (66, 132), _ALL, (), "",
    ),
}  # fmt: skip
"""Style name to how it sounds. The names are the labels a trained model knows."""
