"""The commands that take songs as they are: convert, render and measure."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from core.cli.command import Answer, Command, check_folder, each_file, never, option, progress_line, whole


def run_convert(options: argparse.Namespace) -> Answer:
    """Read a song and write it again, with nothing lost."""
    from core.store.song_file import check_song_name, read_song, write_song

    check_song_name(options.output)
    check_folder(options.output)
    song = read_song(options.input)
    write_song(song, options.output)
    values = {
        "input": options.input,
        "output": options.output,
        "notes": len(song.notes),
        "tracks": len(song.tracks),
        "seconds_of_music": song.seconds,
        "lossless": read_song(options.output) == song,
    }
    kept = "nothing lost" if values["lossless"] else "not all of it could be kept in this kind of file"
    return Answer(values, [f"{options.output}: {len(song.notes)} notes, {len(song.tracks)} tracks, {kept}"])


def run_render(options: argparse.Namespace) -> Answer:
    """Render a song to sound."""
    from core.sound.audio_file import check_format
    from core.sound.render import render_to_file
    from core.store.song_file import read_song

    check_format(options.output, options.bits)
    check_folder(options.output)
    report = render_to_file(
        read_song(options.input),
        options.output,
        soundfont=options.soundfont,
        sample_rate=options.sample_rate,
        bits=options.bits,
        progress=progress_line("rendering"),
        cancelled=never,
    )
    values = {
        "output": options.output,
        "seconds_of_music": report.seconds_of_music,
        "seconds_to_render": report.seconds_to_render,
        "times_real_time": report.seconds_of_music / max(report.seconds_to_render, 1e-9),
        "peak_dbfs": report.peak_dbfs,
        "integrated_lufs": report.integrated_lufs,
    }
    return Answer(values)


def run_measure(options: argparse.Namespace) -> Answer:
    """Measure songs."""
    from core.song.measures import measure
    from core.store.song_file import read_song

    def job(path: Path) -> dict[str, Any]:
        return dict(measure(read_song(path)))

    return each_file(options.files, job)


COMMANDS = (
    Command(
        "convert",
        "read a song and write it again, nothing lost",
        "convert song.mid song.tunesmith",
        run_convert,
        (
            option("input", metavar="IN", help="a MIDI or project file"),
            option("output", metavar="OUT", help="its ending says what to write: .mid or .tunesmith"),
        ),
    ),
    Command(
        "render",
        "turn a song into sound",
        "render song.mid song.flac --sample-rate 48000",
        run_render,
        (
            option("input", metavar="IN.mid", help="a MIDI or project file"),
            option("output", metavar="OUT.wav", help="ends in .wav, .flac or .ogg"),
            option("--soundfont", metavar="F", help="an .sf2 or .sf3 file; the best one found unless told"),
            option("--sample-rate", type=whole(8000, 96000), default=44100, metavar="HZ", help="44100"),
            option("--bits", type=int, choices=(16, 24, 32), default=24, help="24; 32 is float, WAV only"),
        ),
    ),
    Command(
        "measure",
        "measure songs: key, groove, structure, chords and more",
        "measure song.mid other.mid --json",
        run_measure,
        (option("files", nargs="+", metavar="FILE.mid", help="MIDI or project files"),),
    ),
)
