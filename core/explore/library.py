"""What lies on the map: the built-in collection, the person's library and files dropped, each put into an index once.

Conventions
-----------
* Of every embedding there is one index, in the person's data folder and named after its weights: other weights begin
  anew, since their vectors mean something else.
* A thing is known by the hash of its content (`core.explore.registry.content_hash`); by its *mark* (place, size and
  time of a file, number of a library's piece, checksum of a collection's) it is passed over without being read.
* What is told of an item: ``title``, ``source`` ("collection", "library" or "files"), ``kind`` ("midi" or "audio"),
  and where they are known ``genre``, ``composer``, ``key``, ``tempo_bpm``, ``seconds``, ``notes_per_beat``, and how
  it is opened again (``name``, ``number`` or ``path``).
* A job that ends half way has done what it has done: the next goes on where it stopped.
"""

from __future__ import annotations

import os
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from core.errors import Cancelled, TunesmithError
from core.explore import collection, registry
from core.explore.index import Index, Item, Vectors
from core.listen.batch import find_files
from core.listen.formats import is_midi
from core.listen.heard import hear
from core.listen.report import NOT_SURE
from core.song.midi_file import read_midi
from core.song.notes import Song
from core.store.folders import user_folder
from core.store.library import Library, Search, library_path
from core.store.model_file import find_models

COLLECTION, LIBRARY, FILES = "collection", "library", "files"
SOURCES = {COLLECTION: "Built-in collection", LIBRARY: "My library", FILES: "Files"}
"""Where pieces come from, by what a person calls it."""

OURS = "Tunesmith"
"""The composer of composed pieces."""

NOTHING = ("", None, NOT_SURE)
"""What is not kept of what is told of a piece."""

AT_ONCE = 16
"""Pieces between two writings to the disk: what a kill can cost."""

SHORTEST_MARK = 12
"""Digits of the weights' checksum in a folder's name."""

Report = Callable[[float], None]
Cancel = Callable[[], bool]


@dataclass(frozen=True)
class Thing:
    """Something that can be put into an index.

    Attributes
    ----------
    mark : tells without reading it whether it is there already
    about : what is known of it before it is read
    song : reads its notes; None for a file, which is looked at when its turn comes
    """

    mark: str
    about: Mapping[str, Any]
    song: Callable[[], Song] | None = None

    @property
    def title(self) -> str:
        return str(self.about["title"])


@dataclass
class Filled:
    """What came of `fill`.

    Attributes
    ----------
    added, known : how many were new, and how many were there already
    keys : by what the index knows them, new or not
    failed : what could not be taken, and why
    """

    added: int = 0
    known: int = 0
    keys: list[str] = field(default_factory=list)
    failed: list[tuple[str, str]] = field(default_factory=list)


def index_of(name: str) -> Index:
    """The index of an embedding, empty where there is none yet.

    Raises
    ------
    TunesmithError
        If there is no such embedding, its weights are missing, or its index is damaged.
    """
    return Index(folder_of(name), registry.find(name).dimensions)


def folder_of(name: str) -> Path:
    """Where the index of an embedding and its maps lie.

    Raises
    ------
    TunesmithError
        If there is no such embedding, or its weights are missing.
    """
    return user_folder("data") / "explore" / f"{name}-{weights_of(name)[:SHORTEST_MARK]}"


def weights_of(name: str) -> str:
    """The checksum of an embedding's weights.

    Raises
    ------
    TunesmithError
        If there is no such embedding, or its weights are missing.
    """
    row = registry.find(name)
    card = next((model.card for model in find_models() if model.name == row.model), None)
    if card is None:
        raise TunesmithError(f"the weights of {row.title!r} are missing; install Tunesmith again")
    return str(card["sha256"])


# -- what there is ---------------------------------------------------------------------------------------


def collection_things() -> list[Thing]:
    """The pieces of the built-in collection."""
    return [_of_collection(piece) for piece in collection.collection()]


