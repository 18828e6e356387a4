"""Instruments are found by the names people use."""

from __future__ import annotations

import pytest

from core.errors import TunesmithError
from core.song.instruments import (
    ALIASES,
    DRUMS,
    FAMILIES,
    PROGRAMS,
    family_of,
    find_instrument,
    instrument_name,
)


def test_the_table_is_general_midi():
    assert len(PROGRAMS) == len(set(PROGRAMS)) == 128
    assert all(len(names) == 8 for names in FAMILIES.values())
    known = {0: "acoustic grand piano", 24: "acoustic guitar (nylon)", 33: "electric bass (finger)"}
    known |= {40: "violin", 56: "trumpet", 65: "alto sax", 73: "flute", 88: "pad 1 (new age)", 127: "gunshot"}
    assert {program: PROGRAMS[program] for program in known} == known
    assert (DRUMS[36], DRUMS[38], DRUMS[42], DRUMS[49]) == (
        "bass drum", "acoustic snare", "closed hi-hat", "crash cymbal 1",
    )  # fmt: skip
    assert sorted(DRUMS) == list(range(35, 82))


@pytest.mark.parametrize(("program", "name"), list(enumerate(PROGRAMS)))
def test_every_name_finds_its_program(program: int, name: str):
    assert find_instrument(name.upper()) == (program, False)
    assert find_instrument(str(program)) == (program, False)
    assert instrument_name(program) == name
    assert name in FAMILIES[family_of(program)]


@pytest.mark.parametrize("alias", ALIASES)
def test_every_alias_stands_for_a_program(alias: str):
    assert PROGRAMS[find_instrument(alias)[0]] == ALIASES[alias]


@pytest.mark.parametrize(
    ("name", "found"),
    [
        ("piano", (0, False)), ("Bass", (33, False)), ("strings", (48, False)), ("drums", (0, True)),
        ("Jazz Kit", (32, True)), ("  string   ensemble 1 ", (48, False)), ("electric_guitar", (27, False)),
    ],
)  # fmt: skip
def test_words_people_use(name: str, found: tuple[int, bool]):
    assert find_instrument(name) == found


@pytest.mark.parametrize(
    ("wrong", "hint"),
    [("pianno", "piano"), ("violen", "violin"), ("saxofone", "saxophone"), ("128", "piano"), ("", "piano")],
)
def test_a_wrong_name_gets_the_closest_ones(wrong: str, hint: str):
    with pytest.raises(TunesmithError, match=hint):
        find_instrument(wrong)
