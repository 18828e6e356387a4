"""The library: every piece composed or taken in, with its recipe, and what its owner thinks of it.

One SQLite file in the person's data folder. The notes lie in a table of their own, so that searching never
reads them. A recipe is the request a generator was given, as JSON; the generator and the seed are in it, so the
piece can be made again.
"""

from __future__ import annotations

import json
import logging
import sqlite3
import unicodedata
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields, is_dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from core.errors import TunesmithError
from core.song.harmony import estimate_key, parse_key, pitched_notes
from core.song.notes import Song
from core.store.database import DatabaseOwner
from core.store.fingerprint import content_id
from core.store.folders import user_folder
from core.store.settings import load_settings
from core.store.song_bytes import pack_song, unpack_song

logger = logging.getLogger(__name__)

FILE_NAME = "library.sqlite"
KIND = 0x54534C42
BEST_RATING = 5
KINDS = ("composed", "imported")

MIGRATIONS = (
    """
    CREATE TABLE pieces (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        title TEXT NOT NULL,
        created TEXT NOT NULL,
        kind TEXT NOT NULL,
        generator TEXT NOT NULL,
        recipe TEXT NOT NULL,
        rating INTEGER NOT NULL DEFAULT 0,
        notes INTEGER NOT NULL,
        seconds REAL NOT NULL,
        key TEXT NOT NULL,
        tempo REAL NOT NULL,
        content_id TEXT NOT NULL,
        words TEXT NOT NULL,
        deleted INTEGER NOT NULL DEFAULT 0
    );
    CREATE INDEX by_content ON pieces (content_id);
    CREATE TABLE tags (
        piece INTEGER NOT NULL REFERENCES pieces (id) ON DELETE CASCADE,
        tag TEXT NOT NULL,
        word TEXT NOT NULL,
        PRIMARY KEY (piece, tag)
    ) WITHOUT ROWID;
    CREATE INDEX by_tag ON tags (tag);
    CREATE TABLE songs (
        piece INTEGER PRIMARY KEY REFERENCES pieces (id) ON DELETE CASCADE,
        data BLOB NOT NULL
    )
    """,
    """
    ALTER TABLE pieces ADD COLUMN style TEXT NOT NULL DEFAULT '';
    ALTER TABLE pieces ADD COLUMN bars INTEGER NOT NULL DEFAULT 1;
    UPDATE pieces SET bars = max(1, round(seconds * tempo / 240));
    CREATE TABLE trials (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        held TEXT NOT NULL,
        first TEXT NOT NULL,
        second TEXT NOT NULL,
        first_recipe TEXT NOT NULL,
        second_recipe TEXT NOT NULL,
        first_content TEXT NOT NULL,
        second_content TEXT NOT NULL,
        vote TEXT NOT NULL,
        note TEXT NOT NULL
    );
    CREATE INDEX by_pair ON trials (first, second)
    """,
)
"""SQL that makes version n + 1 of version n. Steps are only ever added."""

ORDERS = {
    "newest": (("id", "DESC"),),
    "oldest": (("id", "ASC"),),
    "title": (("title COLLATE NOCASE", "ASC"), ("id", "ASC")),
    "rating": (("rating", "DESC"), ("id", "DESC")),
    "length": (("seconds", "ASC"), ("id", "ASC")),
    "bars": (("bars", "ASC"), ("id", "ASC")),
    "tempo": (("tempo", "ASC"), ("id", "ASC")),
    "style": (("style", "ASC"), ("id", "DESC")),
    "key": (("key", "ASC"), ("id", "DESC")),
    "tags": (("tags", "ASC"), ("id", "DESC")),
}
"""What pieces are sorted by, each with its usual direction."""

LACKING = {"style": "style = ''", "key": "key = ''", "tags": "tags IS NULL"}
"""Pieces that have nothing to sort by come last, forwards and backwards."""

BACKWARDS = {"ASC": "DESC", "DESC": "ASC"}


WORD = "(' ' || words LIKE ? ESCAPE '!' OR id IN (SELECT piece FROM tags WHERE word LIKE ? ESCAPE '!'))"
"""A word of a search stands in the piece's words or begins one of its tags."""


