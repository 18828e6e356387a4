"""The commands that make music: compose and continue."""

from __future__ import annotations

import argparse
import math
import re
import secrets
import time
from collections.abc import Callable
from dataclasses import asdict, fields, replace
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
    request = request_from(options)
    _check_outputs(options)
    count = options.variants
    made = []
    for index in range(count):
        wish = replace(request, seed=(request.seed + index) % 2**32)
        numbered = f"-{index + 1}" if count > 1 else ""
        made.append(_made(wish, options, numbered))
    return _answer(request, made)


def run_continue(options: argparse.Namespace) -> Answer:
    """Go on where a song ends."""
    from core.store.song_file import read_song

    _check_outputs(options)
    song = read_song(options.input)
    request = replace(request_from(options), task="continue", song=song, **_manner_of(song, options))
    return _answer(request, [_made(request, options, "")])


def request_from(options: argparse.Namespace) -> Request:
    """The `Request` that the options ask for, checked.

    Raises
    ------
    TunesmithError
        where a value cannot be; close matches are named
    """
    from core.compose.request import Request
    from core.song.harmony import parse_key
    from core.song.instruments import find_instrument

    given = {name: value for name, value in vars(options).items() if value is not None}
    known = {item.name for item in fields(Request)}
    for name in ("composer", "repetition"):
        if name in given and name not in known:
            raise TunesmithError(f"no generator takes --{name} yet; leave it out")
    request = Request(**{name: given[name] for name in known & given.keys()})
    if "style" in given and "instruments" not in given:
        request = replace(request, instruments=())  # the style brings its own band
    generator = _generator(request.generator)
    styles = tuple(generator.styles)
    if request.style and request.style not in styles:
        if "style" in given:
            raise TunesmithError(_unknown("style", request.style, styles))
        request = replace(request, style=styles[0] if styles else "")
    if request.key:
        parse_key(request.key)
    for instrument in request.instruments:
        find_instrument(instrument)
    if "seed" not in given:
        request = replace(request, seed=secrets.randbelow(2**32))
    if given.get("seconds"):
        request = replace(request, bars=bars_in(given["seconds"], request))
    if given.get("elements"):
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


def _manner_of(song: Song, options: argparse.Namespace) -> dict[str, Any]:
    """Tempo, meter and instruments of the song to continue, where the options leave them open.

    Style and key are left to the generator, which hears the song.
    """
    from core.song.instruments import instrument_name

    if not len(song.notes):
        raise TunesmithError(f"{options.input} has no notes to go on from; use tunesmith compose")
    last = song.bars.meter_at(song.end_tick)
    found: dict[str, Any] = {
        "tempo": min(max(song.tempos[-1].bpm, 20.0), 300.0),
        "meter": (last.numerator, last.denominator),
        "style": "",
        "key": "",
        "instruments": tuple(
            "drums" if track.is_drum else instrument_name(track.program)
            for index, track in enumerate(song.tracks)
            if (song.notes["track"] == index).any()
        ),
    }
    return {name: value for name, value in found.items() if getattr(options, name, None) is None}


def _check_outputs(options: argparse.Namespace) -> None:
    from core.store.song_file import check_song_name

    check_song_name(options.out)
    for path in (options.out, options.wav, options.png):
        check_folder(path)
    if options.wav:
        from core.sound.audio_file import check_format

        check_format(options.wav)
    if options.png and Path(options.png).suffix.lower() != ".png":
        raise TunesmithError(f'cannot write "{options.png}": a picture\'s name must end in .png')


def _made(request: Request, options: argparse.Namespace, numbered: str) -> dict[str, Any]:
    """One song composed and written; what is to tell of it."""
    from core.song.measures import measure
    from core.store.library import keep
    from core.store.song_file import write_song

    began = time.perf_counter()
    song, loaded, first_note = _composed(request, getattr(options, "elements", None))
    made: dict[str, Any] = {
        "seed": request.seed,
        "notes": len(song.notes),
        "elements": elements(song),
        "bars": song.bars.bar_at(max(song.end_tick - 1, 0)) + 1,
        "seconds_to_load": loaded - began,
        "seconds_to_first_note": first_note - began,
        "seconds_total": time.perf_counter() - began,
    }
    writers: dict[str, Callable[[Path], object]] = {
        options.out: lambda path: write_song(song, path),
        options.wav: lambda path: _render(song, path),
        options.png: lambda path: _draw(song, path),
    }
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


def _composed(request: Request, most_elements: int | None) -> tuple[Song, float, float]:
    """The song, when the generator was ready, and when its first note came, by the performance counter.

    Bars are doubled until there are elements enough.
    """
    from core.compose.registry import compose

    ready = first_note = math.nan
    while True:
        show = progress_line(f"composing {request.bars} bars")
        song = None
        for update in compose(request, cancelled=never):
            now = time.perf_counter()
            ready = now if math.isnan(ready) else ready
            if len(update.notes) and math.isnan(first_note):
                first_note = now
            show(update.progress)
            if update.done:
                song = update.song
        if song is None:
            raise RuntimeError(f"the generator {request.generator} ended without a song")
        if most_elements is None:
            return song, ready, first_note
        if elements(song) >= most_elements or request.bars == MOST_BARS:
            return first_elements(song, most_elements), ready, first_note
        request = replace(request, bars=min(2 * request.bars, MOST_BARS))


def _render(song: Song, path: Path) -> None:
    from core.sound.render import render_to_file

    render_to_file(song, path, progress=progress_line("rendering"), cancelled=never)


def _draw(song: Song, path: Path) -> None:
    from core.song_picture import write_picture

    write_picture(song, path)


def _answer(request: Request, made: list[dict[str, Any]]) -> Answer:
    """What a person waited includes the loading of weights; notes a second are the generator's own."""
    first = made[0]
    total = sum(entry["seconds_total"] for entry in made)
    at_work = total - sum(entry["seconds_to_load"] for entry in made)
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


MANNER = (
    option("--generator", metavar="NAME", help="flagship (default), short-tunes or mixtape"),
    option("--style", metavar="S", help="one of the generator's styles, such as pop, jazz, waltz"),
    option("--composer", metavar="C", help="in the manner of a composer, where the generator can"),
    option("--key", metavar="KEY", help='such as "D minor" or "F# major"'),
    option("--tempo", type=number(20, 300), metavar="BPM", help="beats a minute, 20-300"),
    option("--meter", type=meter, metavar="N/D", help="time signature, such as 4/4 or 6/8"),
    option("--instruments", type=names, metavar="A,B,C", help="one a part: piano,bass,strings,drums"),
    option("--density", type=number(0, 1), metavar="0-1", help="few to many notes"),
    option("--strictness", type=number(0, 100), metavar="0-100", help="how firmly notes keep to the key"),
    option("--repetition", type=number(0, 1), metavar="0-1", help="from always new to mostly repeated"),
    option("--temperature", type=number(0.1, 2), metavar="T", help="how daring every choice is, 0.1-2"),
    option("--top-p", type=number(0.01, 1), metavar="P", help="the share of likelihood sampled from"),
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
    Command(
        "continue",
        "go on where a song ends",
        "continue song.mid --bars 8 --out longer.mid",
        run_continue,
        (option("input", metavar="IN.mid", help="the song to go on from"), *MANNER, BARS),
    ),
)  # fmt: skip
