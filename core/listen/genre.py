"""What a classifier of genres hears of a file, and what it says.

Conventions
-----------
* A *picture* is a log-mel as bytes [shape=(128, columns)]: 0 is 40 dB below the loudest within the 30 s around a
  column (or quieter), 255 the loudest. A column is one frame of the short-time Fourier transform in 3.862 of them
  (11.15 columns a second), not their mean. It is what the classifiers were trained on.
* A clip of 30 s gives 334 columns, the same as GTZAN's tracks have in the published pictures.
* Networks hear crops of 10 s, each half in the next one too. A file's scores are the mean of its crops'.
* Chances add up to one. Where the likeliest has less than the model's card asks for, the verdict is `NOT_SURE`.
"""

from __future__ import annotations

import weakref
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from core.listen.memory import let_go
from core.listen.report import NOT_SURE, Span, Verdict

if TYPE_CHECKING:
    from core.listen.heard import Heard
    from core.listen.trained import Trained

BINS = 128
RANGE_DB = 40.0
FRAMES_OF_CLIP, COLUMNS_OF_CLIP = 1293, 334
A_FEW_FRAMES = 40
"""Clips of "30 s" differ by as many, and have the same number of columns all the same."""

FRAMES_A_COLUMN = FRAMES_OF_CLIP / (COLUMNS_OF_CLIP + 0.8)
SECONDS_A_COLUMN = FRAMES_A_COLUMN * 512 / 22050

SILENCE_DB = -45.0
"""A crop whose loudest mel bin is below this is silence: a sine of full scale has about 40 dB."""

FLAGSHIP = "genre"
CROP, FEWEST = 112, 56
"""Columns of a crop, and the fewest that a picture is filled up to."""

MANY_CROPS = 400
"""A file with more (some 33 minutes) is heard in crops that do not overlap."""

Picture = NDArray[np.uint8]


COLUMNS_AT_ONCE, FRAMES_AT_ONCE = 8192, 65_536
"""Of a picture, and of a spectrum, that are looked at together: hours of decibels would fill the memory."""


def column_frames(frames: int) -> NDArray[np.int64]:
    """Which frames the columns of a picture are [shape=(columns,)].

    Examples
    --------
    >>> column_frames(1293)[[0, 1, -1]].tolist()
    [7, 11, 1292]
    """
    columns = max(1, round(frames / FRAMES_A_COLUMN - 0.8))
    if abs(frames - FRAMES_OF_CLIP) <= A_FEW_FRAMES:
        columns = COLUMNS_OF_CLIP
    places = ((np.arange(columns) + 2.0) / (columns + 0.8) * frames).astype(np.int64)
    return np.clip(places, 0, frames - 1)


def peaks_of(mel_db: NDArray[np.floating]) -> NDArray[np.float32]:
    """The loudest value of every frame [shape=(frames,)], in pieces: hours of it are not held in memory."""
    frames = mel_db.shape[1]
    peaks = np.empty(frames, np.float32)
    for first in range(0, frames, FRAMES_AT_ONCE):
        some = slice(first, first + FRAMES_AT_ONCE)
        peaks[some] = mel_db[:, some].max(0)
        let_go(mel_db)
    return peaks


