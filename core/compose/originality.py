"""How much of a song stands in the music that the shipped generators learnt from.

The lines of every training piece (`core.compose.lines`) lie in an index that ships with the weights: not the notes,
but a mark of six bits for every figure of five notes. A *run* is a row of notes of one line that a training piece
has too, with the same intervals and rhythm, in whatever key, tempo or instrument. `SEED` marks in a row are looked
up and followed to both ends; the length found is right but for one end in 64, which chance carries a note too far.

A commonplace is no copy (`core.store.fingerprint` says the same of whole pieces). What makes a run *telling* is how
many bits it holds: each of its steps counts as many as it surprises one who knows which step usually follows which
in the training music, and a figure that comes again within the run counts once. A repeated note, a scale or an
accompanying figure is long and holds little. `TELLING_BITS` and `TELLING_NOTES` are what hardly any two unrelated
works share; docs/originality.md has the figures.
"""

from __future__ import annotations

import lzma
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache

import numpy as np
from numpy.typing import NDArray

from core.compose.lines import CLASSES, FIGURE, MARK_BITS, Indices, Line, Marks, Steps, lines_of, marks_of
from core.errors import TunesmithError
from core.song.notes import Song
from core.store.model_file import Tensors, find_models

NAME = "originality"

SEED = 5
"""Marks in a row that are looked up."""

STRIDE = 4
"""Of the training music only the seeds at every fourth place are; every longer run has one."""

SHORTEST = SEED + STRIDE - 1 + FIGURE
"""Notes of the shortest run that is told."""

MOST_PLACES = 100
"""A seed that stands in more places of the training music is a commonplace, and no run is followed from it."""

TELLING_NOTES = 16
TELLING_BITS = 80.0
"""A run is telling if it has so many notes and bits. See docs/originality.md."""

BETWEEN = 255
"""Stands between two lines of the index."""

OUTSIDE = 254
"""Stands between two lines of the song that is checked: it equals nothing."""

AT_ONCE = 16
"""Marks compared at a time when a run is followed."""

COUNT_CLASSES = 8
"""Counts of pairs of steps are kept in so many classes an octave."""


@dataclass(frozen=True, slots=True)
class Run:
    """Notes in a row of one line that a training piece has too.

    Attributes
    ----------
    notes : places in ``song.notes``
    bits : how much the run holds
    source : "data set: composer, title"
    """

    notes: tuple[int, ...]
    bits: float
    source: str

    def __len__(self) -> int:
        return len(self.notes)


@dataclass(frozen=True, slots=True)
class Originality:
    """What a song shares with the training music.

    Attributes
    ----------
    longest_match_notes, longest_match_source : the longest telling run; 0 and "" where there is none
    share_copied : share (0-1) of the notes of the song's lines that stand in telling runs
    longest_run_notes, longest_run_source : the longest run, commonplace or not
    """

    longest_match_notes: int = 0
    longest_match_source: str = ""
    share_copied: float = 0.0
    longest_run_notes: int = 0
    longest_run_source: str = ""


def check(song: Song, index: Index | None = None) -> Originality:
    """What ``song`` shares with the training music.

    Parameters
    ----------
    song : Song
        Drums are left out; a song of drums alone shares nothing.
    index : the shipped one unless told

    Raises
    ------
    TunesmithError
        Where there is no index, or it is damaged.
    """
    lines = lines_of(song)
    runs = (index or load()).runs(lines)
    telling = [run for run in runs if is_telling(run)]
    longest, match = (_longest(some) for some in (runs, telling))
    in_lines = {note for line in lines for note in line.notes.tolist()}
    copied = {note for run in telling for note in run.notes}
    return Originality(
        longest_match_notes=len(match) if match else 0,
        longest_match_source=match.source if match else "",
        share_copied=len(copied) / len(in_lines) if in_lines else 0.0,
        longest_run_notes=len(longest) if longest else 0,
        longest_run_source=longest.source if longest else "",
    )


def longest_match(song: Song, index: Index | None = None) -> Run | None:
    """The longest telling run of ``song``: what `Request.longest_copy` limits. None where there is none.

    Raises
    ------
    TunesmithError
        Where there is no index, or it is damaged.
    """
    return _longest([run for run in (index or load()).runs(lines_of(song)) if is_telling(run)])


def is_telling(run: Run) -> bool:
    """Whether a run is more than a commonplace."""
    return len(run) >= TELLING_NOTES and run.bits >= TELLING_BITS


def _longest(runs: Sequence[Run]) -> Run | None:
    return max(runs, key=len, default=None)


