"""Orchestral MIDI files to ten-second clips: rendered by our own synthesiser, kept as spectrograms.

S2 used recordings of the Berlin Philharmonic, which are not to be had. What stands for them is MIDI files of the same
five composers' orchestral works, rendered with varied soundfonts, reverb, equaliser, noise, tempo and gain, all drawn
by a seed, so that no composer has a sound of its own beyond his instruments.

Conventions
-----------
* A work is wholly in "train" or wholly in "test"; the training works are dealt to five folds, too.
* The shares of the composers follow the paper's Table 1. Where a composer has too few stretches of music (Sibelius),
  each is rendered a second time, under other conditions.
* Clips are rendered in blocks of neighbours that share their conditions.
* The equaliser acts on the power spectrum; all else on the sound.
"""

from __future__ import annotations

import csv
import math
import zlib
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cache, lru_cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from core.errors import Cancelled, TunesmithError
from core.learn.composers.clips import (
    COMPOSERS,
    FOLDS,
    FRAMES,
    HOP,
    KINDS,
    LIST,
    RANGE_DB,
    READY,
    SAMPLE_RATE,
    SECONDS,
    SILENT,
    STATE,
    TO_DO,
    WINDOW,
    Clip,
    open_array,
    stored,
    write_list,
)
from core.learn.workers import Workers, mapped
from core.listen.features import chroma_filters, mel_filters
from core.song.midi_file import read_midi
from core.song.notes import Song, Tempo
from core.sound.render import render
from core.sound.soundfont import find_soundfonts

Report = Callable[[float], None]
Cancel = Callable[[], bool]
Sound = NDArray[np.float32]

SHARES = {
    "train": dict(zip(COMPOSERS, (0.231, 0.115, 0.253, 0.171, 0.230), strict=True)),
    "test": dict(zip(COMPOSERS, (0.229, 0.124, 0.251, 0.184, 0.212), strict=True)),
}
"""S2, Table 1."""

COUNTS = {"train": 3220, "test": 1153}
"""Clips; the paper has 5,366 and 3,842. What is sure of a figure depends on the works."""

BLOCK = 24
"""Clips rendered together at most: loading a soundfont takes as long as rendering a minute."""

MOST_RENDERINGS = 2
LEAD_SECONDS = 2.0
"""Rendered before a block and thrown away, so that it does not begin in silence."""

FEWEST_NOTES = 10
TEMPO = (0.92, 1.08)
REVERB_SECONDS = (0.4, 2.6)
REVERB_CHANCE = 0.6
REVERB_SHARE = (0.05, 0.4)
EQUALISER_DB = 3.0
EQUALISER_POINTS = 9
NOISE_DB = (-85.0, -50.0)
GAIN_DB = (-12.0, 0.0)
QUIETEST = 1e-4
"""Clips whose loudest sample is below are silent."""

SEED = 7


@dataclass(frozen=True)
class Work:
    """A MIDI file of the list, with its split by work."""

    path: str
    composer: str
    work: str
    split: str
    seconds: float
    fold: int = -1


@dataclass(frozen=True)
class Block:
    """Neighbouring clips of one file, to be rendered under the same conditions.

    Attributes
    ----------
    places : of the clips in the list
    start_s : in the score, of the first
    tempo : factor
    """

    file: Path
    font: Path
    start_s: float
    tempo: float
    seed: int
    places: tuple[int, ...]


# ---- what is rendered ----------------------------------------------------------------------------


def read_works(listed: Path) -> list[Work]:
    """The rows of a list with columns path, composer, work, split and duration_s, dealt to folds.

    Raises
    ------
    TunesmithError
        Where there is no such list.
    """
    if not listed.is_file():
        raise TunesmithError(
            f"{listed} is missing: a list of MIDI files with path, composer, work, split, duration_s"
        )
    with listed.open(encoding="utf-8", newline="") as file:
        works = [
            Work(row["path"], row["composer"], row["work"], row["split"], float(row["duration_s"]))
            for row in csv.DictReader(file)
            if row["composer"] in COMPOSERS
        ]
    return in_folds(works)


