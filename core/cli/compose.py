"""The command that makes music from nothing, and what it shares with those that start from a song."""

from __future__ import annotations

import argparse
import math
import re
import secrets
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, fields, replace
from difflib import get_close_matches
from pathlib import Path
from typing import TYPE_CHECKING, Any

from core.cli.command import (
    Answer,
    Command,
    check_folder,
    names,
    never,
    number,
    option,
    print_error,
    progress_line,
    whole,
)
from core.errors import TunesmithError

if TYPE_CHECKING:
    from core.compose.request import Request
    from core.song.notes import Song

MOST_BARS = 256
MOST_ELEMENTS = 20_000
ELEMENTS_A_BAR = 8
"""First guess of how many notes and chords a bar brings."""


def run_compose(options: argparse.Namespace) -> Answer:
    """Compose a new song, or several."""
    check_outputs(options)
    return make(request_from(options), options, options.variants)


def request_from(options: argparse.Namespace) -> Request:
    """The `Request` that the options ask for, checked.

    Raises
    ------
    TunesmithError
        where a value cannot be; close matches are named
    """
    from core.compose.request import Request
    from core.song.harmony import parse_chord, parse_key
    from core.song.instruments import find_instrument

    given = {name: value for name, value in vars(options).items() if value is not None}
    known = {item.name for item in fields(Request)}
    request = Request(**{name: given[name] for name in known & given.keys()})
    if "temperature" in given and "rhythm_temperature" not in given:
        request = replace(request, rhythm_temperature=request.temperature)
    if "style" in given and "instruments" not in given:
        request = replace(request, instruments=())  # the style brings its own band
    generator = _generator(request.generator)
    for name in CONDITIONS & given.keys():
        if name not in generator.conditions:
            print_error(f"{generator.name} does not take --{name.replace('_', '-')}: it is left out")
    styles = tuple(generator.styles)
    if request.style and request.style not in styles:
        if "style" in given:
            raise TunesmithError(_unknown("style", request.style, styles))
        request = replace(request, style=styles[0] if styles else "")
    if request.key:
        parse_key(request.key)
    for instrument in request.instruments:
        find_instrument(instrument)
    for chord in (chord for bar in request.chords for chord in bar.split(",")):
        parse_chord(chord)
    if request.composer and request.composer not in generator.composers:
        raise TunesmithError(_unknown("composer", request.composer, generator.composers))
    if "seed" not in given:
        request = replace(request, seed=secrets.randbelow(2**32))
    if given.get("seconds") and "seconds" not in generator.conditions:
        request = replace(request, bars=bars_in(given["seconds"], request))
    if given.get("elements") and "elements" not in generator.conditions:
        bars = math.ceil(given["elements"] / ELEMENTS_A_BAR)
        request = replace(request, bars=min(max(bars, 1), MOST_BARS))
    return request


def bars_in(seconds: float, request: Request) -> int:
    """The bars that last nearest to ``seconds`` at the request's tempo and meter; at least one."""
    numerator, denominator = request.meter
    bar_seconds = 60 / request.tempo * 4 * numerator / denominator
    bars = max(1, round(seconds / bar_seconds))
    if bars > MOST_BARS:
        raise TunesmithError(
            f"--seconds {seconds:g} is {bars} bars, a song has at most {MOST_BARS}; "
            f"ask for {math.floor(MOST_BARS * bar_seconds)} or less, or for a slower tempo"
        )
    return bars


def elements(song: Song) -> int:
    """How many elements a song has; an element is a note or a chord, all that begins at one tick."""
    import numpy as np

    return len(np.unique(song.notes["onset"]))


def first_elements(song: Song, count: int) -> Song:
    """The song up to its ``count``-th element."""
    import numpy as np

    onsets = np.unique(song.notes["onset"])
    if len(onsets) <= count:
        return song
    return song.with_notes(song.notes[song.notes["onset"] < onsets[count]])


def meter(text: str) -> tuple[int, int]:
    """An argument type: a time signature."""
    match = re.fullmatch(r"\s*(\d{1,2})\s*/\s*(\d{1,2})\s*", text)
    if match:
        numerator, denominator = int(match[1]), int(match[2])
        if 1 <= numerator <= 32 and denominator in (1, 2, 4, 8, 16, 32):
            return numerator, denominator
    raise argparse.ArgumentTypeError(f"give a meter such as 4/4, 3/4 or 6/8, not {text!r}")


def _generator(name: str) -> Any:
    from core.compose.registry import GENERATORS

    if name not in GENERATORS:
        raise TunesmithError(_unknown("generator", name, tuple(GENERATORS)))
    return GENERATORS[name]