class Index:
    """The lines of the training music, made ready to be searched; each part is made when it is first asked for.

    Parameters
    ----------
    marks : those of each line, one line after another, `BETWEEN` before, between and after them
    line_sources : the source of each line
    sources : names
    pairs : how often a step follows another, in `COUNT_CLASSES` an octave [shape=(CLASSES + 1, CLASSES + 1)]
    """

    def __init__(
        self,
        marks: Marks,
        line_sources: NDArray[np.integer],
        sources: Sequence[str],
        pairs: NDArray[np.uint8],
    ) -> None:
        self.marks, self.line_sources, self.sources, self.pairs = marks, line_sources, tuple(sources), pairs

    @classmethod
    def from_tensors(cls, tensors: Tensors) -> Index:
        """What `tensors` made.

        Raises
        ------
        TunesmithError
            Where they are not the tensors of an index.
        """
        try:
            streams = {name: lzma.decompress(tensors[name].tobytes()) for name in STREAMS}
            index = cls(
                np.frombuffer(streams["marks"], np.uint8),
                np.frombuffer(streams["line_sources"], "<u2"),
                streams["sources"].decode().split("\n"),
                np.frombuffer(streams["pairs"], np.uint8).reshape(CLASSES + 1, CLASSES + 1),
            )
            sources = index.line_sources
            if len(index._line_ends) != len(sources) or sources.max(initial=0) >= len(index.sources):
                raise ValueError("lines and sources do not agree")
        except (KeyError, ValueError, EOFError, lzma.LZMAError) as error:
            raise TunesmithError(
                f"the index of training music is damaged ({error}); install Tunesmith again"
            ) from error
        return index

    def tensors(self) -> Tensors:
        """The index as it is kept: streams of bytes, compressed."""
        streams = {
            "marks": self.marks.tobytes(),
            "line_sources": self.line_sources.astype("<u2").tobytes(),
            "sources": "\n".join(self.sources).encode(),
            "pairs": self.pairs.tobytes(),
        }
        return {name: np.frombuffer(_compressed(streams[name]), np.uint8) for name in STREAMS}

    @cached_property
    def _line_ends(self) -> Indices:
        """Where the `BETWEEN` after each line stands."""
        return np.flatnonzero(self.marks == BETWEEN)[1:]

    @cached_property
    def _seeds(self) -> NDArray[np.uint64]:
        """Every seed, sorted, with the place where it begins in the lower bits."""
        seeds, begins = _seeds_of(self.marks, BETWEEN, STRIDE)
        return np.sort(seeds << PLACE_BITS | begins.astype(np.uint64))

    @cached_property
    def _surprise(self) -> NDArray[np.float32]:
        """Bits of a step after another [shape=(before, step)], by counts of pairs and of single steps.

        Interpolated as by Witten & Bell, "The Zero-Frequency Problem", IEEE Transactions on Information Theory 37,
        1991, method C.
        """
        counts = np.exp2(self.pairs / np.float32(COUNT_CLASSES)) - 1
        single = counts.sum(0) + 1
        single /= single.sum()
        total, kinds = counts.sum(1, keepdims=True), (counts > 0).sum(1, keepdims=True)
        share = (counts + kinds * single) / np.maximum(total + kinds, 1)
        return -np.log2(np.where(total > 0, share, single)).astype(np.float32)

    def runs(self, lines: Sequence[Line]) -> list[Run]:
        """Every run of ``lines`` that is no part of a longer one, in their order."""
        marks = [marks_of(line.steps) for line in lines]
        outside = np.full(1, OUTSIDE, np.uint8)
        joined = np.concatenate([outside, *(part for row in marks for part in (row, outside))])
        begins = np.cumsum([1, *(len(row) + 1 for row in marks)])
        runs = []
        for first, last, source in self._outermost(*self._followed(joined, *self._met(joined))):
            line = int(np.searchsorted(begins, first, "right")) - 1
            start, steps = first - int(begins[line]), last - first + FIGURE - 1
            notes = lines[line].notes[start : start + steps + 1]
            held = self._bits(lines[line].steps[start : start + steps])
            runs.append(Run(tuple(notes.tolist()), held, self.sources[source]))
        return runs

    def _met(self, marks: Marks) -> tuple[Indices, Indices]:
        """Places of equal seeds here and there, one pair for seeds that follow each other in both."""
        seeds, here = _seeds_of(marks, OUTSIDE, 1)
        low = np.searchsorted(self._seeds, seeds << PLACE_BITS)
        high = np.searchsorted(self._seeds, (seeds + np.uint64(1)) << PLACE_BITS)
        count = np.where(high - low <= MOST_PLACES, high - low, 0)
        rank = np.repeat(low - np.cumsum(count) + count, count) + np.arange(count.sum())
        here, there = np.repeat(here, count), (self._seeds[rank] & MOST_MARKS).astype(np.int64)
        order = np.lexsort((here, there - here))
        here, there = here[order], there[order]
        new = np.append(True, (np.diff(here) != STRIDE) | (np.diff(there) != STRIDE))[: len(here)]
        return here[new], there[new]

    def _followed(self, marks: Marks, here: Indices, there: Indices) -> tuple[Indices, Indices, Indices]:
        """First mark and end of each run that goes through a pair of places, and the place there."""
        onward = _equal_ahead(marks, self.marks, here, there, 1)
        back = _equal_ahead(marks, self.marks, here - 1, there - 1, -1)
        told = back + onward >= SHORTEST - FIGURE
        return (here - back)[told], (here + onward)[told], there[told]

    def _outermost(self, first: Indices, last: Indices, there: Indices) -> list[tuple[int, int, int]]:
        """(first mark, end, source) of the runs within no other; of equal ones that whose source shares most."""
        if not len(first):
            return []
        source = self.line_sources[np.searchsorted(self._line_ends, there)].astype(np.int64)
        _, owner = np.unique(source, return_inverse=True)
        shared = np.bincount(owner, last - first)[owner]
        order = np.lexsort((source, -shared, -last, first))
        ends = np.maximum.accumulate(last[order])
        outer = order[last[order] > np.append(0, ends[:-1])]
        return list(zip(first[outer].tolist(), last[outer].tolist(), source[outer].tolist(), strict=True))

    def _bits(self, steps: Steps) -> float:
        """What a run holds: the surprise of each step, once for every three steps in a row."""
        row = steps.astype(np.int64)
        triples = (row[:-2] * (CLASSES + 1) + row[1:-1]) * (CLASSES + 1) + row[2:]
        _, new = np.unique(triples, return_index=True)
        return float(self._surprise[row[1:-1], row[2:]][new].sum())


