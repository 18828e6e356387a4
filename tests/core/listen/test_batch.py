"""Many files: none stops the rest, and a table that was left is gone on with."""

from __future__ import annotations

import csv
import multiprocessing
import os
import sys
import threading
from pathlib import Path

import numpy as np
import pytest
import soundfile

from core.errors import Cancelled, TunesmithError
from core.listen import batch, decode
from core.listen.batch import COLUMNS, Job, Outcome, find_files, in_processes, listen_all, outcome_of
from core.listen.report import Report, Verdict
from core.song.midi_file import write_midi
from core.song.notes import Song, make_notes


@pytest.fixture(autouse=True)
def _ended():
    yield
    decode.close()


@pytest.fixture
def folder(tmp_path) -> Path:
    """Three files that are quick to read, one of them broken, and one that is none of ours."""
    music = tmp_path / "music"
    (music / "deeper").mkdir(parents=True)
    write_midi(Song(make_notes(np.arange(16) * 480, 480, 60)), music / "b.mid")
    soundfile.write(music / "deeper" / "silence.WAV", np.zeros(30000), 22050, format="WAV")
    (music / "a broken one.mp3").write_bytes(b"no music" * 50)
    (music / "notes.txt").write_text("not for ears")
    (music / ".hidden.wav").write_bytes(b"")
    return music


def quick(monkeypatch, failing: tuple[str, ...] = ()) -> list[str]:
    """Instead of listening, take down who was listened to."""
    heard: list[str] = []

    def listen(path: str, **_: object) -> Report:
        heard.append(Path(path).name)
        if Path(path).name in failing:
            raise TunesmithError("cannot listen to it")
        return Report(path, "audio", 3.0, genre=Verdict("rock", (("rock", 0.75),)), tempo_bpm=99.96)

    monkeypatch.setattr(batch, "listen", listen)
    return heard


def rows(table: Path) -> list[dict[str, str]]:
    with table.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def test_folders_stand_for_the_files_in_them(folder) -> None:
    names = [Path(file).name for file in find_files([folder])]
    assert names == ["a broken one.mp3", "b.mid", "silence.WAV"]
    assert find_files([folder / "b.mid", folder])[0] == str(folder / "b.mid")
    assert len(find_files([folder / "b.mid", folder])) == 3
    assert find_files(["no such file"]) == ["no such file"]


def test_a_folder_without_music_is_told_of(tmp_path) -> None:
    with pytest.raises(TunesmithError, match="no audio and no MIDI file"):
        find_files([tmp_path])


def test_a_bad_file_is_one_line_and_the_rest_is_heard(folder) -> None:
    outcomes = {Path(outcome.file).name: outcome for outcome in listen_all(find_files([folder]))}
    assert "text file" in outcomes["a broken one.mp3"].error
    assert outcomes["a broken one.mp3"].as_json() == {
        "file": str(folder / "a broken one.mp3"),
        "error": outcomes["a broken one.mp3"].error,
    }
    assert outcomes["b.mid"].report.kind == "midi"
    assert "silent" in outcomes["silence.WAV"].report.warnings[0]


def test_a_fault_of_ours_is_a_line_too(monkeypatch) -> None:
    monkeypatch.setattr(batch, "listen", lambda *_, **__: 1 / 0)
    outcome = outcome_of(Job("song.wav"))
    assert "ZeroDivisionError" in outcome.error
    assert "please report" in outcome.error


def test_the_table_has_a_line_a_file(folder, tmp_path, monkeypatch) -> None:
    quick(monkeypatch, failing=("b.mid",))
    table = tmp_path / "table.csv"
    list(listen_all(find_files([folder]), table=table))
    lines = rows(table)
    assert tuple(lines[0]) == COLUMNS
    assert [Path(line["file"]).name for line in lines] == ["a broken one.mp3", "b.mid", "silence.WAV"]
    assert lines[1]["error"] == "cannot listen to it"
    assert (lines[0]["genre"], lines[0]["genre_p"], lines[0]["tempo_bpm"]) == ("rock", "0.750", "100.0")
    assert lines[0]["error"] == ""


def test_a_run_that_was_stopped_is_gone_on_with(folder, tmp_path, monkeypatch) -> None:
    heard = quick(monkeypatch)
    table, files = tmp_path / "table.csv", find_files([folder])
    outcomes = listen_all(files, table=table)
    next(outcomes)
    outcomes.close()
    assert len(rows(table)) == 1
    shares: list[float] = []
    list(listen_all(files, table=table, progress=shares.append))
    assert heard == ["a broken one.mp3", "b.mid", "silence.WAV"]
    assert len(rows(table)) == 3
    assert shares == [pytest.approx(2 / 3), 1.0]
    assert list(listen_all(files, table=table)) == []