def loudest_around(mel_db: NDArray[np.floating]) -> NDArray[np.float32]:
    """For every frame the loudest value within the 30 s around it, or within the whole file where that is shorter.

    Parameters
    ----------
    mel_db : decibels [shape=(bins, frames)]

    Returns
    -------
    ndarray
        [shape=(frames,)]
    """
    peaks = peaks_of(mel_db)
    frames = len(peaks)
    if frames <= FRAMES_OF_CLIP + A_FEW_FRAMES:
        return np.full(frames, peaks.max(), np.float32)
    # The largest in a sliding window by two passes over blocks of its length (van Herk 1992).
    length = FRAMES_OF_CLIP
    padded = np.full(-(-frames // length) * length, -np.inf, np.float32)
    padded[:frames] = peaks
    blocks = padded.reshape(-1, length)
    forward = np.maximum.accumulate(blocks, 1).ravel()
    backward = np.maximum.accumulate(blocks[:, ::-1], 1)[:, ::-1].ravel()
    first = np.clip(np.arange(frames) - length // 2, 0, frames - length)
    return np.maximum(backward[first], forward[first + length - 1])


def picture(mel_db: NDArray[np.floating]) -> Picture:
    """The picture of a file, or of any part of one.

    Parameters
    ----------
    mel_db : power in decibels of librosa's default mel bins at 22,050 Hz, frames of 2,048 every 512
        [shape=(128, frames)]
    """
    chosen = column_frames(mel_db.shape[1])
    loudest = loudest_around(mel_db)[chosen]
    shown = np.empty((len(mel_db), len(chosen)), np.uint8)
    for first in range(0, len(chosen), COLUMNS_AT_ONCE):
        some = slice(first, first + COLUMNS_AT_ONCE)
        decibels = np.maximum(mel_db[:, chosen[some]].astype(np.float32) - loudest[some], -RANGE_DB)
        shown[:, some] = np.round((decibels + RANGE_DB) / RANGE_DB * 255)
        let_go(mel_db)
    return shown


@dataclass(frozen=True)
class Crops:
    """What a network says of the crops of a file.

    Attributes
    ----------
    starts_s, length_s : where the crops begin, and how long they are, in seconds
    scores : before softmax [shape=(crops, labels)]
    silent : crops in which there is nothing to hear [shape=(crops,)]
    """

    starts_s: NDArray[np.float64]
    length_s: float
    scores: NDArray[np.float32]
    silent: NDArray[np.bool_]


def crops_of(shown: Picture, columns: int, hop: int) -> tuple[NDArray[np.int64], NDArray[np.uint8]]:
    """Cut a picture; a short one is turned round and round until it is long enough.

    Returns
    -------
    starts : ndarray [shape=(crops,)]
    crops : ndarray [shape=(crops, bins, columns)]
    """
    if shown.shape[1] < columns:
        shown = np.pad(shown, ((0, 0), (0, columns - shown.shape[1])), mode="symmetric")
    last = shown.shape[1] - columns
    starts = np.arange(0, last + 1, hop)
    if last - starts[-1] > hop // 2:
        starts = np.append(starts, last)
    return starts, np.stack([shown[:, start : start + columns] for start in starts])


def listen_in_crops(heard: Heard, trained: Trained) -> Crops:
    """What ``trained`` says of every crop of ``heard``.

    The last answer is kept for as long as the recording is: verdict and time line are asked for one after the other.
    """
    global _last
    of, by, known = _last
    if of() is heard.mel_db and by is trained and known is not None:
        return known
    crops = _listen_in_crops(heard, trained)
    _last = (weakref.ref(heard.mel_db), trained, crops)
    return crops


def _nothing() -> None:
    return None


_last: tuple[Callable[[], NDArray | None], Trained | None, Crops | None] = (_nothing, None, None)


def _listen_in_crops(heard: Heard, trained: Trained) -> Crops:
    shown = picture(heard.mel_db)
    columns = trained.columns or min(CROP, max(FEWEST, shown.shape[1]))
    hop = columns // 2 if shown.shape[1] < MANY_CROPS * columns // 2 else columns
    starts, crops = crops_of(shown, columns, hop)
    first = np.minimum((starts * FRAMES_A_COLUMN).astype(np.int64), heard.mel_db.shape[1] - 1)
    loudest = np.maximum.reduceat(peaks_of(heard.mel_db), first)
    return Crops(
        starts.astype(np.float64) * SECONDS_A_COLUMN,
        columns * SECONDS_A_COLUMN,
        trained.scores(crops),
        (loudest < SILENCE_DB) | heard.silent,
    )


def verdict(scores: NDArray[np.float32], trained: Trained) -> Verdict:
    """What scores [shape=(labels,)] come to."""
    chances = trained.chances(scores)
    order = np.argsort(-chances, kind="stable")
    told = tuple((trained.labels[place], float(chances[place])) for place in order)
    return Verdict(told[0][0] if told[0][1] >= trained.sure_from else NOT_SURE, told, trained.name)


def classify(heard: Heard, model: str = FLAGSHIP) -> Verdict:
    """The genre of a recording.

    Silence has no genre: its verdict is `NOT_SURE`, without chances.

    Raises
    ------
    TunesmithError
        If there is no such model.
    """
    from core.listen.trained import load

    trained = load(model)
    crops = listen_in_crops(heard, trained)
    if crops.silent.all():
        return Verdict(NOT_SURE, (), trained.name)
    return verdict(crops.scores[~crops.silent].mean(0), trained)


def timeline(heard: Heard, model: str = FLAGSHIP) -> tuple[Span, ...]:
    """Which genre a recording has when: each moment by the crops around it, equal neighbours joined.

    Returns
    -------
    tuple of Span
        from 0 to the end without gaps; silence is `NOT_SURE`
    """
    from core.listen.trained import load

    trained = load(model)
    crops = listen_in_crops(heard, trained)
    edges = np.append(crops.starts_s[1:] + (crops.length_s - np.diff(crops.starts_s)) / 2, heard.duration_s)
    spans: list[Span] = []
    for place, edge in enumerate(edges):
        near = slice(max(0, place - 1), place + 2)
        wanted = ~crops.silent[near]
        if crops.silent[place]:
            told = Verdict(NOT_SURE, (("", 0.0),))
        else:
            told = verdict(crops.scores[near][wanted].mean(0), trained)
        start, end = spans[-1].end_s if spans else 0.0, max(float(edge), spans[-1].end_s if spans else 0.0)
        sure = told.chances[0][1]
        if spans and spans[-1].label == told.label:
            before = spans.pop()
            share = (before.end_s - before.start_s) / max(end - before.start_s, 1e-9)
            sure = share * before.confidence + (1 - share) * sure
            start = before.start_s
        spans.append(Span(start, end, told.label, sure))
    return tuple(spans)
