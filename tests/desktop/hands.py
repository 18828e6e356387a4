"""Stand-ins for a generator and a player, and hands that use the window."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication

from core.compose.request import Request, Update
from core.errors import Cancelled
from core.song.notes import Song, Tempo, Track, empty_notes, make_notes
from desktop.document import Document, missing
from desktop.main_window import Studio

BEAT = 480


@dataclass
class FakeGenerator:
    """Writes a scale upwards, a note an update. With ``hold`` set it stops after the third note until told.

    With ``begins_anew`` it throws its first five notes away.
    """

    hold: bool = False
    begins_anew: bool = False
    go: threading.Event = field(default_factory=threading.Event)
    asked: list[Request] = field(default_factory=list)
    threads: set[str] = field(default_factory=set)
    error: Exception | None = None

    def song(self, request: Request) -> Song:
        if request.task in ("fill", "vary", "accompany") and request.song:
            return changed(request, request.song)
        start = request.song.end_tick if request.task == "continue" and request.song else 0
        steps = np.arange(4 * request.bars)
        notes = make_notes(start + steps * BEAT, BEAT, 48 + (request.seed + steps) % 40, 90, 0)
        if request.task == "continue" and request.song:
            return request.song.with_notes(np.concatenate([request.song.notes, notes]))
        return Song(notes, (Track("Flute", program=73),), tempos=(Tempo.from_bpm(0, request.tempo),))

    def __call__(self, request: Request, *, cancelled: Callable[[], bool]) -> Iterator[Update]:
        self.asked.append(request)
        self.threads.add(threading.current_thread().name)
        song = self.song(request)
        frame = request.song or song.with_notes(empty_notes())
        yield Update(0.0, empty_notes(), frame)
        if self.error:
            raise self.error
        fresh = song.notes[missing(song.notes, request.song.notes)] if request.song else song.notes
        if self.begins_anew:
            yield Update(0.5, fresh[:5])
            yield Update(0.0, empty_notes(), frame)
        for index in range(len(fresh)):
            if self.hold and index == 3:
                while not self.go.wait(0.01):
                    if cancelled():
                        raise Cancelled
            yield Update((index + 1) / len(fresh), fresh[index : index + 1])
        yield Update(1.0, empty_notes(), song, done=True)


def changed(request: Request, song: Song) -> Song:
    """A song in which every note that may change is a half step too high, a fill's is pitch 90, and what is
    added plays once a bar.
    """
    if request.task == "accompany":
        number = len(song.tracks)
        added = tuple(Track(name.capitalize(), program=40) for name in request.instruments)
        onsets = np.arange(request.bars) * 4 * BEAT
        notes = [make_notes(onsets, BEAT, 67, 90, number + index) for index in range(len(added))]
        return replace(song, tracks=(*song.tracks, *added), notes=np.concatenate([song.notes, *notes]))
    notes = song.notes.copy()
    free = np.ones(len(notes), bool)
    if request.tracks:
        free &= np.isin(notes["track"], request.tracks)
    if request.task == "fill":
        first, last = (song.bars.start(bar) for bar in (request.first_bar, request.first_bar + request.bars))
        free &= (notes["onset"] >= first) & (notes["onset"] < last)
    free[list(request.locked)] = False
    notes["pitch"] = np.where(free, 90 if request.task == "fill" else notes["pitch"] + 1, notes["pitch"])
    return song.with_notes(notes)


class FakePlayer:
    """Notes down what it is told."""

    def __init__(self) -> None:
        self.told: list[tuple[Any, ...]] = []
        self.playing, self.tick, self.status = False, 0.0, ""

    def __getattr__(self, name: str) -> Callable[..., None]:
        def tell(*arguments: Any, **named: Any) -> None:
            self.told.append((name, *arguments, *named.items()))

        return tell

    def play(self) -> None:
        self.playing = True

    def pause(self) -> None:
        self.playing = False

    def seek(self, tick: float) -> None:
        self.tick = tick

    def devices(self) -> list[str]:
        return ["Loudspeaker"]

    def state(self) -> Any:
        from desktop.playback import Silence

        return replace(Silence(), playing=self.playing, tick=self.tick, status=self.status)

    def last(self, name: str) -> tuple[Any, ...]:
        return next(entry for entry in reversed(self.told) if entry[0] == name)


@dataclass
class Hands:
    """A studio and how to use it."""

    studio: Studio
    generator: FakeGenerator
    player: FakePlayer
    qtbot: Any

    @property
    def document(self) -> Document:
        return self.studio.document

    @property
    def song(self) -> Song:
        return self.studio.document.song

    def press(self, key: Qt.Key, *modifiers: Qt.KeyboardModifier) -> None:
        """Press a key as a person does, with the focus where it is."""
        held = Qt.KeyboardModifier.NoModifier
        for modifier in modifiers:
            held |= modifier
        QApplication.processEvents()
        QTest.keyClick(QApplication.focusWidget() or self.studio, key, held)
        QApplication.processEvents()

    def act(self, name: str) -> None:
        self.studio.actions_.refresh()
        self.studio.actions_.by_id[name].trigger()

    def until(self, condition: Callable[[], bool]) -> None:
        self.qtbot.waitUntil(condition, timeout=8000)

    def finish(self) -> None:
        """Wait for every job."""
        self.until(lambda: not self.studio.jobs.running)
        QApplication.processEvents()


CTRL, SHIFT, ALT = (
    Qt.KeyboardModifier.ControlModifier, Qt.KeyboardModifier.ShiftModifier, Qt.KeyboardModifier.AltModifier,
)  # fmt: skip
