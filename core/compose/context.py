"""What the network is told besides the last event: lookbacks, what sounds, what each part did last.

Every row belongs to an event *t* of a piece and holds what is known when event *t + 1* is to be chosen.
`features` makes the rows of a whole piece at once for training; `core.compose.state.State` makes the same
rows one by one while composing. A test holds the two equal.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from core.compose.encoding import (
    BAR,
    DURATIONS,
    EVENT,
    LOOKBACKS,
    MOST_PARTS,
    NO_PITCH,
    Events,
    Piece,
    event_keys,
)

RECENT = 32
"""How many events back a note is looked for that still sounds."""

LONGEST_RUN = 7
"""Classes of how long the piece has followed a lookback: 0, 1, 2, 3-4, 5-8, 9-16, 17-32, more."""

NO_EVENT = -1
NO_DURATION = len(DURATIONS)

FEATURES = np.dtype(
    [
        ("ahead", "<i4", (len(LOOKBACKS),)),
        ("run", "u1", (len(LOOKBACKS),)),
        ("echo_pitch", "<u2", (len(LOOKBACKS),)),
        ("echo_duration", "u1", (len(LOOKBACKS),)),
        ("last_pitch", "<u2", (2,)),
        ("last_duration", "u1"),
        ("last_velocity", "u1"),
        ("chroma", "<u2"),
    ]
)
"""For event t:

ahead : index of the event that came next at this place 1, 2, 4, 8 bars ago, or `NO_EVENT`
run : for how many events the piece has followed each lookback (class)

and, given the position and part of event t + 1:

echo_pitch, echo_duration : what that part played at that position 1, 2, 4, 8 bars ago
last_pitch, last_duration, last_velocity : that part's notes before
chroma : bits of the pitch classes that sound at that position
"""


def run_class(run: NDArray[np.integer]) -> NDArray[np.uint8]:
    """`LONGEST_RUN` + 1 logarithmic classes of a run's length."""
    return np.minimum(np.ceil(np.log2(np.maximum(run, 1))) + (run > 0), LONGEST_RUN).astype(np.uint8)


def features(piece: Piece) -> NDArray[np.void]:
    """`FEATURES` of every event of ``piece`` [shape=(n,)]; the last row's "next" is itself."""
    events = piece.events
    count = len(events)
    keys = event_keys(events)
    rows = np.zeros(count, FEATURES)
    following = np.minimum(np.arange(count) + 1, count - 1)
    nxt = events[following]

    for place, back in enumerate(LOOKBACKS):
        enough = events["bar"] >= back
        ahead = np.searchsorted(keys, keys - (back << 20), "right")
        rows["ahead"][:, place] = np.where(enough, ahead, NO_EVENT)
        rows["run"][:, place] = run_class(_runs(events, rows["ahead"][:, place]))
        rows["echo_pitch"][:, place], rows["echo_duration"][:, place] = _echo(events, keys, nxt, back)

    last = _last_of_part(events, nxt)
    pitch = events["pitch"].astype(np.int64)
    for place in range(2):
        index = last[:, place]
        rows["last_pitch"][:, place] = np.where(index >= 0, pitch[index], NO_PITCH)
    rows["last_duration"] = np.where(last[:, 0] >= 0, events["duration"][last[:, 0]], NO_DURATION)
    rows["last_velocity"] = np.where(last[:, 0] >= 0, events["velocity"][last[:, 0]], 16)
    rows["chroma"] = _sounding(piece, nxt)
    return rows


def _runs(events: Events, ahead: NDArray[np.int32]) -> NDArray[np.int64]:
    """How many of the events up to t followed what the lookback foretold, without a break."""
    told = events[np.maximum(ahead[:-1], 0)]
    here = events[1:]
    followed = np.zeros(len(events), bool)
    followed[1:] = (
        (ahead[:-1] >= 0)
        & (told["time"] == here["time"])
        & (told["part"] == here["part"])
        & (told["pitch"] == here["pitch"])
    )
    place = np.arange(len(events))
    broken = np.maximum.accumulate(np.where(followed, -1, place))
    return place - broken


