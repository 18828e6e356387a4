"""Undo and redo: the songs that were, with the names of the edits between them.

Songs share what an edit leaves alone, and a past song keeps just the rows of its tables in which it
differs from the next one. What the history holds is bounded by bytes, not steps.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from core.song.notes import Song

BYTE_BUDGET = 256 << 20
"""What the songs beside the present one may take up, unless told otherwise."""

_OBJECT_BYTES = 120
"""About what a track, a mark or a raw event takes up."""


class History:
    """The present song, its past and its undone future.

    Parameters
    ----------
    song : the song to begin with
    byte_budget : the oldest steps are forgotten once the past and future take up more bytes than this
    """

    def __init__(self, song: Song, byte_budget: int = BYTE_BUDGET) -> None:
        self.song = song
        self._budget = byte_budget
        self._past: deque[_Step] = deque()
        self._future: list[_Step] = []
        self._coalesce: str | None = None
        self._used = 0

    @property
    def labels(self) -> list[str]:
        """The names of all steps, oldest first, undone ones included."""
        return [step.label for step in (*self._past, *reversed(self._future))]

    @property
    def position(self) -> int:
        """How many of the steps in `labels` are done."""
        return len(self._past)

    @property
    def can_undo(self) -> bool:
        return bool(self._past)

    @property
    def can_redo(self) -> bool:
        return bool(self._future)

    @property
    def bytes_used(self) -> int:
        """What past and future take up beside the present song."""
        return self._used

    def apply(self, label: str, song: Song, coalesce: str | None = None) -> None:
        """Makes ``song`` the present one, in a step that undo takes back.

        Parameters
        ----------
        label : the step's name for a person: "Transpose"
        song
        coalesce : steps that follow each other with the same text (one drag, one knob) are one step
        """
        self._used -= sum(step.bytes_held for step in self._future)
        self._future.clear()
        if coalesce is not None and coalesce == self._coalesce and self._past:
            last = self._past.pop()
            self._used -= last.bytes_held
            before = last.restore(self.song)
        else:
            before = self.song
        step = _Step.between(label, before, song)
        self._past.append(step)
        self._used += step.bytes_held
        self.song, self._coalesce = song, coalesce
        # The newest step stays whatever it weighs: one can always undo what one just did.
        while self._used > self._budget and len(self._past) > 1:
            self._used -= self._past.popleft().bytes_held

    def undo(self) -> str | None:
        """Takes the last step back; returns its label, or None if there is none."""
        return self._travel(self._past, self._future)

    def redo(self) -> str | None:
        """Does the step again that was undone last; returns its label, or None if there is none."""
        return self._travel(self._future, self._past)

    def _travel(self, source: deque[_Step] | list[_Step], target: deque[_Step] | list[_Step]) -> str | None:
        if not source:
            return None
        step = source.pop()
        before = step.restore(self.song)
        back = _Step.between(step.label, before=self.song, after=before)
        target.append(back)
        self._used += back.bytes_held - step.bytes_held
        self.song, self._coalesce = before, None
        return step.label


@dataclass(frozen=True, slots=True)
class _Rows:
    """How to make a table from the one after it: leave out ``left_out``, put ``rows`` at ``places``."""

    left_out: NDArray[np.intp]
    places: NDArray[np.intp]
    rows: NDArray[np.void]

    @property
    def nbytes(self) -> int:
        return self.left_out.nbytes + self.places.nbytes + self.rows.nbytes

    def restore(self, after: NDArray[np.void]) -> NDArray[np.void]:
        result = np.empty(len(after) - len(self.left_out) + len(self.rows), after.dtype)
        is_put = np.zeros(len(result), bool)
        is_put[self.places] = True
        result[self.places] = self.rows
        result[~is_put] = np.delete(after, self.left_out)
        return result


@dataclass(frozen=True, slots=True)
class _Step:
    """What turns the song after an edit back into the one before it.

    ``frame`` is the song before without its tables; a table that did not change is None, one of which
    most rows changed is kept whole.
    """

    label: str
    frame: Song
    notes: _Rows | NDArray[np.void] | None
    controls: _Rows | NDArray[np.void] | None
    bytes_held: int

    @classmethod
    def between(cls, label: str, before: Song, after: Song) -> _Step:
        notes = _difference(before.notes, after.notes)
        controls = _difference(before.controls, after.controls)
        frame = replace(before, notes=before.notes[:0].copy(), controls=before.controls[:0].copy())
        own = [
            len(mine)
            for mine, other in (
                (before.tracks, after.tracks),
                (before.tempos, after.tempos),
                (before.meters, after.meters),
                (before.keys, after.keys),
                (before.markers, after.markers),
                (before.raw_events, after.raw_events),
            )
            if mine is not other
        ]
        held = sum(table.nbytes for table in (notes, controls) if table is not None)
        return cls(label, frame, notes, controls, held + _OBJECT_BYTES * (10 + sum(own)))

    def restore(self, after: Song) -> Song:
        """The song before the edit."""
        return replace(
            self.frame,
            notes=_restored(self.notes, after.notes),
            controls=_restored(self.controls, after.controls),
        )


def _restored(difference: _Rows | NDArray[np.void] | None, after: NDArray[np.void]) -> NDArray[np.void]:
    if difference is None:
        return after
    return difference.restore(after) if isinstance(difference, _Rows) else difference


def _difference(before: NDArray[np.void], after: NDArray[np.void]) -> _Rows | NDArray[np.void] | None:
    """What to keep of ``before``, given ``after``."""
    if before is after:
        return None
    same = min(len(before), len(after))
    equal = before[:same] == after[:same]
    if len(before) == len(after):
        changed_before = changed_after = np.flatnonzero(~equal)
        if not len(changed_before):
            return None
    else:
        head = same if equal.all() else int(equal.argmin())
        back = (before[len(before) - same :] == after[len(after) - same :])[::-1]
        tail = min(same if back.all() else int(back.argmin()), same - head)
        changed_before = np.arange(head, len(before) - tail)
        changed_after = np.arange(head, len(after) - tail)
    if 2 * (len(changed_before) + len(changed_after)) > len(before):
        return before
    return _Rows(changed_after, changed_before, before[changed_before])
