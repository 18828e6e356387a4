"""The training data of the generators: from MIDI files to one packed file of encoded pieces.

The data folder holds ``manifest.csv`` and the unpacked MIDI files that it names. Its ``split`` column is
by work and is taken as it stands; rows whose ``ship`` is not "yes" never reach a generator that ships.
"""

from __future__ import annotations

import csv
import hashlib
import json
import platform
import zlib
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from core.compose.encoding import Piece, piece_from_song
from core.compose.styles import COMPOSERS, STYLES
from core.errors import TunesmithError
from core.learn.align import align_to_bars
from core.learn.arrange import DrumBars, arrange, suitable_styles
from core.learn.workers import Workers, mapped
from core.song.harmony import estimate_key
from core.song.midi_file import read_midi
from core.song.notes import Song
from core.store.atomic import atomic_write

PACK_VERSION = 1

MIDI = {".mid", ".midi"}

# Performances whose beats are not where the file's beats are: the step grid would be noise to them.
UNALIGNED = {"giantmidi_preview", "wjazzd", "riddim_archive"}

PHASE_UNKNOWN = {"pop909"}
"""Sets with a steady beat whose bar lines have to be found."""

STYLE_OF = {
    "pop909": "piano pop",
    "openscore_quartets": "string quartet",
    "openscore_lieder": "art song",
    "js_fakes": "chorale",
    "nottingham": "folk tune",
    "freedoom": "game rock",
    "openmsx": "game jazz",
    "lmms_demos": "electronic",
    "openewld": "lead sheet",
    "chopin_first_editions_kern": "classical",
    "piano_midi_de": "classical",
}
STYLE_OF_GENRE = {
    "classical": "classical",
    "classical_guitar": "classical guitar",
    "folk": "folk tune",
    "hymn": "chorale",
    "march": "march",
    "jazz": "game jazz",
    "art_song": "art song",
    "technique": "classical",
    "popular_song": "lead sheet",
}
STYLE_OF_DRUMS = {
    "rock": "rock", "funk": "funk", "latin": "latin", "jazz": "jazz", "hiphop": "hiphop", "soul": "soul",
    "pop": "pop", "dance": "electronic", "punk": "metal", "reggae": "reggae", "blues": "blues",
    "country": "country", "afrocuban": "latin", "afrobeat": "afrobeat", "neworleans": "soul",
}  # fmt: skip

ARRANGED = {"pop909": 2, "openewld": 3, "nottingham": 1}
"""How many arrangements are made of each song of a set that has melody and chords."""


@dataclass(frozen=True)
class Row:
    """One file of the manifest."""

    path: str
    dataset: str
    genre: str
    composer: str
    group: str
    split: str
    licence: str

    @property
    def style(self) -> str:
        if self.dataset == "groove":
            return STYLE_OF_DRUMS.get(self.genre, "")
        return STYLE_OF.get(self.dataset) or STYLE_OF_GENRE.get(self.genre, "")


def read_folder(folder: Path) -> list[Row]:
    """Every MIDI file under a folder without a manifest; one in ten, by its name, is held out.

    Raises
    ------
    TunesmithError
        If there is none.
    """
    paths = sorted(p.relative_to(folder).as_posix() for p in folder.rglob("*") if p.suffix.lower() in MIDI)
    if not paths:
        raise TunesmithError(
            f"{folder} has neither a manifest.csv nor MIDI files: name the folder of the data."
        )
    held_out = {8: "valid", 9: "test"}
    split = [held_out.get(zlib.crc32(path.encode()) % 10, "train") for path in paths]
    return [Row(path, "own", "", "", path, part, "") for path, part in zip(paths, split, strict=True)]


def read_manifest(folder: Path, *, shippable: bool = True) -> list[Row]:
    """The manifest's rows whose beats are aligned; only those that shipped weights may learn from if ``shippable``.

    Raises
    ------
    TunesmithError
        If the folder has no manifest.
    """
    path = folder / "manifest.csv"
    if not path.is_file():
        raise TunesmithError(
            f"{folder} has no manifest.csv: unpack the data sets there, with their manifest."
        )
    with path.open(encoding="utf-8", newline="") as lines:
        return [
            Row(r["path"], r["dataset"], r["genre"], r["composer"], r["group"], r["split"], r["licence"])
            for r in csv.DictReader(lines)
            if (r["ship"] == "yes" or not shippable) and r["dataset"] not in UNALIGNED
        ]


@dataclass(frozen=True)
class Example:
    """An encoded piece and what is known of it."""

    piece: Piece
    style: int
    composer: int
    dataset: str
    group: str
    split: str


def style_class(name: str) -> int:
    """Place of a style in `STYLES`; its length stands for "open"."""
    return STYLES.index(name) if name in STYLES else len(STYLES)


def composer_class(name: str) -> int:
    """Place of a composer in `COMPOSERS`; its length stands for "open"."""
    return COMPOSERS.index(name) if name in COMPOSERS else len(COMPOSERS)


def licences(folder: Path) -> dict[str, str]:
    """The licence that most rows of each data set state; nothing for a folder without a manifest."""
    if not (folder / "manifest.csv").is_file():
        return {}
    stated: dict[str, Counter[str]] = defaultdict(Counter)
    for row in read_manifest(folder):
        stated[row.dataset][row.licence] += 1
    return {name: counts.most_common(1)[0][0] for name, counts in stated.items()}


def encode_song(song: Song, row: Row, style: str) -> Example | None:
    """Encode one song under a style, its key estimated from its notes."""
    if not len(song.notes):
        return None
    key, _ = estimate_key(_tonal(song))
    piece = piece_from_song(song, key)
    if piece is None:
        return None
    return Example(piece, style_class(style), composer_class(row.composer), row.dataset, row.group, row.split)


