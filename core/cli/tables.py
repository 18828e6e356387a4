"""The command that makes the papers' tables anew; the work is `core.learn.seed_tables`'s."""

from __future__ import annotations

import argparse
from pathlib import Path

from core.cli.command import Answer, Command, check_folder, never, option, progress_line
from core.errors import TunesmithError


def run_tables(options: argparse.Namespace) -> Answer:
    """Make one of the papers' tables."""
    try:
        from core.learn.seed_tables import make_table
        from core.store.atomic import write_bytes_atomic
    except ImportError as error:
        raise TunesmithError(
            f"the tables need more packages ({error}); run ./run --set-up-only test to install them"
        ) from error

    check_folder(options.out)
    table = make_table(
        options.table,
        data=Path(options.data) if options.data else None,
        quick=options.quick,
        progress=progress_line(f"making table {options.table}"),
        cancelled=never,
    )
    if options.out:
        write_bytes_atomic(Path(options.out), table.markdown.encode())
    return Answer({"table": options.table, **table.values}, table.markdown.splitlines())


COMMANDS = (
    Command(
        "tables",
        "make a paper's tables anew, ours beside the published figures",
        "tables s1 --data midi/ --out table.md",
        run_tables,
        (
            option("table", metavar="TABLE", help="s1 (Short Tunes) to s5 (MixTape)"),
            option("--quick", action="store_true", help="fewer samples: wider intervals, sooner done"),
            option("--data", metavar="DIR", help="a folder of real music, with its manifest"),
            option("--out", metavar="FILE.md", help="write the table here, too"),
        ),
    ),
)