def in_folds(works: Sequence[Work]) -> list[Work]:
    """The training works of each composer dealt to the folds: the longest first, each to the emptiest fold."""
    seconds: dict[tuple[str, str], float] = defaultdict(float)
    for work in works:
        if work.split == "train":
            seconds[work.composer, work.work] += work.seconds
    fold_of: dict[tuple[str, str], int] = {}
    for composer in COMPOSERS:
        filled = np.zeros(FOLDS)
        own = sorted((key for key in seconds if key[0] == composer), key=lambda key: (-seconds[key], key))
        for key in own:
            fold_of[key] = int(filled.argmin())
            filled[fold_of[key]] += seconds[key]
    return [replace(work, fold=fold_of.get((work.composer, work.work), -1)) for work in works]


def plan(
    works: Sequence[Work],
    fonts: Sequence[Path],
    counts: dict[str, int] | None = None,
    *,
    seed: int = SEED,
) -> tuple[list[Clip], list[tuple[int, ...]]]:
    """Which clips to render, and which of them together.

    Parameters
    ----------
    works : with their splits and folds
    fonts : to choose from
    counts : clips wanted of each split, `COUNTS` unless told; there are fewer where the music does not suffice

    Returns
    -------
    clips : list of Clip
    blocks : places of neighbours in that list
    """
    clips: list[Clip] = []
    blocks: list[tuple[int, ...]] = []
    for split, count in (counts or COUNTS).items():
        for composer in COMPOSERS:
            own = [work for work in works if work.split == split and work.composer == composer]
            wanted = round(count * SHARES[split][composer])
            for work, first, length, rendering in _chosen(own, wanted):
                drawn = _generator(seed, work.path, first, rendering)
                tempo = round(float(drawn.uniform(*TEMPO)), 4)
                font = fonts[int(drawn.integers(len(fonts)))].name
                number = int(drawn.integers(2**31))
                blocks.append(tuple(range(len(clips), len(clips) + length)))
                clips += [
                    Clip(
                        work.path,
                        composer,
                        work.work,
                        split,
                        work.fold,
                        round((first + place) * SECONDS * tempo, 3),
                        font,
                        tempo,
                        number,
                    )
                    for place in range(length)
                ]
    return clips, blocks


def _chosen(works: Sequence[Work], wanted: int) -> Iterator[tuple[Work, int, int, int]]:
    """(work, its first clip, clips, rendering) of blocks, evenly spread, of ``wanted`` clips where there are enough."""
    room = [max(0, math.floor((work.seconds - 1) / (SECONDS * TEMPO[1]))) for work in works]
    there = sum(room)
    if not there:
        return
    renderings = min(MOST_RENDERINGS, math.ceil(wanted / there))
    share = min(1.0, wanted / (there * renderings))
    for rendering in range(renderings):
        owed = 0.0
        for work, clips in zip(works, room, strict=True):
            parts = max(1, math.ceil(clips / BLOCK))
            for part in range(parts):
                begin, end = part * clips // parts, (part + 1) * clips // parts
                owed += (end - begin) * share
                length = min(end - begin, int(owed + 1e-9))
                if length:
                    owed -= length
                    yield work, begin + (end - begin - length) // 2, length, rendering


def _generator(seed: int, *words: object) -> np.random.Generator:
    return np.random.default_rng([seed, zlib.crc32(" ".join(map(str, words)).encode())])


# ---- one block -----------------------------------------------------------------------------------


def excerpt(song: Song, start_s: float, end_s: float) -> Song:
    """The song from ``start_s`` to ``end_s``, with the settings it has there; notes held over are struck anew."""
    time = song.time
    start, end = (int(tick) for tick in np.rint(time.to_ticks([start_s, end_s])))
    notes = song.notes.copy()
    stop = np.minimum(notes["onset"] + notes["duration"], end)
    onset = np.maximum(notes["onset"], start)
    inside = stop > onset
    notes["onset"], notes["duration"] = onset - start, np.maximum(stop - onset, 1)
    controls = song.controls[song.controls["tick"] < end].copy()
    controls["tick"] = np.maximum(controls["tick"] - start, 0)
    tempos = [replace(tempo, tick=max(0, tempo.tick - start)) for tempo in song.tempos if tempo.tick < end]
    first = max((place for place, tempo in enumerate(tempos) if tempo.tick == 0), default=0)
    return replace(
        song.with_notes(notes[inside]), controls=controls, tempos=tuple(tempos[first:]), raw_events=(), markers=()
    )  # fmt: skip


