"""The command line as a test calls it, and generators that cost nothing."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from types import ModuleType, SimpleNamespace
from typing import Any

import numpy as np
import pytest

from core.compose.request import Request, Update
from core.song.instruments import find_instrument
from core.song.notes import Meter, Song, Tempo, Track, empty_notes, make_notes


@dataclass(frozen=True)
class Outcome:
    """What one call of the command line gave."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> dict[str, Any]:
        """The one JSON object on standard output; anything beside it fails the test."""
        assert self.out.endswith("}\n")
        assert self.out.count("\n") == 1
        return json.loads(self.out)

    @property
    def line(self) -> str:
        """The one line on standard error."""
        assert self.err.count("\n") == 1, self.err
        return self.err.removeprefix("tunesmith: ").rstrip("\n")


@pytest.fixture
def tunesmith(capsys, monkeypatch, tmp_path) -> Callable[..., Outcome]:
    """Call the command line in this process, in an empty folder and with a home of its own."""
    from core.cli import main

    monkeypatch.setenv("TUNESMITH_HOME", str(tmp_path / "home"))
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")

    def call(*words: str) -> Outcome:
        capsys.readouterr()
        code = main(list(map(str, words)))
        shown = capsys.readouterr()
        return Outcome(code, shown.out, shown.err)

    return call


def walk(request: Request, *, cancelled: Callable[[], bool]) -> Iterator[Update]:
    """A generator after `core.compose.registry.compose`: quarter notes that wander by the seed."""
    numerator, denominator = request.meter
    bar = 4 * 480 * numerator // denominator
    programs = [find_instrument(name) for name in request.instruments]
    before = request.song.notes if request.song else empty_notes()
    start = (
        request.song.bars.start(request.song.bars.bar_at(request.song.end_tick - 1) + 1) if len(before) else 0
    )
    frame = Song(
        tracks=tuple(Track(str(i), program, i, drum) for i, (program, drum) in enumerate(programs)),
        tempos=(Tempo.from_bpm(0, request.tempo),),
        meters=(Meter(0, numerator, denominator),),
    )
    yield Update(0.0, empty_notes(), frame)
    random = np.random.default_rng(request.seed)
    made = [before]
    for index in range(request.bars):
        onsets = start + index * bar + np.arange(0, bar, 480)
        made.append(make_notes(onsets, 480, random.integers(60, 72, len(onsets))))
        yield Update((index + 1) / request.bars, made[-1])
    yield Update(1.0, empty_notes(), frame.with_notes(np.concatenate(made)), done=True)


def variants(request: Request, count: int, *, cancelled: Callable[[], bool]) -> Iterator[tuple[int, Update]]:
    """Several of `walk`, with seeds counted up."""
    for index in range(count):
        for update in walk(replace(request, seed=request.seed + index), cancelled=cancelled):
            yield index, update


CONDITIONS = frozenset(Request.__dataclass_fields__) - {"elements", "seconds"}


@pytest.fixture
def generators(monkeypatch) -> None:
    """A registry with one generator, in place of those with weights."""
    registry = ModuleType("core.compose.registry")
    flagship = SimpleNamespace(
        name="flagship", description="walks", styles=("pop", "jazz", "waltz"), composers=("Bach",),
        conditions=CONDITIONS,
    )  # fmt: skip
    registry.GENERATORS = {"flagship": flagship, "mixtape": flagship}
    registry.compose = walk
    registry.compose_variants = variants
    registry.compose_song = lambda request: list(walk(request, cancelled=bool))[-1].song
    monkeypatch.setitem(sys.modules, "core.compose.registry", registry)
