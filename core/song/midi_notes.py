"""Notes out of note-ons and note-offs: which off ends which on, and what an off cannot say."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from core.song import smf
from core.song.notes import NOTE, Notes, empty_notes

NOTE_OFF, NOTE_ON = 0x80, 0x90

LONGEST_NOTE = int(np.iinfo(NOTE["duration"]).max)


def paired_notes(chunk: smf.TrackChunk, of_channel: dict[int, int], settings: dict[str, Any]) -> Notes:
    """The notes of a chunk, ordered by channel, pitch and onset.

    A note-off ends the note of its pitch that began first. Offs that have no note are left out; a note
    without an off ends at the next one of its pitch, or else with the chunk.

    Parameters
    ----------
    chunk
    of_channel : channel -> the track that its notes are of
    settings : what our own events said of the chunk
    """
    status, pitch, velocity = chunk.messages.T
    kind = status & 0xF0
    is_on = (kind == NOTE_ON) & (velocity > 0)
    played = np.flatnonzero(is_on | (kind == NOTE_OFF) | (kind == NOTE_ON))
    key = (status[played] & 15).astype(np.int64) * 128 + pitch[played]
    by_key = np.argsort(key, kind="stable")
    order, group = played[by_key], np.cumsum(np.diff(key[by_key], prepend=-1) != 0)
    step = np.where(is_on[order], 1, -1)
    matched = ~_unmatched(group, step)
    # Backwards a note-on ends what a note-off begins, so the same search finds ons without an off.
    order, group, step = order[matched], group[matched], step[matched]
    lonely = _unmatched(group[-1:] - group[::-1], -step[::-1])[::-1] if len(group) else matched
    on = step > 0
    ons, on_group, on_lonely = order[on], group[on], lonely[on]
    onset = chunk.ticks[ons]
    end = np.empty(len(ons), np.int64)
    end[~on_lonely] = chunk.ticks[order[~on]]
    following = np.append(onset[1:], 0)
    has_following = np.append(on_group[1:] == on_group[:-1], False)[: len(ons)]
    end[on_lonely] = np.where(has_following, following[: len(ons)], chunk.end_tick)[on_lonely]
    notes = empty_notes(len(ons))
    notes["onset"], notes["pitch"], notes["velocity"] = onset, pitch[ons], velocity[ons]
    notes["duration"] = np.clip(end - onset, 1, LONGEST_NOTE)
    part = np.zeros(16, np.int64)
    part[list(of_channel)] = list(of_channel.values())
    notes["track"] = part[status[ons] & 15]
    restore_nested(notes, settings.pop("lengths", None))
    return notes


def _unmatched(group: NDArray[np.int64], step: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Where a step of -1 has no +1 before it to end, within each (rising) group."""
    if not len(step):
        return np.zeros(0, bool)
    starts = np.flatnonzero(np.diff(group, prepend=-1))
    sums = np.cumsum(step)
    level = sums - np.repeat((sums - step)[starts], np.diff(np.append(starts, len(step))))
    # Each group lies below all before it, so one running minimum serves them all.
    floor = -group.astype(np.int64) * (2 * len(step) + 2)
    lowest = np.minimum.accumulate(np.minimum(level, 0) + floor)
    before = np.append(0, lowest[:-1])
    before[starts] = floor[starts]
    return (step < 0) & (lowest < before)


def nested_lengths(notes: Notes) -> dict[str, Any]:
    """Durations by pitch where a note lies within another of its pitch: a note-off cannot say whose
    end it is, so they are written beside.
    """
    order = np.lexsort((notes["duration"], notes["onset"], notes["pitch"]))
    pitch, end = notes["pitch"][order], (notes["onset"] + notes["duration"])[order]
    nested = np.unique(pitch[1:][(pitch[1:] == pitch[:-1]) & (end[1:] < end[:-1])]).tolist()
    durations = notes["duration"][order]
    return {"lengths": {str(each): durations[pitch == each].tolist() for each in nested}} if nested else {}


def restore_nested(notes: Notes, lengths: Any) -> None:
    """Gives notes (ordered by pitch and onset) the durations written by `nested_lengths`, unless the
    file has been changed since.
    """
    if not isinstance(lengths, dict):
        return
    for pitch, durations in lengths.items():
        at = np.flatnonzero(notes["pitch"] == int(pitch)) if str(pitch).isdecimal() else np.zeros(0, int)
        if not isinstance(durations, list) or len(durations) != len(at) or not len(at):
            continue
        if not all(isinstance(each, int) and 1 <= each <= LONGEST_NOTE for each in durations):
            continue
        onset = notes["onset"][at]
        if np.array_equal(np.sort(onset + durations), np.sort(onset + notes["duration"][at])):
            notes["duration"][at] = durations
