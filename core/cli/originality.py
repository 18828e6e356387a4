"""The command that compares songs with the music the shipped generators learnt from."""

from __future__ import annotations

import argparse
from dataclasses import asdict
from pathlib import Path
from typing import Any

from core.cli.command import Answer, Command, each_file, option


def run_originality(options: argparse.Namespace) -> Answer:
    """Find what songs share with the training music."""
    from core.compose.originality import check
    from core.store.song_file import read_song

    def job(path: Path) -> dict[str, Any]:
        return asdict(check(read_song(path)))

    return each_file(options.files, job)


COMMANDS = (
    Command(
        "originality",
        "find the longest runs of notes that songs share with the training music",
        "originality song.mid other.mid --json",
        run_originality,
        (option("files", nargs="+", metavar="FILE.mid", help="MIDI or project files"),),
    ),
)
