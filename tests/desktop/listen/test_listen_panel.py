"""The Listen panel: what it says when it knows, when it is not sure, when it cannot; and real files."""

from __future__ import annotations

import csv
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
from PySide6.QtCore import QMimeData, QPoint, QPointF, Qt, QUrl
from PySide6.QtGui import QDragEnterEvent, QDropEvent
from PySide6.QtWidgets import QAbstractButton, QApplication, QLabel

from core.errors import TunesmithError
from core.listen import batch as batch_module
from core.listen import report as report_module
from core.listen.report import MelodyNote, Report, Span, Verdict
from core.song.midi_file import write_midi
from core.song.notes import KeyMark, Song, Tempo, Track, make_notes
from core.sound.render import render_to_file
from desktop.drop_overlay import fields_for
from desktop.listen.listener import Model
from desktop.listen.models_page import ModelsPage
from desktop.listen.panel import ListenPanel
from tests.desktop.hands import BEAT, Hands

JAZZ = Verdict("jazz", (("jazz", 0.71), ("blues", 0.14), ("rock", 0.1), ("pop", 0.05)), "genre")
NOT_SURE = Verdict("not sure", (("jazz", 0.31), ("blues", 0.29), ("rock", 0.2), ("pop", 0.2)), "genre")
REPORT = Report(
    "/music/night.wav", "audio", 16.0, genre=JAZZ, tempo_bpm=120.0, downbeats_s=tuple(2.0 * bar for bar in range(8)),
    beats_s=tuple(0.5 * beat for beat in range(32)), key="D minor", key_confidence=0.8,
    chords=tuple(Span(2.0 * bar, 2.0 * bar + 2, ("D:min", "A")[bar % 2]) for bar in range(8)),
    structure=(Span(0, 8, "A"), Span(8, 16, "B")), melody=(MelodyNote(0, 1, 62.0), MelodyNote(1, 2, 69.0)),
    timeline=(Span(0, 8, "jazz"), Span(8, 16, "not sure", 0.3)), seconds=0.8, warnings=("the header lies",),
)  # fmt: skip
MODELS = [
    Model("genre", "Flagship", "genre", "ours", "Ten genres"), Model("crnn", "CRNN", "genre", "a paper"),
    Model("dnn", "DNN", "genre", "a paper", why_not="its weights are not installed"),
    Model("scores", "Scores", "composer", "ours", hears="score"),
]  # fmt: skip