def _unknown(what: str, name: str, known: tuple[str, ...]) -> str:
    lowered = {entry.lower(): entry for entry in known}
    close = [lowered[entry] for entry in get_close_matches(name.lower(), lowered, n=3, cutoff=0.5)]
    hint = f"did you mean {', '.join(close)}?" if close else f"there are {', '.join(known)}"
    return f"there is no {what} {name!r}; {hint}"


def chord_names(text: str) -> tuple[str, ...]:
    """An argument type: the chords of one bar after another, "C Am F,G C"."""
    return tuple(text.split())


def check_outputs(options: argparse.Namespace) -> None:
    """Refuse files that could not be written, before anything is composed."""
    from core.store.song_file import check_song_name

    check_song_name(options.out)
    for path in (options.out, options.wav, options.png):
        check_folder(path)
    if options.wav:
        from core.sound.audio_file import check_format

        check_format(options.wav)
    if options.png and Path(options.png).suffix.lower() != ".png":
        raise TunesmithError(f'cannot write "{options.png}": a picture\'s name must end in .png')


def make(request: Request, options: argparse.Namespace, count: int = 1) -> Answer:
    """Compose ``count`` songs, write the files that the options name, and tell of them."""
    began = time.perf_counter()
    composed = _composed(request, count, getattr(options, "elements", None))
    done = time.perf_counter()
    made = [
        _written(replace(request, seed=(request.seed + index) % 2**32), one, began, options, index, count)
        for index, one in enumerate(composed)
    ]
    return _answer(request, made, done - began, composed[0].ready - began)


@dataclass
class _Composed:
    """A song, and when the generator was ready, its first note came, and it was done."""

    song: Song | None = None
    ready: float = math.nan
    first_note: float = math.nan
    done: float = math.nan


def _composed(request: Request, count: int, most_elements: int | None) -> list[_Composed]:
    """The songs. Where elements are counted but the generator counts bars, those are doubled until there are
    elements enough.
    """
    from core.compose.registry import GENERATORS, compose_variants

    counts_elements = "elements" in GENERATORS[request.generator].conditions
    found = [_Composed() for _ in range(count)]
    while True:
        show = progress_line(f"composing {request.bars} bars")
        for index, update in compose_variants(request, count, cancelled=never):
            now, one = time.perf_counter(), found[index]
            one.ready = now if math.isnan(one.ready) else one.ready
            if len(update.notes) and math.isnan(one.first_note):
                one.first_note = now
            show((index + update.progress) / count)
            if update.done:
                one.song, one.done = update.song, now
        songs = [one.song for one in found if one.song is not None]
        if len(songs) < count:
            raise RuntimeError(f"the generator {request.generator} ended without a song")
        if most_elements is None or counts_elements:
            return found
        if min(map(elements, songs)) >= most_elements or request.bars == MOST_BARS:
            for one, song in zip(found, songs, strict=True):
                one.song = first_elements(song, most_elements)
            return found
        request = replace(request, bars=min(2 * request.bars, MOST_BARS))


def _written(
    request: Request, one: _Composed, began: float, options: argparse.Namespace, index: int, count: int
) -> dict[str, Any]:
    """Write a song's files; what is to tell of it."""
    from core.song.measures import measure
    from core.store.library import keep
    from core.store.song_file import write_song

    song = one.song
    assert song is not None
    made: dict[str, Any] = {
        "seed": request.seed,
        "notes": len(song.notes),
        "elements": elements(song),
        "bars": song.bars.bar_at(max(song.end_tick - 1, 0)) + 1,
        "seconds_to_load": one.ready - began,
        "seconds_to_first_note": one.first_note - began,
        "seconds_total": one.done - began,
    }
    writers: dict[str, Callable[[Path], object]] = {
        options.out: lambda path: write_song(song, path),
        options.wav: lambda path: _render(song, path),
        options.png: lambda path: _draw(song, path),
    }
    numbered = f"-{index + 1}" if count > 1 else ""
    made["files"] = []
    for name, write in writers.items():
        if name:
            path = Path(name)
            path = path.with_name(f"{path.stem}{numbered}{path.suffix}")
            write(path)
            made["files"].append(str(path))
    if options.library:
        made["piece"] = keep(song, request)
    return made | {"measures": measure(song)}


def _render(song: Song, path: Path) -> None:
    from core.sound.render import render_to_file

    render_to_file(song, path, progress=progress_line("rendering"), cancelled=never)


def _draw(song: Song, path: Path) -> None:
    from core.song_picture import write_picture

    write_picture(song, path)


