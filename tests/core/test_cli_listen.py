"""The command that listens, and what scripts find in its answer."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest
import soundfile

from core.listen import decode
from core.song.midi_file import write_midi
from core.song.notes import Song, Tempo, make_notes

KEYS = {
    *("file", "kind", "duration_s", "genre", "genre_verdict", "composer", "composer_verdict", "tempo_bpm"),
    *("beats_s", "downbeats_s", "key", "key_confidence", "chords", "structure", "melody", "timeline"),
    *("seconds", "warnings"),
}


@pytest.fixture(autouse=True)
def _ended():
    yield
    decode.close()


@pytest.fixture
def scale() -> str:
    notes = make_notes(np.arange(32) * 480, 480, [62, 64, 66, 67, 69, 71, 73, 74] * 4)
    write_midi(Song(notes, tempos=(Tempo.from_bpm(0, 100),)), "scale.mid")
    return "scale.mid"


@pytest.fixture
def here(tunesmith) -> Path:
    return Path.cwd()


def test_a_score_is_told_of_in_the_words_of_the_contract(here, tunesmith, scale) -> None:
    answer = tunesmith("listen", scale, "--json")
    assert answer.code == 0
    (told,) = answer.json["files"]
    assert set(told) == KEYS
    assert (told["file"], told["kind"]) == (scale, "midi")
    assert told["duration_s"] == pytest.approx(32 * 0.6)
    assert told["tempo_bpm"] == pytest.approx(100, abs=0.01)
    assert told["key"] == "D major"
    assert told["beats_s"][1] == pytest.approx(0.6)
    assert {"label", "p"} == set(told["genre"][0])
    assert {"start_s", "end_s", "label", "confidence"} == set(told["structure"][0])


def test_a_person_reads_a_few_lines(here, tunesmith, scale) -> None:
    answer = tunesmith("listen", scale)
    lines = [line.split(maxsplit=1) for line in answer.out.splitlines()]
    told = {line[0]: line[1] for line in lines if len(line) == 2}
    assert lines[0] == [scale]
    assert told["tempo"] == "100.0 bpm, 32 beats"
    assert told["key"].startswith("D major")


def test_a_bad_file_is_an_error_in_its_place(here, tunesmith, scale) -> None:
    Path("broken.mp3").write_bytes(b"no music at all" * 20)
    answer = tunesmith("listen", "broken.mp3", scale, "none.wav", "--json")
    assert answer.code == 0
    first, second, third = answer.json["files"]
    assert first == {"file": "broken.mp3", "error": first["error"]}
    assert "text file" in first["error"]
    assert second["kind"] == "midi"
    assert "there is no such file" in third["error"]
    assert tunesmith("listen", "broken.mp3", "--json").code == 2


def test_silence_is_heard_and_said(here, tunesmith) -> None:
    soundfile.write("silence.wav", np.zeros(40000), 22050)
    (told,) = tunesmith("listen", "silence.wav", "--json").json["files"]
    assert told["genre_verdict"] is None
    assert told["duration_s"] == pytest.approx(40000 / 22050)
    assert "silent" in told["warnings"][0]


def test_a_folder_goes_into_a_table_once(here, tunesmith, scale) -> None:
    Path("music").mkdir()
    Path(scale).rename("music/scale.mid")
    Path("music/broken.mp3").write_bytes(b"no music at all" * 20)
    answer = tunesmith("listen", "music", "--out", "table.csv", "--workers", "1", "--json")
    assert answer.code == 0
    assert (answer.json["table"], answer.json["done_before"]) == ("table.csv", 0)
    assert [Path(entry["file"]).name for entry in answer.json["files"]] == ["broken.mp3", "scale.mid"]
    with Path("table.csv").open(newline="", encoding="utf-8") as file:
        lines = {Path(line["file"]).name: line for line in csv.DictReader(file)}
    assert (lines["scale.mid"]["key"], lines["scale.mid"]["tempo_bpm"]) == ("D major", "100.0")
    assert "text file" in lines["broken.mp3"]["error"]
    again = tunesmith("listen", "music", "--out", "table.csv")
    assert again.code == 0
    assert "0 files, 0 failed, 2 done before" in again.out


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("listen", "scale.mid", "--model", "nobody"), "no classifier 'nobody'"),
        (("listen", "scale.mid", "--out", "table.txt"), "ends in .csv"),
        (("listen", "scale.mid", "--out", "nowhere/table.csv"), "its folder does not exist"),
        (("listen", "scale.mid", "--workers", "many"), "neither a number of processes nor the address"),
        (("listen", "empty"), "no audio and no MIDI file in empty"),
        (("listen",), "FILE"),
    ],
)
def test_mistakes_are_one_line(here, tunesmith, scale, words, told) -> None:
    Path("empty").mkdir()
    answer = tunesmith(*words)
    assert answer.code == 2
    assert told in answer.line
