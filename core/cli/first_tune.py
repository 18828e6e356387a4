"""The demonstration for a machine without a display: a song, its sound, its picture, and the studio's."""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
from pathlib import Path

from core.cli.command import Answer, Command, never, option, progress_line, whole

FILES = ("song.mid", "song.wav", "roll.png", "studio.png")
SEED = 7
STUDIO_SECONDS = 120


def run_first_tune(options: argparse.Namespace) -> Answer:
    """Compose a first tune and show it in every form."""
    from core.compose.registry import compose_song
    from core.compose.request import Request
    from core.song.midi_file import write_midi
    from core.song_picture import write_picture
    from core.sound.render import render_to_file

    folder = Path(options.out)
    midi, wav, roll, window = (folder / name for name in FILES)
    song = compose_song(Request(bars=options.bars, seed=options.seed))
    folder.mkdir(parents=True, exist_ok=True)
    write_midi(song, midi)
    render_to_file(song, wav, progress=progress_line("rendering"), cancelled=never)
    write_picture(song, roll)
    _paint_studio(midi, window)
    values = {
        "files": [str(folder / name) for name in FILES],
        "notes": len(song.notes),
        "seconds_of_music": song.seconds,
        "seed": options.seed,
    }
    lines = [
        f"Composed {len(song.notes)} notes, {song.seconds:.0f} seconds of music, and wrote",
        *(f"  {folder / name}" for name in FILES),
        "There is no display here; on a desktop ./run opens the studio.",
    ]
    return Answer(values, lines)


def _paint_studio(midi: Path, picture: Path) -> None:
    """The studio's window as a picture, painted by a child without a screen."""
    from core.store.folders import assets_folder

    program = [sys.executable] if getattr(sys, "frozen", False) else [sys.executable, "-m", "core.cli"]
    child = subprocess.run(
        [*program, "studio", str(midi.resolve()), "--screenshot", str(picture.resolve())],
        cwd=assets_folder().parent,
        env={**os.environ, "QT_QPA_PLATFORM": "offscreen"},
        stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
        timeout=STUDIO_SECONDS, check=False, text=True,
    )  # fmt: skip
    if child.returncode or not picture.is_file():
        raise RuntimeError(f"the studio did not paint its picture: {child.stderr.strip()[-2000:]}")


COMMANDS = (
    Command(
        "first-tune",
        "compose a first tune and show it in every form",
        "first-tune",
        run_first_tune,
        (
            option("--out", default="first-tune", metavar="DIR", help="the folder to write to"),
            option("--bars", type=whole(1, 64), default=16, metavar="N", help="16"),
            option("--seed", type=whole(0, 2**32 - 1), default=SEED, metavar="N", help=str(SEED)),
        ),
        hidden=True,
    ),
)
