"""Paths: what lies between two vectors, and between two pieces.

Conventions
-----------
* A path has ``steps`` places, the first and last of which are its ends, exactly: nothing is added to them or rounded.
* Between two scores, unit by unit, lie latent vectors; what stands beside them changes as gradually as it can: the
  key by fifths, the tempo by equal ratios, the length bar by bar, the instruments one after the other.
* The files that a path writes are the same wherever it is asked for.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path
from typing import Any, Literal, get_args

import numpy as np
from numpy.typing import ArrayLike, NDArray

from core.errors import TunesmithError
from core.explore import registry
from core.explore.index import Index, unit
from core.explore.score import Reading, ScoreSpace
from core.explore.score_codec import UNIT_BARS, Frame
from core.song.harmony import Key
from core.song.midi_file import read_midi, write_midi
from core.song.notes import Song
from core.song_picture import png_bytes
from core.store.atomic import write_bytes_atomic

Vectors = NDArray[np.float32]
Report = Callable[[float], None]
Cancel = Callable[[], bool]
Kind = Literal["linear", "spherical", "through-data"]
KINDS: tuple[Kind, ...] = get_args(Kind)

STEPS, MOST_STEPS = 8, 64

NO_INDEX = "a path through the data needs an index of the same embedding; fill one first"

MOST_AROUND = 1500
"""Pieces of an index that a path through the data may go by: those that lie least out of the way."""


def between(
    a: ArrayLike, b: ArrayLike, steps: int = STEPS, *, kind: Kind = "linear", index: Index | None = None
) -> Vectors:
    """Places on the way from ``a`` to ``b``, both included [shape=(steps, *a.shape)].

    Parameters
    ----------
    a, b : vectors, or rows of vectors that are gone between one by one
    kind : "linear"; "spherical", where directions turn evenly and lengths change evenly; "through-data", where the
        way leads by pieces of ``index`` that are alike from each to the next, at an even pace

    Raises
    ------
    TunesmithError
        If the vectors do not belong together, there are fewer than two steps, or no index for a way through it.
    """
    a, b = np.asarray(a, np.float32), np.asarray(b, np.float32)
    if a.shape != b.shape or not a.size:
        raise TunesmithError(
            f"a path needs two vectors of one embedding, not of {a.shape} and {b.shape} numbers"
        )
    if not 2 <= steps <= MOST_STEPS:
        raise TunesmithError(f"a path has 2 to {MOST_STEPS} steps, not {steps}")
    shares = np.linspace(0, 1, steps)
    if kind == "linear":
        found = np.stack([_straight(a, b, share) for share in shares])
    elif kind == "spherical":
        found = np.stack([_turned(a, b, share) for share in shares])
    elif kind == "through-data":
        found = _through(a, b, shares, index)
    else:
        raise TunesmithError(f"there is no kind of path {kind!r}; there are {', '.join(KINDS)}")
    found[0], found[-1] = a, b
    return found


def _straight(a: Vectors, b: Vectors, share: float) -> Vectors:
    return ((1 - share) * a + share * b).astype(np.float32)


def _turned(a: Vectors, b: Vectors, share: float) -> Vectors:
    """Spherical interpolation (K. Shoemake 1985) of directions; lengths go straight. Row by row."""
    lengths = [np.linalg.norm(side, axis=-1, keepdims=True).astype(np.float64) for side in (a, b)]
    ways = [side / np.maximum(length, 1e-12) for side, length in zip((a, b), lengths)]
    angle = np.arccos(np.clip((ways[0] * ways[1]).sum(-1, keepdims=True), -1, 1))
    sine = np.sin(angle)
    flat = sine < 1e-6  # the same direction, or opposite ones, between which no way is the shortest
    sine = np.where(flat, 1, sine)
    left = np.where(flat, 1 - share, np.sin((1 - share) * angle) / sine)
    right = np.where(flat, share, np.sin(share * angle) / sine)
    length = (1 - share) * lengths[0] + share * lengths[1]
    return (length * (left * ways[0] + right * ways[1])).astype(np.float32)


def _through(a: Vectors, b: Vectors, shares: NDArray[np.float64], index: Index | None) -> Vectors:
    """Along the pieces of `waypoints`, at an even pace; lengths go straight."""
    if index is None or a.ndim != 1:
        raise TunesmithError(NO_INDEX)
    stations = _stations(a, b, index, waypoints(a, b, index))
    lengths = np.linalg.norm(a), np.linalg.norm(b)
    found = np.empty((len(shares), len(a)), np.float32)
    for row, (share, (at, gone)) in enumerate(zip(shares, _walked(stations, shares))):
        place = _turned(stations[at], stations[at + 1], gone)
        found[row] = place * ((1 - share) * lengths[0] + share * lengths[1])
    return found


def _stations(a: Vectors, b: Vectors, index: Index, rows: Sequence[int]) -> Vectors:
    """Directions of ``a``, of some pieces of an index, and of ``b``."""
    return np.stack([unit(a)[0], *index.vectors[rows], unit(b)[0]])


def _walked(stations: Vectors, shares: NDArray[np.float64]) -> Iterator[tuple[int, float]]:
    """For each share of a way at an even pace: after which station that is, and the share of the way to the next."""
    way = np.r_[0, np.cumsum(np.linalg.norm(np.diff(stations, axis=0), axis=1))]
    for share in shares:
        at = min(int(np.searchsorted(way, share * way[-1], "right")) - 1, len(stations) - 2)
        # Rounded, so that a station that is met is met exactly.
        yield at, round(float((share * way[-1] - way[at]) / max(way[at + 1] - way[at], 1e-12)), 6)


def waypoints(a: ArrayLike, b: ArrayLike, index: Index) -> list[int]:
    """Rows of the pieces that the way from ``a`` to ``b`` through an index leads by.

    It is the way the fourth powers of whose steps add up to least: many short steps are better than one long one.
    (In 64 dimensions everything is far from everything; squares would hardly ever go round by anything.)
    """
    ends = np.concatenate([unit(a), unit(b)])
    if not len(index):
        return []
    out_of_the_way = np.linalg.norm(index.vectors[:, None] - ends, axis=2).sum(1)
    near = np.argsort(out_of_the_way, kind="stable")[:MOST_AROUND]
    points = np.concatenate([ends, index.vectors[near]]).astype(np.float64)
    before = _shortest(np.maximum(2 - 2 * points @ points.T, 0) ** 2)
    way, at = [], int(before[1])
    while at > 0:
        way.append(int(near[at - 2]))
        at = int(before[at])
    return way[::-1]


def _shortest(cost: NDArray[np.float64]) -> NDArray[np.int64]:
    """By which point each is reached from the first at least cost (E. Dijkstra 1959), every step being possible."""
    reached = np.full(len(cost), np.inf)
    reached[0] = 0.0
    before, open_ = np.zeros(len(cost), np.int64), np.ones(len(cost), bool)
    for _ in range(len(cost)):
        at = int(np.argmin(np.where(open_, reached, np.inf)))
        open_[at] = False
        nearer = reached[at] + cost[at] < reached
        reached[nearer] = reached[at] + cost[at, nearer]
        before[nearer] = at
    return before


# -- between scores --------------------------------------------------------------------------------------


def mixed(a: Reading, b: Reading, share: float, kind: Kind = "linear") -> Reading:
    """What lies ``share`` (0 to 1) of the way from ``a`` to ``b``, straight or (any other kind) turned."""
    if share in (0, 1):
        return b if share else a
    bars = [len(side.frame.bar_steps) for side in (a, b)]
    length = round((1 - share) * bars[0] + share * bars[1])
    units = -(-length // UNIT_BARS)
    places = [_spread(len(side.latents), units) for side in (a, b)]
    left, right = a.latents[places[0]], b.latents[places[1]]
    latents = (_straight if kind == "linear" else _turned)(left, right, share)
    nearer, row = (a, 0) if share < 0.5 else (b, 1)
    bar = (places[row][:, None] * UNIT_BARS + np.arange(UNIT_BARS)).ravel()[:length].clip(max=bars[row] - 1)
    frame = Frame(
        key_between(a.frame.key, b.frame.key, share),
        a.frame.bpm ** (1 - share) * b.frame.bpm**share,
        nearer.frame.bar_steps[bar],
        nearer.frame.signatures[bar],
        _programs_between(a.frame.programs, b.frame.programs, share),
    )
    return Reading(frame, latents)


def _spread(have: int, want: int) -> NDArray[np.int64]:
    """Which of ``have`` units stand where there are ``want``, evenly."""
    return np.rint(np.linspace(0, have - 1, want)).astype(np.int64)


def key_between(a: Key, b: Key, share: float) -> Key:
    """A key on the way by fifths, the shorter way round; the mode changes half way.

    >>> key_between(Key(0, "major"), Key(2, "major"), 0.5).name
    'G major'
    """
    way = (b.signature - a.signature + 5) % 12 - 5
    signature = a.signature + round(share * way)
    mode = a.mode if share < 0.5 else b.mode
    return Key((7 * signature + (9 if mode == "minor" else 0)) % 12, mode)


def _programs_between(a: NDArray[np.int64], b: NDArray[np.int64], share: float) -> NDArray[np.int64]:
    """The slots that differ change one after the other, from the bass up."""
    differ = np.flatnonzero(a != b)
    changed = differ[: int(share * (len(differ) + 1))]
    found = a.copy()
    found[changed] = b[changed]
    return found


def path_of_songs(
    a: Song,
    b: Song,
    steps: int = STEPS,
    *,
    name: str = "",
    kind: Kind = "linear",
    index: Index | None = None,
    progress: Report = lambda _: None,
    cancelled: Cancel = lambda: False,
) -> list[Song]:
    """``steps`` songs from ``a`` to ``b``; the first and last are what the embedding makes of these.

    Parameters
    ----------
    name : of an embedding of scores; ours unless named
    index : of that embedding, for a path through the data: from ``a`` to a piece like it, from there to the next,
        and so on to ``b``

    Raises
    ------
    TunesmithError
        If a song cannot be embedded, or the embedding writes no scores.
    Cancelled
        Soon after ``cancelled`` says so.
    """
    if not 2 <= steps <= MOST_STEPS:
        raise TunesmithError(f"a path has 2 to {MOST_STEPS} steps, not {steps}")
    space = _score_space(name)
    between_them: list[Song] = []
    shares = np.linspace(0, 1, steps)
    places = [(0, float(share)) for share in shares]
    if kind == "through-data":
        if index is None:
            raise TunesmithError(NO_INDEX)
        first, last = space.encode(a), space.encode(b)
        rows = waypoints(first, last, index)
        between_them = [_song_of(index.items[row].about) for row in rows]
        places = list(_walked(_stations(first, last, index, rows), shares))
    songs = [a, *between_them, b]
    read = cache(lambda number: space.read(songs[number], cancelled=cancelled))
    found = []
    for step, (at, gone) in enumerate(places):
        title = {0: a.title, steps - 1: b.title}.get(step, f"{step + 1} of {steps}")
        found.append(space.write(mixed(read(at), read(at + 1), gone, kind), title, cancelled=cancelled))
        progress((step + 1) / steps)
    return found


def _song_of(about: Mapping[str, Any]) -> Song:
    from core.explore.library import opened

    found = opened(about)
    return found if isinstance(found, Song) else read_midi(found)


def reconstruction(song: Song, *, name: str = "", cancelled: Cancel = lambda: False) -> Song:
    """What an embedding makes of a song: the end of every path that begins or ends there.

    Raises
    ------
    TunesmithError
        If it cannot be embedded.
    """
    space = _score_space(name)
    return space.write(space.read(song, cancelled=cancelled), song.title, cancelled=cancelled)


def _score_space(name: str) -> ScoreSpace:
    space: Any = registry.loaded(registry.find(name, registry.SCORE).name)
    if not isinstance(space, ScoreSpace):
        raise TunesmithError(f"the embedding {name!r} writes no scores; choose {registry.DEFAULT['score']!r}")
    return space


# -- between files ---------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Walk:
    """What a path wrote.

    Attributes
    ----------
    embedding : its name
    kind : of path
    files : in order; of sound the pictures stand beside the sounds of the same name
    steps : what is told of every step: of scores ``key``, ``tempo_bpm``, ``bars``, ``notes``, ``seconds``
    """

    embedding: str
    kind: Kind
    files: tuple[Path, ...]
    steps: tuple[dict[str, Any], ...]


def path_of_files(
    a: Path,
    b: Path,
    steps: int = STEPS,
    out: Path = Path(),
    *,
    name: str = "",
    kind: Kind = "linear",
    index_of: Callable[[str], Index] | None = None,
    progress: Report = lambda _: None,
    cancelled: Cancel = lambda: False,
) -> Walk:
    """``steps`` pieces from one file to another, into the folder ``out``.

    Between two MIDI files the pieces are MIDI files. Where one is a recording, or an embedding of sound is named, they
    are spectrograms (PNG), and what these sound like (WAV). Nothing is written before all of it is made.

    Parameters
    ----------
    name : of the embedding; ours of scores, or the first of sound that knows a way back, unless named
    index_of : gives the index of an embedding, for a path through the data

    Raises
    ------
    TunesmithError
        If a file cannot be read or embedded, the embedding knows no way back, or ``out`` cannot be written.
    Cancelled
        Soon after ``cancelled`` says so.
    """
    from core.listen.formats import is_midi

    has_notes = []
    for place in (a, b):
        with place.open("rb") as file:
            has_notes.append(is_midi(file))
    row = registry.find(name) if name else _way_back(registry.SCORE if all(has_notes) else registry.SOUND)
    if row.of == registry.SCORE and not all(has_notes):
        raise TunesmithError(f"{row.title!r} takes scores, and one of the files is a recording; name another")
    index = index_of(row.name) if index_of else None
    if row.of == registry.SCORE:
        made, told = _score_files(a, b, steps, row.name, kind, index, progress, cancelled)
    else:
        made, told = _sound_files(a, b, steps, row.name, kind, index, progress, cancelled)
    out.mkdir(parents=True, exist_ok=True)
    for file_name, write in made:
        write(out / file_name)
    progress(1.0)
    return Walk(row.name, kind, tuple(out / file_name for file_name, _ in made), tuple(told))


Made = tuple[list[tuple[str, Callable[[Path], None]]], list[dict[str, Any]]]
"""(names of files and what writes them, what is told of every step)."""

ENDING = 0.95
"""The share of the time after which all is made and only to be written."""


def _score_files(
    a: Path,
    b: Path,
    steps: int,
    name: str,
    kind: Kind,
    index: Index | None,
    progress: Report,
    cancelled: Cancel,
) -> Made:
    songs = path_of_songs(
        read_midi(a), read_midi(b), steps, name=name, kind=kind, index=index, cancelled=cancelled,
        progress=lambda share: progress(ENDING * share),
    )  # fmt: skip
    made: list[tuple[str, Callable[[Path], None]]] = [
        (f"{_numbered(step)}.mid", partial(write_midi, song)) for step, song in enumerate(songs)
    ]
    told: list[dict[str, Any]] = [
        {
            "key": Key(song.keys[0].tonic, song.keys[0].mode).name,
            "tempo_bpm": song.tempos[0].bpm,
            "bars": song.bars.bar_at(max(0, song.end_tick - 1)) + 1,
            "notes": len(song.notes),
            "seconds": song.seconds,
        }
        for song in songs
    ]
    return made, told


def _sound_files(
    a: Path,
    b: Path,
    steps: int,
    name: str,
    kind: Kind,
    index: Index | None,
    progress: Report,
    cancelled: Cancel,
) -> Made:
    from core.explore.sounding import SAMPLE_RATE, sound_of
    from core.sound.audio_file import write_audio

    space = registry.loaded(name)
    first = registry.embed_file(a, name, progress=lambda share: progress(share / 4), cancelled=cancelled)
    last = registry.embed_file(b, name, progress=lambda share: progress((1 + share) / 4), cancelled=cancelled)
    made: list[tuple[str, Callable[[Path], None]]] = []
    told: list[dict[str, Any]] = []
    for step, vector in enumerate(between(first.vector, last.vector, steps, kind=kind, index=index)):
        picture = space.decode(vector)
        sound = sound_of(picture, cancelled=cancelled)
        made += [
            (f"{_numbered(step)}.png", partial(write_bytes_atomic, data=png_bytes(spectrogram(picture)))),
            (f"{_numbered(step)}.wav", partial(write_audio, samples=sound, sample_rate=SAMPLE_RATE)),
        ]
        told.append({"seconds": len(sound) / SAMPLE_RATE})
        progress(0.5 + (ENDING - 0.5) * (step + 1) / steps)
    return made, told


def _way_back(of: str) -> registry.Embedding:
    """The default embedding of scores or of sound, or the first in its place that turns vectors into music."""
    default = registry.find("", of)
    rows = [default, *(row for row in registry.available() if row.of == of)]
    for row in rows:
        if row.decodes:
            return row
    raise TunesmithError(f"no embedding of {of} that knows a way back is installed; install Tunesmith again")


def _numbered(step: int) -> str:
    return f"step-{step + 1:02}"


HEAT = np.array([(8, 8, 20), (60, 20, 100), (170, 45, 90), (245, 140, 40), (255, 245, 200)], np.float64)
"""Colours of a spectrogram, from silence to the loudest."""

FLOOR_DB, PIXELS = -80.0, 3


def spectrogram(picture: NDArray[np.float32]) -> NDArray[np.uint8]:
    """A mel-spectrogram as an image, high above low, `PIXELS` a bin [shape=(rows, columns, 3)].

    Parameters
    ----------
    picture : decibels below its loudest [shape=(bins, frames)]
    """
    heat = np.clip(1 - (picture - picture.max()) / FLOOR_DB, 0, 1)[::-1] * (len(HEAT) - 1)
    colours = [np.interp(heat, np.arange(len(HEAT)), HEAT[:, part]) for part in range(3)]
    image = np.rint(np.stack(colours, -1)).astype(np.uint8)
    return image.repeat(PIXELS, 0).repeat(PIXELS, 1)
