"""The blind test: both are heard before a vote, who was who is told only after it, and votes are counted."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PySide6.QtCore import Qt

from core.compose.blind_test import Bout, Side
from core.compose.request import Request
from core.errors import TunesmithError
from core.song.notes import Song, Track, make_notes
from core.store.library import Library
from core.store.votes import Contestant, Votes
from desktop.compose.generators import GeneratorChoice
from desktop.library.blind_page import BlindPage
from tests.desktop.hands import BEAT, Hands

FLAGSHIP = GeneratorChoice(
    "flagship", "Flagship", "", ("pop",), conditions=frozenset({"bars", "style", "key"})
)


def tune(pitch: int) -> Song:
    return Song(make_notes(np.arange(32) * BEAT, BEAT, pitch), (Track("Lead"),))


@pytest.fixture(autouse=True)
def home(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("TUNESMITH_HOME", str(tmp_path / "home"))


class Stage:
    """Stands in for the generators: A is real and quiet, B the flagship and turned down."""

    def __init__(self) -> None:
        self.asked: list[tuple[tuple[str, str], Request]] = []
        self.error: Exception | None = None
        self.bout = Bout(
            Side(Contestant("real", {"piece": 1, "first_bar": 0, "bars": 8}, "TS-R"), tune(60)),
            Side(Contestant("flagship", {"generator": "flagship", "seed": 3}, "TS-F"), tune(67), 0.5),
        )

    def __call__(self, pair: tuple[str, str], request: Request, **named: Any) -> Bout:
        self.asked.append((pair, request))
        named["progress"](0.5)
        if self.error:
            raise self.error
        return self.bout


@pytest.fixture
def stage(make_studio: Callable[..., Hands]) -> tuple[Hands, BlindPage, Stage]:
    with Library() as library:
        library.add(tune(50))
    hands = make_studio(generators=[FLAGSHIP])
    page, stage = hands.studio.library.blind, Stage()
    page._prepare = stage
    hands.studio.show_panel("library")
    hands.studio.library.tabs.setCurrentIndex(2)
    hands.until(lambda: len(page.one.entries()) == 2)
    hands.finish()
    return hands, page, stage


def test_both_must_be_heard_and_the_names_come_after_the_vote(stage: tuple[Hands, BlindPage, Stage]) -> None:
    hands, page, acts = stage
    page.start()
    hands.finish()
    ((pair, request),) = acts.asked
    assert pair == ("flagship", "real")
    assert request.bars == hands.studio.compose_panel.request().bars
    shown = " ".join(button.text() for button in page.sides) + page.verdict.text()
    assert "lagship" not in shown
    assert not page.answers["first"].isEnabled()
    page.sides[0].click()
    assert hands.studio.playback.hearing is acts.bout.first.song
    assert not page.answers["first"].isEnabled(), "B was not heard yet"
    page.sides[1].click()
    assert hands.studio.playback.hearing is acts.bout.second.song
    assert hands.player.last("set_master")[1] == pytest.approx(0.5 * hands.studio.playback.volume)
    page.note.setText("more shape")
    page.answers["second"].click()
    hands.finish()
    assert page.verdict.text() == "A was Real music, B was Flagship."
    assert hands.studio.playback.hearing is None
    assert hands.player.last("set_master")[1] == pytest.approx(hands.studio.playback.volume)
    with Votes() as votes:
        (trial,) = votes.trials()
    assert (trial.vote, trial.note, trial.first.name, trial.second.name) == (
        "second", "more shape", "real", "flagship",
    )  # fmt: skip
    assert trial.second.recipe == {"generator": "flagship", "seed": 3}
    assert page.table.itemAt(0).widget().text() == "Flagship 1 : 0 Real music"
    assert "95 % interval 21 to 100 %: not decided yet" in page.table.itemAt(1).widget().text()


def test_the_whole_trial_goes_by_keyboard(stage: tuple[Hands, BlindPage, Stage]) -> None:
    hands, page, acts = stage
    page.go.setFocus()
    hands.press(Qt.Key.Key_Return)
    hands.finish()
    assert page.sides[0].hasFocus()
    hands.press(Qt.Key.Key_Space)
    assert hands.studio.playback.hearing is acts.bout.first.song
    hands.press(Qt.Key.Key_Tab)
    hands.press(Qt.Key.Key_Space)
    assert hands.studio.playback.hearing is acts.bout.second.song
    hands.press(Qt.Key.Key_Tab)
    hands.press(Qt.Key.Key_Tab)
    assert page.answers["tie"].hasFocus()
    hands.press(Qt.Key.Key_Space)
    hands.finish()
    with Votes() as votes:
        assert [trial.vote for trial in votes.trials()] == ["tie"]
    assert page.go.hasFocus()


def test_what_goes_wrong_is_told_and_the_next_trial_can_start(stage: tuple[Hands, BlindPage, Stage]) -> None:
    hands, page, acts = stage
    acts.error = TunesmithError("the weights are missing")
    page.start()
    hands.finish()
    assert hands.studio.notices.shown[-1].text == "No trial: the weights are missing"
    assert page.go.isVisible()
    assert page.go.isEnabled()


def test_one_side_alone_says_what_is_needed(make_studio: Callable[..., Hands]) -> None:
    hands = make_studio(generators=[FLAGSHIP])
    hands.studio.show_panel("library")
    hands.studio.library.tabs.setCurrentIndex(2)
    page = hands.studio.library.blind
    hands.until(lambda: len(page.one.entries()) == 1)
    hands.finish()
    assert not page.go.isEnabled()
    assert "Add some MIDI files under Pieces" in page.what.text()
