"""From words to an exit code: the table of commands, and what all of them share.

Conventions
-----------
* ``--json``: one object on standard output and nothing else there, whatever libraries print meanwhile; an
  error is the object ``{"error": line}``.
* Exit 0 is success, 2 a person's mistake told in one line, 1 our own fault with its trace.
"""

from __future__ import annotations

import argparse
import contextlib
import difflib
import io
import json
import math
import os
import signal
import sys
import threading
import traceback
from collections.abc import Iterator, Sequence
from typing import Any, NoReturn

from core.cli import (
    bench,
    compose,
    doctor,
    explore,
    first_tune,
    learn,
    library,
    listen,
    models,
    originality,
    personal,
    register,
    song_tasks,
    songs,
    studio,
    tables,
)
from core.cli.command import Answer, Command, lines_of, print_error
from core.errors import Cancelled, TunesmithError
from core.version import VERSION

COMMANDS: tuple[Command, ...] = (
    *studio.COMMANDS,
    *compose.COMMANDS,
    *song_tasks.COMMANDS,
    *songs.COMMANDS,
    *originality.COMMANDS,
    *listen.COMMANDS,
    *explore.COMMANDS,
    *library.COMMANDS,
    *register.COMMANDS,
    *models.COMMANDS,
    *learn.COMMANDS,
    *personal.COMMANDS,
    *tables.COMMANDS,
    *bench.COMMANDS,
    *doctor.COMMANDS,
    *first_tune.COMMANDS,
)

DEFAULT_COMMAND = "studio"


