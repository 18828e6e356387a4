"""`arrange`: a song with a melody and chords becomes a band's performance in a named style."""

from __future__ import annotations

import numpy as np

from core.errors import TunesmithError
from core.learn.arrange.chords import Chord, find_chords
from core.learn.arrange.drums import DrumBars, write_drums
from core.learn.arrange.form import Bar, plan_form
from core.learn.arrange.parts import (
    Harmony,
    Played,
    choose_patterns,
    fill_rests,
    write_bass,
    write_chords,
    write_counter,
    write_line,
    write_piano,
)
from core.learn.arrange.patterns import BASS, CHORDAL
from core.learn.arrange.source import Source, later, read_source, repeated, stretched, usual_meter
from core.learn.arrange.styles import STYLES, Part, Style
from core.song.notes import (
    DRUM_CHANNEL,
    TICKS_PER_BEAT,
    KeyMark,
    Meter,
    Notes,
    Song,
    Tempo,
    Track,
    empty_notes,
    make_notes,
)

_MOST_PARTS = 7
"""Players beside the drummer."""

_SHORT_SONG = 40
_CLEARLY = 0.12
_ROLE_VOLUME = {"melody": 110, "double": 92, "bass": 104, "comp": 90, "pad": 78, "arp": 82, "counter": 88}
_PANS = (64, 44, 84, 54, 74, 34, 94, 64)
_SEVENTHS = {("major", 0): "maj7", ("major", 5): "maj7", ("major", 7): "7", ("minor", 7): "7",
             ("minor", 3): "maj7", ("minor", 8): "maj7", ("minor", 10): "7"}  # fmt: skip
"""(mode, degree in semitones) to the seventh chord that a plain major chord there becomes."""


def suitable_styles(song: Song) -> tuple[str, ...]:
    """The styles that know ``song``'s meter."""
    meter = usual_meter(song)
    return tuple(name for name, style in STYLES.items() if meter in style.meters)


def arrange(
    song: Song, style: str, rng: np.random.Generator, drum_bars: DrumBars | None = None
) -> Song | None:
    """A full-band arrangement of ``song`` by rule.

    Parameters
    ----------
    song : has a melody and, better, chords; its downbeat and key are found from the notes
    style : a name in `STYLES`
    rng : makes every choice; the same seed gives the same arrangement
    drum_bars : human drum bars; without them kits play by rule

    Returns
    -------
    Song or None
        480 ticks a beat, tracks named after their roles ("melody", "bass", "comp", "pad", "arp", "counter",
        "double", "drums"), bar 1 at tick 0, one meter, a key mark, a final bar with the last chord held.
        None where the song has no melody, no steady beat, or a meter that the style does not know.

    Raises
    ------
    TunesmithError
        ``style`` is unknown.
    """
    if style not in STYLES:
        raise TunesmithError(f'there is no style "{style}": choose one of {", ".join(STYLES)}')
    rules = STYLES[style]
    source = read_source(song)
    if source is None or source.meter not in rules.meters:
        return None
    source, bpm = _at_tempo(_on_the_one(source), rules, rng)
    source = _long_enough(source, rng)
    chords, key, window = _harmony(source, rules)
    form = plan_form(source, rng)
    harmony = Harmony(chords, window, source.bar)

    tracks: list[Track] = []
    tables: list[Notes] = []
    for part, program, played in _play_parts(source, rules, form, harmony, rng):
        if not played:
            continue
        index = len(tracks)
        channel = index if index < DRUM_CHANNEL else index + 1
        tracks.append(
            Track(
                part.role, program, channel, False, _ROLE_VOLUME[part.role], _PANS[index % len(_PANS)], index
            )
        )
        tables.append(_finished(played, index, source.bar, rng))
    if rules.kit:
        human = drum_bars is not None and source.meter == (4, 4) and rng.random() >= rules.kit_share
        take = drum_bars.choose(rules.human_drums, bpm, rng) if human and drum_bars is not None else None
        strokes = write_drums(form, rules, source.meter, take, rng)
        if strokes:
            tables.append(_finished(strokes, len(tracks), source.bar, rng, accents=False))
            tracks.append(Track("drums", 0, DRUM_CHANNEL, True, 104, 64, len(tracks)))
    return Song(
        np.concatenate(tables) if tables else empty_notes(),
        tuple(tracks),
        TICKS_PER_BEAT,
        _tempos(bpm, form, source.bar, style in ("ballad", "orchestral", "waltz")),
        (Meter(0, *source.meter),),
        (KeyMark(0, *key),),
        title=song.title,
    )


