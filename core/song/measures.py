"""Figures that describe a piece: its key, dynamics, meter, structure, tempo and chords, and the figures
by which the field compares generated music with real music.

Conventions
-----------
* Drums have no pitch: what is about pitch leaves drum tracks out, what is about rhythm counts them.
* A beat is a quarter note. Bars follow the song's meters; the last bar is the last with an onset.
* Shares are 0-1. A song without the notes that a figure is about gets 0.

Sources
-------
``pitch_class_entropy``, ``entropy_1_bar``, ``entropy_4_bars`` (their H1 and H4), ``groove``: Wu and Yang,
"The Jazz Transformer on the front line", ISMIR 2020, section 4.
``polyphony``, ``scale_consistency``, ``empty_beat_rate``: Dong et al., "MusPy", ISMIR 2020, section 5.

Where these differ from the field's programs on purpose
-------------------------------------------------------
* MusPy counts one beat and one bar past the end where a song ends on a beat or bar line, and lets a note that
  ends on a beat fill the beat that begins there. Here a span holds its start and not its end, and bars count
  from the first to the last with an onset: nothing is added that nobody wrote.
* MusPy's groove compares bars tick by tick, where any two bars look alike (0.997 of POP909 and of Bach
  alike); ours compares sixteen slots. The Jazz Transformer compares all pairs of bars, ours neighbours.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from core.song.harmony import SCALES, estimate_key, in_key_share, pitched_notes
from core.song.notes import Meter, Notes, Song

GROOVE_SLOTS = 16
"""Onsets of a bar are compared in this many slots; finer ones make any two bars look alike."""

MOST_BARS = 2048
"""Comparing every bar with every other takes time and space; so many are hours of music."""

CHORD_SIZE = 3
"""A chord has at least so many pitches."""


def measure(song: Song) -> dict[str, float | str]:
    """Every figure of a song, by the names that the command line and the reports use."""
    pitched = pitched_notes(song)
    key, _ = estimate_key(pitched)
    meter = main_meter(song)
    polyphony, chord_share = texture(pitched)
    repeats, structureness = structure(song)
    velocities = song.notes["velocity"].astype(float) if len(song.notes) else np.zeros(1)
    return {
        "key": key.name,
        "in_key_share": in_key_share(pitched, key) if len(pitched) else 0.0,
        "velocity_range": float(np.ptp(velocities)),
        "velocity_std": float(velocities.std()),
        "meter": f"{meter.numerator}/{meter.denominator}",
        "meter_confidence": meter_confidence(song, meter),
        "groove16": groove(song),
        "structure": repeats,
        "structureness": structureness,
        "tempo_stability": tempo_stability(song),
        "polyphony": polyphony,
        "chord_share": chord_share,
        "pitch_class_entropy": pitch_class_entropy(pitched),
        "entropy_1_bar": windowed_entropy(song, 1),
        "entropy_4_bars": windowed_entropy(song, 4),
        "scale_consistency": scale_consistency(pitched),
        "empty_beat_rate": empty_beat_rate(song),
        "notes_per_beat": notes_per_beat(song),
    }


# ---- pitch ----------------------------------------------------------------------------------------


def pitch_class_entropy(notes: Notes) -> float:
    """Entropy of how often each pitch class is played, in bits: 0 (one alone) to 3.585 (all alike)."""
    return float(_entropies(np.bincount(notes["pitch"] % 12, minlength=12)[None])[0])


def windowed_entropy(song: Song, bars: int) -> float:
    """Mean entropy of the pitch classes that begin in ``bars`` bars in a row, in bits.

    Every run of so many bars is a window, from the first bar with a pitched onset to the last (of `MOST_BARS`);
    windows without any do not count. A song of fewer bars is one window.
    """
    notes = pitched_notes(song)
    if not len(notes):
        return 0.0
    bar = song.bars.locate(notes["onset"])[0]
    bar, pitch_class = bar - bar.min(), notes["pitch"] % 12
    bar, pitch_class = bar[bar < MOST_BARS], pitch_class[bar < MOST_BARS]
    count = int(bar.max()) + 1
    # Bars at which a note of the class begins, summed up: a window is the difference of two rows.
    running = np.zeros((count + 1, 12), np.int64)
    np.add.at(running, (bar + 1, pitch_class), 1)
    running = running.cumsum(0)
    bars = min(bars, count)
    windows = running[bars:] - running[: count + 1 - bars]
    return float(_entropies(windows[windows.any(1)]).mean())


def _entropies(counts: NDArray[np.int64]) -> NDArray[np.float64]:
    """Entropy of every row of counts, in bits [shape=(rows,)]."""
    shares = counts / np.maximum(1, counts.sum(1, keepdims=True))
    logs = np.log2(np.where(shares > 0, shares, 1))
    return np.maximum(0.0, -(shares * logs).sum(1))


def scale_consistency(notes: Notes) -> float:
    """The largest share of the notes that any of the 24 major and natural minor scales holds.

    A minor scale has the pitches of its relative major, so twelve scales are all there are.
    """
    counts = np.bincount(notes["pitch"] % 12, minlength=12)
    if not counts.any():
        return 0.0
    in_scale = [counts[(np.array(SCALES["major"]) + tonic) % 12].sum() for tonic in range(12)]
    return float(max(in_scale) / counts.sum())


def texture(notes: Notes) -> tuple[float, float]:
    """How many different pitches sound together.

    Returns
    -------
    polyphony : the mean number, over the time in which anything sounds
    chord_share : the share of that time in which `CHORD_SIZE` or more sound
    """
    if not len(notes):
        return 0.0, 0.0
    starts, ends = _united(
        notes["pitch"].astype(np.int64), notes["onset"], notes["onset"] + notes["duration"]
    )
    ticks = np.concatenate([starts, ends])
    steps = np.repeat([1, -1], len(starts))
    order = np.argsort(ticks, kind="stable")
    sounding, lasting = np.cumsum(steps[order])[:-1], np.diff(ticks[order])
    total = lasting[sounding > 0].sum()
    return float((sounding * lasting).sum() / total), float(lasting[sounding >= CHORD_SIZE].sum() / total)


# ---- rhythm ---------------------------------------------------------------------------------------


def groove(song: Song, slots: int = GROOVE_SLOTS) -> float:
    """How alike the rhythms of neighbouring bars are, drums included.

    Each bar is a row of ``slots`` that are set where a note begins; two bars' likeness is the share of
    slots in which they agree. The mean over all pairs of neighbours, 1 for a song of one bar.
    """
    if not len(song.notes):
        return 0.0
    bars, starts, lengths = song.bars.locate(song.notes["onset"])
    slot = (song.notes["onset"] - starts) * slots // lengths
    first, last = int(bars.min()), int(bars.max())
    if first == last:
        return 1.0
    places = np.unique(bars * slots + slot)
    # A place and the one a bar later both set: they agree. One alone: they differ.
    inner = places[(places < last * slots)]
    common = np.isin(inner + slots, places).sum()
    without_first = (places >= (first + 1) * slots).sum()
    differing = len(inner) + without_first - 2 * common
    return float(1 - differing / (slots * (last - first)))


def empty_beat_rate(song: Song) -> float:
    """Share of the beats, from the song's start to its end, in which nothing sounds, drums included."""
    if not len(song.notes):
        return 0.0
    per_beat = song.ticks_per_beat
    first = song.notes["onset"] // per_beat
    last = (song.notes["onset"] + song.notes["duration"] - 1) // per_beat + 1
    starts, ends = _united(np.zeros(len(first), np.int64), first, last)
    return float(1 - (ends - starts).sum() / ends.max())