class Parser(argparse.ArgumentParser):
    """A parser whose complaints are `TunesmithError`, one line long."""

    def error(self, message: str) -> NoReturn:
        """Raise what argparse would print with its usage."""
        raise TunesmithError(f"{' '.join(message.split())}; see {self.prog} --help")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command line and return its exit code."""
    words = list(sys.argv[1:] if arguments is None else arguments) or [DEFAULT_COMMAND]
    as_json = "--json" in words
    with contextlib.suppress(AttributeError, io.UnsupportedOperation):
        # A file name in another encoding must not end a command that did its work.
        sys.stdout.reconfigure(errors="backslashreplace")  # type: ignore[union-attr]
    # Threads of numpy's matrix library wait for each other by spinning: beside other work an analysis took 1.6 s of
    # what one thread does in 0.13 s. It reads this when it is first imported, which is after here.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    if threading.current_thread() is threading.main_thread():
        # A polite kill unwinds like Ctrl+C, so that unfinished files are removed.
        signal.signal(signal.SIGTERM, _interrupt)
    try:
        options = _parsed(words)
        with _standard_output_kept_for_json() if as_json else contextlib.nullcontext():
            answer: Answer = options.run(options)
        return _printed(answer, as_json)
    except SystemExit as stop:  # argparse's --help and --version
        return int(stop.code or 0)
    except TunesmithError as error:
        return _failed(str(error), 2, as_json)
    except OSError as error:
        if error.filename is None:
            return _fault(error, as_json)
        return _failed(f"cannot use {error.filename}: {error.strerror}", 2, as_json)
    except (Cancelled, KeyboardInterrupt):
        return _failed("stopped; nothing was left half-written", 1, as_json)
    except Exception as error:
        return _fault(error, as_json)


def build_parser() -> Parser:
    """The parser of all commands, made from `COMMANDS`."""
    parser = Parser(
        prog="tunesmith",
        description="Compose, hear, understand and explore music with neural networks.",
        epilog="tunesmith COMMAND --help tells more, with an example. Without a command the studio opens.",
        allow_abbrev=False,
    )
    parser.add_argument("--version", action="version", version=f"tunesmith {VERSION}")
    _add_commands(parser, COMMANDS, "COMMAND")
    return parser


def jsonable(value: Any) -> Any:
    """``value`` in JSON's types: arrays become lists, paths text, and what is not finite null."""
    if isinstance(value, dict):
        return {str(key): jsonable(item) for key, item in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [jsonable(item) for item in value]
    if hasattr(value, "tolist"):  # numpy's scalars and arrays
        return jsonable(value.tolist())
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if value is None or isinstance(value, bool | int | str):
        return value
    return str(value)


def _parsed(words: list[str]) -> argparse.Namespace:
    known = [command.name for command in COMMANDS]
    if not words[0].startswith("-") and words[0] not in known:
        shown = [command.name for command in COMMANDS if not command.hidden]
        close = difflib.get_close_matches(words[0], shown, n=2, cutoff=0.6)
        hint = f"did you mean {' or '.join(close)}?" if close else f"there are {', '.join(shown)}"
        raise TunesmithError(f"there is no command {words[0]!r}; {hint}")
    return build_parser().parse_args(words)


def _add_commands(parser: argparse.ArgumentParser, commands: Sequence[Command], called: str) -> None:
    parsers = parser.add_subparsers(metavar=called, required=True, parser_class=Parser)
    for command in commands:
        help_of = {} if command.hidden else {"help": command.summary}
        settings: dict[str, Any] = {
            "description": command.summary[0].upper() + command.summary[1:] + ".",
            "epilog": f"example:\n  tunesmith {command.example}",
            "formatter_class": argparse.RawDescriptionHelpFormatter,
            "allow_abbrev": False,
            **help_of,
        }
        added = parsers.add_parser(command.name, **settings)
        _add_options(added, command)
        if command.actions:
            _add_commands(added, command.actions, "ACTION")


def _add_options(parser: argparse.ArgumentParser, command: Command) -> None:
    groups: dict[str, Any] = {"": parser}
    for entry in command.options:
        if entry.only_one_of not in groups:
            groups[entry.only_one_of] = parser.add_mutually_exclusive_group()
        groups[entry.only_one_of].add_argument(*entry.names, **entry.settings)
    parser.add_argument("--json", action="store_true", help="answer with one JSON object on standard output")
    parser.set_defaults(run=command.run)


def _printed(answer: Answer, as_json: bool) -> int:
    if as_json:
        text = json.dumps(jsonable(answer.values), allow_nan=False)
    else:
        text = "\n".join(lines_of(answer.values) if answer.lines is None else answer.lines)
    try:
        if text:
            sys.stdout.write(text + "\n")
        sys.stdout.flush()
    except OSError as error:
        # Python would complain once more while it shuts down, did the output not lead somewhere.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        if not isinstance(error, BrokenPipeError):  # a reader that has gone (head, less) has what it wanted
            print_error(f"cannot write the answer: {error.strerror}")
            return 1
    return answer.exit_code


def _failed(line: str, exit_code: int, as_json: bool) -> int:
    print_error(line)
    return _printed(Answer({"error": line}, [], exit_code), as_json)


def _fault(error: Exception, as_json: bool) -> int:
    traceback.print_exc(file=sys.stderr)
    line = f"our fault, please report it with the lines above: {type(error).__name__}: {error}"
    return _failed(" ".join(line.split()), 1, as_json)


@contextlib.contextmanager
def _standard_output_kept_for_json() -> Iterator[None]:
    """While a command works, what it or a C library prints goes to standard error."""
    with contextlib.ExitStack() as stack:
        try:
            sys.stdout.flush()
            number, errors = sys.stdout.fileno(), sys.stderr.fileno()
        except (OSError, ValueError):
            pass  # standard output is no file (a test, a frozen window): only Python can print to it
        else:
            kept = os.dup(number)
            stack.callback(os.close, kept)
            stack.callback(os.dup2, kept, number)
            stack.callback(sys.stdout.flush)
            os.dup2(errors, number)
        stack.enter_context(contextlib.redirect_stdout(sys.stderr))
        yield


def _interrupt(signal_number: int, frame: object) -> NoReturn:
    raise KeyboardInterrupt
