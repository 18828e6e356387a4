"""The command line: one module a group of commands, one table of them all in `command_line`.

Nothing heavy is imported before a command runs, so that ``tunesmith --help`` answers at once.
"""

from core.cli.command_line import main

__all__ = ["main"]