def notes_per_beat(song: Song) -> float:
    """Notes in a beat, drums included, from the song's start to its end."""
    beats = -(-song.end_tick // song.ticks_per_beat)
    return len(song.notes) / beats if beats else 0.0


def tempo_stability(song: Song) -> float:
    """1 less the tempo's coefficient of variation over time; 1 where it never changes, at least 0."""
    end = song.end_tick
    marks = [mark for mark in song.tempos if mark.tick < end]
    if song.smpte or len(marks) < 2:
        return 1.0
    bpm = np.array([mark.bpm for mark in marks])
    seconds = np.diff(song.time.to_seconds([*(mark.tick for mark in marks), end]))
    mean = np.average(bpm, weights=seconds)
    spread = np.sqrt(np.average((bpm - mean) ** 2, weights=seconds))
    return float(max(0.0, 1 - spread / mean))


# ---- structure ------------------------------------------------------------------------------------


def structure(song: Song) -> tuple[float, float]:
    """How much of the song comes back.

    A bar is its set of (slot of a sixteenth of the bar, pitch), drums apart from other tracks; silent
    bars do not count, nor do those after the first `MOST_BARS`.

    Returns
    -------
    repeats : share of the bars that repeat an earlier bar exactly
    structureness : mean over the bars of the likeness to the most alike earlier bar (Dice coefficient;
        the first bar has 0): repeats count in full, varied repeats in part
    """
    if not len(song.notes):
        return 0.0, 0.0
    bars, starts, lengths = song.bars.locate(song.notes["onset"])
    slot = np.rint((song.notes["onset"] - starts) * GROOVE_SLOTS / lengths).astype(np.int64)
    drums = [number for number, track in enumerate(song.tracks) if track.is_drum]
    word = slot << 8 | np.isin(song.notes["track"], drums).astype(np.int64) << 7 | song.notes["pitch"]
    _, bar = np.unique(bars, return_inverse=True)
    word = word[bar < MOST_BARS]
    bar = bar[bar < MOST_BARS]
    _, word = np.unique(word, return_inverse=True)
    count = int(bar.max()) + 1
    content = np.zeros((count, int(word.max()) + 1), np.float32)
    content[bar, word] = 1
    sizes = content.sum(1)
    likeness = 2 * (content @ content.T) / (sizes[:, None] + sizes[None, :])
    best = np.tril(likeness, -1).max(1)
    return float((best > 1 - 1e-6).mean()), float(best.mean())


# ---- meter ----------------------------------------------------------------------------------------


def main_meter(song: Song) -> Meter:
    """The meter that holds longest."""
    end = max(song.end_tick, 1)
    ticks = np.minimum([*(mark.tick for mark in song.meters), end], end)
    spans: dict[tuple[int, int], int] = {}
    for mark, span in zip(song.meters, np.diff(ticks).tolist(), strict=True):
        name = mark.numerator, mark.denominator
        spans[name] = spans.get(name, 0) + span
    numerator, denominator = max(spans, key=lambda name: spans[name])
    return Meter(0, numerator, denominator)


def meter_confidence(song: Song, meter: Meter) -> float:
    """How likely it is that the notes are in ``meter`` and not in one of the other kind (0-1).

    Accents (onsets, weighed by length, loudness and depth) come back from bar to bar: their
    autocorrelation at one and two bars of the meter is compared with that at the other kind's, duple
    (four beats) beside triple (three). 0.5 says that the notes leave it open. The slope of the logistic
    curve was fitted to 759 scores with a signature, of which it tells 91 % rightly.
    """
    accents = _accents(song)
    bar = 8 * meter.numerator / meter.denominator
    kinds = {"duple": 8, "triple": 6}
    if np.log2(bar) % 1 == 0:
        bar = kinds.pop("duple")
    elif np.log2(bar / 3) % 1 == 0:
        bar = kinds.pop("triple")
    own = _return_of(accents, round(bar))
    rival = max(_return_of(accents, other) for other in kinds.values())
    return float(1 / (1 + np.exp(_METER_SLOPE * (rival - own))))


_METER_SLOPE = 7.0
_ACCENT_SLOTS = 4096


def _accents(song: Song) -> NDArray[np.float64]:
    """Weight of the onsets in each eighth note, at most the first `_ACCENT_SLOTS`, less their mean."""
    notes = song.notes
    slot = np.rint(2 * notes["onset"] / song.ticks_per_beat).astype(np.int64)
    notes, slot = notes[slot < _ACCENT_SLOTS], slot[slot < _ACCENT_SLOTS]
    length = np.sqrt(np.minimum(notes["duration"] / song.ticks_per_beat, 2))
    depth = np.where(notes["pitch"] < 55, 1.5, 1.0)
    weights = np.sqrt(np.bincount(slot, length * depth * (notes["velocity"] / 100 + 0.3)))
    return weights - weights.mean() if len(weights) else weights


def _return_of(accents: NDArray[np.float64], bar: int) -> float:
    """Autocorrelation at a bar, and half as much at two."""
    return _autocorrelation(accents, bar) + 0.5 * _autocorrelation(accents, 2 * bar)


def _autocorrelation(values: NDArray[np.float64], lag: int) -> float:
    if len(values) < lag + 4:
        return 0.0
    late, early = values[lag:], values[:-lag]
    size = np.sqrt((late**2).sum() * (early**2).sum())
    return float((late * early).sum() / size) if size else 0.0


def _united(
    group: NDArray[np.int64], start: NDArray[np.int64], end: NDArray[np.int64]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """The unions of overlapping and touching spans within each group, as starts and ends."""
    order = np.lexsort((start, group))
    group, start, end = group[order], start[order], end[order]
    # Each group lies above all before it, so that one running maximum serves them all.
    offset = group * (int(end.max()) + 1)
    reach = np.maximum.accumulate(end + offset)
    is_first = np.ones(len(start), bool)
    is_first[1:] = (start + offset)[1:] > reach[:-1]
    firsts = np.flatnonzero(is_first)
    lasts = np.append(firsts[1:] - 1, len(start) - 1)
    return start[firsts], reach[lasts] - offset[lasts]
