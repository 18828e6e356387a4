"""The commands that compose from a song: continue, fill, vary and accompany."""

from __future__ import annotations

import argparse
import re
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from core.cli.command import Answer, Command, names, number, option
from core.cli.compose import BARS, MANNER, check_outputs, make, request_from
from core.errors import TunesmithError

if TYPE_CHECKING:
    from core.song.notes import Song


def _run(task: str, options: argparse.Namespace, **wishes: Any) -> Answer:
    from core.store.song_file import read_song

    check_outputs(options)
    song = read_song(options.input)
    if not len(song.notes):
        raise TunesmithError(f"{options.input} has no notes to {task}; use tunesmith compose")
    request = replace(request_from(options), task=task, song=song, **_manner_of(song, options), **wishes)
    return make(request, options)


def run_continue(options: argparse.Namespace) -> Answer:
    """Go on where a song ends."""
    return _run("continue", options)


def run_fill(options: argparse.Namespace) -> Answer:
    """Write a region of a song anew."""
    first, last = options.region
    return _run("fill", options, first_bar=first - 1, bars=last - first + 1, tracks=_places(options.tracks))


def run_vary(options: argparse.Namespace) -> Answer:
    """Write a share of a song's notes anew."""
    return _run("vary", options, amount=options.amount, tracks=_places(options.tracks))


def run_accompany(options: argparse.Namespace) -> Answer:
    """Add instruments to a song."""
    return _run("accompany", options, instruments=options.instruments)


def _places(tracks: tuple[str, ...] | None) -> tuple[int, ...]:
    """Tracks counted from 1, as people do, to tracks counted from 0."""
    try:
        places = tuple(int(track) - 1 for track in tracks or ())
    except ValueError:
        places = (-1,)
    if any(place < 0 for place in places):
        raise TunesmithError("name tracks by their numbers from 1, as --tracks 1,3")
    return places


def region(text: str) -> tuple[int, int]:
    """An argument type: the first and the last of some bars, counted from 1."""
    match = re.fullmatch(r"\s*(\d{1,6})\s*(?:-\s*(\d{1,6})\s*)?", text)
    first, last = (int(match[1]), int(match[2] or match[1])) if match else (0, 0)
    if not 1 <= first <= last:
        raise argparse.ArgumentTypeError(f"give bars such as 5-8, counted from 1, not {text!r}")
    return first, last


def _manner_of(song: Song, options: argparse.Namespace) -> dict[str, Any]:
    """Tempo, meter and instruments of the song, where the options leave them open.

    Style and key are left to the generator, which hears the song.
    """
    from core.song.instruments import instrument_name

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


INPUT = option("input", metavar="IN.mid", type=Path, help="the song to start from")
TRACKS = option(
    "--tracks", type=names, metavar="I,J", help="the tracks to write, counted from 1; all unless told"
)

COMMANDS = (
    Command(
        "continue",
        "go on where a song ends",
        "continue song.mid --bars 8 --out longer.mid",
        run_continue,
        (INPUT, *MANNER, BARS),
    ),
    Command(
        "fill",
        "write some bars of a song anew, fitting what is around them",
        "fill song.mid --bars 5-8 --tracks 1,3 --out filled.mid",
        run_fill,
        (
            INPUT,
            *MANNER,
            option("--bars", dest="region", type=region, required=True, metavar="A-B", help="the bars, counted from 1"),
            TRACKS,
        ),
    ),
    Command(
        "vary",
        "write a share of a song's notes anew",
        "vary song.mid --amount 0.3 --out varied.mid",
        run_vary,
        (
            INPUT,
            *MANNER,
            option("--amount", type=number(0, 1), default=0.5, metavar="0-1", help="the share of notes, 0.5"),
            TRACKS,
        ),
    ),
    Command(
        "accompany",
        "add instruments to a song",
        "accompany melody.mid --instruments piano,bass,drums --out band.mid",
        run_accompany,
        (INPUT, *(one for one in MANNER if "--instruments" not in one.names),
         option("--instruments", type=names, required=True, metavar="A,B,C", help="the instruments to add")),
    ),
)  # fmt: skip
