"""A studio whose generator and player a test holds in its hand."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from PySide6.QtWidgets import QApplication

from core.compose.request import Request
from core.song.notes import Song
from core.store.settings import Settings
from desktop.compose.facts import aspects
from desktop.compose.generators import GeneratorChoice
from desktop.demo import demo_song
from desktop.document import Document
from desktop.main_window import Studio
from tests.desktop.hands import FakeGenerator, FakePlayer, Hands

CONDITIONS = frozenset(Request.__dataclass_fields__) - {"elements", "seconds"}
FLAGSHIP = GeneratorChoice(
    "flagship", "Flagship", "", ("pop", "jazz"), tasks=("new", "continue", "fill", "vary", "accompany"),
    conditions=CONDITIONS, composers=("Bach", "Chopin"),
)  # fmt: skip
TUNES = GeneratorChoice(
    "short-tunes", "Short Tunes", "", (), conditions=frozenset({"seconds", "temperature"}), streams=True
)


@pytest.fixture
def make_studio(qtbot: Any) -> Iterator[Callable[..., Hands]]:
    windows: list[Studio] = []

    def make(song: Song | None = None, **options: Any) -> Hands:
        generator, player = FakeGenerator(), FakePlayer()
        choices = [FLAGSHIP, TUNES]
        options = {"generators": choices, "keep_settings": False, "measures": (aspects,)} | options
        studio = Studio(
            Document(song if song is not None else demo_song()), Settings(),
            compose=generator, player=player, **options,
        )  # fmt: skip
        windows.append(studio)
        studio.resize(1280, 800)
        studio.show()
        qtbot.waitExposed(studio)
        studio.activateWindow()
        studio.roll.setFocus()
        studio.playback.start()
        QApplication.processEvents()
        return Hands(studio, generator, player, qtbot)

    yield make
    for window in windows:
        window.asks_before_closing = False
        window.close()
        window.deleteLater()
    QApplication.sendPostedEvents()
    QApplication.processEvents()


@pytest.fixture
def hands(make_studio: Callable[..., Hands]) -> Hands:
    """A studio on the demo phrase."""
    return make_studio()