def _echo(
    events: Events, keys: NDArray[np.int64], nxt: Events, back: int
) -> tuple[NDArray[np.uint16], NDArray[np.uint8]]:
    """The lowest pitch still to come that ``nxt``'s part played at its position ``back`` bars ago."""
    same_place = (
        (events["bar"] == nxt["bar"]) & (events["time"] == nxt["time"]) & (events["part"] == nxt["part"])
    )
    probe = nxt.copy()
    probe["pitch"] = np.where(same_place, events["pitch"], 0)
    wanted = event_keys(probe) - (back << 20) + same_place
    found = np.minimum(np.searchsorted(keys, wanted, "left"), len(events) - 1)
    echo = events[found]
    heard = (
        (nxt["time"] != BAR)
        & (nxt["bar"] >= back)
        & (echo["bar"].astype(np.int64) == nxt["bar"].astype(np.int64) - back)
        & (echo["time"] == nxt["time"])
        & (echo["part"] == nxt["part"])
    )
    return np.where(heard, echo["pitch"].astype(np.int64), NO_PITCH), np.where(
        heard, echo["duration"], NO_DURATION
    )


def _last_of_part(events: Events, nxt: Events) -> NDArray[np.int64]:
    """Indices of the last two notes, up to t, of the part of event t + 1; -1 for none [shape=(n, 2)]."""
    count = len(events)
    last = np.full((count, 2), -1, np.int64)
    tones = events["time"] != BAR
    for part in np.unique(nxt["part"][nxt["time"] != BAR]):
        mine = np.flatnonzero(tones & (events["part"] == part))
        if not len(mine):
            continue
        asked = np.flatnonzero((nxt["part"] == part) & (nxt["time"] != BAR))
        known = np.searchsorted(mine, asked, "right")
        for place in range(2):
            have = known > place
            last[asked[have], place] = mine[known[have] - 1 - place]
    return last


def _sounding(piece: Piece, nxt: Events) -> NDArray[np.uint16]:
    """Bits of the pitch classes, among the `RECENT` last notes, that sound when event t + 1 begins."""
    events = piece.events
    starts = np.concatenate([[0], np.cumsum(piece.bar_steps.astype(np.int64))])
    is_note = events["time"] != BAR
    onset = starts[events["bar"]] + np.where(is_note, events["time"], 0)
    tonal = is_note & (events["pitch"] < 128)
    end = np.where(tonal, onset + DURATIONS[events["duration"]], -1)
    bit = np.where(tonal, 1 << (events["pitch"] % 12).astype(np.int64), 0)
    when = starts[nxt["bar"]] + np.where(nxt["time"] != BAR, nxt["time"], 0)
    chroma = np.zeros(len(events), np.int64)
    for ago in range(RECENT):
        upto = max(0, len(end) - ago)
        chroma[ago:] |= np.where(end[:upto] > when[ago:], bit[:upto], 0)
    return chroma.astype(np.uint16)


SILENCE_CLASSES = 8


def silence_class(steps: NDArray[np.integer]) -> NDArray[np.uint8]:
    """How long a part has not begun a note: 0 now, then by powers of two from a beat; 7 not yet."""
    beats = np.maximum(np.asarray(steps), 0) / 12
    return np.minimum(np.ceil(np.log2(beats + 1)), SILENCE_CLASSES - 2).astype(np.uint8)


def silences(
    part: NDArray[np.integer],
    onset: NDArray[np.integer],
    when: NDArray[np.integer],
    before: NDArray[np.integer],
) -> NDArray[np.uint8]:
    """`silence_class` of every part when each next event begins.

    Parameters
    ----------
    part : part of every event, -1 for bar events [shape=(t,)]
    onset : step of every event
    when : step of every next event
    before : each part's last onset before the first event, or -1 [shape=(MOST_PARTS,)]

    Returns
    -------
    ndarray of uint8 [shape=(t, MOST_PARTS)]
    """
    mine = part[:, None] == np.arange(MOST_PARTS)
    last = np.maximum.accumulate(np.where(mine, onset[:, None], -1), axis=0)
    last = np.maximum(last, before[None, :])
    return np.where(last >= 0, silence_class(when[:, None] - last), SILENCE_CLASSES - 1).astype(np.uint8)


__all__ = ["EVENT", "FEATURES", "features", "run_class", "silence_class", "silences"]