@pytest.fixture(autouse=True)
def home(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("TUNESMITH_HOME", str(tmp_path / "home"))
    # Nothing to be near to: taking the collection in is work of many seconds, which other tests see to.
    monkeypatch.setattr("core.explore.library.standing", list)


@pytest.fixture
def panel(hands: Hands) -> ListenPanel:
    hands.studio.show_panel("listen")
    hands.until(lambda: hands.studio.panel_is_shown("listen"))
    hands.finish()
    return hands.studio.listen


@pytest.fixture
def ears(monkeypatch: pytest.MonkeyPatch) -> Iterator[Ears]:
    ears = Ears()
    monkeypatch.setattr(report_module, "listen", ears)
    monkeypatch.setattr(batch_module, "listen", ears)
    yield ears
    ears.go.set()


class Ears:
    """Stand-in for `core.listen.report.listen`."""

    def __init__(self) -> None:
        self.go, self.hold = threading.Event(), False
        self.asked: list[tuple[Path, str]] = []
        self.answer: Report | Exception = REPORT

    def __call__(
        self, path: Path, *, model: str = "", progress: Callable[[float], None] | None = None,
        cancelled: Callable[[], bool] | None = None, **_: Any,
    ) -> Report:  # fmt: skip
        from core.errors import Cancelled

        self.asked.append((Path(path), model))
        if progress:
            progress(0.4)
        while self.hold and not self.go.wait(0.005):
            if cancelled and cancelled():
                raise Cancelled
        if isinstance(self.answer, Exception):
            raise self.answer
        if "broken" in Path(path).name:
            raise TunesmithError("the file is empty")
        return replace(self.answer, file=str(path))


def page_of(panel: ListenPanel) -> str:
    return ("empty", "busy", "error", "result")[panel.result.pages.currentIndex()]


# -- what it says ------------------------------------------------------------------------------------


def test_the_empty_panel_says_what_to_do(hands: Hands, panel: ListenPanel) -> None:
    assert page_of(panel) == "empty"
    assert "Drop a sound or MIDI file" in panel.result.pages.currentWidget().findChildren(QLabel)[2].text()
    hands.studio.actions_.refresh()
    assert "listen to a file first" in hands.studio.actions_.by_id["listen_use"].toolTip()


def test_a_result_has_verdict_bars_and_facts(hands: Hands, panel: ListenPanel) -> None:
    panel.listener.show(REPORT)
    result = panel.result
    assert (result.genre.word.text(), result.genre.sure.text()) == ("Jazz", "71 %")
    assert result.genre.bars.shown[0] == ("jazz", 0.71)
    assert result.genre.bars.accessibleDescription().startswith("jazz 71 per cent, blues 14 per cent")
    assert not result.composer.isVisible()
    spoken = [w.accessibleName() for w in result.findChildren(QLabel) if ": " in w.accessibleName()]
    assert "Tempo: 120 bpm" in spoken
    assert "Key: D minor · 80 %" in spoken
    assert "Chords: Dm A" in spoken
    assert "Parts: A 0:00 · B 0:08" in spoken
    assert "Melody: D4 to A4, mostly D4" in spoken
    assert result.warnings.text() == "The header lies"
    assert result.kind.text() == "0:16 · Sound"


def test_not_sure_is_said_and_the_nearest_are_named(panel: ListenPanel) -> None:
    panel.listener.show(replace(REPORT, genre=NOT_SURE))
    genre = panel.result.genre
    assert (genre.word.text(), genre.sure.text()) == ("Not sure", "")
    assert "jazz (31 %) and blues (29 %)" in genre.about.text()


def test_the_composer_is_told_of_classical_music_only(panel: ListenPanel) -> None:
    composer = Verdict("haydn", (("haydn", 0.8), ("mozart", 0.2)))
    panel.listener.show(replace(REPORT, composer=composer))
    assert not panel.result.composer.isVisible()
    classical = Verdict("classical", (("classical", 0.9), ("jazz", 0.1)))
    panel.listener.show(replace(REPORT, composer=composer, genre=classical))
    assert panel.result.composer.isVisible()
    assert panel.result.composer.word.text() == "Haydn"


def test_what_was_not_found_is_said_too(panel: ListenPanel) -> None:
    panel.listener.show(Report("/a.wav", "audio", 3.0))
    assert panel.result.genre.word.text() == "No verdict"
    assert not panel.result.use.isEnabled()
    assert "No tempo, key or chords" in panel.result.use.toolTip()


def test_an_error_is_one_line_with_a_way_on(hands: Hands, panel: ListenPanel, ears: Ears) -> None:
    ears.answer = TunesmithError("this is a text file; give it a sound file")
    panel.listen(Path("words.wav"))
    hands.until(lambda: panel.listener.state == "error")
    assert page_of(panel) == "error"
    assert panel.result.error.text() == "This is a text file; give it a sound file"
    assert panel.result.error_title.accessibleName() == "words.wav"


def test_cancel_goes_back_at_once_and_the_thread_stops(hands: Hands, panel: ListenPanel, ears: Ears) -> None:
    panel.listener.show(REPORT)
    ears.hold = True
    panel.listen(Path("long.wav"))
    hands.until(lambda: len(ears.asked) == 1 and panel.listener.progress > 0)
    assert page_of(panel) == "busy"
    assert panel.result.bar.value() == 400
    panel.result.stop.click()
    assert page_of(panel) == "result"
    assert panel.listener.title == "night.wav"
    # The thread is free again: another file is listened to, though the first would have taken for ever.
    ears.hold = False
    panel.listen(Path("next.wav"))
    hands.until(lambda: panel.listener.title == "next.wav" and panel.listener.state == "result")


def test_escape_cancels(hands: Hands, panel: ListenPanel, ears: Ears) -> None:
    ears.hold = True
    panel.listen(Path("long.wav"))
    hands.until(lambda: bool(ears.asked))
    panel.result.stop.setFocus()
    hands.press(Qt.Key.Key_Escape)
    assert panel.listener.state == "empty"


def test_every_control_can_be_reached_and_has_a_name(hands: Hands, panel: ListenPanel) -> None:
    panel.listener.show(REPORT)
    QApplication.processEvents()
    for page in (panel.result, panel.models, panel.batch):
        for button in page.findChildren(QAbstractButton):
            if button.objectName() != "qt_tableview_cornerbutton":
                assert button.focusPolicy() & Qt.FocusPolicy.TabFocus, button.text()
                assert button.text() or button.accessibleName()


# -- Compose -----------------------------------------------------------------------------------------


def test_what_was_heard_goes_into_compose(hands: Hands, panel: ListenPanel) -> None:
    panel.listener.show(REPORT)
    before = hands.studio.compose_panel.request()
    panel.result.use.click()
    request = hands.studio.compose_panel.request()
    assert (request.tempo, request.key, request.chords) == (120.0, "D minor", ("Dm", "A"))
    assert (request.bars, request.style, request.instruments) == (
        before.bars,
        before.style,
        before.instruments,
    )
    assert hands.studio.panel_is_shown("compose")


def test_one_fact_alone_can_be_used(hands: Hands, panel: ListenPanel) -> None:
    panel.listener.show(REPORT)
    before = hands.studio.compose_panel.request()
    panel.use_in_compose(("key",))
    request = hands.studio.compose_panel.request()
    assert (request.key, request.tempo, request.chords) == ("D minor", before.tempo, before.chords)


def test_a_seed_is_listened_to_and_then_used(hands: Hands, panel: ListenPanel, ears: Ears) -> None:
    panel.use_as_seed(Path("seed.wav"))
    hands.until(lambda: hands.studio.compose_panel.request().key == "D minor")
    assert hands.studio.panel_is_shown("compose")
    assert not hands.studio.spectrogram_place


# -- models ------------------------------------------------------------------------------------------


def test_models_can_be_chosen_and_those_without_weights_say_so(
    hands: Hands, panel: ListenPanel, ears: Ears
) -> None:
    panel._show_models(MODELS)
    entries = {entry.value: entry for entry in panel.result.model.entries()}
    assert list(entries) == ["", "genre", "crnn", "dnn"]
    assert entries["dnn"].why_not
    panel.listen(Path("a.wav"))
    hands.until(lambda: panel.listener.state == "result")
    panel.listener.use_model("crnn")
    hands.until(lambda: ears.asked[-1] == (Path("a.wav"), "crnn") and panel.listener.state == "result")


def test_models_are_compared_side_by_side(
    hands: Hands, panel: ListenPanel, monkeypatch: pytest.MonkeyPatch
) -> None:
    from desktop.listen import listener

    answers = {"genre": JAZZ, "crnn": replace(NOT_SURE, model="crnn")}
    monkeypatch.setattr(listener, "_ask", lambda task, path, name: answers[name])
    panel._show_models(MODELS)
    panel.listener.show(REPORT)
    page: ModelsPage = panel.models
    hands.act("listen_compare")
    hands.until(lambda: set(panel.listener.verdicts) == {"genre", "crnn"})
    hands.finish()
    assert page.table.chance("genre", "jazz") == 0.71
    assert page.table.chance("crnn", "jazz") == 0.31
    assert page.table.accessibleDescription() == "Flagship: jazz; CRNN: not sure"
    assert not page.ask.isEnabled()
    page.table.setFocus()
    hands.press(Qt.Key.Key_Right)
    assert page.title.text() == "CRNN"
    hands.press(Qt.Key.Key_Left)
    assert page.title.text() == "Flagship"


def test_a_models_pictures_are_shown_where_they_ship(
    hands: Hands, panel: ListenPanel, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    from PySide6.QtGui import QImage

    from core.store import folders
    from desktop.listen import models_page
    from desktop.listen.models_page import Thumbnail

    monkeypatch.setattr(models_page, "card_of", lambda _: {})  # a card's own figures are drawn instead
    (tmp_path / "models").mkdir()
    for kind in ("curve", "confusion"):
        QImage(400, 300, QImage.Format.Format_RGB32).save(str(tmp_path / "models" / f"crnn-{kind}.png"))
    monkeypatch.setattr(folders, "assets_folder", lambda: tmp_path)
    panel._show_models(MODELS)
    panel.models.choose("crnn")
    shown = [each.accessibleName() for each in panel.models.findChildren(Thumbnail) if not each.isHidden()]
    assert shown == ["CRNN: learning curve", "CRNN: confusion matrix"]


# -- dropping ----------------------------------------------------------------------------------------


def test_the_overlay_offers_what_the_kind_of_file_can_be_used_for(tmp_path: Path) -> None:
    def offered(*names: str) -> list[str]:
        return [field.name for field in fields_for([tmp_path / name for name in names])]

    (tmp_path / "songs").mkdir()
    assert offered("a.mid") == ["open", "add", "classify", "seed", "map"]
    assert offered("a.flac") == ["see", "classify", "seed", "map"]
    assert offered("a.tunesmith") == ["open", "add"]
    assert offered("songs") == ["batch", "map"]
    assert offered("a.mid", "b.mid") == ["open", "add", "batch", "map"]
    assert offered("a.mp3", "b.wav") == ["batch", "map"]
    assert offered("a.mp3", "songs") == ["batch", "map"]
    assert offered("a.txt") == []


def drop(hands: Hands, places: list[Path], field: str) -> None:
    mime = QMimeData()
    mime.setUrls([QUrl.fromLocalFile(str(place)) for place in places])
    button, keys, action = Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier, Qt.DropAction.CopyAction
    enter = QDragEnterEvent(QPoint(640, 300), action, mime, button, keys)
    QApplication.sendEvent(hands.studio, enter)
    assert enter.isAccepted()
    hands.studio._drop.grab()
    at: QPointF = hands.studio._drop.area([each.name for each in fields_for(places)].index(field)).center()
    QApplication.sendEvent(hands.studio._drop, QDropEvent(at, action, mime, button, keys))


def test_every_field_does_what_it_says(hands: Hands, panel: ListenPanel, ears: Ears, tmp_path: Path) -> None:
    sound, midi = tmp_path / "a.wav", tmp_path / "b.mid"
    soundfile.write(sound, np.zeros(22050, np.float32), 22050)
    write_midi(Song(make_notes(np.arange(4) * BEAT, BEAT, 60), (Track("Flute", program=73),)), midi)
    drop(hands, [sound], "classify")
    hands.until(lambda: panel.listener.path == sound and panel.listener.state == "result")
    drop(hands, [midi], "classify")
    hands.until(lambda: panel.listener.path == midi and panel.listener.state == "result")
    drop(hands, [midi], "seed")
    hands.until(lambda: hands.studio.compose_panel.request().key == "D minor")
    drop(hands, [sound], "see")
    hands.until(lambda: hands.studio.spectrogram.path == sound)
    hands.finish()


def test_a_sound_that_was_classified_is_shown_with_its_time_line(
    hands: Hands, panel: ListenPanel, ears: Ears, tmp_path: Path
) -> None:
    sound = tmp_path / "a.wav"
    soundfile.write(sound, np.zeros(16 * 22050, np.float32), 22050)
    panel.listen(sound)
    hands.until(lambda: hands.studio.spectrogram_place == "below")
    hands.finish()
    assert hands.studio.spectrogram.path == sound
    assert (
        "Genre: jazz from 0:00.00, not sure from 0:08.00"
        in hands.studio.spectrogram.strips.accessibleDescription()
    )
    hands.studio.spectrogram.show_song()
    assert not hands.studio.spectrogram.strips.isVisible()


# -- folders -----------------------------------------------------------------------------------------


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    place = tmp_path / "songs"
    (place / "deep").mkdir(parents=True)
    for name in ("b.wav", "a.mp3", "deep/c.flac", "broken.ogg", "notes.mid"):
        (place / name).write_bytes(b"sound")
    (place / "read me.txt").write_text("no sound")
    return place


def test_a_folder_becomes_a_table_with_a_row_for_each_file_errors_too(
    hands: Hands, panel: ListenPanel, ears: Ears, folder: Path, tmp_path: Path
) -> None:
    drop(hands, [folder], "batch")
    batch = panel.batch
    hands.until(lambda: not batch.is_busy)
    assert panel.tabs.currentIndex() == 2
    names = ["a.mp3", "b.wav", "broken.ogg", str(Path("deep/c.flac")), "notes.mid"]
    assert [row.name for row in batch.model.rows] == names
    assert [row.error for row in batch.model.rows] == ["", "", "the file is empty", "", ""]
    assert "5 files · 1 error" in batch.note.text()
    batch.table.sortByColumn(0, Qt.SortOrder.DescendingOrder)
    batch.save_to(tmp_path / "out.csv")
    hands.finish()
    with (tmp_path / "out.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert tuple(rows[0]) == batch_module.COLUMNS
    assert [Path(row["file"]).name for row in rows] == ["notes.mid", "c.flac", "broken.ogg", "b.wav", "a.mp3"]
    said = ("genre", "genre_p", "tempo_bpm", "key", "duration_s", "error")
    assert [rows[0][name] for name in said] == ["jazz", "0.710", "120.0", "D minor", "16.00", ""]
    assert rows[2]["error"] == "the file is empty"


def test_the_table_grows_while_files_finish_and_keeps_its_rows_when_cancelled(
    hands: Hands, panel: ListenPanel, ears: Ears, folder: Path
) -> None:
    real = ears.__call__

    def third_waits(path: Path, **named: Any) -> Report:
        ears.hold = len(ears.asked) == 2
        return real(path, **named)

    batch_module.listen = third_waits
    panel.listen_to_all([folder])
    batch = panel.batch
    hands.until(lambda: len(batch.model.rows) == 2)
    assert batch.is_busy
    assert batch.note.text().startswith("2 of 5 files")
    batch.stop.click()
    assert not batch.is_busy
    assert len(batch.model.rows) == 2
    assert "cancelled" in batch.note.text()
    hands.finish()


def test_a_row_opens_its_file(hands: Hands, panel: ListenPanel, ears: Ears, folder: Path) -> None:
    panel.listen_to_all([folder])
    hands.until(lambda: not panel.batch.is_busy)
    table = panel.batch.table
    table.setFocus()
    table.selectRow(1)
    table.setCurrentIndex(panel.batch.sorted.index(1, 0))
    hands.press(Qt.Key.Key_Return)
    hands.until(lambda: panel.listener.title == "b.wav" and panel.listener.state == "result")
    assert panel.tabs.currentIndex() == 0
    hands.finish()


def test_a_folder_without_sound_says_so(hands: Hands, panel: ListenPanel, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    panel.listen_to_all([tmp_path / "empty"])
    hands.until(lambda: not panel.batch.is_busy)
    assert panel.batch.empty.text().startswith("There is no audio and no MIDI file")


# -- for real ----------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def rendered(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Eight bars of D minor at 120, with drums, rendered."""
    chords = ((62, 65, 69), (58, 62, 65), (55, 58, 62), (57, 61, 64)) * 2
    onsets = np.repeat(np.arange(8) * 4 * BEAT, 3)
    notes = np.concatenate([
        make_notes(onsets, 4 * BEAT - 20, np.concatenate(chords), 80, 0),
        make_notes(np.arange(32) * BEAT, BEAT // 2, np.where(np.arange(32) % 4, 42, 36), 110, 1),
    ])  # fmt: skip
    song = Song(
        notes, (Track("Piano"), Track("Drums", is_drum=True)), tempos=(Tempo.from_bpm(0, 120),),
        keys=(KeyMark(0, 2, "minor"),),
    )  # fmt: skip
    folder = tmp_path_factory.mktemp("rendered")
    write_midi(song, folder / "minor.mid")
    render_to_file(song, folder / "minor.wav", bits=16, sample_rate=22050)
    return folder


def test_a_rendered_song_dropped_on_the_window_is_heard(
    hands: Hands, panel: ListenPanel, rendered: Path
) -> None:
    drop(hands, [rendered / "minor.wav"], "classify")
    hands.qtbot.waitUntil(lambda: panel.listener.state in ("result", "error"), timeout=60_000)
    report = panel.listener.report
    assert report is not None, panel.listener.error
    assert report.kind == "audio"
    assert report.tempo_bpm is not None
    assert min(abs(report.tempo_bpm / 120 - ratio) for ratio in (0.5, 1, 2)) < 0.04
    assert report.key in ("D minor", "F major")
    hands.qtbot.waitUntil(lambda: not hands.studio.jobs.running, timeout=30_000)
    view = hands.studio.spectrogram
    assert view.path == rendered / "minor.wav"
    assert view.source.sound is not None
    assert view.source.sound.seconds == pytest.approx(report.duration_s, abs=0.05)
    assert view.strips.isVisible()
    hands.act("listen_use")
    request = hands.studio.compose_panel.request()
    assert request.key == report.key
    assert request.chords


def test_the_notes_of_a_midi_file_tell_key_and_tempo_exactly(
    hands: Hands, panel: ListenPanel, rendered: Path
) -> None:
    drop(hands, [rendered / "minor.mid"], "classify")
    hands.qtbot.waitUntil(lambda: panel.listener.state in ("result", "error"), timeout=60_000)
    report = panel.listener.report
    assert report is not None, panel.listener.error
    assert (report.kind, report.key, report.tempo_bpm) == ("midi", "D minor", pytest.approx(120.0))
    assert "exactly from its notes" in panel.result.kind.text()
    hands.finish()


def test_the_open_song_is_listened_to_from_its_notes(hands: Hands, panel: ListenPanel) -> None:
    hands.act("listen_song")
    hands.qtbot.waitUntil(lambda: panel.listener.state in ("result", "error"), timeout=60_000)
    report = panel.listener.report
    assert report is not None, panel.listener.error
    assert report.tempo_bpm == pytest.approx(86.0, abs=0.1)
    assert panel.listener.path is None
    hands.finish()
