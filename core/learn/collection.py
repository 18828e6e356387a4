"""Making the built-in collection of `core.explore.collection`: composed pieces of every style, and free scores.

Conventions
-----------
* Composed pieces come from the flagship as it ships, `PER_STYLE` in every style, by requests that a number alone
  decides; each is kept with its request, so that anybody can make it again.
* Scores come from the training data's folder, only those whose typesetters gave them away (`FREE`); of each composer
  of `SCORES` the first so many, one of a work. Without such a folder there are none.
"""

from __future__ import annotations

import csv
import json
import zipfile
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from core.compose.registry import compose_song
from core.compose.request import Request
from core.compose.styles import STYLES
from core.errors import Cancelled, TunesmithError
from core.explore import library, registry
from core.explore.collection import (
    FACTS,
    FILE,
    FORMAT,
    VECTORS,
    Piece,
    collection,
    song_of,
    vectors_of,
    write_vectors,
)
from core.explore.sounding import heard_of_song
from core.song.harmony import estimate_key
from core.song.midi_file import midi_bytes, read_midi
from core.song.notes import Song
from core.store.atomic import atomic_write
from core.store.folders import user_folder
from core.store.library import recipe_of

PER_STYLE = 9
BARS = 16
SECONDS = (25.0, 240.0)
"""How long a score may last."""
FEWEST_NOTES = 100
LONGEST_NAME = 60

FREE = ("CC0 1.0", "Public Domain")
"""Licences, as the manifest states them, that ask for nothing when a file is passed on."""

OUR_LICENCE = "CC0 1.0"

SCORES = {
    "Bach": 16, "Mozart": 14, "Schubert": 14, "Schumann": 14, "Brahms": 12, "Beethoven": 12, "Mendelssohn": 10,
    "Handel": 10, "Chopin": 10, "Haydn": 10, "Debussy": 8, "Faure": 8, "Wolf": 8, "Hensel": 8, "Satie": 8,
    "Chaminade": 6, "Clara_Schumann": 6, "Grieg": 6, "Dvorak": 6, "Sousa": 8, "Traditional": 8, "Carcassi": 6,
    "Horetzky": 4, "Telemann": 6,
}  # fmt: skip
"""Of whom, and of each how many at most."""

SPELLED = {"Clara_Schumann": "Clara Schumann", "Faure": "Fauré", "Dvorak": "Dvořák"}

MAJOR = ("C", "G", "D", "A", "E", "F", "Bb", "Eb", "Ab")
MINOR = ("A", "E", "B", "D", "G", "C", "F", "F#")


@dataclass(frozen=True, slots=True)
class Setting:
    """How a style is asked for: who plays, between which tempi, how often in minor (0-1), in which meter."""

    bands: tuple[tuple[str, ...], ...]
    tempo: tuple[int, int]
    minor: float = 0.4
    meter: tuple[int, int] = (4, 4)


PIANO, BASS, EBASS, DRUMS = "piano", "acoustic bass", "electric bass (finger)", "drums"
STRINGS, GUITAR, NYLON = "string ensemble 1", "acoustic guitar (steel)", "acoustic guitar (nylon)"

