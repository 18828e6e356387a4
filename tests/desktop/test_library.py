"""The Library panel: what is made is kept, found, heard, opened, composed again, thrown away and brought back."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication

from core.compose.request import Request
from core.song.midi_file import read_midi, write_midi
from core.song.notes import Song, Tempo, Track, make_notes
from core.store.library import Library, Search, remember
from desktop.jobs import Jobs
from desktop.library import pieces_page
from desktop.library.piece_list import ROW_HEIGHT, picture_rect, stars_rect
from desktop.library.piece_model import facts_of, when_of
from desktop.library.pieces_page import PiecesPage
from desktop.library.thumbnail import outline_of
from tests.desktop.hands import BEAT, CTRL, Hands

EVERYTHING = Search()


def tune(seed: int, title: str = "") -> Song:
    pitches = 55 + np.cumsum(np.random.default_rng(seed).integers(-3, 4, 64)) % 24
    notes = make_notes(np.arange(64) * BEAT // 2, BEAT // 2, pitches)
    return Song(
        notes, (Track("Lead", program=40),), tempos=(Tempo.from_bpm(0, 90),), title=title or f"Tune {seed}"
    )


@pytest.fixture(autouse=True)
def home(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    monkeypatch.setenv("TUNESMITH_HOME", str(tmp_path / "home"))
    return tmp_path


@pytest.fixture
def filled() -> dict[str, int]:
    """A library of a composed and two imported pieces."""
    with Library() as library:
        return {
            "waltz": remember(
                tune(1), Request(style="waltz", key="D minor", bars=8, seed=7), library=library
            ),
            "air": library.add(tune(2, "An air"), tags=["slow"]),
            "reel": library.add(tune(3, "The reel"), rating=4),
        }


def opened(hands: Hands) -> PiecesPage:
    hands.studio.show_panel("library")
    page = hands.studio.library.pieces
    hands.until(lambda: hands.studio.panel_is_shown("library") and not page._is_stale)
    settled(hands)
    return page


def settled(hands: Hands) -> None:
    page = hands.studio.library.pieces
    timers = (page._soon, page.model._soon)
    hands.until(lambda: not (hands.studio.jobs.running or any(timer.isActive() for timer in timers)))


def titles(page: PiecesPage) -> list[str]:
    return [piece.title for piece in page.model.pieces]


def kept() -> list[Any]:
    with Library() as library:
        return library.find()


# -- what is kept --------------------------------------------------------------------------------------


def test_a_variant_that_is_taken_is_kept_with_its_recipe(hands: Hands) -> None:
    hands.studio.compose_panel.conditions.count.setValue(2)
    hands.press(Qt.Key.Key_G, CTRL)
    hands.until(lambda: not hands.studio.session.busy)
    hands.finish()
    assert not kept(), "what nobody took or starred is not kept"
    variant = hands.studio.session.variants[0]
    hands.act("result_use")
    hands.finish()
    (piece,) = kept()
    assert piece.seed == variant.request.seed
    assert piece.recipe["style"] == variant.request.style
    with Library() as library:
        assert library.song(piece.id) == variant.song


def test_a_starred_variant_is_kept_once(hands: Hands) -> None:
    hands.studio.compose_panel.conditions.count.setValue(1)
    hands.press(Qt.Key.Key_G, CTRL)
    hands.until(lambda: not hands.studio.session.busy)
    for _ in range(3):
        hands.studio.session.star(hands.studio.session.variants[0])
    hands.finish()
    assert [piece.generator for piece in kept()] == ["flagship"]


def test_files_that_are_opened_or_added_are_kept(hands: Hands, home: Path) -> None:
    write_midi(tune(1, "One"), home / "one.mid")
    write_midi(tune(2, ""), home / "two.mid")
    hands.studio.files.open_now(home / "one.mid")
    hands.finish()
    hands.studio.files.add(home / "two.mid")
    hands.finish()
    assert [(piece.kind, piece.title) for piece in kept()] == [("imported", "Tune 2"), ("imported", "One")]
    hands.studio.files.open_now(home / "one.mid")
    hands.finish()
    assert len(kept()) == 2, "the same file again is the same piece"


def test_nothing_is_kept_where_the_setting_is_off(hands: Hands, home: Path) -> None:
    hands.studio.settings.keep_pieces = False
    write_midi(tune(1), home / "one.mid")
    hands.studio.files.open_now(home / "one.mid")
    hands.finish()
    assert not kept()
    hands.act("library_keep")
    hands.finish()
    assert len(kept()) == 1, "asking for it keeps it all the same"


def test_what_was_not_written_yet_is_written_when_the_window_closes(hands: Hands) -> None:
    stop = threading.Event()
    hands.studio.jobs.run("library", "Busy", lambda task: stop.wait(5))
    hands.studio.library.keeper.remember(tune(4), Request(seed=4))
    stop.set()
    hands.studio.asks_before_closing = False
    hands.studio.close()
    assert [piece.seed for piece in kept()] == [4]


# -- finding -------------------------------------------------------------------------------------------


def test_the_panel_says_what_to_do_while_it_is_empty(hands: Hands) -> None:
    page = opened(hands)
    assert "kept here by itself" in page.empty.text()
    assert page.empty_button.isVisible()
    assert page.empty_button.text() == "Add MIDI files…"
    assert not page.card.isVisible()


def test_searching_and_sorting(hands: Hands, filled: dict[str, int]) -> None:
    page = opened(hands)
    assert titles(page) == ["The reel", "An air", "Tune 1"]
    hands.act("library_find")
    QTest.keyClicks(QApplication.focusWidget(), "slow")
    settled(hands)
    assert titles(page) == ["An air"]
    assert page.count.text() == "1 of 3 pieces"
    page.search.setText("nothing like it")
    settled(hands)
    assert page.empty.text() == "No piece is like that."
    page.empty_button.click()
    settled(hands)
    page.order.changed.emit(page.order.set_value("title"))
    settled(hands)
    assert titles(page) == ["An air", "The reel", "Tune 1"]
    page.backwards.click()
    settled(hands)
    assert titles(page) == ["Tune 1", "The reel", "An air"]
    page.shown.changed.emit(page.shown.set_value("composed"))
    settled(hands)
    assert titles(page) == ["Tune 1"]


def test_down_leads_from_the_search_to_the_list(hands: Hands, filled: dict[str, int]) -> None:
    page = opened(hands)
    hands.act("library_find")
    hands.press(Qt.Key.Key_Down)
    assert page.list.hasFocus()
    hands.press(Qt.Key.Key_Down)
    assert page.list.current().id == filled["air"]
    assert page.card.title.text() == "An air"


def test_ten_thousand_pieces_do_not_hold_up_the_window(make_studio: Callable[..., Hands]) -> None:
    with Library() as library:
        first = library.add(tune(1))
        with library._database.change() as connection:
            columns = (
                "title, created, kind, generator, style, recipe, rating, notes, seconds, bars, key, tempo,"
                " content_id, words"
            )
            numbers = "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 9999)"
            connection.execute(
                f"{numbers} INSERT INTO pieces ({columns}) SELECT 'Piece ' || i, created, kind, generator, style,"
                f" recipe, i % 6, notes, seconds, bars, key, tempo, content_id, words || ' ' || i"
                f" FROM n JOIN pieces ON id = {first}"
            )
            connection.execute(
                "INSERT INTO songs SELECT id, (SELECT data FROM songs LIMIT 1) FROM pieces WHERE id > ?",
                (first,),
            )
    hands = make_studio()
    page = hands.studio.library.pieces
    hands.studio.show_panel("library")
    hands.until(lambda: len(page.model.pieces) == 10_000 and bool(page.model._outlines))
    settled(hands)
    assert page.list.findChildren(type(page.card)) == [], "rows have no widgets"
    seen = len(page.model._outlines)
    assert 0 < seen <= 64, "pictures are made for what is in sight"
    page.list.scrollToBottom()
    settled(hands)
    assert len(page.model._outlines) <= seen + 64
    page.search.setText("7777")
    hands.until(lambda: titles(page) == ["Piece 7777"])


# -- doing ---------------------------------------------------------------------------------------------


def test_hearing_a_piece_leaves_the_song_alone(hands: Hands, filled: dict[str, int]) -> None:
    page = opened(hands)
    before = hands.song
    hands.document.set_playhead(960)
    page.list.setFocus()
    hands.press(Qt.Key.Key_Space)
    hands.until(lambda: hands.studio.playback.hearing is not None)
    assert hands.player.last("load")[1] == tune(3, "The reel")
    assert hands.player.playing
    assert hands.player.tick == 0
    hands.player.tick = 4 * BEAT
    hands.until(lambda: page.list.delegate.heard_to > 0.1)
    assert hands.document.playhead == 960
    assert not hands.studio.playback.is_playing
    hands.press(Qt.Key.Key_Space)
    assert hands.studio.playback.hearing is None
    assert not hands.player.playing
    assert hands.player.last("load")[1] is before
    assert hands.player.tick == 960
    assert page.list.delegate.heard is None
    assert hands.song is before


def test_going_on_in_the_list_hears_the_next_piece(hands: Hands, filled: dict[str, int]) -> None:
    page = opened(hands)
    page.list.setFocus()
    hands.press(Qt.Key.Key_Space)
    hands.until(lambda: hands.studio.playback.hearing is not None)
    hands.press(Qt.Key.Key_Down)
    hands.until(lambda: hands.studio.playback.hearing == tune(2, "An air"))
    hands.player.tick = 4 * BEAT
    hands.until(lambda: page.list.delegate.heard_to > 0.1)
    hands.player.playing = False
    hands.until(lambda: hands.studio.playback.hearing is None)


def test_a_click_on_the_picture_hears_and_one_on_the_stars_rates(
    hands: Hands, filled: dict[str, int]
) -> None:
    page = opened(hands)
    row = page.list.visualRect(page.model.index(1))
    assert row.height() == ROW_HEIGHT
    view = page.list.viewport()
    QTest.mouseClick(view, Qt.MouseButton.LeftButton, pos=picture_rect(row).center())
    hands.until(lambda: hands.studio.playback.hearing == tune(2, "An air"))
    stars = stars_rect(row)
    QTest.mouseClick(view, Qt.MouseButton.LeftButton, pos=QPoint(stars.left() + 3, stars.center().y()))
    settled(hands)
    with Library() as library:
        assert library.piece(filled["air"]).rating == 1
    assert page.card.stars.rating == 1


def test_opening_and_inserting(hands: Hands, filled: dict[str, int]) -> None:
    page = opened(hands)
    page.list.setFocus()
    hands.press(Qt.Key.Key_Return)
    hands.until(lambda: hands.document.name == "The reel")
    assert np.array_equal(hands.song.notes, tune(3).notes)
    assert not hands.document.modified
    hands.document.set_playhead(4 * BEAT + 100)
    hands.press(Qt.Key.Key_Down)
    page.list.setFocus()
    hands.press(Qt.Key.Key_Insert)
    hands.until(lambda: len(hands.song.notes) == 128)
    assert hands.document.history.position == 1
    assert hands.document.undo() == "Insert “An air”"


def test_composing_again_asks_with_the_same_recipe(hands: Hands, filled: dict[str, int]) -> None:
    page = opened(hands)
    page.list.choose(2)
    assert page.card.again.isEnabled()
    page.card.again.click()
    hands.until(lambda: bool(hands.studio.session.variants))
    hands.until(lambda: not hands.studio.session.busy)
    (asked,) = hands.generator.asked
    assert (asked.style, asked.key, asked.bars, asked.seed) == ("waltz", "D minor", 8, 7)
    assert hands.studio.panel_is_shown("compose")
    assert not hands.studio.compose_panel.conditions.new_seed.isChecked()
    page.list.choose(0)
    assert not page.card.again.isEnabled(), "a file has no recipe"


def test_what_continued_a_song_is_composed_again_on_that_song() -> None:
    with Library() as library:
        base = tune(5)
        library.add(base)
        number = remember(tune(6), Request(task="continue", song=base, seed=3), library=library)
        assert pieces_page.request_again(library, number).song == base


def test_deleting_can_be_undone_and_the_trash_restores(hands: Hands, filled: dict[str, int]) -> None:
    page = opened(hands)
    page.list.setFocus()
    hands.press(Qt.Key.Key_Delete)
    settled(hands)
    assert titles(page) == ["An air", "Tune 1"]
    assert "The reel" in page._trashed.text()
    page._undo.click()
    settled(hands)
    assert titles(page) == ["The reel", "An air", "Tune 1"]
    page.delete(filled["air"])
    page.shown.set_value("trash")
    page.refresh()
    settled(hands)
    assert titles(page) == ["An air"]
    assert page.card.restore.isVisible()
    assert not page.card.open.isVisible()
    page.card.restore.click()
    settled(hands)
    assert not page.model.pieces
    assert len(kept()) == 3


def test_removing_for_good_asks_first(hands: Hands, filled: dict[str, int]) -> None:
    page = opened(hands)
    page.delete(filled["air"])
    page.do("remove", filled["air"])
    hands.studio.notices.shown[-1].answers["Remove"]()
    hands.finish()
    with Library() as library:
        assert library.count() == 2
        assert library.count(deleted=True) == 0


def test_titles_tags_and_stars_are_changed_by_keyboard(hands: Hands, filled: dict[str, int]) -> None:
    page = opened(hands)
    page.list.setFocus()
    hands.press(Qt.Key.Key_5)
    hands.press(Qt.Key.Key_F2)
    assert page.card.title.hasFocus()
    QTest.keyClicks(page.card.title, "Reel of five")
    hands.press(Qt.Key.Key_Return)
    page.card.tags.setFocus()
    QTest.keyClicks(page.card.tags, "Fast,  folk")
    hands.press(Qt.Key.Key_Return)
    settled(hands)
    with Library() as library:
        piece = library.piece(filled["reel"])
    assert (piece.title, piece.rating, piece.tags) == ("Reel of five", 5, ("fast", "folk"))
    assert hands.studio.roll.tool == "select", "digits in the list choose no tool"


def test_space_presses_the_button_that_has_the_focus(hands: Hands, filled: dict[str, int]) -> None:
    page = opened(hands)
    page.backwards.setFocus()
    hands.press(Qt.Key.Key_Space)
    settled(hands)
    assert titles(page)[0] == "Tune 1"
    assert not hands.player.playing


def test_files_are_added_and_a_bad_one_stops_nothing(hands: Hands, home: Path) -> None:
    page = opened(hands)
    write_midi(tune(1), home / "good.mid")
    (home / "bad.mid").write_bytes(b"nothing musical")
    page.add_files([str(home / "bad.mid"), str(home / "good.mid")])
    settled(hands)
    assert titles(page) == ["Tune 1"]
    said = [notice.text for notice in hands.studio.notices.shown]
    assert said[0].startswith("Not added: bad.mid")
    assert said[1] == "Added 1 piece to the library"


def test_a_piece_is_exported_whole(hands: Hands, home: Path, filled: dict[str, int]) -> None:
    hands.studio.files.export_midi(home / "out.mid", tune(3))
    hands.finish()
    assert np.array_equal(read_midi(home / "out.mid").notes["pitch"], tune(3).notes["pitch"])


def test_dragging_out_gives_a_finished_file_named_by_the_piece(
    hands: Hands, filled: dict[str, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    page = opened(hands)
    dragged: list[Path] = []
    monkeypatch.setattr(pieces_page, "drag_file", lambda widget, path: dragged.append(path))
    page._get_ready_to_drag(filled["reel"])
    hands.finish()
    page.list.startDrag(Qt.DropAction.CopyAction)
    (path,) = dragged
    assert path.name.startswith("The reel ")
    assert np.array_equal(read_midi(path).notes["pitch"], tune(3).notes["pitch"])


def test_a_damaged_library_is_told_and_can_be_begun_anew(hands: Hands, home: Path) -> None:
    with Library() as library:
        library.add(tune(1))
    (home / "home" / "data" / "library.sqlite").write_bytes(b"x" * 5000)
    page = opened(hands)
    assert "was damaged and is kept as" in page.empty.text()
    page.empty_button.click()
    settled(hands)
    assert "Nothing here yet" in page.empty.text()


def test_the_library_is_read_on_a_thread_of_its_own(
    hands: Hands, filled: dict[str, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    threads: list[threading.Thread] = []
    find = Library.find

    def slow(library: Library, search: Search = EVERYTHING) -> Any:
        threads.append(threading.current_thread())
        time.sleep(0.3)
        return find(library, search)

    monkeypatch.setattr(Library, "find", slow)
    asked: list[float] = []
    run = Jobs.run

    def timed(jobs: Jobs, *arguments: Any, **named: Any) -> Any:
        started = time.perf_counter()
        job = run(jobs, *arguments, **named)
        asked.append(time.perf_counter() - started)
        return job

    monkeypatch.setattr(Jobs, "run", timed)
    opened(hands)
    assert threads
    assert threading.main_thread() not in threads
    assert max(asked) < 0.3, "asking does not wait for the answer"


# -- what is shown -------------------------------------------------------------------------------------


def test_a_row_tells_style_key_bars_and_when(filled: dict[str, int]) -> None:
    with Library() as library:
        waltz = library.piece(filled["waltz"])
        assert facts_of(waltz).startswith(f"waltz · {waltz.key} · 8 bars · ")
        assert not facts_of(library.piece(filled["air"])).startswith("imported")


def test_days_are_counted_in_the_persons_own_time() -> None:
    from datetime import UTC, datetime

    now = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)
    then = datetime(2026, 11, 21, 11, 5, tzinfo=UTC).astimezone()
    assert when_of("2026-11-21T11:05:00Z", now) == f"{then:%H:%M}"
    assert when_of("2026-11-18T12:00:00Z", now).startswith("Wed ")
    assert when_of("2026-01-03T12:00:00Z", now) == "3 Jan 2026"


def test_an_outline_has_the_notes_in_their_places() -> None:
    song = Song(make_notes([0, 480], 480, [60, 72]), (Track(colour=5),))
    outline = outline_of(song)
    assert outline.left.tolist() == [0.0, 0.5]
    assert outline.row.tolist() == [12, 0]
    assert outline.colour.tolist() == [5, 5]
    long = replace(song, notes=make_notes(np.arange(100_000) * 10, 5, 60))
    assert len(outline_of(long).left) <= 1500
    assert len(outline_of(Song()).left) == 0
