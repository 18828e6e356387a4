"""Table s1: what the generators compose beside real music, by the six aspects of music and the field's metrics.

The aspects are those of table 1 of "Long Short-Tunes Memory", with its verdicts on its own music (table 3)
beside figures of `core.song.measures`. A short excerpt of each piece is measured, all of the same length.

Conventions
-----------
* Bars, beats and repetition mean nothing before there is a grid, and Short Tunes writes in seconds. Its pieces
  are laid on the grid that fits them best (`on_best_grid`); all others are measured on their own.
* ``grid_fit``: how well the onsets lie on sixteenths of the best steady tempo, by the length of their mean
  vector: 1 is a machine, near 0 no tempo at all. What is written on a grid has 1 or near it.
* The baselines are a Markov chain over the training part of the same folder (`core.learn.controls`), and the plain
  LSTMs among the user's models, as the recipes ``plain-lstm`` and ``plain-lstm-3x512`` leave them; none ships.
* ``velocity_low`` and ``velocity_high`` are the 5th and 95th percentiles of an excerpt.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from core.compose import flagship, mixtape, short_tunes
from core.compose.registry import GENERATORS, compose_song
from core.compose.request import Request, Update
from core.errors import Cancelled
from core.learn.comparison import song_of, table
from core.learn.controls import Markov
from core.learn.data import Row, encode_rows, read_folder, read_manifest, read_song
from core.learn.flagship import spread
from core.learn.seed_tables import SeedTable
from core.song.edits import delete
from core.song.measures import measure
from core.song.notes import Song, Tempo
from core.store.model_file import find_models

BARS = 16
SAMPLES, QUICK_SAMPLES = 40, 6
TEMPO = 110.0
RESAMPLES = 1000

SLOWEST, FASTEST, TEMPO_STEP = 60.0, 180.0, 0.05
"""Beats a minute in which the best grid is looked for. Twice the tempo has every line of the grid, and more."""

REAL_DATASETS = ("pop909", "openewld")
STYLES = ("piano pop", "pop")
"""The first that a generator knows is asked of it: what the real songs are."""

AS_PUBLISHED = {
    short_tunes.NAME: short_tunes.LEAST_TEMPERATURE,
    mixtape.NAME: mixtape.LEAST_TEMPERATURE,
}
"""The temperature at which a seed's generator composes as its paper says."""

PLAIN = "plain-lstm"
CHAINED = 300
"""Training songs that the Markov chain counts."""

FEWEST_NOTES = 8

FACTS = (
    "in_key_share", "scale_consistency", "pitch_class_entropy", "velocity_low", "velocity_high", "velocity_std",
    "meter_confidence", "groove16", "structure", "structureness", "grid_fit", "chord_share", "polyphony",
    "empty_beat_rate", "notes_per_beat",
)  # fmt: skip


@dataclass(frozen=True)
class Aspect:
    """One of the paper's six, what it said of its own music, and the facts that tell."""

    name: str
    published: str
    facts: tuple[str, ...]


ASPECTS = (
    Aspect(
        "Key signature, notes",
        "often fails to consistently stay on the same key",
        ("in_key_share", "scale_consistency", "pitch_class_entropy"),
    ),
    Aspect(
        "Dynamics",
        "dynamically varying velocities in the 60-100 range",
        ("velocity_low", "velocity_high", "velocity_std"),
    ),
    Aspect("Time signature", "consistently 4/4", ("meter_confidence", "groove16")),
    Aspect(
        "Recurrent structure",
        "recurrent melodies and rhythms that evolve over time",
        ("structure", "structureness"),
    ),
    Aspect(
        "Tempo, rhythm", "often steady tempos and familiar rhythms, but deviates from both", ("grid_fit",)
    ),
    Aspect(
        "Chords",
        "the correct structure of chords, in a good balance with single notes",
        ("chord_share", "polyphony"),
    ),
)

PUBLISHED = "published verdict"

HOW_TO_GET_REAL_MUSIC = (
    "Real music: not measured. Give a folder of MIDI files, best with the manifest, as --data DIR."
)


def grid_of(seconds: np.ndarray) -> tuple[float, float, float]:
    """(beats a minute, second of a line of the grid, fit 0-1) of the best steady grid of sixteenths."""
    tempos = np.arange(SLOWEST, FASTEST, TEMPO_STEP)
    turns = np.exp(2j * np.pi * np.outer(tempos * 4 / 60, seconds)).mean(1)
    best = int(np.abs(turns).argmax())
    tempo = float(tempos[best])
    phase = float(np.angle(turns[best]) / (2 * np.pi) * 60 / (4 * tempo))
    return tempo, phase, float(np.abs(turns[best]))


