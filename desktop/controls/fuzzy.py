"""Finding an entry by a few of its letters."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TypeVar

Entry = TypeVar("Entry")

WORD_START = 8
IN_A_ROW = 5
SKIPPED = -0.15


def score(query: str, text: str) -> float | None:
    """How well ``text`` answers ``query``; None where the letters do not all occur in that order.

    Starts of words and letters in a row count most, so "exw" finds "Export as WAV" before "next window".
    """
    text, query = text.lower(), "".join(query.lower().split())
    if not query:
        return 0.0
    whole = text.find(query)
    if whole >= 0:
        return 100.0 + WORD_START * (whole == 0 or not text[whole - 1].isalnum()) - 0.1 * len(text)
    total, position, previous = 0.0, 0, -2
    for letter in query:
        found = _word_start(letter, text, position)
        if found < 0 or text.find(letter, position) == previous + 1:
            found = text.find(letter, position)
        if found < 0:
            return None
        total += WORD_START * (found == 0 or not text[found - 1].isalnum()) + IN_A_ROW * (
            found == previous + 1
        )
        total += SKIPPED * (found - position)
        previous, position = found, found + 1
    return total - 0.1 * len(text)


def ranked(query: str, entries: Iterable[tuple[str, Entry]]) -> list[Entry]:
    """The entries (text, entry) whose text answers ``query``, best first; all, in order, where it is empty."""
    scored = [(score(query, text), entry) for text, entry in entries]
    found = [(value, entry) for value, entry in scored if value is not None]
    if query.strip():
        found.sort(key=lambda pair: -pair[0])
    return [entry for _, entry in found]


def _word_start(letter: str, text: str, start: int) -> int:
    for at in range(start, len(text)):
        if text[at] == letter and (at == 0 or not text[at - 1].isalnum()):
            return at
    return -1