def _of_collection(piece: collection.Piece) -> Thing:
    about = {
        "title": piece.title, "source": COLLECTION, "kind": "midi", "name": piece.name, "genre": piece.genre,
        "composer": piece.composer or OURS, "key": piece.key, "tempo_bpm": piece.tempo, "seconds": piece.seconds,
        "licence": piece.licence,
    }  # fmt: skip
    # Another collection may have other music under the same name.
    told = f"{piece.name} {piece.title} {piece.tempo} {piece.seconds}"
    mark = f"{COLLECTION} {zlib.crc32(told.encode()):08x} {piece.name}"
    return Thing(mark, about, lambda: collection.song_of(piece))


def library_things() -> list[Thing]:
    """The pieces of the person's library, without those in the trash."""
    if not library_path().is_file():
        return []
    with Library() as library:
        pieces = library.find(Search())
    return [_of_library(piece) for piece in pieces]


def _of_library(piece: Any) -> Thing:
    about = {
        "title": piece.title, "source": LIBRARY, "kind": "midi", "number": piece.id, "genre": piece.style,
        "composer": str(piece.recipe.get("composer", "")), "key": piece.key, "tempo_bpm": piece.tempo,
        "seconds": piece.seconds,
    }  # fmt: skip
    return Thing(f"{LIBRARY} {piece.id} {piece.created}", about, lambda: _library_song(piece.id))


def file_things(places: Iterable[str | os.PathLike[str]]) -> list[Thing]:
    """Sound and MIDI files; a folder stands for those in it and below.

    Raises
    ------
    TunesmithError
        For a folder in which there is nothing.
    """
    return [_of_file(Path(path).absolute()) for path in find_files(places)]


def _of_file(path: Path) -> Thing:
    try:
        told = path.stat()
        mark = f"{FILES} {told.st_size} {told.st_mtime_ns} {path}"
    except OSError:
        mark = f"{FILES} {path}"
    return Thing(mark, {"title": path.stem, "source": FILES, "path": str(path)})


def standing() -> list[Thing]:
    """All that is on the map without being dropped there: collection and library."""
    return [*collection_things(), *library_things()]


# -- into the index --------------------------------------------------------------------------------------


def missing(index: Index, things: Sequence[Thing]) -> list[Thing]:
    """Those that are not in the index yet, as far as can be told without reading them."""
    known = {item.about.get("mark") for item in index.items}
    return [thing for thing in things if thing.mark not in known]


def fill(
    index: Index,
    things: Sequence[Thing],
    name: str,
    *,
    progress: Report = lambda _: None,
    cancelled: Cancel = lambda: False,
    added: Callable[[int], object] = lambda _: None,
) -> Filled:
    """Put things into the index of the embedding ``name``; those that are there are passed over.

    Parameters
    ----------
    added : called with how many are in the index, each time some came

    Raises
    ------
    TunesmithError
        If the index cannot be written. A thing that cannot be read is told in the result instead.
    Cancelled
        Soon after ``cancelled`` says so; what was done until then stays.
    """
    keys = {item.about.get("mark"): item.key for item in index.items}
    new = [thing for thing in things if thing.mark not in keys]
    filled = Filled(
        known=len(things) - len(new), keys=[keys[thing.mark] for thing in things if thing.mark in keys]
    )
    waiting: list[tuple[Item, Vectors]] = []
    known = collection.vectors_of(name, weights_of(name)) if new else {}

    def write() -> None:
        if waiting:
            items, vectors = zip(*waiting)
            filled.added += index.add(list(items), np.stack(vectors))
            waiting.clear()
            added(len(index))

    try:
        for done, thing in enumerate(new):
            if cancelled():
                raise Cancelled
            try:
                item, vector = _embedded(
                    index, thing, name, known, _part(progress, done, len(new)), cancelled
                )
                filled.keys.append(item.key)
                if vector is None or any(item.key == other.key for other, _ in waiting):
                    filled.known += 1
                else:
                    waiting.append((item, vector))
            except TunesmithError as error:
                filled.failed.append((thing.title, str(error)))
            except OSError as error:
                filled.failed.append((thing.title, error.strerror or str(error)))
            progress((done + 1) / len(new))
            if len(waiting) == AT_ONCE:
                write()
    finally:
        write()
    return filled


def _part(progress: Report, done: int, of: int) -> Report:
    """The progress of one of several things."""
    return lambda share: progress((done + share) / of)


