"""Further works by the five composers, known by their notes alone: quartets, sonatas, songs, pieces for piano.

There are few orchestral works to learn from, and ten times as much other music by the same composers. It is not
rendered: what sounds in it is in the score, and the regression learns from the same statistics of it as of what is
heard in clips.

Conventions
-----------
* No file of a listed work is a further one, nor is what may be an arrangement of one: files of the same group of the
  manifest, files whose name or title is that of an orchestral kind, and nameless ones (`EXCLUDED`), and files that
  share too many phrases with a listed work (`alike`), whatever they are called.
* Families of instruments are left out: a sonata says nothing about an orchestra's.
"""

from __future__ import annotations

import re
import zlib
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from core.errors import Cancelled, TunesmithError
from core.learn.composers.clips import COMPOSERS, SECONDS
from core.learn.composers.rendering import read_works, song_of
from core.learn.composers.scores import GENRES
from core.learn.composers.sounding import truth
from core.learn.data import Row, read_manifest
from core.listen.composer_audio import TARGETS, described
from core.listen.composer_scores import prepared
from core.song.notes import Song

Cancel = Callable[[], bool]

EXCLUDED = re.compile(
    r"symphon|sinfon|sym\d|s5\.\d|_sc\.|orchest|concerto|_conc|overture|fidelio|leonor|romance|ode\b|freude"
    r"|swan|nut\d|nutcracker|flowers|cossack|pelleas|bvhi|haydn_?var|op_?51_?n|last.words|andante.cantabile"
    r"|piano_piece_n|(^|/)\d+\.mid$",
    re.IGNORECASE,
)
"""In the names of files, or titles, that may be of listed works, or of nobody knows which."""

PHRASE = 9
"""Intervals of a phrase, by which works are known again."""

COMMON = 20
"""A phrase in more of the files is a scale or a trill, and tells nothing."""

SHARED, FEWEST_SHARED = 0.04, 8
"""A file is alike a listed work from such a share, and number, of its phrases on."""

EVERY_S = 6.0
MOST = 4000
"""Stretches of one composer."""

FEWEST_ONSETS = 8
BEGINS = sum(TARGETS.values()) - TARGETS["begun"]
"""Where `truth` says that a note begins."""

TEMPO = (0.85, 1.18)
SEED = 3


@dataclass(frozen=True)
class Further:
    """Stretches of ten seconds of further works.

    Attributes
    ----------
    rows : statistics, as `core.listen.composer_audio.Trained.statistics` has them [shape=(stretches, statistics)]
    label : composer of each, a number in `COMPOSERS`
    credits : per data set, how many files they are from, and its licences as stated
    """

    rows: NDArray[np.float32]
    label: NDArray[np.int64]
    credits: dict[str, dict[str, Any]]

    @property
    def files(self) -> int:
        return sum(credit["files"] for credit in self.credits.values())


def phrases(song: Song) -> frozenset[int]:
    """Every run of `PHRASE` intervals, other than 0, of the highest and of the lowest line, as numbers."""
    is_drum = np.array([track.is_drum for track in song.tracks], bool)[song.notes["track"]]
    tones = song.notes[~is_drum]
    onset, place = np.unique(tones["onset"], return_inverse=True)
    found: set[int] = set()
    for extreme, start in ((np.maximum, -1), (np.minimum, 128)):
        line = np.full(len(onset), start, np.int64)
        extreme.at(line, place, tones["pitch"].astype(np.int64))
        steps = np.diff(line)
        steps = np.ascontiguousarray(steps[steps != 0].astype(np.int16))
        runs = np.lib.stride_tricks.sliding_window_view(steps, PHRASE) if len(steps) >= PHRASE else ()
        found.update(zlib.crc32(run.tobytes()) for run in runs)
    return frozenset(found)


def alike(own: dict[str, frozenset[int]], listed: Iterable[frozenset[int]]) -> set[str]:
    """The files of ``own`` that share phrases with one of the ``listed`` works, but for `COMMON` ones."""
    files_with = Counter(phrase for found in own.values() for phrase in found)
    works_with: dict[int, list[int]] = defaultdict(list)
    for number, found in enumerate(listed):
        for phrase in found:
            if files_with[phrase] <= COMMON:
                works_with[phrase].append(number)
    same = set()
    for path, found in own.items():
        shared = Counter(work for phrase in found for work in works_with.get(phrase, ()))
        most = max(shared.values(), default=0)
        if most >= max(FEWEST_SHARED, SHARED * len(found)):
            same.add(path)
    return same


def further_files(
    data: Path, listed: Path, cancelled: Cancel = lambda: False
) -> list[tuple[Row, str, float]]:
    """(row, composer, seconds) of the further works of a data folder with a ``manifest.csv``, by path.

    Parameters
    ----------
    listed : the list of the works to be told, see `core.learn.composers.rendering.read_works`
    """
    works = read_works(listed)
    rows = read_manifest(data, shippable=False)
    paths = {work.path for work in works}
    groups = {row.group for row in rows if row.path in paths}

    def is_further(row: Row) -> bool:
        return (
            row.genre in GENRES
            and _composer(row) in COMPOSERS
            and row.path not in paths
            and row.group not in groups
            and not EXCLUDED.search(row.path)
        )

    own, known = {}, {}
    for row in filter(is_further, rows):
        if cancelled():
            raise Cancelled
        try:
            song = song_of(data / row.path)
        except TunesmithError:
            continue
        own[row.path] = phrases(song)
        known[row.path] = (row, _composer(row), song.seconds)
    of_work: dict[tuple[str, str], set[int]] = defaultdict(set)
    for work in works:
        if (data / work.path).is_file():
            of_work[work.composer, work.work] |= phrases(song_of(data / work.path))
    same = alike(own, [frozenset(found) for found in of_work.values()])
    return [known[path] for path in sorted(own) if path not in same]


def _composer(row: Row) -> str:
    return row.composer.split()[-1] if row.composer else ""


def further_of(data: Path, listed: Path, cancelled: Cancel = lambda: False) -> Further | None:
    """Statistics of the further works, at most `MOST` stretches a composer; None where there is no manifest."""
    if not (data / "manifest.csv").is_file():
        return None
    drawn = np.random.default_rng(SEED)
    stretches: dict[str, list[tuple[Row, float, float]]] = defaultdict(list)
    for row, composer, seconds in further_files(data, listed, cancelled):
        for _ in range(max(1, int(seconds / EVERY_S))):
            tempo = float(np.exp(drawn.uniform(*np.log(TEMPO))))
            start = float(drawn.uniform(0, max(0.0, seconds - SECONDS * tempo)))
            stretches[composer].append((row, start, tempo))
    rows, label = [], []
    used: dict[str, Row] = {}
    for composer, own in stretches.items():
        for place in np.sort(drawn.permutation(len(own))[:MOST]).tolist():
            if cancelled():
                raise Cancelled
            row, start, tempo = own[place]
            sounds = truth(data / row.path, start, tempo).astype(np.float32)
            sounds[: TARGETS["families"]] = 0
            if sounds[BEGINS].sum() >= FEWEST_ONSETS:
                rows.append(prepared(described(sounds[None])))
                label.append(COMPOSERS.index(composer))
                used[row.path] = row
    if not rows:
        return None
    licences: dict[str, list[str]] = defaultdict(list)
    for row in used.values():
        licences[row.dataset].append(row.licence)
    told = {
        name: {"files": len(stated), "licence": "; ".join(sorted(set(stated)))}
        for name, stated in sorted(licences.items())
    }
    return Further(np.concatenate(rows), np.array(label, np.int64), told)