@dataclass(frozen=True, slots=True)
class Piece:
    """What the library knows of a piece, without its notes.

    Attributes
    ----------
    created : when it was put in, UTC, as 2026-01-31T12:00:00Z
    kind : "composed" or "imported"
    generator : "" where it was imported
    style : as it was asked for; "" where it was imported
    recipe : the request, with its seed; {} where it was imported
    rating : 1-5, 0 for none
    tags : lower case, sorted
    notes : how many
    seconds : length
    bars : length in bars
    key : "D minor"; "" where it has no pitched notes
    tempo : beats per minute at the start
    content_id : see `core.store.fingerprint`
    deleted : it is in the trash
    """

    id: int
    title: str
    created: str
    kind: str
    generator: str
    style: str
    recipe: dict[str, Any]
    rating: int
    tags: tuple[str, ...]
    notes: int
    seconds: float
    bars: int
    key: str
    tempo: float
    content_id: str
    deleted: bool

    @property
    def seed(self) -> int | None:
        """The seed it was composed with."""
        return self.recipe.get("seed")


@dataclass(frozen=True, slots=True)
class Search:
    """What is looked for. A field left as it is leaves it open.

    Attributes
    ----------
    text : words, all of which must stand in title, tags, key, generator, style or instruments; accents and
        case do not count, and the start of a word will do
    tags : all of these
    rating : at least this
    key : as `parse_key` reads it
    slowest, fastest : beats per minute
    order : one of `ORDERS`
    backwards : in the other direction
    deleted : look in the trash, and nowhere else
    limit : at most so many
    """

    text: str = ""
    tags: tuple[str, ...] = ()
    rating: int = 0
    generator: str = ""
    kind: str = ""
    key: str = ""
    slowest: float | None = None
    fastest: float | None = None
    content_id: str = ""
    order: str = "newest"
    backwards: bool = False
    deleted: bool = False
    limit: int | None = None
    offset: int = 0


