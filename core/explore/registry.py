"""The embeddings by name, and how a file becomes a vector. A new embedding is one new file and one row here.

Conventions
-----------
* An embedding is *of* sound (it takes a `core.listen.heard.Heard`) or of scores (a `core.song.notes.Song`).
* A vector is float32 [shape=(dimensions,)], of any length: likeness is the cosine (`core.explore.index`).
* A MIDI file put into an embedding of sound is played by our synthesiser first, which takes seconds. An audio file
  cannot be put into an embedding of scores.
"""

from __future__ import annotations

import hashlib
import importlib
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from core.errors import Cancelled, TunesmithError
from core.listen.heard import Heard, hear
from core.listen.report import NOT_SURE, Verdict
from core.song.midi_file import midi_bytes, read_midi
from core.song.notes import Song
from core.store.model_file import find_models

Vector = NDArray[np.float32]

SOUND, SCORE = "sound", "score"
PAPER = "Yanchenko, Symphony2vec (2019)"
TUTORIAL = "Choi, Fazekas, Cho & Sandler, A Tutorial on Deep Learning for Music Information Retrieval (2017)"
OURS = "ours"

PIECE_BYTES = 1 << 20
ENCODING_FROM = 0.9
"""The share of the time that hearing a file takes."""


class Space(Protocol):
    """An embedding with its weights."""

    dimensions: int

    def encode(self, thing: Any) -> Vector:
        """The vector of a `Heard` or a `Song` [shape=(dimensions,)].

        Raises
        ------
        TunesmithError
            If there is nothing to hear, or not a note.
        """

    def decode(self, vector: Vector) -> Any:
        """What lies at a place.

        Returns
        -------
        ndarray or Song
            of sound a mel-spectrogram, decibels below its loudest [shape=(64, frames)]; see `core.explore.sounding`

        Raises
        ------
        TunesmithError
            If this embedding knows no way back.
        """

    def describe(self) -> dict[str, Any]:
        """The card: what it is, what it learnt from, its figures."""


@dataclass(frozen=True)
class Embedding:
    """What a panel or the command line must know of an embedding.

    Attributes
    ----------
    title : its name for people
    of : "sound" or "score"
    source : the paper it comes from, or "ours"
    model : name of its model file
    dimensions : numbers in a vector
    place : module of this room, and function there, that makes the `Space` of the model's name
    decodes : whether a place can be turned back into music
    """

    name: str
    title: str
    of: Literal["sound", "score"]
    source: str
    description: str
    model: str
    dimensions: int
    place: str
    decodes: bool = True


EMBEDDINGS: dict[str, Embedding] = {
    row.name: row
    for row in (
        Embedding(
            "sound", "By sound", "sound", OURS, "All that sounds in ten seconds, and what sets recordings apart",
            "embedding-sound", 64, "sound.load", decodes=False,
        ),
        Embedding(
            "score", "By notes", "score", OURS, "A recurrent variational autoencoder of bars; writes MIDI",
            "embedding-score", 64, "score.load",
        ),
        Embedding(
            "stable-ali", "Adversarially learned inference, stabilised", "sound", OURS,
            "Learnt by a game of drawing and telling drawn from true", "embedding-stable-ali", 40, "crop_space.load",
        ),
        Embedding(
            "vae", "Variational autoencoder", "sound", PAPER, "Crops of three seconds, told in forty numbers",
            "embedding-vae", 40, "crop_space.load",
        ),
        Embedding(
            "pca", "PCA", "sound", PAPER, "The forty directions in which mel-spectrograms differ most",
            "embedding-pca", 40, "linear.load",
        ),
        Embedding(
            "random-weights", "Random weights", "sound", TUTORIAL, "A convnet that never learnt",
            "random-weights", 256, "random_weights.load", decodes=False,
        ),
    )
}  # fmt: skip

DEFAULT = {SOUND: "sound", SCORE: "score"}


@dataclass(frozen=True, eq=False)
class Embedded:
    """A file in an embedding.

    Attributes
    ----------
    name : of the embedding
    vector : [shape=(dimensions,)]
    key : hash of the file's content: two copies have the same
    about : title, kind ("audio" or "midi"), seconds, and where they were found key ("D minor"), tempo_bpm,
        genre, composer (a guess: "Haydn?")
    """

    name: str
    vector: Vector
    key: str
    about: Mapping[str, Any]