def _tonal(song: Song) -> NDArray[np.void]:
    drums = [i for i, track in enumerate(song.tracks) if track.is_drum]
    tones = song.notes[~np.isin(song.notes["track"], drums)]
    return tones if len(tones) else song.notes


def read_song(folder: Path, row: Row) -> Song | None:
    """The song of a row, on its bar lines; None where the file cannot be read.

    Raises
    ------
    TunesmithError
        Where not even the folder is there: on a machine of a cluster that does not see the data.
    """
    if not folder.is_dir():
        raise TunesmithError(
            f"{platform.node()} has no folder {folder}: every worker must see the data under the same path"
        )
    try:
        song = read_midi(folder / row.path)
    except TunesmithError:
        return None
    return align_to_bars(song) if row.dataset in PHASE_UNKNOWN and len(song.notes) else song


def _encode_file(job: tuple[Path, Row]) -> list[Example]:
    folder, row = job
    song = read_song(folder, row)
    if song is None:
        return []
    example = encode_song(song, row, row.style)
    return [example] if example else []


@cache
def _drums(folder: Path, split: str) -> DrumBars:
    return DrumBars.load(folder, split=split)


def _arrange_file(job: tuple[Path, Row]) -> list[Example]:
    """Arrangements of one song, in styles drawn by a seed of its own."""
    folder, row = job
    song = read_song(folder, row)
    if song is None:
        return []
    rng = np.random.default_rng(zlib.crc32(row.path.encode()))
    styles = suitable_styles(song)
    chosen = rng.choice(styles, min(ARRANGED[row.dataset], len(styles)), replace=False)
    arranged = ((style, arrange(song, style, rng, _drums(folder, row.split))) for style in map(str, chosen))
    found = (encode_song(song, row, style) for style, song in arranged if song is not None)
    return [example for example in found if example]


def corpus_rows(folder: Path) -> list[Row]:
    """The files of a folder that shipped generators may learn from, by its manifest where it has one."""
    return read_manifest(folder) if (folder / "manifest.csv").is_file() else read_folder(folder)


def encode_corpus(
    folder: Path, *, workers: Workers = None, progress: Callable[[float], None] = lambda _: None
) -> list[Example]:
    """Everything the shipped generators learn from: the manifest's files, and arrangements of its songs.

    Parameters
    ----------
    workers : processes here or a cluster elsewhere, see `core.learn.workers`
    """
    rows = corpus_rows(folder)
    songs = [row for row in rows if row.dataset in ARRANGED]
    plain = encode_rows(folder, rows, workers=workers, progress=lambda share: progress(share / 2))
    return plain + encode_rows(
        folder, songs, encode=_arrange_file, workers=workers, progress=lambda share: progress(0.5 + share / 2)
    )


def encode_rows(
    folder: Path,
    rows: Iterable[Row],
    *,
    encode: Callable[[tuple[Path, Row]], list[Example]] = _encode_file,
    workers: Workers = None,
    progress: Callable[[float], None] = lambda _: None,
) -> list[Example]:
    """Encode the files of ``rows``, in the order given, by ``workers`` (see `core.learn.workers`)."""
    jobs = [(folder.absolute(), row) for row in rows]
    examples: list[Example] = []
    for done, found in enumerate(mapped(encode, jobs, workers)):
        examples += found
        progress((done + 1) / max(1, len(jobs)))
    return examples


_ARRAYS = ("events", "bar_steps", "chords", "copies", "parts")


def save_pack(path: Path, examples: list[Example]) -> str:
    """Write ``examples`` as one .npz of plain arrays; the SHA-256 of what was written."""
    arrays = {name: np.concatenate([getattr(e.piece, name) for e in examples]) for name in _ARRAYS}
    for name in _ARRAYS:
        arrays[f"{name}_bounds"] = np.cumsum([0] + [len(getattr(e.piece, name)) for e in examples])
    facts = [
        (e.piece.mode, e.piece.tempo, e.piece.dynamic, e.style, e.composer, e.dataset, e.group, e.split)
        for e in examples
    ]
    about = json.dumps({"version": PACK_VERSION, "styles": STYLES, "composers": COMPOSERS, "facts": facts})
    arrays["about"] = np.frombuffer(about.encode(), np.uint8)
    with atomic_write(path) as part, part.open("wb") as out:
        np.savez_compressed(out, **arrays)  # type: ignore[arg-type]  # numpy's stub takes names for flags
    return hashlib.sha256(path.read_bytes()).hexdigest()


def load_pack(path: Path) -> list[Example]:
    """Read what `save_pack` wrote."""
    with np.load(path, allow_pickle=False) as pack:
        about = json.loads(pack["about"].tobytes())
        if about["version"] != PACK_VERSION or tuple(about["styles"]) != STYLES:
            raise TunesmithError(f"{path} was packed by another version: pack the data again.")
        arrays = {name: pack[name] for name in _ARRAYS}
        bounds = {name: pack[f"{name}_bounds"] for name in _ARRAYS}
    examples = []
    for i, (mode, tempo, dynamic, style, composer, dataset, group, split) in enumerate(about["facts"]):
        parts = {name: arrays[name][bounds[name][i] : bounds[name][i + 1]] for name in _ARRAYS}
        piece = Piece(**parts, mode=mode, tempo=tempo, dynamic=bool(dynamic))
        examples.append(Example(piece, style, composer, dataset, group, split))
    return examples