class Library(DatabaseOwner):
    """The open library; a context manager.

    Raises
    ------
    TunesmithError
        where the file cannot be used or was damaged; see `core.store.database`
    """

    def __init__(self, path: Path | None = None) -> None:
        super().__init__(path or library_path(), "the library", KIND, MIGRATIONS)

    def add(
        self,
        song: Song,
        *,
        title: str = "",
        recipe: Mapping[str, Any] | None = None,
        rating: int = 0,
        tags: Iterable[str] = (),
    ) -> int:
        """Put a piece in and return its number.

        A song with a recipe was composed, one without was imported. The same song with the same recipe is kept
        once: its number is returned, and it comes back from the trash; rating and tags are then as they were.

        Raises
        ------
        TunesmithError
            where it has no notes
        """
        kind = "composed" if recipe is not None else "imported"
        text = json.dumps(dict(recipe or {}), sort_keys=True, ensure_ascii=False, allow_nan=False)
        data, name = pack_song(song), content_id(song)
        key = _key_of(song)
        title = title.strip() or song.title.strip() or _title_of(recipe or {}, key)
        words = _words_of(song, title, key, recipe or {})
        rating, tags = _checked_rating(rating), _checked_tags(tags)
        with self._database.change() as connection:
            twin = connection.execute(
                "SELECT id FROM pieces JOIN songs ON piece = id WHERE content_id = ? AND recipe = ? AND data = ?",
                (name, text, data),
            ).fetchone()
            if twin:
                connection.execute("UPDATE pieces SET deleted = 0 WHERE id = ?", (twin["id"],))
                return int(twin["id"])
            piece = connection.execute(
                "INSERT INTO pieces (title, created, kind, generator, style, recipe, rating, notes, seconds, bars,"
                " key, tempo, content_id, words) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                (
                    title, now(), kind, str((recipe or {}).get("generator", "")),
                    str((recipe or {}).get("style") or ""), text, rating, len(song.notes), song.seconds,
                    song.bars.bar_at(max(song.end_tick - 1, 0)) + 1, key, song.tempos[0].bpm, name, words,
                ),
            ).lastrowid  # fmt: skip
            connection.execute("INSERT INTO songs VALUES (?, ?)", (piece, data))
            connection.executemany(
                "INSERT INTO tags VALUES (?, ?, ?)", [(piece, tag, plain(tag)) for tag in tags]
            )
        assert piece is not None
        return piece

    def find(self, search: Search = Search()) -> list[Piece]:
        """The pieces that a search finds.

        Raises
        ------
        TunesmithError
            where the key is none, or the order is unknown
        """
        if search.order not in ORDERS:
            raise TunesmithError(f"there is no order {search.order!r}; there are {', '.join(ORDERS)}")
        wanted: list[tuple[str, Any]] = [("deleted = ?", int(search.deleted))]
        words = map(_literal, plain(search.text).split())
        wanted += [(WORD, (f"% {word}%", f"{word}%")) for word in words]
        wanted += [
            ("id IN (SELECT piece FROM tags WHERE tag = ?)", tag) for tag in _checked_tags(search.tags)
        ]
        if search.rating:
            wanted.append(("rating >= ?", search.rating))
        if search.key:
            wanted.append(("key = ?", parse_key(search.key).name))
        if search.slowest is not None:
            wanted.append(("round(tempo, 3) >= ?", search.slowest))
        if search.fastest is not None:
            wanted.append(("round(tempo, 3) <= ?", search.fastest))
        given = (name for name in ("generator", "kind", "content_id") if getattr(search, name))
        wanted += [(f"{name} = ?", getattr(search, name)) for name in given]
        rows = self._database.rows(
            f"SELECT *, (SELECT group_concat(tag, ',') FROM tags WHERE piece = id) AS tags FROM pieces"
            f" WHERE {' AND '.join(clause for clause, _ in wanted)} ORDER BY {_order(search)}"
            " LIMIT ? OFFSET ?",
            [
                *_flat(value for _, value in wanted),
                -1 if search.limit is None else search.limit,
                search.offset,
            ],
        )
        return [_piece(row) for row in rows]

    def count(self, *, deleted: bool = False) -> int:
        """How many pieces there are, or lie in the trash."""
        return int(
            self._database.rows("SELECT count(*) FROM pieces WHERE deleted = ?", (int(deleted),))[0][0]
        )

    def piece(self, number: int) -> Piece:
        """What is known of one piece, in the trash or not.

        Raises
        ------
        TunesmithError
            where there is none of that number
        """
        rows = self._database.rows(
            "SELECT *, (SELECT group_concat(tag, ',') FROM tags WHERE piece = id) AS tags FROM pieces WHERE id = ?",
            (number,),
        )
        if not rows:
            raise _unknown(number)
        return _piece(rows[0])

    def song(self, number: int) -> Song:
        """The piece itself, as it was put in."""
        rows = self._database.rows("SELECT data FROM songs WHERE piece = ?", (number,))
        if not rows:
            raise _unknown(number)
        return unpack_song(rows[0]["data"])

    def rate(self, number: int, rating: int) -> None:
        """Give a piece 1-5, or 0 to take its rating away."""
        self._set(number, "rating", _checked_rating(rating))

    def rename(self, number: int, title: str) -> None:
        """Give a piece another title."""
        if not title.strip():
            raise TunesmithError("a title cannot be empty; give some words")
        piece = self.piece(number)
        words = _words_of(self.song(number), title.strip(), piece.key, piece.recipe)
        self._set(number, "title", title.strip())
        self._set(number, "words", words)

    def tag(self, number: int, add: Iterable[str] = (), remove: Iterable[str] = ()) -> None:
        """Add and remove tags; case does not count."""
        added, removed = _checked_tags(add), _checked_tags(remove)
        self.piece(number)
        with self._database.change() as connection:
            connection.executemany(
                "INSERT OR IGNORE INTO tags VALUES (?, ?, ?)", [(number, tag, plain(tag)) for tag in added]
            )
            connection.executemany(
                "DELETE FROM tags WHERE piece = ? AND tag = ?", [(number, tag) for tag in removed]
            )

    def delete(self, number: int, *, for_good: bool = False) -> None:
        """Put a piece in the trash, or remove it with its notes."""
        if not for_good:
            self._set(number, "deleted", 1)
            return
        self.piece(number)
        with self._database.change() as connection:
            connection.execute("DELETE FROM pieces WHERE id = ?", (number,))

    def restore(self, number: int) -> None:
        """Take a piece out of the trash."""
        self._set(number, "deleted", 0)

    def _set(self, number: int, column: str, value: Any) -> None:
        with self._database.change() as connection:
            if not connection.execute(
                f"UPDATE pieces SET {column} = ? WHERE id = ?", (value, number)
            ).rowcount:
                raise _unknown(number)