STREAMS = ("marks", "line_sources", "sources", "pairs")

PLACE_BITS = np.uint64(64 - SEED * MARK_BITS)
MOST_MARKS = np.uint64(2 ** int(PLACE_BITS) - 1)
"""Of a number, what tells the place beside a seed; no index may have more marks."""


def pair_counts(lines: Sequence[Steps]) -> NDArray[np.uint8]:
    """How often a step follows another in ``lines``; see `Index`."""
    size = CLASSES + 1
    counts = np.zeros(size * size, np.int64)
    for line in lines:
        np.add.at(counts, line[:-1].astype(np.int64) * size + line[1:], 1)
    classes = np.rint(COUNT_CLASSES * np.log2(1 + counts))
    return np.minimum(classes, 255).astype(np.uint8).reshape(size, size)


def _seeds_of(marks: Marks, between: int, stride: int) -> tuple[NDArray[np.uint64], Indices]:
    """Each seed in ``marks`` that begins at a multiple of ``stride`` as one number, and where it begins."""
    places = np.arange(0, max(len(marks) - SEED + 1, 0), stride)
    seeds, whole = np.zeros(len(places), np.uint64), np.ones(len(places), bool)
    for ahead in range(SEED):
        mark = marks[ahead : ahead + len(marks) - SEED + 1 : stride] if len(places) else marks[:0]
        seeds = seeds << np.uint64(MARK_BITS) | mark
        whole &= mark != between
    return seeds[whole], places[whole]


def _equal_ahead(mine: Marks, theirs: Marks, here: Indices, there: Indices, direction: int) -> Indices:
    """How many marks from each place are equal, forwards or (``direction`` -1) backwards."""
    found = np.zeros(len(here), np.int64)
    active = np.arange(len(here))
    ahead = direction * np.arange(AT_ONCE)
    while len(active):
        done = direction * found[active, None]
        # Ours begins and ends with what equals nothing, so a run ends before the clipped places are reached.
        a = np.clip(here[active, None] + done + ahead, 0, len(mine) - 1)
        b = np.clip(there[active, None] + done + ahead, 0, len(theirs) - 1)
        differs = mine[a] != theirs[b]
        ends = differs.any(1)
        found[active] += np.where(ends, differs.argmax(1), AT_ONCE)
        active = active[~ends]
    return found


def _compressed(data: bytes) -> bytes:
    return lzma.compress(data, preset=9 | lzma.PRESET_EXTREME)


@lru_cache(maxsize=1)
def load() -> Index:
    """The shipped index, or one that the user made.

    Raises
    ------
    TunesmithError
        Where there is none, or it is damaged.
    """
    files = {model.name: model for model in find_models(NAME)}
    if NAME not in files:
        raise TunesmithError(
            "the index of training music is missing; install Tunesmith again, or run: "
            "tunesmith learn originality-index --data FOLDER"
        )
    return Index.from_tensors(files[NAME].load()[0])
