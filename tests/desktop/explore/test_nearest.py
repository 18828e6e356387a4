"""The Listen panel's nearest pieces."""

from __future__ import annotations

from pathlib import Path

import pytest

from core.explore import registry
from core.listen import report as report_module
from core.listen.report import Report
from core.song.midi_file import write_midi
from desktop.explore.frame import PIECE
from desktop.explore.panel import ExplorePanel
from tests.core.explore.pretend import tune
from tests.desktop.hands import Hands


def test_what_was_listened_to_has_its_five_nearest(
    hands: Hands, panel: ExplorePanel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "mine.mid"
    write_midi(tune(8, seed=1234), path)
    monkeypatch.setattr(report_module, "listen", lambda place, **_: Report(str(place), "midi", 16.0))
    listen = hands.studio.listen
    listen.listen(path)
    hands.until(listen.nearest.rows.isVisible)
    rows = listen.nearest.rows.model_.rows
    assert len(rows) == 5
    likeness = [row.likeness for row in rows]
    assert likeness == sorted(likeness, reverse=True)
    assert {row.title.split()[0] for row in rows} == {"Pop"}  # the tunes on the same tonic
    listen.nearest.rows.wanted.emit("hear", rows[0])
    hands.until(lambda: panel.hearing.heard == rows[0].key)
    assert hands.player.last("load")[1].title == rows[0].title
    listen.nearest.rows.setCurrentIndex(listen.nearest.rows.model_.index(1))
    listen.nearest.link.click()
    assert panel.pages.currentIndex() == PIECE
    assert panel.piece.title.accessibleName() == rows[1].title


def test_without_an_embedding_there_is_no_list(
    hands: Hands, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TUNESMITH_HOME", str(tmp_path / "home"))
    monkeypatch.setattr(registry, "available", lambda: ())
    path = tmp_path / "mine.mid"
    write_midi(tune(8), path)
    monkeypatch.setattr(report_module, "listen", lambda place, **_: Report(str(place), "midi", 16.0))
    hands.studio.listen.listen(path)
    listen = hands.studio.listen
    hands.until(lambda: listen.listener.state == "result" and not listen.nearest.isVisible())