def test_a_file_that_was_changed_is_heard_again(folder, tmp_path, monkeypatch) -> None:
    heard = quick(monkeypatch)
    table, files = tmp_path / "table.csv", find_files([folder])
    list(listen_all(files, table=table))
    (folder / "a broken one.mp3").write_bytes(b"mended")
    list(listen_all(files, table=table))
    assert heard[3:] == ["a broken one.mp3"]


def test_half_a_line_left_by_a_kill_is_removed(folder, tmp_path, monkeypatch) -> None:
    quick(monkeypatch)
    table, files = tmp_path / "table.csv", find_files([folder])
    list(listen_all(files, table=table))
    whole = table.read_bytes()
    table.write_bytes(whole[:-20])
    assert len(list(listen_all(files, table=table))) == 1
    assert len(rows(table)) == 3
    table.write_bytes(whole[:5])  # killed in its first line
    assert len(list(listen_all(files, table=table))) == 3


def test_another_table_is_not_written_into(folder, tmp_path) -> None:
    table = tmp_path / "table.csv"
    table.write_bytes(b"name,price\r\nbread,3\r\n")
    with pytest.raises(TunesmithError, match="another table"):
        list(listen_all(find_files([folder]), table=table))
    assert table.read_bytes() == b"name,price\r\nbread,3\r\n"
    with pytest.raises(TunesmithError, match="cannot write"):
        list(listen_all(find_files([folder]), table=tmp_path / "nowhere" / "table.csv"))


def test_names_may_hold_what_they_like(tmp_path, monkeypatch) -> None:
    quick(monkeypatch)
    files = []
    for name in ('a, "quoted" one.wav', "ünï\u00a0code.wav", "two\nlines.wav"):
        (tmp_path / name).write_bytes(b"x")
        files.append(str(tmp_path / name))
    table = tmp_path / "table.csv"
    list(listen_all(files, table=table))
    assert [line["file"] for line in rows(table)] == files
    assert list(listen_all(files, table=table)) == []


def test_the_work_can_be_done_elsewhere(folder, monkeypatch) -> None:
    quick(monkeypatch)
    asked: list[Job] = []

    def elsewhere(function, jobs):
        asked.extend(jobs)
        return map(function, jobs)

    outcomes = list(listen_all(find_files([folder]), model="m", mapped=elsewhere))
    assert [job.model for job in asked] == ["m"] * 3
    assert [Path(outcome.file).name for outcome in outcomes] == ["a broken one.mp3", "b.mid", "silence.WAV"]


def test_several_processes_hear_the_same(folder) -> None:
    files = find_files([folder])
    alone = {outcome.file: outcome for outcome in listen_all(files)}
    shared = {outcome.file: outcome for outcome in listen_all(files, workers=2)}
    assert shared.keys() == alone.keys()
    for file, outcome in shared.items():
        assert outcome.error == alone[file].error
        if outcome.report:
            assert outcome.report.warnings == alone[file].report.warnings
            assert outcome.report.key == alone[file].report.key


def test_cancelling_ends_the_processes_and_keeps_what_was_done(folder, tmp_path) -> None:
    wanted = threading.Event()
    table = tmp_path / "table.csv"
    outcomes = listen_all(find_files([folder]), table=table, workers=2, cancelled=wanted.is_set)
    next(outcomes)
    wanted.set()
    with pytest.raises(Cancelled):
        list(outcomes)
    assert len(rows(table)) >= 1


def crash(job: Job) -> Outcome:
    if "crash" in job.file:
        os._exit(3)
    return Outcome(job.file, error="fine")


@pytest.mark.skipif(sys.platform == "win32", reason="needs fork")
def test_a_process_that_ends_costs_its_files_alone(monkeypatch, tmp_path) -> None:
    monkeypatch.setattr(batch, "outcome_of", crash)
    # A worker finds its function by name; a forked one has this module.
    monkeypatch.setattr(batch, "get_context", lambda _: multiprocessing.get_context("fork"))
    jobs = [Job(f"{name}.wav") for name in ("one", "crash", "two", "three", "four", "five", "six")]
    outcomes = {outcome.file: outcome.error for outcome in in_processes(jobs, 1, lambda: False)}
    assert len(outcomes) == 7
    assert "ended" in outcomes["crash.wav"]
    assert outcomes["six.wav"] == "fine"
