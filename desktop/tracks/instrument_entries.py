"""The General MIDI instruments as entries of a searchable list."""

from __future__ import annotations

from functools import cache

from core.song.instruments import ALIASES, FAMILIES, KITS, PROGRAMS
from desktop.controls.search_list import Entry


@cache
def instrument_entries() -> tuple[Entry, ...]:
    """Every program and kit; the value is ("program" or "drum", number)."""
    words: dict[str, list[str]] = {}
    for alias, name in ALIASES.items():
        words.setdefault(name, []).append(alias)
    numbers = {name: number for number, name in enumerate(PROGRAMS)}
    entries = [
        Entry(
            ("program", numbers[name]), name, str(numbers[name]), family.capitalize(),
            words=" ".join(words.get(name, ())),
        )
        for family, names in FAMILIES.items()
        for name in names
    ]  # fmt: skip
    kits: dict[int, str] = {}
    for name, program in KITS.items():
        kits.setdefault(program, name)
    drums = [Entry(("drum", program), name, "", "Drums", words="drum kit") for program, name in kits.items()]
    return (*drums, *entries)
