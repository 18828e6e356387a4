"""Everything that menus and keys do to the selected notes: one method, one undo step each."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from core.errors import TunesmithError
from core.song import edits
from core.song.harmony import Key, estimate_key, scale_pitch_classes
from core.song.notes import Notes, Song
from desktop.roll import clipboard
from desktop.roll.gestures import NONE, Index, apply_keeping
from desktop.roll.state import RollState

SELECT_FIRST = "Select notes first: drag a box around them, or press Ctrl+A"


class EditActions:
    """Methods for the action table; what they need is in ``state``.

    Where nothing is selected, the methods that tidy up (quantise, humanise, legato) take the whole
    current track, the others say so in the hint line and do nothing.
    """

    state: RollState

    # Selecting

    def select_all(self) -> None:
        self.state.document.select(np.flatnonzero(self.state.notes["track"] == self.state.track))

    def clear_selection(self) -> None:
        self.state.document.select(NONE)

    def select_same_pitch(self) -> None:
        """All notes of the track with a pitch that is selected."""
        notes = self.state.notes
        wanted = np.isin(notes["pitch"], notes["pitch"][self.state.selection])
        self.state.document.select(np.flatnonzero(wanted & (notes["track"] == self.state.track)))

    # Locking

    @property
    def selection_is_locked(self) -> bool:
        """Whether every selected note is locked against generators."""
        index = self.state.selection
        return bool(len(index)) and bool(np.isin(index, self.state.document.locked).all())

    def toggle_lock(self) -> None:
        """Lock the selected notes, so that generators leave them as they are; or unlock them."""
        index = self._selected()
        if len(index):
            on = not self.selection_is_locked
            self.state.document.set_locked(index, on)
            what = f"{len(index)} notes" if len(index) > 1 else "1 note"
            self.state.hint(f"{what} {'locked: generators leave them' if on else 'unlocked'}")

    # Removing, copying

    def delete(self) -> None:
        index = self._selected()
        if len(index):
            self.state.document.apply("Delete notes", edits.delete(self.state.song, index))

    def copy(self) -> None:
        index = self._selected()
        if len(index):
            clipboard.copy(self.state.notes[index], self.state.song.ticks_per_beat)

    def cut(self) -> None:
        index = self._selected()
        if len(index):
            self.copy()
            self.state.document.apply("Cut notes", edits.delete(self.state.song, index))

    def paste(self) -> None:
        """Paste at the play-head into the current track; notes of several tracks into those after it."""
        state = self.state
        try:
            notes = clipboard.pasted(state.song.ticks_per_beat)
        except TunesmithError as error:
            state.hint(str(error))
            return
        if not len(notes):
            state.hint("The clipboard holds no notes: copy some with Ctrl+C")
            return
        notes["onset"] += state.document.playhead
        last = max(0, len(state.song.tracks) - 1)
        notes["track"] = np.minimum(notes["track"].astype(int) + state.track, last)
        apply_keeping(state, "Paste notes", NONE, notes)

    def duplicate(self) -> None:
        """The selection once more, right after itself on the next grid line."""
        index = self._selected()
        if not len(index):
            return
        notes = self.state.notes[index].copy()
        first = int(notes["onset"].min())
        length = int((notes["onset"] + notes["duration"]).max()) - first
        step = self.state.step()
        notes["onset"] += -(-length // step) * step
        apply_keeping(self.state, "Duplicate notes", NONE, notes)

    # Pitch

    def transpose(self, semitones: int) -> None:
        """Move the selection by semitones; what does not fit in whole octaves or at all stays."""
        index = self._selected()
        if not len(index):
            return
        pitches = self.state.notes["pitch"][index].astype(int)
        unit = 12 if semitones % 12 == 0 else 1
        while semitones and not (pitches.min() + semitones >= 0 and pitches.max() + semitones <= 127):
            semitones -= unit if semitones > 0 else -unit
        if not semitones:
            self.state.hint("That would leave the range of pitches, C-1 to G9")
            return
        notes = self.state.notes[index].copy()
        notes["pitch"] = pitches + semitones
        self._keep("Transpose", index, notes, f"transpose {len(index)}")
        self._sound(notes)

    def transpose_scale(self, steps: int) -> None:
        """Move the selection by steps of the scale in force, or of the key the track seems to be in."""
        index = self._selected()
        if not len(index) or not steps:
            return
        notes = self.state.notes[index].copy()
        for tick in np.unique(notes["onset"]):
            at = notes["onset"] == tick
            notes["pitch"][at] = self._scale_steps(notes["pitch"][at], int(tick), steps)
        if np.any(notes["pitch"] > 127):
            self.state.hint("That would leave the range of pitches, C-1 to G9")
            return
        self._keep("Move by scale step", index, notes, f"scale {len(index)}")
        self._sound(notes)

    def _scale_steps(self, pitches: np.ndarray, tick: int, steps: int) -> np.ndarray:
        """Pitches ``steps`` of the scale away; 255 for what leaves the range."""
        scale = self.state.scale_at(tick)
        if scale is None:
            mine = self.state.notes[self.state.notes["track"] == self.state.track]
            key, _ = estimate_key(mine) if len(mine) else (Key(0, "major"), 0.0)
            scale = scale_pitch_classes(key)
        ladder = np.flatnonzero(np.isin(np.arange(128) % 12, scale))
        if steps > 0:
            rung = np.searchsorted(ladder, pitches, "right") + steps - 1
        else:
            rung = np.searchsorted(ladder, pitches, "left") + steps
        inside = (rung >= 0) & (rung < len(ladder))
        return np.where(inside, ladder[np.clip(rung, 0, len(ladder) - 1)], 255).astype(np.uint8)

    def invert(self) -> None:
        """Mirror the selection's pitches."""
        self._edit("Invert", edits.invert)

    # Time

    def nudge(self, steps: int) -> None:
        """Move the selection by ``steps`` grid lines; it stops at the song's start."""
        index = self._selected()
        if not len(index):
            return
        notes = self.state.notes[index].copy()
        ticks = max(steps * self.state.step(), -int(notes["onset"].min()))
        if ticks:
            notes["onset"] += ticks
            self._keep("Nudge", index, notes, f"nudge {len(index)}")

    def lengthen(self, steps: int) -> None:
        """Lengthen (or shorten) by ``steps`` of the grid; nothing gets shorter than one step."""
        index = self._selected()
        if not len(index):
            return
        notes = self.state.notes[index].copy()
        step = self.state.step()
        before = notes["duration"].copy()
        notes["duration"] = np.maximum(np.minimum(before, step), before + steps * step)
        if np.any(notes["duration"] != before):
            self._keep("Change length", index, notes, f"length {len(index)}")

    def reverse(self) -> None:
        """Play the selection backwards in time."""
        self._edit("Reverse", edits.reverse)

    def legato(self) -> None:
        """Lengthen or shorten every note to the onset of the next."""
        self._edit("Legato", edits.legato, all_if_none=True)

    def strum(self, ticks: int | None = None) -> None:
        """Spread chords from low to high."""
        spread = self.state.song.ticks_per_beat // 16 if ticks is None else ticks
        self._edit("Strum", lambda song, index: edits.strum(song, index, spread))

    def quantise(
        self, strength: float = 1.0, swing: float = 0.0, lengths: bool = False, grid: int | None = None
    ) -> None:
        """Move onsets to the grid by ``strength`` (0-1), with ``swing`` (0-1) on every second line."""
        self._edit(
            "Quantise",
            lambda song, index: edits.quantise(
                song, index, grid or self.state.step(), strength=strength, swing=swing, lengths=lengths
            ),
            all_if_none=True,
        )

    def humanise(self, ticks: int | None = None, velocity: int = 8, seed: int | None = None) -> None:
        """Small random changes of onset and velocity; another ``seed`` gives others."""
        spread = self.state.song.ticks_per_beat // 32 if ticks is None else ticks
        chosen = self.state.document.history.position if seed is None else seed
        self._edit(
            "Humanise",
            lambda song, index: edits.humanise(song, index, spread, velocity, chosen),
            all_if_none=True,
        )

    # Cutting, joining, chords, velocity

    def split_at_playhead(self) -> None:
        """Cut the notes that the play-head stands in: selected ones, or all of the track."""
        state = self.state
        index = state.selection if len(state.selection) else self._whole_track()
        notes = state.notes[index]
        tick = state.document.playhead
        crossed = index[(notes["onset"] < tick) & (tick < notes["onset"] + notes["duration"])]
        if len(crossed):
            state.document.apply("Split at play-head", edits.split(state.song, crossed, tick))
        else:
            state.hint("No note to split: put the play-head inside one, by a click on the ruler")

    def glue(self) -> None:
        """Join selected notes of the same pitch."""
        self._edit("Glue notes", edits.glue)

    def chord(self, kind: str) -> None:
        """Build a chord ("", "m", "7", ...) on every selected note."""
        self._edit("Add chord", lambda song, index: edits.chord(song, index, kind))

    def set_velocity(self, velocity: int) -> None:
        self._edit("Set velocity", lambda song, index: edits.set_velocity(song, index, velocity))

    def change_velocity(self, steps: int) -> None:
        """Louder or softer; every note stops at 1 and 127."""
        index = self._selected()
        if len(index):
            notes = self.state.notes[index].copy()
            notes["velocity"] = np.clip(notes["velocity"].astype(int) + steps, 1, 127)
            self._keep("Change velocity", index, notes, f"velocity {len(index)}")

    def move_to_track(self, track: int) -> None:
        """Give the selection to another track."""
        index = self._selected()
        if len(index) and 0 <= track < len(self.state.song.tracks):
            notes = self.state.notes[index].copy()
            notes["track"] = track
            self._keep("Move to track", index, notes, None)

    def loop_selection(self) -> None:
        """Loop over the bars that the selection lies in; without one, no loop."""
        index = self.state.selection
        if not len(index):
            self.state.document.set_loop(None)
            return
        notes, bars = self.state.notes[index], self.state.song.bars
        first = bars.bar_at(int(notes["onset"].min()))
        last = bars.bar_at(int((notes["onset"] + notes["duration"]).max()) - 1)
        self.state.document.set_loop((bars.start(first), bars.start(last + 1)))

    # How an edit is done

    def _selected(self) -> Index:
        index = self.state.selection
        if not len(index):
            self.state.hint(SELECT_FIRST)
        return index

    def _whole_track(self) -> Index:
        return np.flatnonzero(self.state.notes["track"] == self.state.track)

    def _edit(self, label: str, edit: Callable[[Song, Index], Song], *, all_if_none: bool = False) -> None:
        """Apply an edit of `core.song.edits` to the selection, and keep what came of it selected."""
        index = self.state.selection
        keep = bool(len(index))
        if not keep:
            index = self._whole_track() if all_if_none else self._selected()
        if not len(index):
            return
        before = self.state.song
        try:
            after = edit(before, index)
        except TunesmithError as error:
            self.state.hint(str(error))
            return
        if after is before:
            return
        self.state.document.apply(label, after)
        if keep:
            self.state.document.select(came_of(before.notes, index, after.notes))

    def _keep(self, label: str, index: Index, notes: Notes, coalesce: str | None) -> None:
        apply_keeping(self.state, label, index, notes, coalesce)

    def _sound(self, notes: Notes) -> None:
        """Let a single moved note be heard; a crowd would only be noise."""
        if len(notes) == 1:
            self.state.preview(int(notes["pitch"][0]), int(notes["velocity"][0]))


def came_of(before: Notes, index: Index, after: Notes) -> Index:
    """Indices of the notes in ``after`` that are not the untouched ones of ``before``.

    Equal notes count as often as they occur.
    """
    untouched = np.delete(before, index)
    both = np.concatenate([untouched, after])
    # Untouched notes first among equals, so that each cancels one of them.
    fresh = np.repeat([0, 1], [len(untouched), len(after)])
    keys = [fresh, *(both[name] for name in ("velocity", "duration", "pitch", "track", "onset"))]
    order = np.lexsort(keys)
    ranked = both[order]
    starts = np.ones(len(ranked), bool)
    starts[1:] = ranked[1:] != ranked[:-1]
    group = np.cumsum(starts) - 1
    matched = np.bincount(group, weights=1 - fresh[order])
    place = np.arange(len(ranked)) - np.flatnonzero(starts)[group]
    new = order[place >= 2 * matched[group]]
    return np.sort(new - len(untouched))
