"""Files: what is saved comes back equal, nothing is lost, and nothing happens behind the user's back."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PySide6.QtCore import QMimeData, QPoint, QPointF, Qt, QUrl
from PySide6.QtGui import QDragEnterEvent, QDropEvent
from PySide6.QtWidgets import QApplication, QMessageBox

from core.song.midi_file import read_midi, write_midi
from core.song.notes import Song, Track, make_notes
from core.store.journal import Journal, unfinished_journals
from core.store.project_file import load_project
from desktop.demo import demo_song
from tests.desktop.hands import BEAT, CTRL, Hands


@pytest.fixture
def midi(tmp_path: Path) -> Path:
    path = tmp_path / "flute.mid"
    song = Song(make_notes(np.arange(4) * BEAT, BEAT, [72, 74, 76, 77]), (Track("Flute", program=73),))
    write_midi(song, path)
    return path


def drop(hands: Hands, path: Path, x: float) -> None:
    mime = QMimeData()
    mime.setUrls([QUrl.fromLocalFile(str(path))])
    button, keys, action = Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier, Qt.DropAction.CopyAction
    at = QPointF(hands.studio.width() * x, 300)
    enter = QDragEnterEvent(QPoint(int(at.x()), 300), action, mime, button, keys)
    QApplication.sendEvent(hands.studio, enter)
    assert enter.isAccepted()
    assert hands.studio._drop.isVisible()
    QApplication.sendEvent(hands.studio._drop, QDropEvent(at, action, mime, button, keys))
    assert not hands.studio._drop.isVisible()
    hands.finish()


def test_what_is_saved_opens_equal(hands: Hands, tmp_path: Path) -> None:
    hands.press(Qt.Key.Key_A, CTRL)
    hands.act("octave_up")
    hands.document.set_muted(1, True)
    hands.document.set_locked([0, 2], True)
    edited = hands.song
    assert hands.studio.isWindowModified()
    hands.studio.files.save_to(tmp_path / "mine.tunesmith")
    hands.finish()
    assert not hands.document.modified
    assert not hands.studio.isWindowModified()
    hands.studio.files.new()
    assert not len(hands.song.notes)
    hands.studio.files.open(tmp_path / "mine.tunesmith")
    hands.finish()
    assert hands.song == edited
    assert hands.document.muted == {1}
    assert hands.document.locked.tolist() == [0, 2]
    assert not hands.document.modified
    assert "mine" in hands.studio.windowTitle()
    assert hands.studio.settings.recent_files[0] == str(tmp_path / "mine.tunesmith")


def test_undo_after_saving_is_a_change(hands: Hands, tmp_path: Path) -> None:
    hands.act("track_add")
    hands.studio.files.save_to(tmp_path / "a.tunesmith")
    hands.finish()
    hands.act("undo")
    assert hands.document.modified
    hands.act("redo")
    assert not hands.document.modified


def test_a_midi_file_dropped_on_the_left_opens(hands: Hands, midi: Path) -> None:
    drop(hands, midi, 0.2)
    assert hands.song == read_midi(midi)
    assert hands.document.path == midi
    assert [row.name.text() for row in hands.studio.tracks.rows] == ["Flute"]


def test_a_midi_file_dropped_in_the_middle_adds_its_tracks(hands: Hands, midi: Path) -> None:
    before = hands.song
    drop(hands, midi, 0.5)
    assert [track.name for track in hands.song.tracks] == ["Piano", "Bass", "Strings", "Drums", "Flute"]
    assert hands.song.tracks[4].channel not in {track.channel for track in before.tracks}
    hands.act("undo")
    assert hands.song == before


def test_a_recording_that_is_opened_is_listened_to_and_the_song_stays(
    hands: Hands, monkeypatch: pytest.MonkeyPatch
) -> None:
    heard: list[Path] = []
    monkeypatch.setattr(hands.studio.listen, "listen", heard.append)
    before = hands.document.song
    hands.studio.files.open("symphony.flac")
    assert heard == [Path("symphony.flac")]
    assert hands.document.song is before


def test_other_files_are_not_taken(hands: Hands, tmp_path: Path) -> None:
    mime = QMimeData()
    mime.setUrls([QUrl.fromLocalFile(str(tmp_path / "text.txt"))])
    enter = QDragEnterEvent(
        QPoint(300, 300),
        Qt.DropAction.CopyAction,
        mime,
        Qt.MouseButton.LeftButton,
        Qt.KeyboardModifier.NoModifier,
    )
    enter.ignore()
    QApplication.sendEvent(hands.studio, enter)
    assert not hands.studio._drop.isVisible()


def test_a_broken_file_is_told_and_leaves_the_song(hands: Hands, tmp_path: Path) -> None:
    before = hands.song
    (tmp_path / "broken.mid").write_bytes(b"MThd\0\0")
    hands.studio.files.open(tmp_path / "broken.mid")
    hands.finish()
    assert hands.song == before
    assert hands.studio.notices.shown[-1].text.startswith("broken.mid was not opened: ")


def test_midi_is_exported_and_reads_back(hands: Hands, tmp_path: Path) -> None:
    hands.studio.files.export_midi(tmp_path / "out.mid")
    hands.finish()
    assert np.array_equal(read_midi(tmp_path / "out.mid").notes, hands.song.notes)
    assert hands.document.path is None, "an export is no save"


def test_sound_is_exported_without_muted_tracks(make_studio: Callable[..., Hands], tmp_path: Path) -> None:
    import soundfile

    notes = np.concatenate([make_notes(0, BEAT, 60, 100, 0), make_notes(0, BEAT, 48, 100, 1)])
    hands = make_studio(Song(notes, (Track("A"), Track("B", program=48, channel=1))))
    for name, muted in (("both", False), ("none", True)):
        hands.document.set_muted(0, muted)
        hands.document.set_muted(1, muted)
        hands.studio.files.export_audio(tmp_path / f"{name}.wav")
        hands.finish()
    loud, rate = soundfile.read(tmp_path / "both.wav")
    silent, _ = soundfile.read(tmp_path / "none.wav")
    assert rate == 44100
    assert np.abs(loud).max() > 0.01
    assert not len(silent) or np.abs(silent).max() < 1e-4


def test_a_cancelled_export_writes_nothing(hands: Hands, tmp_path: Path) -> None:
    job = hands.studio.files.export_audio(tmp_path / "out.wav")
    hands.studio.jobs.cancel(job)
    hands.studio.files.export_midi(tmp_path / "after.mid")
    hands.finish()
    assert (tmp_path / "after.mid").exists()
    assert not (tmp_path / "out.wav").exists()
    assert "cancelled" in hands.studio.notices.shown[0].text


def test_closing_with_unsaved_work_asks_first(hands: Hands) -> None:
    hands.act("track_add")
    hands.studio.close()
    question = hands.studio.findChild(QMessageBox)
    assert hands.studio.isVisible()
    assert question is not None
    assert "Window Seat" in question.text()
    question.button(QMessageBox.StandardButton.Cancel).click()
    QApplication.processEvents()
    assert hands.studio.isVisible()
    hands.studio.close()
    questions = [box for box in hands.studio.findChildren(QMessageBox) if box.isVisible()]
    questions[0].button(QMessageBox.StandardButton.Discard).click()
    QApplication.processEvents()
    assert not hands.studio.isVisible()


def test_the_untouched_demo_closes_without_a_question(hands: Hands) -> None:
    hands.studio.close()
    assert not hands.studio.isVisible()


def test_work_of_a_crashed_sitting_is_offered_and_comes_back(make_studio: Callable[..., Hands]) -> None:
    crashed = Journal()
    lost = demo_song().with_notes(demo_song().notes[:50])
    crashed.append("Delete notes", lost, {"path": ""})
    assert crashed.flush()
    crashed.close(keep=True)
    hands = make_studio()
    hands.studio.files.start_journal()
    hands.finish()
    notice = hands.studio.notices.shown[-1]
    assert "can be recovered" in notice.text
    assert "Delete notes" in notice.text
    assert hands.song == demo_song(), "an offer changes nothing"
    notice.answers["Recover"]()
    assert hands.song == lost
    assert hands.document.modified, "recovered work is not saved yet"
    assert crashed.path not in unfinished_journals()


def test_edits_reach_the_journal_and_a_proper_end_removes_it(hands: Hands) -> None:
    hands.studio.files.start_journal()
    hands.finish()
    journal = hands.studio.files._journal
    assert journal is not None
    hands.act("track_add")
    assert journal.flush()
    found = journal.recover()
    assert found is not None
    assert found.song == hands.song
    assert found.label == "Add track"
    hands.studio.asks_before_closing = False
    hands.studio.close()
    assert not journal.path.exists()


def test_saved_work_is_not_offered_again(make_studio: Callable[..., Hands], tmp_path: Path) -> None:
    hands = make_studio()
    hands.studio.files.start_journal()
    hands.finish()
    hands.act("track_add")
    hands.studio.files.save_to(tmp_path / "safe.tunesmith")
    hands.finish()
    journal = hands.studio.files._journal
    assert journal is not None
    assert journal.flush()
    hands.studio.files._journal = None
    journal.close(keep=True)
    other = make_studio()
    other.studio.files.start_journal()
    other.finish()
    assert not [notice for notice in other.studio.notices.shown if "recovered" in notice.text]
    assert load_project(tmp_path / "safe.tunesmith")[0] == hands.song
