"""The register in the panel: claiming, refusing with the piece to hear, certificates, and registers that come."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest

from core.song import edits
from core.song.notes import Song, Track, make_notes
from core.store.fingerprint import content_id, sketch_of, song_of_sketch
from core.store.library import Library
from core.store.register import Register, load_certificates, register_path
from desktop.library.claims_page import ClaimsPage
from tests.desktop.hands import BEAT, Hands


def tune(seed: int, title: str = "") -> Song:
    pitches = 55 + np.cumsum(np.random.default_rng(seed).integers(-3, 4, 128)) % 24
    notes = make_notes(np.arange(128) * BEAT // 2, BEAT // 2, pitches)
    return Song(notes, (Track("Lead", program=40),), title=title or f"Tune {seed}")


@pytest.fixture(autouse=True)
def home(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    monkeypatch.setenv("TUNESMITH_HOME", str(tmp_path / "home"))
    return tmp_path


@pytest.fixture
def page(make_studio: Callable[..., Hands]) -> tuple[Hands, ClaimsPage]:
    hands = make_studio(tune(1, "Mine"))
    hands.studio.show_panel("library")
    hands.studio.library.tabs.setCurrentIndex(1)
    hands.finish()
    return hands, hands.studio.library.claims


def claim(hands: Hands, song: Song, title: str) -> None:
    hands.studio.library.claims.begin(song, title, {})
    hands.studio.library.claims.claim()
    hands.finish()


def test_claiming_asks_for_the_name_once_and_shows_the_content_id(page: tuple[Hands, ClaimsPage]) -> None:
    hands, claims = page
    assert claims.empty.isVisible()
    hands.act("library_claim")
    hands.finish()
    assert claims.what.text() == "Claim “Mine”"
    assert claims.content_id.text() == content_id(tune(1))
    assert claims.owner.hasFocus()
    assert not claims.go.isEnabled(), "nobody claims namelessly"
    QTest.keyClicks(claims.owner, "Ada")
    hands.press(Qt.Key.Key_Return)
    hands.finish()
    assert [one.title for one in claims.model.claims] == ["Mine"]
    assert claims.state.text() == "1 claim, every signature valid"
    assert not claims.form.isVisible()
    claims.begin(tune(2), "Second", {})
    hands.finish()
    assert claims.owner.text() == "Ada", "it is remembered"
    assert hands.studio.settings.author == "Ada"
    assert claims.go.hasFocus()


def test_a_copy_is_refused_with_the_piece_it_collides_with_and_that_can_be_heard(
    page: tuple[Hands, ClaimsPage],
) -> None:
    hands, claims = page
    hands.studio.settings.author = "Ada"
    claim(hands, tune(1), "Mine")
    copy = edits.transpose(tune(1), np.arange(128), 3)
    claim(hands, copy, "Not mine")
    assert claims.answer_box.isVisible()
    assert 'This piece is claimed already, as "Mine" by Ada' in claims.answer.text()
    assert len(claims.model.claims) == 1
    claims.hear_other.click()
    hands.until(lambda: hands.studio.playback.hearing is not None)
    heard = hands.studio.playback.hearing
    assert np.array_equal(np.sort(heard.notes["pitch"]), np.sort(tune(1).notes["pitch"]))
    assert claims.hear_other.text() == "Stop"
    claims.hear_other.click()
    assert hands.studio.playback.hearing is None


def test_a_claimed_piece_that_is_in_the_library_is_heard_as_it_is_there(
    page: tuple[Hands, ClaimsPage],
) -> None:
    hands, claims = page
    hands.studio.settings.author = "Ada"
    with Library() as library:
        library.add(tune(1))
    claim(hands, tune(1), "Mine")
    claims.hear.click()
    hands.until(lambda: hands.studio.playback.hearing is not None)
    assert hands.studio.playback.hearing == tune(1)


def test_a_piece_of_the_library_is_claimed_with_its_recipe(page: tuple[Hands, ClaimsPage]) -> None:
    hands, claims = page
    hands.studio.settings.author = "Ada"
    with Library() as library:
        number = library.add(tune(3), recipe={"generator": "flagship", "seed": 9})
    hands.studio.library.tabs.setCurrentIndex(0)
    hands.studio.library.pieces.refresh()
    hands.finish()
    hands.studio.library.pieces.do("claim", number)
    hands.finish()
    assert claims.isVisible()
    claims.claim()
    hands.finish()
    assert claims.model.claims[0].statement["recipe"] == {"generator": "flagship", "seed": 9}


def test_certificates_as_json_and_pdf(page: tuple[Hands, ClaimsPage], home: Path) -> None:
    hands, claims = page
    hands.studio.settings.author = "Ada"
    claim(hands, tune(1), "Mine")
    one = claims.current()
    claims.write_certificate(home / "mine.json", one)
    claims.write_certificate(home / "mine.pdf", one)
    claims.write_certificate(home / "mine.doc", one)
    hands.finish()
    (loaded,) = load_certificates(home / "mine.json")
    assert loaded == one
    assert not loaded.fault()
    assert (home / "mine.pdf").read_bytes().startswith(b"%PDF-")
    assert "the name must end in .json or .pdf" in claims.answer.text()


def test_a_register_that_comes_is_checked_claim_by_claim(page: tuple[Hands, ClaimsPage], home: Path) -> None:
    hands, claims = page
    hands.studio.settings.author = "Ada"
    for seed in (1, 2, 3):
        claim(hands, tune(seed), f"Tune {seed}")
    claims.write_all(home / "claims.json")
    hands.finish()
    whole = json.loads((home / "claims.json").read_bytes())
    whole["claims"][1]["statement"]["owner"] = "Mallory"
    (home / "forged.json").write_text(json.dumps(whole))
    for path in (register_path(), *register_path().parent.glob("register.sqlite-*")):
        path.unlink(missing_ok=True)
    claims.read_all(home / "forged.json")
    hands.finish()
    told = claims.answer.text()
    assert "3 claims: 2 added, 1 refused." in told
    assert "by Mallory: its signature does not fit: it was altered after it was signed." in told
    assert "taken out of the register" in claims.state.text(), "one of ours is still missing, and it says so"
    claims.read_all(home / "claims.json")
    hands.finish()
    assert "1 added, 2 were here already, every signature is valid" in claims.answer.text()
    assert claims.state.text() == "3 claims, every signature valid"


def test_a_song_that_is_too_short_is_refused_in_words(page: tuple[Hands, ClaimsPage]) -> None:
    hands, claims = page
    hands.studio.settings.author = "Ada"
    claim(hands, Song(make_notes([0, 480], 480, 60), (Track(),)), "Blip")
    assert "it takes 16 to know a piece by" in claims.answer.text()
    assert not claims.hear_other.isVisible()


def test_what_a_sketch_sounds_like_is_the_same_piece() -> None:
    song = tune(4)
    heard = song_of_sketch(sketch_of(song), "Heard")
    assert np.array_equal(sketch_of(heard), sketch_of(song))
    assert heard.title == "Heard"
    assert heard.notes["duration"].max() <= 1000
    with Register() as register:
        register.claim(song, "Ada")
        assert register.match(heard) is not None
