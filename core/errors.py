"""Errors that a person can mend. Their text is one line: what is wrong, and what to do about it."""


class TunesmithError(Exception):
    """A user's mistake or a missing part of the machine; the command line exits with 2."""


class Cancelled(Exception):
    """A long job was asked to stop, and did."""