def find(name: str = "", of: str = SOUND) -> Embedding:
    """The embedding ``name``, or the default one of sound or of scores.

    Raises
    ------
    TunesmithError
        If there is none of that name.
    """
    name = name or DEFAULT[of]
    if name not in EMBEDDINGS:
        raise TunesmithError(f"there is no embedding {name!r}; there are {', '.join(EMBEDDINGS)}")
    return EMBEDDINGS[name]


def available() -> tuple[Embedding, ...]:
    """The embeddings whose weights are here."""
    there = {model.name for model in find_models()}
    return tuple(row for row in EMBEDDINGS.values() if row.model in there)


@lru_cache(maxsize=8)
def loaded(name: str) -> Space:
    """The embedding ``name``, with its weights; it stays loaded.

    Raises
    ------
    TunesmithError
        If there is none of that name, or its weights are missing or damaged.
    """
    row = find(name)
    module, _, function = row.place.partition(".")
    space: Space = getattr(importlib.import_module(f"core.explore.{module}"), function)(row.model)
    if space.dimensions != row.dimensions:
        raise TunesmithError(
            f"the weights of {name!r} give {space.dimensions} numbers, not {row.dimensions}; install them again"
        )
    return space


def embed_file(
    path: str | os.PathLike[str],
    name: str = "",
    *,
    progress: Callable[[float], None] = lambda _: None,
    cancelled: Callable[[], bool] = lambda: False,
) -> Embedded:
    """The vector of an audio or MIDI file, whichever it is by its content, and what is told of it.

    Parameters
    ----------
    name : of the embedding; the default one of what the file holds unless told

    Raises
    ------
    TunesmithError
        In one line, for a file that cannot be read or has no place in that embedding.
    Cancelled
        Soon after ``cancelled`` says so.
    """
    from core.listen.formats import is_midi
    from core.listen.report import listen

    place = Path(path)
    report = listen(place, progress=lambda share: progress(ENCODING_FROM * share), cancelled=cancelled)
    with place.open("rb") as file:
        has_notes = is_midi(file)
    row = find(name, SCORE if has_notes else SOUND)
    if not has_notes and row.of == SCORE:
        raise TunesmithError(
            f"{place.name} is a recording, and {row.title!r} takes scores; choose another embedding"
        )
    thing: Song | Heard
    if has_notes:
        thing = read_midi(place)
        title = thing.title or place.stem
    else:
        thing, title = hear(place, cancelled=cancelled), place.stem
    vector = encode(thing, row.name, cancelled=cancelled)
    progress(1.0)
    about: dict[str, Any] = {"title": title, "kind": report.kind, "seconds": report.duration_s}
    about |= {"key": report.key, "tempo_bpm": report.tempo_bpm}
    if report.genre is not None:
        about["genre"] = report.genre.label
    if report.composer is not None:
        about["composer"] = as_a_guess(report.composer)
    return Embedded(row.name, vector, content_hash(place, cancelled), about)


def as_a_guess(verdict: Verdict) -> str:
    """A name that a classifier found, told from one that a file states.

    >>> from core.listen.report import Verdict
    >>> as_a_guess(Verdict("Haydn", (("Haydn", 0.8),)))
    'Haydn?'
    """
    return verdict.label if verdict.label == NOT_SURE else f"{verdict.label}?"


def encode(thing: Song | Heard, name: str = "", *, cancelled: Callable[[], bool] = lambda: False) -> Vector:
    """The vector of something heard or written; a score is played first where the embedding is of sound.

    Raises
    ------
    TunesmithError
        If it has no place in that embedding.
    Cancelled
        Soon after ``cancelled`` says so.
    """
    row = find(name, SCORE if isinstance(thing, Song) else SOUND)
    space = loaded(row.name)
    if isinstance(thing, Song) and row.of == SOUND:
        from core.explore.sounding import heard_of_song

        thing = heard_of_song(thing, cancelled=cancelled)
    if cancelled():
        raise Cancelled
    return np.asarray(space.encode(thing), np.float32)


def content_hash(path: Path, cancelled: Callable[[], bool] = lambda: False) -> str:
    """What a file's content is known by in an index."""
    digest = hashlib.blake2b(digest_size=20)
    with path.open("rb") as file:
        while piece := file.read(PIECE_BYTES):
            if cancelled():
                raise Cancelled
            digest.update(piece)
    return digest.hexdigest()


def song_hash(song: Song) -> str:
    """The same of a song that is no file: that of the MIDI file it would be."""
    return hashlib.blake2b(midi_bytes(song), digest_size=20).hexdigest()