def in_tempo(song: Song, factor: float) -> Song:
    """The song ``factor`` times as fast."""
    tempos = tuple(Tempo(t.tick, max(1, round(t.microseconds_per_beat / factor))) for t in song.tempos)
    return replace(song, tempos=tempos)


def render_block(block: Block, cancelled: Cancel = lambda: False) -> dict[str, NDArray]:
    """The representations of a block's clips, by the names of `KINDS`, and their ``state``."""
    count = len(block.places)
    lead = min(LEAD_SECONDS, block.start_s / block.tempo)
    song = song_of(block.file)
    end_s = block.start_s + count * SECONDS * block.tempo
    part = in_tempo(excerpt(song, block.start_s - lead * block.tempo, end_s), block.tempo)
    drawn = np.random.default_rng(block.seed)
    sound = np.zeros(count * SECONDS * SAMPLE_RATE, np.float32)
    if len(part.notes) >= FEWEST_NOTES:
        heard = render(
            part,
            soundfont=block.font,
            sample_rate=SAMPLE_RATE,
            effects=bool(drawn.random() < 0.5),
            cancelled=cancelled,
        ).mean(1)
        heard = heard[round(lead * SAMPLE_RATE) :][: len(sound)]
        sound[: len(heard)] = heard
    level = np.abs(sound).reshape(count, -1).max(1)
    sound = _in_a_room(sound, drawn)
    found = representations(sound.reshape(count, -1), _equaliser(drawn))
    found["state"] = np.where(level > QUIETEST, READY, SILENT).astype(np.uint8)
    return found


@lru_cache(maxsize=256)
def song_of(file: Path) -> Song:
    """A MIDI file's song; the last ones are kept."""
    return read_midi(file)


def _in_a_room(sound: Sound, drawn: np.random.Generator) -> Sound:
    """Reverb, noise and gain."""
    from scipy.signal import oaconvolve

    seconds, share = drawn.uniform(*REVERB_SECONDS), np.float32(drawn.uniform(*REVERB_SHARE))
    mixed = sound
    if drawn.random() < REVERB_CHANCE:
        length = int(seconds * SAMPLE_RATE)
        # -60 dB at the end
        tail = drawn.standard_normal(length) * np.exp(-6.9 * np.arange(length) / length)
        tail /= np.sqrt((tail**2).sum())
        wet = oaconvolve(sound, tail.astype(np.float32))[: len(sound)]
        mixed = (1 - share) * sound + share * wet
    loudness = float(np.sqrt(np.mean(np.square(mixed, dtype=np.float64)))) + 1e-9
    noise = np.float32(loudness * 10 ** (drawn.uniform(*NOISE_DB) / 20))
    mixed = mixed + noise * drawn.standard_normal(len(mixed), dtype=np.float32)
    return (mixed * 10 ** (drawn.uniform(*GAIN_DB) / 20)).astype(np.float32)


def _equaliser(drawn: np.random.Generator) -> NDArray[np.float32]:
    """Factors of power of every bin of the spectrum: a smooth curve over the logarithm of frequency."""
    points = np.geomspace(40, SAMPLE_RATE / 2, EQUALISER_POINTS)
    gains = drawn.normal(0, EQUALISER_DB, EQUALISER_POINTS)
    bins = np.maximum(np.fft.rfftfreq(WINDOW, 1 / SAMPLE_RATE), 20)
    return (10 ** (np.interp(np.log(bins), np.log(points), gains) / 10)).astype(np.float32)


# ---- representations -----------------------------------------------------------------------------


@cache
def _banks() -> dict[str, NDArray[np.float32]]:
    return {
        "mel": mel_filters(sample_rate=SAMPLE_RATE, n_fft=WINDOW, n_mels=KINDS["mel"][0]),
        "mel128": mel_filters(sample_rate=SAMPLE_RATE, n_fft=WINDOW, n_mels=KINDS["mel128"][0]),
        "chroma": chroma_filters(sample_rate=SAMPLE_RATE, n_fft=WINDOW),
    }


