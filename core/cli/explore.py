"""The commands that explore: files as vectors, what is near a file, and the way from one file to another."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any

from core.cli.command import Answer, Command, check_folder, each_file, never, option, progress_line, whole
from core.errors import TunesmithError

if TYPE_CHECKING:
    from core.explore.index import Index

MOST_NEIGHBOURS = 1000


def run_embed(options: argparse.Namespace) -> Answer:
    """Write the vectors of files."""
    import numpy as np

    from core.explore import registry
    from core.listen.batch import find_files
    from core.store.atomic import atomic_write

    check_folder(options.out)
    files = find_files(options.files)
    found: list[registry.Embedded] = []
    places: list[str] = []

    def job(path: Path) -> dict[str, Any]:
        embedded = registry.embed_file(path, options.embedding, cancelled=never)
        if found and embedded.name != found[0].name:
            raise TunesmithError(
                f"the files before are in the embedding {found[0].name!r}, this one's is {embedded.name!r}; "
                "name one with --embedding"
            )
        found.append(embedded)
        places.append(str(path))
        return {"key": embedded.key, "dimensions": len(embedded.vector), "about": dict(embedded.about)}

    answer = each_file(files, job)
    if not found:
        return answer
    with atomic_write(Path(options.out)) as part, part.open("wb") as out:
        np.savez(
            out,
            vectors=np.stack([each.vector for each in found]),
            files=np.array(places),
            keys=np.array([each.key for each in found]),
            embedding=np.array(found[0].name),
        )
    values = {"out": options.out, "embedding": found[0].name, **answer.values}
    lines = [f"{options.out}: {len(found)} vectors of {len(found[0].vector)} numbers ({found[0].name})"]
    return Answer(values, lines, answer.exit_code)


def run_neighbours(options: argparse.Namespace) -> Answer:
    """Find what is most like a file in the built-in collection, the library, and folders that are named."""
    from core.explore import library, registry

    path = Path(options.file)
    asked = registry.embed_file(path, options.embedding, cancelled=never)
    index = library.index_of(asked.name)
    things = library.standing()
    if options.among:
        things += library.file_things(options.among)
    filled = library.fill(index, things, asked.name, progress=progress_line("indexing"), cancelled=never)
    there = set(library.present(index, things))
    gone = [item.key for row, item in enumerate(index.items) if row not in there]
    near = index.nearest(asked.vector, options.k, without=[asked.key, *gone])
    if not near:
        raise TunesmithError(
            "there is nothing to compare with: add pieces to the library, or name folders with --among"
        )
    rows = [{"likeness": each.likeness, "key": each.item.key, **_told(each.item.about)} for each in near]
    lines = [f"{row['likeness']:6.3f}  {row.get('title', '')}  ({row.get('source', '')})" for row in rows]
    values = {
        "file": options.file,
        "embedding": asked.name,
        "among": len(there),
        "not_read": len(filled.failed),
        "neighbours": rows,
    }
    return Answer(values, lines)


def run_path(options: argparse.Namespace) -> Answer:
    """Write what lies between two files."""
    from core.explore import library, paths

    out = Path(options.out)
    check_folder(out)

    def filled(name: str) -> Index:
        index = library.index_of(name)
        library.fill(index, library.standing(), name, progress=progress_line("indexing"), cancelled=never)
        return index

    walk = paths.path_of_files(
        Path(options.a), Path(options.b), options.steps, out,
        name=options.embedding, kind=options.kind,
        index_of=filled if options.kind == "through-data" else None,
        progress=progress_line("on the way"), cancelled=never,
    )  # fmt: skip
    values = {
        "out": options.out,
        "embedding": walk.embedding,
        "kind": walk.kind,
        "files": [str(path) for path in walk.files],
        "steps": list(walk.steps),
    }
    return Answer(values, [str(path) for path in walk.files])


def _told(about: Any) -> dict[str, Any]:
    """What a person or a script wants of an item: not how the index knows it again."""
    return {name: value for name, value in about.items() if name != "mark"}


_EMBEDDING = option(
    "--embedding",
    default="",
    metavar="NAME",
    help="one that tunesmith models lists; by notes or by sound unless told",
)

COMMANDS = (
    Command(
        "embed",
        "turn files into vectors that lie close where the music is alike",
        "embed song.mid other.mid --out vectors.npz",
        run_embed,
        (
            option("files", nargs="+", metavar="FILE", help="audio or MIDI files, or folders of them"),
            _EMBEDDING,
            option(
                "--out", required=True, metavar="V.npz", help="vectors, files, keys and the embedding's name"
            ),
        ),
    ),
    Command(
        "neighbours",
        "find the pieces most like a file: in the built-in collection, the library, and folders",
        "neighbours song.mid --k 5",
        run_neighbours,
        (
            option("file", metavar="FILE", help="an audio or MIDI file"),
            option("--k", type=whole(1, MOST_NEIGHBOURS), default=10, metavar="N", help="how many; 10"),
            option(
                "--among", nargs="+", default=(), metavar="FOLDER", help="files or folders to search as well"
            ),
            _EMBEDDING,
        ),
    ),
    Command(
        "path",
        "write the pieces that lie between two files",
        "path a.mid b.mid --steps 8 --out between/",
        run_path,
        (
            option("a", metavar="A", help="where it begins: an audio or MIDI file"),
            option("b", metavar="B", help="where it ends"),
            option(
                "--steps", type=whole(2, 64), default=8, metavar="N", help="pieces, both ends included; 8"
            ),
            option(
                "--kind",
                choices=("linear", "spherical", "through-data"),
                default="linear",
                help="straight, turning evenly, or by way of pieces alike (sound only); linear",
            ),
            _EMBEDDING,
            option("--out", required=True, metavar="DIR", help="a folder; made if it is not there"),
        ),
    ),
)