def _on_the_one(source: Source) -> Source:
    """The source, moved by half a bar where its chords would then change on bar lines clearly more often."""
    if source.meter != (4, 4):
        return source
    moved = later(source, source.bar // 2)
    return moved if _changes_on_one(moved) > _changes_on_one(source) + _CLEARLY else source


def _changes_on_one(source: Source) -> float:
    """Share of the changes of chord that fall on bar lines."""
    chords, _ = find_chords(source.backing, source.melody, source.bar // 2, 2 * source.bars)
    changes = [index % 2 == 0 for index in range(1, len(chords)) if chords[index] != chords[index - 1]]
    return sum(changes) / max(1, len(changes))


def _at_tempo(source: Source, rules: Style, rng: np.random.Generator) -> tuple[Source, float]:
    """The source and its tempo within the style's range: in double time if that fits better."""
    slow, fast = rules.tempo
    if not source.tempo_is_real:
        return source, round(float(rng.triangular(slow, (slow + fast) / 2, fast)))
    if source.meter == (4, 4) and source.bpm < slow and source.bpm * 2 <= fast * 1.1:
        source = stretched(source, 2)
    return source, round(min(max(source.bpm, slow), fast))


def _long_enough(source: Source, rng: np.random.Generator) -> Source:
    """A short tune is played two or three times; a song that starts at once may get an intro."""
    if source.bars < _SHORT_SONG:
        source = repeated(source, 2 if source.bars > 20 else 3)
    if source.melody["onset"][0] < 2 * source.bar and rng.random() < 0.6:
        source = later(source, int(rng.choice([2, 4, 4, 8])) * source.bar)
    return source


def _harmony(source: Source, rules: Style) -> tuple[list[Chord], tuple[int, str], int]:
    """The chord of every window up to the final bar, the key, and the window's length in ticks."""
    window = source.bar if source.meter == (3, 4) else source.bar // 2
    per_bar = source.bar // window
    count = source.bars * per_bar
    chords, key = find_chords(source.backing, source.melody, window, count)
    _fill_intro(source, chords, per_bar, window)
    chords += [_last_chord(source, chords, key)] * per_bar
    if rules.sevenths:
        chords = [_with_seventh(chord, key) for chord in chords]
    return chords, key, window


def _fill_intro(source: Source, chords: list[Chord], per_bar: int, window: int) -> None:
    """Bars before the first note take the chords of the phrase's end, which lead into its start."""
    parts = (source.melody, source.counter, source.backing)
    empty = min(int(part["onset"].min()) for part in parts if len(part)) // window // per_bar * per_bar
    if empty >= per_bar and len(chords) >= 2 * empty:
        phrase = chords[empty : empty + 8 * per_bar]
        chords[:empty] = [phrase[(index - empty) % len(phrase)] for index in range(empty)]


def _last_chord(source: Source, chords: list[Chord], key: tuple[int, str]) -> Chord:
    """The home chord if the tune ends on one of its notes, else the chord it does end on."""
    tonic, mode = key
    home = Chord(tonic, "" if mode == "major" else "m")
    return home if int(source.melody["pitch"][-1]) % 12 in home.pitch_classes else chords[-1]


def _with_seventh(chord: Chord, key: tuple[int, str]) -> Chord:
    if chord.kind == "m":
        return Chord(chord.root, "m7")
    if chord.kind == "":
        return Chord(chord.root, _SEVENTHS.get((key[1], (chord.root - key[0]) % 12), "7"))
    return chord


def _play_parts(
    source: Source, rules: Style, form: list[Bar], harmony: Harmony, rng: np.random.Generator
) -> list[tuple[Part, int, Played]]:
    """(part, program, notes) of everyone but the drummer."""
    players = _players(rules, rng)
    keep_piano = len(source.backing) > 4 * source.bars and rng.random() < rules.keep_piano
    band: list[tuple[Part, int, Played]] = []
    lead_program = -1
    used: set[int] = set()
    for part in players:
        played: Played = []
        free = [program for program in part.programs if program not in used] or list(part.programs)
        program = int(free[int(rng.integers(len(free)))])
        used.add(program)
        if part.role == "melody":
            lead_program = program
            line = np.concatenate([source.melody, fill_rests(source.melody, source.counter, source.bar)])
            played = write_line(
                np.sort(line, order="onset"), program, part.velocity, rules.swing, form, source.bar
            )
            played = _held_to_end(played, form[-1], source.bar)
        elif part.role == "double":
            apart = 1 if program == lead_program or rng.random() < 0.4 else 0
            played = write_line(
                source.melody, program, part.velocity, rules.swing, form, source.bar, part.enter, apart
            )
        elif part.role == "counter":
            played = write_counter(part, form, harmony, source.melody, rules.swing)
        elif part.role == "bass" and source.meter in BASS[part.pattern]:
            patterns = choose_patterns(BASS[part.pattern], source.meter, rng)
            played = write_bass(part, form, harmony, patterns, rules.swing, rng)
        elif part.role == "comp" and keep_piano and not part.enter:
            program = 0
            played = write_piano(source, part, form, rules.swing, 48)
            played += write_chords(part, form[-1:], harmony, {}, rules.swing)
            keep_piano = False
        elif part.role != "bass" and source.meter in CHORDAL[part.pattern]:
            patterns = choose_patterns(CHORDAL[part.pattern], source.meter, rng)
            played = write_chords(part, form, harmony, patterns, rules.swing)
        band.append((part, program, played))
    return band


def _players(rules: Style, rng: np.random.Generator) -> list[Part]:
    """Who plays in this arrangement: everyone a style cannot do without, and some of the others."""
    players = [part for part in rules.parts if rng.random() < part.chance]
    while len(players) > _MOST_PARTS:
        spare = [place for place, part in enumerate(players) if part.chance < 1]
        players.pop(spare[int(rng.integers(len(spare)))])
    return players


def _held_to_end(played: Played, last: Bar, bar: int) -> Played:
    """The tune's last note held through the final chord."""
    if not played:
        return played
    onset, _, pitch, velocity = played[-1]
    if onset < (last.index - 2) * bar:
        return played
    return [*played[:-1], (onset, (last.index + 1) * bar - onset, pitch, velocity)]


def _finished(
    played: Played, track: int, bar: int, rng: np.random.Generator, *, accents: bool = True
) -> Notes:
    """The notes as a table: accents by beat, uneven as a hand's, no pitch struck while it sounds."""
    onset, duration, pitch, velocity = np.array(played, np.int64).T
    place = onset % bar
    accent = np.where(place == 0, 5, np.where(place % TICKS_PER_BEAT == 0, 2, -3)) if accents else 0
    spread = 3.0 if accents else 2.0
    loud = np.clip(np.rint(velocity + accent + rng.normal(0, spread, len(onset))), 18, 126)
    order = np.lexsort((onset, pitch))
    onset, duration, pitch, loud = onset[order], duration[order], pitch[order], loud[order]
    same = np.concatenate([pitch[1:] == pitch[:-1], [False]])
    room = np.concatenate([onset[1:] - onset[:-1], [1 << 40]])
    duration = np.where(same, np.minimum(duration, room), duration)
    kept = (duration > 0) & (onset >= 0) & (pitch >= 0) & (pitch <= 127)
    return make_notes(onset[kept], duration[kept], pitch[kept], loud[kept], track)


def _tempos(bpm: float, form: list[Bar], bar: int, slows: bool) -> tuple[Tempo, ...]:
    """The tempo; slow styles hold back in the last two bars."""
    marks = [Tempo.from_bpm(0, bpm)]
    if slows:
        last = form[-1].index
        marks += [Tempo.from_bpm(max(1, (last - 1) * bar), bpm * 0.92), Tempo.from_bpm(last * bar, bpm * 0.8)]
    return tuple(marks)