def _embedded(
    index: Index,
    thing: Thing,
    name: str,
    known: Mapping[str, Vectors],
    progress: Report,
    cancelled: Cancel,
) -> tuple[Item, Vectors | None]:
    """The item and vector of a thing, one of the ``known`` if it is there; no vector for what the index has."""
    told = {"mark": thing.mark, **thing.about}
    if thing.song is None:
        path = Path(told["path"])
        key = registry.content_hash(path, cancelled)
        if key in index:
            return Item(key), None
        found = registry.embed_file(path, name, progress=progress, cancelled=cancelled)
        about, vector = {**told, **found.about}, found.vector
    else:
        song = thing.song()
        key = registry.song_hash(song)
        if key in index:
            return Item(key), None
        vector = known[key] if key in known else registry.encode(song, name, cancelled=cancelled)
        about = {**told, "notes_per_beat": notes_per_beat(song)}
    return Item(key, {name: value for name, value in about.items() if value not in NOTHING}), vector


def notes_per_beat(song: Song) -> float:
    """How dense the music is, from its first note to its last."""
    if not len(song.notes):
        return 0.0
    beats = (song.end_tick - int(song.notes["onset"].min())) / song.ticks_per_beat
    return round(len(song.notes) / max(beats, 1.0), 2)


# -- and out of it ---------------------------------------------------------------------------------------


def present(index: Index, things: Iterable[Thing]) -> Iterator[int]:
    """Rows of the index that are still there: files, and of collection and library what ``things`` has.

    A piece put in the trash stays in the index, and is passed over.
    """
    there = {thing.mark for thing in things}
    for row, item in enumerate(index.items):
        if item.about.get("source") == FILES or item.about.get("mark") in there:
            yield row


def nearest_to(
    thing: Song | Path, count: int = 5, *, cancelled: Cancel = lambda: False
) -> list[tuple[Item, float]]:
    """The pieces of the index that are most like a song or a file, with their likeness; the thing itself left out.

    It is looked up by the best embedding there is for it: of a score by its notes, of a recording by its sound. An
    index that is still empty takes in the collection and the library first, some seconds' work.

    Raises
    ------
    TunesmithError
        If there is no embedding for it, or the file cannot be read.
    Cancelled
        Soon after ``cancelled`` says so.
    """
    if isinstance(thing, Path):
        own = registry.content_hash(thing, cancelled)
        with thing.open("rb") as file:
            has_notes = is_midi(file)
        what = read_midi(thing) if has_notes else hear(thing, cancelled=cancelled)
    else:
        own, what = registry.song_hash(thing), thing
    of = registry.SCORE if isinstance(what, Song) else registry.SOUND
    rows = [row for row in registry.available() if row.of == of]
    if not rows:
        raise TunesmithError(f"no embedding of {of} is installed; install Tunesmith again")
    row = next((row for row in rows if row.name == registry.DEFAULT[of]), rows[0])
    index, things = index_of(row.name), standing()
    if not len(index):
        fill(index, things, row.name, cancelled=cancelled)
    there = set(present(index, things))
    gone = [item.key for number, item in enumerate(index.items) if number not in there]
    if len(gone) == len(index):
        return []
    vector = registry.encode(what, row.name, cancelled=cancelled)
    return [(each.item, each.likeness) for each in index.nearest(vector, count, without=[own, *gone])]


def opened(about: Mapping[str, Any]) -> Song | Path:
    """What sounds of an item: a song, or the path of a recording.

    Raises
    ------
    TunesmithError
        Where it is no longer there.
    """
    source = about.get("source")
    if source == COLLECTION:
        for piece in collection.collection():
            if piece.name == about.get("name"):
                return collection.song_of(piece)
        raise TunesmithError(f"“{about.get('title')}” is no longer in the collection")
    if source == LIBRARY:
        return _library_song(int(about["number"]))
    path = Path(str(about.get("path", "")))
    if not path.is_file():
        raise TunesmithError(f"{path} is no longer there; drop it again from where it is now")
    with path.open("rb") as file:
        has_notes = is_midi(file)
    return read_midi(path) if has_notes else path


def _library_song(number: int) -> Song:
    with Library() as library:
        return library.song(number)
