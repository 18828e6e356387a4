"""The commands around the library: every piece composed or taken in."""

from __future__ import annotations

import argparse
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from core.cli.command import (
    Answer,
    Command,
    Option,
    check_folder,
    each_file,
    lines_of,
    names,
    number,
    option,
    whole,
)

if TYPE_CHECKING:
    from core.store.library import Piece
    from core.store.votes import Standing

NUMBERS = 2**53


def run_list(options: argparse.Namespace) -> Answer:
    """List pieces, the newest first unless told."""
    return _listed(options, "")


def run_search(options: argparse.Namespace) -> Answer:
    """List the pieces in which all of these words stand."""
    return _listed(options, " ".join(options.words))


def run_show(options: argparse.Namespace) -> Answer:
    """Tell what is known of a piece."""
    from core.store.library import Library

    with Library() as library:
        values = values_of(library.piece(options.id))
    shown = {name: value for name, value in values.items() if value not in ("", [], {}, None, False)}
    return Answer(values, lines_of(shown))


def run_add(options: argparse.Namespace) -> Answer:
    """Take files in."""
    from core.store.library import Library
    from core.store.song_file import read_song

    with Library() as library:

        def job(path: Path) -> dict[str, Any]:
            song = read_song(path)
            title = options.title or song.title or path.stem
            added = library.add(song, title=title, rating=options.rating, tags=options.tags)
            return {"id": added, "title": library.piece(added).title}

        return each_file(options.files, job)


def run_export(options: argparse.Namespace) -> Answer:
    """Write a piece to a file."""
    from core.store.library import Library
    from core.store.song_file import check_song_name, write_song

    check_song_name(options.out)
    check_folder(options.out)
    with Library() as library:
        song = library.song(options.id)
    write_song(song, options.out)
    return Answer({"id": options.id, "output": options.out, "notes": len(song.notes)})


def run_rate(options: argparse.Namespace) -> Answer:
    """Rate a piece."""
    from core.store.library import Library

    with Library() as library:
        library.rate(options.id, options.rating)
        return _told(library.piece(options.id))


def run_tag(options: argparse.Namespace) -> Answer:
    """Tag a piece."""
    from core.store.library import Library

    with Library() as library:
        library.tag(options.id, add=options.add, remove=options.remove)
        return _told(library.piece(options.id))


def run_delete(options: argparse.Namespace) -> Answer:
    """Put a piece in the trash, take it out again, or remove it."""
    from core.store.library import Library

    with Library() as library:
        title = library.piece(options.id).title
        if options.undo:
            library.restore(options.id)
        else:
            library.delete(options.id, for_good=options.for_good)
    told = "taken out of the trash" if options.undo else "removed" if options.for_good else "in the trash"
    values = {"id": options.id, "deleted": not options.undo, "for_good": options.for_good}
    return Answer(values, [f'{options.id} "{title}": {told}'])


def run_votes(options: argparse.Namespace) -> Answer:
    """Tell who won the blind listening test."""
    from core.store.votes import Votes

    with Votes() as votes:
        trials, standings = votes.trials(), votes.standings()
    lines = list(map(line_of_standing, standings))
    if options.trials:
        lines += [
            f"{trial.id:5}  {trial.held[:10]}  A {trial.first.name}, B {trial.second.name}: "
            f"{trial.vote} {trial.note}".rstrip()
            for trial in trials
        ]
    values: dict[str, Any] = {
        "votes": len(trials),
        "pairs": [
            {
                "one": one.one, "other": one.other, "wins": one.wins, "losses": one.losses,
                "ties": one.ties, "share": one.share, "interval95": list(one.interval),
                "verdict": one.verdict,
            }
            for one in standings
        ],
    }  # fmt: skip
    if options.trials:
        values["trials"] = [asdict(trial) for trial in trials]
    return Answer(values, lines or ["nobody has voted yet; the studio's Library panel has the blind test"])


def run_replay(options: argparse.Namespace) -> Answer:
    """Write what was heard in a trial of the blind test."""
    from core.compose.blind_test import replay
    from core.song.midi_file import write_midi
    from core.store.library import Library
    from core.store.votes import Votes

    folder = Path(options.out)
    with Votes() as votes, Library() as library:
        bout = replay(votes.trial(options.id), library)
    folder.mkdir(parents=True, exist_ok=True)
    files = []
    for letter, side in (("A", bout.first), ("B", bout.second)):
        path = folder / f"trial-{options.id}-{letter}.mid"
        write_midi(side.song, path)
        files.append({"file": str(path), "contestant": side.contestant.name, "gain": side.gain})
    lines = [f"{one['file']}: {one['contestant']}" for one in files]
    return Answer({"id": options.id, "files": files}, lines)


def line_of_standing(one: Standing) -> str:
    """How a pair stands, as one line for a person."""
    low, high = one.interval
    told = f"{one.wins} to {one.losses}, {one.ties} ties"
    if one.decided:
        told += f"; {100 * one.share:.0f} % of the votes for {one.one}"
        told += f" (95 %: {100 * low:.0f} to {100 * high:.0f} %), {one.verdict}"
    return f"{one.one} against {one.other}: {told}"


def values_of(piece: Piece) -> dict[str, Any]:
    """A piece as JSON values."""
    return {**asdict(piece), "seed": piece.seed}