def _answer(request: Request, made: list[dict[str, Any]], total: float, to_load: float) -> Answer:
    """What a person waited includes the loading of weights; notes a second are the generator's own."""
    first = made[0]
    at_work = total - to_load
    notes = sum(entry["notes"] for entry in made)
    wish = {name: value for name, value in asdict(replace(request, song=None)).items() if value is not None}
    values = {
        "files": [path for entry in made for path in entry["files"]],
        "seed": first["seed"],
        "seconds_to_load": first["seconds_to_load"],
        "seconds_to_first_note": first["seconds_to_first_note"],
        "seconds_total": total,
        "notes": notes,
        "notes_per_second": notes / at_work if at_work else 0.0,
        "generator": request.generator,
        "request": wish,
        "measures": first["measures"],
        "variants": made,
    }
    lines = [
        f"{', '.join(entry['files'])}: {entry['notes']} notes in {entry['bars']} bars, seed {entry['seed']}, "
        f"{entry['seconds_total']:.1f} s"
        for entry in made
    ]
    return Answer(values, lines)


CONDITIONS = frozenset(
    (
        "composer", "key", "meter", "instruments", "density", "polyphony", "register", "note_length", "chords",
        "strictness", "repetition", "temperature", "rhythm_temperature", "top_p", "candidates", "personal",
        "longest_copy",
    )
)  # fmt: skip
"""What a generator may not know; that it is left out is told."""

MANNER = (
    option("--generator", metavar="NAME", help="flagship (default), short-tunes or mixtape"),
    option("--style", metavar="S", help="one of the generator's styles, such as pop, jazz, waltz"),
    option("--composer", metavar="C", help="in the manner of a composer, where the generator can"),
    option("--key", metavar="KEY", help='such as "D minor" or "F# major"'),
    option("--tempo", type=number(20, 300), metavar="BPM", help="beats a minute, 20-300"),
    option("--meter", type=meter, metavar="N/D", help="time signature, such as 4/4 or 6/8"),
    option("--instruments", type=names, metavar="A,B,C", help="one a part: piano,bass,strings,drums"),
    option("--density", type=number(0, 1), metavar="0-1", help="few to many notes"),
    option("--polyphony", type=whole(1, 5), metavar="1-5", help="notes that a part begins together"),
    option("--register", type=number(0, 1), metavar="0-1", help="low to high; 0.5 is where they usually lie"),
    option("--note-length", type=number(0, 1), metavar="0-1", help="short to long notes"),
    option("--chords", type=chord_names, metavar="LANE", help='a bar each, over again: "C Am F,G C"'),
    option("--strictness", type=number(0, 100), metavar="0-100", help="how firmly notes keep to the key"),
    option("--repetition", type=number(0, 1), metavar="0-1", help="from always new to mostly repeated"),
    option("--temperature", type=number(0.1, 2), metavar="T", help="how daring every choice is, 0.1-2"),
    option("--rhythm-temperature", type=number(0.1, 2), metavar="T", help="the same of rhythm alone"),
    option("--top-p", type=number(0.01, 1), metavar="P", help="the share of likelihood sampled from"),
    option("--personal", metavar="NAME", help="a personal style that tunesmith learn personal made"),
    option(
        "--longest-copy",
        type=whole(4, 10_000),
        metavar="N",
        help="notes in a row that may be learnt by heart",
    ),
    option("--candidates", type=whole(1, 16), metavar="N", help="drafts of which the best is kept"),
    option("--seed", type=whole(0, 2**32 - 1), metavar="N", help="the same seed gives the same notes"),
    option(
        "--no-library", dest="library", action="store_false", help="do not remember the song in the library"
    ),
    option("--out", required=True, metavar="SONG.mid", help="where to write (.mid or .tunesmith)"),
    option("--wav", metavar="OUT.wav", help="also render the sound (.wav, .flac or .ogg)"),
    option("--png", metavar="ROLL.png", help="also draw the piano roll"),
)

BARS = option("--bars", only_one_of="length", type=whole(1, MOST_BARS), metavar="N", help="length in bars")

COMMANDS = (
    Command(
        "compose",
        "compose a song",
        'compose --style jazz --key "D minor" --bars 16 --seed 7 --out song.mid --wav song.wav',
        run_compose,
        (
            *MANNER,
            BARS,
            option(
                "--elements", only_one_of="length", type=whole(1, MOST_ELEMENTS), metavar="N",
                help="length in notes and chords",
            ),
            option(
                "--seconds", only_one_of="length", type=number(0.1, 7200), metavar="S",
                help="length in seconds, to the nearest bar",
            ),
            option(
                "--variants", type=whole(1, 64), default=1, metavar="N",
                help="write N songs, SONG-1.mid and on, with seeds that follow each other",
            ),
        ),
    ),
)  # fmt: skip
