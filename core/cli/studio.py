"""The command that opens the window."""

from __future__ import annotations

import argparse
import signal

from core.cli.command import Answer, Command, check_folder, option
from core.errors import TunesmithError


def run_studio(options: argparse.Namespace) -> Answer:
    """Open the studio, or only paint it into a picture."""
    check_folder(options.screenshot)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    try:
        # The only place where the engine names the window.
        from desktop.app import studio
    except ImportError as error:
        raise TunesmithError(
            f"the window cannot open: {error}; ./run installs what is missing, `tunesmith doctor` names it"
        ) from error
    code = studio(options.file, options.screenshot, options.size, options.panel)
    values = {"file": options.file, "screenshot": options.screenshot}
    return Answer(values, [], exit_code=code)


def size(text: str) -> str:
    """An argument type: WIDTHxHEIGHT."""
    width, cross, height = text.lower().partition("x")
    if not (cross and width.isdigit() and height.isdigit() and min(int(width), int(height)) >= 100):
        raise argparse.ArgumentTypeError(f"give the size as 1440x900, not {text!r}")
    if max(int(width), int(height)) > 16384:
        raise argparse.ArgumentTypeError("no side may be longer than 16384")
    return f"{int(width)}x{int(height)}"


COMMANDS = (
    Command(
        "studio",
        "open the studio",
        "studio song.mid",
        run_studio,
        (
            option(
                "file",
                nargs="?",
                metavar="FILE",
                help="a song to open, or a recording to listen to",
            ),
            option("--screenshot", metavar="OUT.png", help="paint the window into a picture and end"),
            option("--size", type=size, metavar="WxH", help="the window's size, such as 1440x900"),
            option(
                "--panel",
                default="",
                metavar="NAME",
                help="the panel to show: compose, listen, explore, mixer, ...",
            ),
        ),
    ),
)
