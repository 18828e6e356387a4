"""The command that listens: what a recording or a score is."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from core.cli.command import Answer, Command, check_folder, option, print_error, progress_line

FEWEST_FOR_PROCESSES = 4
"""Fewer files are done before another process has loaded its libraries."""

MOST_SHOWN = 3
"""Chances that a person is shown of each verdict."""


def run_listen(options: argparse.Namespace) -> Answer:
    """Listen to files."""
    from core.listen import registry
    from core.listen.batch import find_files, row_of

    check_folder(options.out)
    if options.model:
        registry.find(options.model)
    files = find_files(options.files)
    entries: dict[str, dict[str, Any]] = {}
    failed, lines = 0, []
    for outcome in _outcomes(files, options):
        failed += not outcome.report
        if outcome.report is None:
            print_error(f"{outcome.file}: {outcome.error}")
        elif not options.out:
            lines += [outcome.file, *_lines(outcome.as_json())]
        # With a table, a thousand reports need not be kept.
        entries[outcome.file] = _short(row_of(outcome)) if options.out else outcome.as_json()
    answer: dict[str, Any] = {"files": [entries[file] for file in files if file in entries]}
    if options.out:
        before = len(files) - len(entries)
        answer |= {"table": options.out, "done_before": before}
        lines = [f"{options.out}: {len(entries) - failed} files, {failed} failed, {before} done before"]
    return Answer(answer, lines, exit_code=2 if entries and failed == len(entries) else 0)


def run_child(options: argparse.Namespace) -> Answer:
    """Become the process that decodes, in a program that has no Python beside it."""
    from core.listen.decode_child import main

    main()
    raise SystemExit(0)


def _outcomes(files: list[str], options: argparse.Namespace) -> Iterator[Any]:
    from core.learn.workers import cores, mapped, parse_workers
    from core.listen.batch import listen_all

    workers = parse_workers(options.workers)
    several = len(files) >= FEWEST_FOR_PROCESSES
    yield from listen_all(
        files,
        model=options.model,
        table=options.out,
        workers=workers if isinstance(workers, int) else cores() if several else 1,
        mapped=(lambda function, jobs: mapped(function, jobs, workers)) if isinstance(workers, str) else None,
        progress=progress_line("listening") if len(files) > 1 else None,
    )


def _short(row: list[Any]) -> dict[str, Any]:
    from core.listen.batch import COLUMNS

    return {name: value for name, value in zip(COLUMNS, row) if value != ""}


def _lines(told: dict[str, Any]) -> list[str]:
    """What a person wants to know at a glance; ``--json`` has the rest."""
    shown = {
        "duration": f"{told['duration_s']:.1f} s",
        "genre": _verdict(told["genre_verdict"], told["genre"]),
        "composer": _verdict(told["composer_verdict"], told["composer"]),
        "tempo": f"{told['tempo_bpm']:.1f} bpm, {len(told['beats_s'])} beats" if told["tempo_bpm"] else "",
        "key": f"{told['key']} ({told['key_confidence']:.2f})" if told["key"] else "",
        "chords": " ".join(span["label"] for span in told["chords"][:16])
        + (" ..." if len(told["chords"]) > 16 else ""),
        "structure": "  ".join(f"{span['label']} {span['start_s']:.0f} s" for span in told["structure"]),
        "melody": f"{len(told['melody'])} notes" if told["melody"] else "",
        "timeline": "  ".join(f"{span['label']} {span['start_s']:.0f} s" for span in told["timeline"]),
        "took": f"{told['seconds']:.2f} s",
    }
    lines = [f"  {name:10} {value}" for name, value in shown.items() if value]
    return lines + [f"  note       {line}" for line in told["warnings"]]


def _verdict(label: str | None, chances: list[dict[str, Any]]) -> str:
    if label is None:
        return ""
    best = ", ".join(f"{chance['label']} {chance['p']:.2f}" for chance in chances[:MOST_SHOWN])
    return f"{label} ({best})" if best else label


def _table_name(text: str) -> str:
    if Path(text).suffix.lower() != ".csv":
        raise argparse.ArgumentTypeError(f"give a name that ends in .csv, not {text!r}")
    return text


COMMANDS = (
    Command(
        "listen",
        "tell genre, composer, tempo, beats, key, chords, melody and form of recordings and MIDI files",
        "listen song.mp3 --json",
        run_listen,
        (
            option("files", nargs="+", metavar="FILE", help="audio or MIDI files, or folders of them"),
            option("--model", default="", metavar="NAME", help="a classifier that tunesmith models lists"),
            option(
                "--out",
                type=_table_name,
                metavar="TABLE.csv",
                help="a line a file; files that stand in it already are left out, so that one may go on",
            ),
            option(
                "--workers",
                default="",
                metavar="N|ADDRESS",
                help="so many processes, or a Dask cluster (tcp://host:8786); one a core unless told",
            ),
        ),
    ),
    Command(
        "decode-for-listening",
        "be the process that decodes audio",
        "decode-for-listening",
        run_child,
        hidden=True,
    ),
)