def representations(sound: Sound, equaliser: NDArray[np.float32] | None = None) -> dict[str, NDArray]:
    """What is kept of clips, by the names of `KINDS`.

    Parameters
    ----------
    sound : [shape=(clips, samples)] of `SECONDS` at `SAMPLE_RATE`
    equaliser : factors of power of the bins of the spectrum

    Returns
    -------
    dict of ndarray
        As librosa's melspectrogram, mfcc (of 128 bands) and chroma_stft (tuned to A = 440 Hz) with n_fft 2048 and
        hop 512 give them, the spectrograms in `core.learn.composers.clips.stored` form.
    """
    import torch

    spectrum = torch.stft(
        torch.from_numpy(np.ascontiguousarray(sound)),
        WINDOW,
        HOP,
        window=torch.hann_window(WINDOW),
        pad_mode="constant",
        return_complex=True,
    )
    power = spectrum.real**2 + spectrum.imag**2
    if equaliser is not None:
        power = power * torch.from_numpy(equaliser)[:, None]
    drawn = {name: (torch.from_numpy(bank) @ power).numpy() for name, bank in _banks().items()}
    fine = 10 * np.log10(np.maximum(drawn["mel128"], 1e-10))
    coarse = 10 * np.log10(np.maximum(drawn["mel"], 1e-10))
    loudest = np.maximum(drawn["chroma"].max(1, keepdims=True), 1e-10)
    found = {
        "mel": stored(coarse),
        "mel128": stored(fine),
        "mfcc": mfcc(fine).astype(np.float16),
        "chroma": (drawn["chroma"] / loudest).astype(np.float16),
    }
    assert found["mel"].shape[-1] == FRAMES
    return found


def mfcc(mel_db: NDArray[np.floating], count: int = KINDS["mfcc"][0]) -> NDArray[np.float32]:
    """Cepstral coefficients of decibels [shape=(..., bands, frames)]: their orthonormal cosine transform."""
    bands = mel_db.shape[-2]
    floored = np.maximum(mel_db, mel_db.max((-2, -1), keepdims=True) - RANGE_DB)
    place = np.pi * (2 * np.arange(bands) + 1) / (2 * bands)
    rows = np.cos(np.arange(count)[:, None] * place) * np.sqrt(2 / bands)
    rows[0] /= np.sqrt(2)
    return (rows @ floored).astype(np.float32)


# ---- all of them ---------------------------------------------------------------------------------


def render_clips(
    data: Path,
    listed: Path,
    folder: Path,
    *,
    counts: dict[str, int] | None = None,
    fonts: Sequence[Path] = (),
    seed: int = SEED,
    workers: Workers = None,
    progress: Report = lambda _: None,
    cancelled: Cancel = lambda: False,
) -> None:
    """Render what is not yet rendered into ``folder``; a rendering that was broken off goes on.

    Parameters
    ----------
    data : folder below which the list's paths are
    listed : list of the MIDI files, see `read_works`
    folder : see `core.learn.composers.clips`
    counts : clips wanted of each split
    fonts : soundfonts to choose from, all that are found unless told
    workers : 1 works in this process and can be cancelled at once; see `core.learn.workers`
    """
    fonts = list(fonts) or find_soundfonts()
    if not fonts:
        raise TunesmithError("no soundfont was found to render the clips with; see soundfonts/README.md")
    works = [work for work in read_works(listed) if (data / work.path).is_file()]
    if not works:
        raise TunesmithError(f"none of the MIDI files of {listed} is below {data}; check --data")
    clips, blocks = plan(works, fonts, counts, seed=seed)
    if not (folder / LIST).is_file():
        write_list(folder, clips)
    states = open_array(folder, STATE.removesuffix(".npy"), writing=True)
    if len(states) != len(clips):
        raise TunesmithError(f"{folder} holds other clips than are asked for; choose an empty folder")
    by_name = {font.name: font for font in fonts}
    jobs = [
        Block(data / first.path, by_name[first.font], first.start_s, first.tempo, first.seed, places)
        for places in blocks
        if (first := clips[places[0]]) and states[places[0]] == TO_DO
    ]
    # In any order, so that a rendering that is broken off has something of everything.
    np.random.default_rng(seed).shuffle(jobs)
    arrays = {kind: open_array(folder, kind, writing=True) for kind in KINDS} | {"state": states}
    results = (
        (render_block(job, cancelled) for job in jobs)
        if workers == 1
        else mapped(render_block, jobs, workers)
    )
    for done, (job, found) in enumerate(zip(jobs, results, strict=True)):
        if cancelled():
            raise Cancelled
        for kind, array in arrays.items():
            array[list(job.places)] = found[kind]
        progress((done + 1) / len(jobs))
    for array in arrays.values():
        array.flush()