def library_path() -> Path:
    """Where the library lies."""
    return user_folder("data") / FILE_NAME


def remember(song: Song, request: Any, *, library: Library | None = None) -> int:
    """Put a composed song into the library, with the request that made it, and return its number.

    Parameters
    ----------
    request : a `core.compose.request.Request` or a mapping with its fields
    library : opened for the occasion unless given
    """
    recipe = recipe_of(request)
    if library is not None:
        return library.add(song, recipe=recipe)
    with Library() as opened:
        return opened.add(song, recipe=recipe)


def keep(song: Song, request: Any) -> int | None:
    """`remember` a song that was just composed, where the person wants that; its number.

    Composing goes on whatever is wrong with the library: that is logged, and None is returned.
    """
    if not len(song.notes) or not load_settings().keep_pieces:
        return None
    try:
        return remember(song, request)
    except TunesmithError as error:
        logger.warning("not kept in the library: %s", error)
        return None


def recipe_of(request: Any) -> dict[str, Any]:
    """A request as JSON values; a song to continue is told by its content id, under ``continues``."""
    values = (
        {item.name: getattr(request, item.name) for item in fields(request)}
        if is_dataclass(request) and not isinstance(request, type)
        else dict(request)
    )
    recipe = {}
    for name, value in values.items():
        if isinstance(value, Song):
            recipe["continues"] = content_id(value) if len(value.notes) else ""
        elif not (name == "song" and value is None):
            recipe[name] = value
    return json.loads(json.dumps(recipe, allow_nan=False))


def now() -> str:
    """This second in UTC, as 2026-01-31T12:00:00Z."""
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def plain(text: str) -> str:
    """``text`` without case and accents, for comparing."""
    apart = unicodedata.normalize("NFKD", text.casefold())
    return "".join(letter for letter in apart if not unicodedata.combining(letter))


def _piece(row: sqlite3.Row) -> Piece:
    values = {item.name: row[item.name] for item in fields(Piece)}
    values["recipe"] = json.loads(row["recipe"])
    values["tags"] = tuple(sorted(filter(None, (row["tags"] or "").split(","))))
    values["deleted"] = bool(row["deleted"])
    return Piece(**values)


def _key_of(song: Song) -> str:
    notes = pitched_notes(song)
    return estimate_key(notes)[0].name if len(notes) else ""


def _title_of(recipe: Mapping[str, Any], key: str) -> str:
    """A title for a piece that has none: "Jazz in D minor"."""
    style = str(recipe.get("style") or "piece")
    return f"{style[0].upper()}{style[1:]}" + (f" in {key}" if key else "")


def _words_of(song: Song, title: str, key: str, recipe: Mapping[str, Any]) -> str:
    """What the text of a search is looked for in, beside the tags."""
    asked = [str(recipe.get(name) or "") for name in ("generator", "style", "composer")]
    instruments = map(str, recipe.get("instruments") or ())
    names = dict.fromkeys(track.name for track in song.tracks)
    return plain(" ".join([title, key, *asked, *instruments, *names]))


def _order(search: Search) -> str:
    """The SQL that a search is sorted by."""
    terms = [f"{name} {BACKWARDS[way] if search.backwards else way}" for name, way in ORDERS[search.order]]
    lacking = LACKING.get(search.order)
    return ", ".join([lacking, *terms] if lacking else terms)


def _flat(values: Iterable[Any]) -> list[Any]:
    return [item for value in values for item in (value if isinstance(value, tuple) else (value,))]


def _literal(word: str) -> str:
    for sign in "!%_":
        word = word.replace(sign, "!" + sign)
    return word


def _checked_rating(rating: int) -> int:
    if not 0 <= rating <= BEST_RATING:
        raise TunesmithError(f"a rating is 1 to {BEST_RATING}, or 0 for none, not {rating}")
    return rating


def _checked_tags(tags: Iterable[str]) -> list[str]:
    found = sorted({" ".join(tag.split()).lower() for tag in tags})
    for tag in found:
        if not tag or "," in tag or len(tag) > 60:
            raise TunesmithError(f"{tag!r} cannot be a tag; write 1 to 60 letters without a comma")
    return found


def _unknown(number: int) -> TunesmithError:
    return TunesmithError(f"there is no piece {number} in the library; tunesmith library list shows them")