SETTINGS: dict[str, Setting] = {
    "pop": Setting(((PIANO, EBASS, DRUMS), (GUITAR, PIANO, EBASS, DRUMS)), (92, 126), 0.3),
    "ballad": Setting(((PIANO, STRINGS, EBASS), (GUITAR, PIANO, BASS)), (62, 84), 0.5),
    "rock": Setting((("distortion guitar", "electric guitar (clean)", EBASS, DRUMS),), (112, 150), 0.5),
    "metal": Setting((("distortion guitar", "overdriven guitar", EBASS, DRUMS),), (130, 180), 0.9),
    "funk": Setting((("electric guitar (clean)", "electric piano 1", EBASS, DRUMS),), (96, 116), 0.6),
    "soul": Setting((("electric piano 1", "brass section", EBASS, DRUMS),), (76, 104), 0.4),
    "jazz": Setting(((PIANO, BASS, DRUMS), ("tenor sax", PIANO, BASS, DRUMS)), (104, 192), 0.5),
    "bossa nova": Setting(((NYLON, BASS, DRUMS), ("flute", NYLON, BASS, DRUMS)), (112, 140), 0.5),
    "latin": Setting((("trumpet", PIANO, BASS, DRUMS),), (92, 128), 0.6),
    "reggae": Setting((("electric guitar (clean)", "rock organ", EBASS, DRUMS),), (68, 88), 0.4),
    "hiphop": Setting((("electric piano 1", EBASS, DRUMS),), (80, 98), 0.8),
    "electronic": Setting((("lead 2 (sawtooth)", "pad 2 (warm)", "synth bass 1", DRUMS),), (118, 138), 0.6),
    "country": Setting((("acoustic guitar (steel)", "violin", BASS, DRUMS),), (96, 132), 0.1),
    "folk": Setting((("violin", GUITAR), ("flute", GUITAR, BASS)), (84, 120), 0.4),
    "waltz": Setting((("violin", PIANO, "cello"), ("accordion", GUITAR, BASS)), (108, 168), 0.4, (3, 4)),
    "blues": Setting((("electric guitar (clean)", PIANO, BASS, DRUMS),), (72, 128), 0.4),
    "afrobeat": Setting((("brass section", "electric guitar (clean)", EBASS, DRUMS),), (100, 124), 0.6),
    "orchestral": Setting(((STRINGS, "french horn", "flute", "timpani"),), (72, 120), 0.5),
    "piano pop": Setting(((PIANO,),), (68, 112), 0.4),
    "classical": Setting(((PIANO,), ("violin", PIANO)), (66, 132), 0.4),
    "string quartet": Setting((("violin", "violin", "viola", "cello"),), (66, 138), 0.4),
    "art song": Setting((("oboe", PIANO),), (60, 108), 0.4),
    "classical guitar": Setting(((NYLON,),), (70, 120), 0.5),
    "chorale": Setting((("church organ",), ("choir aahs",)), (66, 88), 0.4),
    "folk tune": Setting((("flute", GUITAR), ("violin", PIANO)), (96, 152), 0.3),
    "march": Setting((("trumpet", "trombone", "tuba", DRUMS),), (108, 124), 0.1),
    "game rock": Setting((("lead 1 (square)", "distortion guitar", EBASS, DRUMS),), (126, 168), 0.7),
    "game jazz": Setting((("vibraphone", PIANO, BASS, DRUMS),), (110, 160), 0.5),
    "lead sheet": Setting((("flute", PIANO),), (80, 168), 0.3),
}


def learn_collection(
    *,
    data: Path | None,
    out: Path | None = None,
    per_style: int = PER_STYLE,
    progress: Callable[[float], None] = lambda _: None,
    cancelled: Callable[[], bool] = lambda: False,
) -> dict[str, Any]:
    """Make the collection and leave it in ``out``.

    Parameters
    ----------
    data : a folder with a ``manifest.csv`` of MIDI files; None for composed pieces alone
    out : the folder of the archive
    per_style : pieces composed in each style

    Returns
    -------
    dict
        "model" (the archive), its "bytes", and how many "pieces", "composed" and "scores" it has.

    Raises
    ------
    TunesmithError
        Where there is no generator, or the folder has no manifest.
    Cancelled
        Between two pieces, after ``cancelled`` first answers True.
    """
    asked = [request_for(style, number) for style in STYLES for number in range(per_style)]
    found: list[tuple[Piece, bytes]] = []
    for done, request in enumerate(asked):
        if cancelled():
            raise Cancelled
        found.append(_composed(request, done % per_style + 1 if per_style else 1))
        progress(0.95 * (done + 1) / len(asked))
    composed = len(found)
    found += scores(data) if data is not None else []
    path = (out or user_folder("data") / "learning" / "collection") / FILE
    path.parent.mkdir(parents=True, exist_ok=True)
    with atomic_write(path) as unfinished:
        write_collection(unfinished, found)
    collection.cache_clear()
    progress(1.0)
    counts = {"pieces": len(found), "composed": composed, "scores": len(found) - composed}
    return {"model": str(path), "bytes": path.stat().st_size, **counts}


def learn_collection_vectors(
    *,
    data: Path | None = None,
    out: Path | None = None,
    progress: Callable[[float], None] = lambda _: None,
    cancelled: Callable[[], bool] = lambda: False,
) -> dict[str, Any]:
    """Find where the collection's pieces lie in every embedding that is installed, and leave that in ``out``.

    Each piece is played once, whatever number of embeddings hear it; what is there already of the same weights stays.

    Parameters
    ----------
    data : has no say

    Returns
    -------
    dict
        "model" (the file), its "bytes", "pieces" and "embeddings".

    Raises
    ------
    TunesmithError
        Where there is no collection, or no embedding.
    Cancelled
        Between two pieces, after ``cancelled`` first answers True.
    """
    names = [row.name for row in registry.available()]
    pieces = collection()
    if not names or not pieces:
        raise TunesmithError("there is no embedding, or no collection; make one first: learn collection")
    path = (out or user_folder("data") / "learning" / "collection") / VECTORS
    weights = {name: library.weights_of(name) for name in names}
    vectors_of.cache_clear()
    known = {name: vectors_of(name, weights[name], path) for name in names}
    keys: list[str] = []
    rows: dict[str, list[NDArray[np.float32]]] = {name: [] for name in names}
    for done, piece in enumerate(pieces):
        song = song_of(piece)
        key, heard = registry.song_hash(song), None
        for name in names:
            if key in known[name]:
                rows[name].append(known[name][key])
            elif registry.find(name).of == registry.SCORE:
                rows[name].append(registry.encode(song, name, cancelled=cancelled))
            else:
                heard = heard or heard_of_song(song, cancelled=cancelled)
                rows[name].append(registry.encode(heard, name, cancelled=cancelled))
        keys.append(key)
        progress((done + 1) / len(pieces))
    path.parent.mkdir(parents=True, exist_ok=True)
    write_vectors(path, keys, {name: np.stack(found) for name, found in rows.items()}, weights)
    vectors_of.cache_clear()
    return {"model": str(path), "bytes": path.stat().st_size, "pieces": len(pieces), "embeddings": names}