def line_of(piece: Piece) -> str:
    """A piece as one line for a person."""
    stars = "*" * piece.rating
    tags = " ".join(f"#{tag}" for tag in piece.tags)
    minutes, seconds = divmod(round(piece.seconds), 60)
    return (
        f"{piece.id:5}  {stars:5}  {minutes:2}:{seconds:02}  {piece.key:10}  {piece.tempo:4.0f}  "
        f"{piece.generator or piece.kind:10}  {piece.title}  {tags}"
    ).rstrip()


def _listed(options: argparse.Namespace, text: str) -> Answer:
    from core.store.library import Library, Search

    search = Search(
        text=text,
        tags=options.tags,
        rating=options.rating,
        generator=options.generator,
        kind=options.kind or "",
        key=options.key,
        slowest=options.slowest,
        fastest=options.fastest,
        order=options.order,
        backwards=options.backwards,
        deleted=options.deleted,
        limit=options.limit,
    )
    with Library() as library:
        found = library.find(search)
    empty = "nothing found" if search != Search(limit=options.limit) else (
        "the library is empty; tunesmith library add song.mid puts a piece in"
    )  # fmt: skip
    return Answer({"pieces": list(map(values_of, found))}, list(map(line_of, found)) or [empty])


def _told(piece: Piece) -> Answer:
    return Answer(values_of(piece), [line_of(piece)])


PIECE = option("id", type=whole(1, NUMBERS), metavar="ID", help="the number that library list shows")
TAGS = option("--tags", type=names, default=(), metavar="A,B", help="tags, between commas")

FILTERS: tuple[Option, ...] = (
    TAGS,
    option("--rating", type=whole(0, 5), default=0, metavar="N", help="rated N or better"),
    option("--generator", default="", metavar="NAME", help="composed by this generator"),
    option("--kind", choices=("composed", "imported"), help="composed here or imported"),
    option("--key", default="", metavar="KEY", help='in this key, such as "D minor"'),
    option("--slowest", type=number(0, 1e6), metavar="BPM", help="this tempo or faster"),
    option("--fastest", type=number(0, 1e6), metavar="BPM", help="this tempo or slower"),
    option(
        "--order", default="newest", help="newest",
        choices=("newest", "oldest", "title", "rating", "length", "bars", "tempo", "style", "key", "tags"),
    ),
    option("--backwards", action="store_true", help="in the other direction"),
    option("--deleted", action="store_true", help="look in the trash instead"),
    option("--limit", type=whole(1, NUMBERS), metavar="N", help="show at most N"),
)  # fmt: skip

ACTIONS = (
    Command("list", "list the pieces in the library", "library list --rating 4", run_list, FILTERS),
    Command(
        "search",
        "list the pieces in which all of these words stand",
        "library search waltz piano --fastest 120",
        run_search,
        (option("words", nargs="+", metavar="WORD", help="title, tag, key, style, instrument"), *FILTERS),
    ),
    Command("show", "tell what is known of a piece, its recipe too", "library show 7", run_show, (PIECE,)),
    Command(
        "add",
        "take songs into the library",
        "library add song.mid other.mid --tags sketch",
        run_add,
        (
            option("files", nargs="+", metavar="FILE", help="MIDI or project files"),
            option("--title", default="", metavar="T", help="the file's own unless told"),
            option("--rating", type=whole(0, 5), default=0, metavar="N", help="0-5"),
            TAGS,
        ),
    ),
    Command(
        "export",
        "write a piece to a file",
        "library export 7 --out song.mid",
        run_export,
        (PIECE, option("--out", required=True, metavar="SONG.mid", help="a .mid or .tunesmith file")),
    ),
    Command(
        "rate",
        "rate a piece",
        "library rate 7 4",
        run_rate,
        (PIECE, option("rating", type=whole(0, 5), metavar="N", help="1-5; 0 takes the rating away")),
    ),
    Command(
        "tag",
        "tag a piece",
        "library tag 7 --add ballad,keep --remove sketch",
        run_tag,
        (
            PIECE,
            option("--add", type=names, default=(), metavar="A,B", help="tags to add"),
            option("--remove", type=names, default=(), metavar="A,B", help="tags to remove"),
        ),
    ),
    Command(
        "delete",
        "put a piece in the trash",
        "library delete 7",
        run_delete,
        (
            PIECE,
            option("--undo", only_one_of="how", action="store_true", help="take it out of the trash"),
            option("--for-good", only_one_of="how", action="store_true", help="remove it, notes and all"),
        ),
    ),
    Command(
        "votes",
        "tell who won the blind listening test",
        "library votes",
        run_votes,
        (option("--trials", action="store_true", help="every trial too, with its recipes and seeds"),),
    ),
    Command(
        "replay",
        "write what was heard in a trial of the blind listening test",
        "library replay 3 --out trial",
        run_replay,
        (
            option(
                "id",
                type=whole(1, NUMBERS),
                metavar="ID",
                help="the number that library votes --trials shows",
            ),
            option("--out", required=True, metavar="DIR", help="the folder to write to"),
        ),
    ),
)

COMMANDS = (
    Command(
        "library",
        "keep, find and rate the pieces composed or imported",
        "library list --rating 4",
        run_list,
        actions=ACTIONS,
    ),
)