def on_best_grid(song: Song) -> Song:
    """The same sound with bars where they fit best: another tempo, and onsets moved as one to the grid."""
    seconds = song.time.to_seconds(song.notes["onset"])
    ends = song.time.to_seconds(song.notes["onset"] + song.notes["duration"])
    tempo, phase, _ = grid_of(seconds)
    regridded = replace(song, tempos=(Tempo.from_bpm(0, tempo),))
    notes = song.notes.copy()
    notes["onset"] = np.maximum(np.rint(regridded.time.to_ticks(seconds - phase)), 0)
    end_ticks = np.rint(regridded.time.to_ticks(ends - phase)).astype(np.int64)
    notes["duration"] = np.maximum(end_ticks - notes["onset"], 1)
    return regridded.with_notes(notes)


def facts(song: Song) -> dict[str, float]:
    """`FACTS` of a song."""
    found = measure(song)
    found["velocity_low"], found["velocity_high"] = np.percentile(song.notes["velocity"], (5, 95))
    found["grid_fit"] = grid_of(song.time.to_seconds(song.notes["onset"]))[2]
    return {name: float(found[name]) for name in FACTS}


def excerpt(song: Song) -> Song | None:
    """The `BARS` bars in the middle of a song; None where it has fewer, or hardly a note in them."""
    count = song.bars.bar_at(max(song.end_tick - 1, 0)) + 1
    if count < BARS:
        return None
    start, end = (song.bars.start((count - BARS) // 2 + bars) for bars in (0, BARS))
    onsets = song.notes["onset"]
    cut = delete(song, np.flatnonzero((onsets < start) | (onsets >= end)))
    if len(cut.notes) < FEWEST_NOTES:
        return None
    notes = cut.notes.copy()
    notes["onset"] -= start
    notes["duration"] = np.minimum(notes["duration"], end - start - notes["onset"])
    meter, tempo = song.bars.meter_at(start), song.tempos[0]
    for mark in song.tempos:
        tempo = mark if mark.tick <= start else tempo
    return replace(cut, notes=notes, meters=(replace(meter, tick=0),), tempos=(replace(tempo, tick=0),))


def shuffled(song: Song, seed: int) -> Song:
    """A control: the same pitches, velocities and lengths, each drawn out of its order."""
    rng = np.random.default_rng(seed)
    notes = song.notes.copy()
    for name in ("pitch", "velocity", "duration"):
        notes[name] = rng.permutation(notes[name])
    step = song.ticks_per_beat // 4
    notes["onset"] = rng.integers(0, max(1, song.end_tick // step), len(notes)) * step
    return song.with_notes(notes)


def real_songs(folder: Path, most: int) -> list[Song]:
    """Excerpts of held-out songs: the test part of `REAL_DATASETS`, or of a folder without a manifest."""
    rows: Sequence[Row]
    if (folder / "manifest.csv").is_file():
        rows = [row for row in read_manifest(folder) if row.dataset in REAL_DATASETS]
    else:
        rows = read_folder(folder)
    held_out = [row for row in rows if row.split == "test"] or rows
    order = np.random.default_rng(0).permutation(len(held_out))
    found: list[Song] = []
    for place in order:
        song = read_song(folder, held_out[place])
        cut = excerpt(song) if song is not None and len(song.notes) else None
        if cut is not None:
            found.append(cut)
        if len(found) == most:
            break
    return found


def wishes() -> Iterator[tuple[str, Request]]:
    """What is asked of every generator that is there, by the row's title."""
    for name, generator in GENERATORS.items():
        style = next((style for style in STYLES if style in generator.styles), "")
        request = Request(generator=name, style=style, bars=BARS, tempo=TEMPO)
        if name == flagship.NAME:
            request = replace(request, instruments=())  # the style's own
        if name in AS_PUBLISHED:
            yield f"{generator.title}, as published", replace(request, temperature=AS_PUBLISHED[name])
            yield f"{generator.title}, temperature 1", request
        else:
            yield generator.title, request


def chained(folder: Path, samples: int) -> Iterator[Song]:
    """What a Markov chain over `CHAINED` training songs writes for the bands of others."""
    rows = (
        [row for row in read_manifest(folder) if row.dataset in REAL_DATASETS]
        if (folder / "manifest.csv").is_file()
        else read_folder(folder)
    )
    examples = encode_rows(folder, spread([row for row in rows if row.split == "train"], CHAINED), workers=1)
    if not examples:
        return
    chain = Markov(examples)
    for seed in range(samples):
        piece = chain.compose(examples[seed % len(examples)].piece, BARS, seed)
        if len(piece.events) >= BARS + FEWEST_NOTES:
            yield song_of(piece)


def plain(request: Request, samples: int) -> Iterator[tuple[str, Iterator[Song]]]:
    """What the plain LSTMs among the user's models write for the flagship's request."""
    for model in find_models("compose"):
        if model.name.startswith(PLAIN):
            loaded = flagship.loaded_from(model)
            wish = replace(request, strictness=0.0)
            yield (
                model.name,
                (
                    song
                    for seed in range(samples)
                    for song in _finished(flagship.compose_with(loaded, replace(wish, seed=seed)))
                ),
            )


def _finished(updates: Iterator[Update]) -> Iterator[Song]:
    yield from (update.song for update in updates if update.done and update.song is not None)


def make(
    *,
    data: Path | None,
    quick: bool,
    progress: Callable[[float], None] = lambda _: None,
    cancelled: Callable[[], bool] = lambda: False,
) -> SeedTable:
    """Table s1; see the top of this file."""
    samples = QUICK_SAMPLES if quick else SAMPLES
    asked = list(wishes())
    rows: dict[str, list[dict[str, float]]] = {}

    def gather(title: str, songs: Iterable[Song]) -> None:
        rows[title] = []
        for song in songs:
            if cancelled():
                raise Cancelled
            if len(song.notes) >= FEWEST_NOTES:
                rows[title].append(facts(song))
            done = len(rows) - 1 + len(rows[title]) / samples
            progress(min(1.0, done / (len(asked) + 3 * bool(data))))

    if data:
        real = real_songs(data, samples)
        gather("real, held out", real)
        gather("real, shuffled", (shuffled(song, seed) for seed, song in enumerate(real)))
        gather("Markov chain", chained(data, samples))
    for title, songs in plain(dict(asked)[GENERATORS[flagship.NAME].title], samples):
        gather(title, songs)
    for title, request in asked:
        made = (compose_song(replace(request, seed=seed)) for seed in range(samples))
        gather(title, map(on_best_grid, made) if request.generator == short_tunes.NAME else made)
    progress(1.0)
    figures = {title: summary(found) for title, found in rows.items() if found}
    return SeedTable(
        {
            "bars": BARS,
            "samples": samples,
            "rows": figures,
            "published": {a.name: a.published for a in ASPECTS},
        },
        markdown(figures, samples),
    )


def summary(rows: Sequence[Mapping[str, float]]) -> dict[str, list[float]]:
    """Mean of every fact with its 95 % interval by bootstrap over pieces: [mean, low, high]."""
    values = np.array([[row[name] for name in FACTS] for row in rows])
    picks = np.random.default_rng(0).integers(len(values), size=(RESAMPLES, len(values)))
    low, high = np.percentile(values[picks].mean(1), (2.5, 97.5), axis=0)
    return {name: [float(v) for v in (values[:, i].mean(), low[i], high[i])] for i, name in enumerate(FACTS)}


def markdown(figures: Mapping[str, Mapping[str, Any]], samples: int) -> str:
    """The one table: a line a fact, grouped by aspect with its published verdict, and a column a maker."""
    others = tuple(name for name in FACTS if not any(name in aspect.facts for aspect in ASPECTS))
    groups = (*ASPECTS, Aspect("The field's other metrics", "", others))
    lines = {
        (f"**{group.name}**: {name}" if name == group.facts[0] else name): {
            PUBLISHED: group.published if name == group.facts[0] else "",
            **{title: found[name] for title, found in figures.items()},
        }
        for group in groups
        for name in group.facts
    }
    parts = [f"{samples} pieces of {BARS} bars each: mean and 95 % interval.\n"]
    if not any(title.startswith("real") for title in figures):
        parts.append(HOW_TO_GET_REAL_MUSIC + "\n")
    return "\n".join([*parts, table(lines, (PUBLISHED, *figures))])