def request_for(style: str, number: int) -> Request:
    """The ``number``-th request of a style; the same numbers ask for the same."""
    setting = SETTINGS[style]
    seed = 1000 * STYLES.index(style) + number
    rng = np.random.default_rng(seed)
    minor = rng.random() < setting.minor
    tonic = str(rng.choice(MINOR if minor else MAJOR))
    low, high = setting.tempo
    return Request(
        style=style,
        key=f"{tonic} {'minor' if minor else 'major'}",
        tempo=float(2 * rng.integers(low // 2, high // 2 + 1)),
        meter=setting.meter,
        bars=BARS,
        instruments=setting.bands[number % len(setting.bands)],
        candidates=4,
        seed=seed,
    )


def _composed(request: Request, number: int) -> tuple[Piece, bytes]:
    song = compose_song(request)
    about = Piece(
        name=f"composed/{request.style.replace(' ', '-')}-{number}.mid",
        title=f"{request.style.capitalize()} in {request.key}, {request.tempo:.0f} bpm",
        kind="composed",
        genre=request.style,
        key=request.key,
        tempo=request.tempo,
        seconds=round(song.seconds, 1),
        licence=OUR_LICENCE,
        origin="Tunesmith, composed by its flagship",
        recipe=recipe_of(request),
    )
    return about, midi_bytes(song)


def scores(folder: Path) -> list[tuple[Piece, bytes]]:
    """The free scores of a folder of data, one of a work.

    Raises
    ------
    TunesmithError
        Where the folder has no manifest.
    """
    try:
        with (folder / "manifest.csv").open(encoding="utf-8", newline="") as lines:
            rows = [row for row in csv.DictReader(lines) if _is_wanted(row)]
    except OSError as error:
        raise TunesmithError(f"{folder} has no manifest.csv that says whose music it is") from error
    found: list[tuple[Piece, bytes]] = []
    taken: Counter[str] = Counter()
    works: set[str] = set()
    for row in _spread(rows):
        if taken[row["composer"]] >= SCORES[row["composer"]] or row["group"] in works:
            continue
        try:
            song = read_midi(folder / row["path"])
        except TunesmithError:
            continue
        works.add(row["group"])
        taken[row["composer"]] += 1
        found.append(_score(row, song))
    return found


def _is_wanted(row: dict[str, str]) -> bool:
    return (
        row["licence"] in FREE
        and row["composer"] in SCORES
        and SECONDS[0] <= float(row["duration_s"]) <= SECONDS[1]
        and int(row["n_notes"]) >= FEWEST_NOTES
    )


def _spread(rows: list[dict[str, str]]) -> Iterator[dict[str, str]]:
    """In an order that is not the alphabet's, so that the first few are not all of one cycle of works."""
    order = np.random.default_rng(0).permutation(len(rows))
    return (rows[place] for place in order)


def _score(row: dict[str, str], song: Song) -> tuple[Piece, bytes]:
    composer = SPELLED.get(row["composer"], row["composer"])
    title = row["title"].split(" [")[0].replace("/", ": ").strip(" :")
    if len(title) > LONGEST_NAME:
        title = title[: LONGEST_NAME - 1].rstrip() + "…"
    key, _ = estimate_key(song.notes)
    about = Piece(
        name="scores/" + row["path"].replace("/", "-"),
        title=title,
        kind="score",
        genre=row["genre"].replace("_", " "),
        key=key.name,
        tempo=round(song.tempos[0].bpm, 1),
        seconds=round(song.seconds, 1),
        licence=row["licence"],
        origin=row["source"],
        composer=composer,
    )
    return about, midi_bytes(song)


def write_collection(path: Path, pieces: list[tuple[Piece, bytes]]) -> None:
    """Write the archive; the same pieces give the same bytes."""
    told = {"format": FORMAT, "pieces": [asdict(about) for about, _ in pieces]}
    facts = json.dumps(told, ensure_ascii=False, separators=(",", ":")).encode()
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
        for name, data in ((FACTS, facts), *((about.name, data) for about, data in pieces)):
            archive.writestr(zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0)), data, zipfile.ZIP_DEFLATED, 9)
