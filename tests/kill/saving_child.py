"""Edits, journals and saves without end; told on standard output, until it is killed.

Usage: saving_child.py PROJECT JOURNAL
Writes ``edit N SECONDS`` before each edit is journaled and ``saved N`` after each finished save. Edit N is a
song of which the title is N and of which the notes follow from N.
"""

import sys
import time

import numpy as np

from core.song.notes import Song, Track, make_notes
from core.store.journal import Journal
from core.store.project_file import save_project


def song_of(number: int) -> Song:
    """The song that edit ``number`` makes."""
    random = np.random.default_rng(number)
    count = 50 + number % 400
    onsets, pitches = random.integers(0, 100_000, count), random.integers(0, 128, count)
    return Song(notes=make_notes(onsets, 100, pitches), tracks=(Track("one"),), title=str(number))


def main() -> None:
    """Run until killed."""
    project, journal_path = sys.argv[1:]
    journal = Journal(journal_path)
    number = 0
    while True:
        number += 1
        song = song_of(number)
        print(f"edit {number} {time.time()}", flush=True)
        journal.append("edit", song)
        if number % 4 == 0:
            save_project(project, song)
            print(f"saved {number}", flush=True)


if __name__ == "__main__":
    main()
