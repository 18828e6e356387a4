"""The commands on songs: convert, render, measure, compose, continue."""

import json
import math
import wave
import zlib
from pathlib import Path

import numpy as np
import pytest

from core.song.midi_file import read_midi, write_midi
from core.song.notes import KeyMark, Marker, Meter, Song, Tempo, Track, make_notes
from core.store.project_file import load_project

SCALE = [60, 62, 64, 65, 67, 69, 71, 72]


@pytest.fixture
def scale() -> Song:
    """Two bars of C major in quarters, twice."""
    return Song(
        notes=make_notes(np.arange(16) * 480, 480, SCALE * 2, [80, 90] * 8),
        tracks=(Track("Melody", 0),),
        tempos=(Tempo.from_bpm(0, 120),),
        keys=(KeyMark(0, 0),),
        markers=(Marker(1920, "B"),),
    )


@pytest.fixture
def midi(tunesmith, scale) -> str:
    write_midi(scale, "scale.mid")
    return "scale.mid"


def png_size(path) -> tuple[int, int]:
    data = Path(path).read_bytes()
    assert data[:8] == b"\x89PNG\r\n\x1a\n"
    return int.from_bytes(data[16:20], "big"), int.from_bytes(data[20:24], "big")


def test_convert_loses_nothing_either_way(tunesmith, midi, scale):
    first = tunesmith("convert", midi, "a.tunesmith", "--json").json
    second = tunesmith("convert", "a.tunesmith", "b.mid", "--json").json
    assert first["lossless"]
    assert second["lossless"]
    assert (second["notes"], second["tracks"]) == (16, 1)
    assert second["seconds_of_music"] == 8.0
    assert read_midi("b.mid") == read_midi(midi)
    np.testing.assert_array_equal(read_midi("b.mid").notes, scale.notes)


@pytest.mark.parametrize("data", [b"", b"MThd", b"<html>", bytes(1000)])
def test_a_file_that_is_no_song_is_one_line(tunesmith, data):
    Path("bad.mid").write_bytes(data)
    outcome = tunesmith("convert", "bad.mid", "out.mid")
    assert outcome.code == 2
    assert outcome.line
    assert not Path("out.mid").exists()


def test_render_tells_and_writes_what_cli_md_promises(tunesmith, midi):
    outcome = tunesmith("render", midi, "a.wav", "--sample-rate", 22050, "--bits", 16, "--json")
    report = outcome.json
    assert {
        "seconds_of_music",
        "seconds_to_render",
        "times_real_time",
        "peak_dbfs",
        "integrated_lufs",
    } <= set(report)
    with wave.open("a.wav") as sound:
        assert (sound.getframerate(), sound.getsampwidth(), sound.getnchannels()) == (22050, 2, 2)
        assert math.isclose(sound.getnframes() / 22050, report["seconds_of_music"], abs_tol=0.01)
    assert report["seconds_of_music"] >= 8.0
    assert -40 < report["peak_dbfs"] <= 0
    assert -60 < report["integrated_lufs"] < report["peak_dbfs"]
    ratio = report["seconds_of_music"] / report["seconds_to_render"]
    assert math.isclose(report["times_real_time"], ratio, rel_tol=1e-6)


def test_measure_answers_in_order_and_a_bad_file_stops_no_other(tunesmith, midi):
    Path("bad.mid").write_bytes(b"nothing")
    outcome = tunesmith("measure", midi, "bad.mid", "none.mid", midi, "--json")
    assert outcome.code == 0
    files = outcome.json["files"]
    assert [entry["file"] for entry in files] == [midi, "bad.mid", "none.mid", midi]
    assert ["error" in entry for entry in files] == [False, True, True, False]
    assert files[0] == files[3]
    assert {
        "key", "in_key_share", "velocity_range", "velocity_std", "meter", "meter_confidence", "groove16",
        "structure", "structureness", "tempo_stability", "polyphony", "chord_share", "pitch_class_entropy",
        "scale_consistency", "empty_beat_rate", "notes_per_beat",
    } <= set(files[0])  # fmt: skip
    assert files[0]["key"] == "C major"
    assert files[0]["in_key_share"] == 1.0
    assert files[0]["velocity_range"] == 10
    assert files[0]["velocity_std"] == pytest.approx(5.0)
    assert files[0]["notes_per_beat"] == pytest.approx(1.0)
    assert files[0]["empty_beat_rate"] == 0.0
    assert files[0]["pitch_class_entropy"] == pytest.approx(2.75)
    assert files[0]["structure"] == pytest.approx(0.5)


def test_measure_fails_only_when_every_file_does(tunesmith):
    outcome = tunesmith("measure", "none.mid", "nor-this.mid", "--json")
    assert outcome.code == 2
    assert [set(entry) for entry in outcome.json["files"]] == [{"file", "error"}] * 2


def test_a_reader_that_breaks_is_an_error_of_its_file_only(tunesmith, midi, monkeypatch):
    from core.store import song_file

    Path("odd.kar").write_bytes(b"")
    monkeypatch.setitem(song_file.READERS, ".kar", lambda path: 1 / 0)
    files = tunesmith("measure", "odd.kar", midi, "--json").json["files"]
    assert "ZeroDivisionError" in files[0]["error"]
    assert files[1]["key"] == "C major"


@pytest.mark.usefixtures("generators")
class TestCompose:
    def test_answers_what_cli_md_promises(self, tunesmith):
        outcome = tunesmith(
            "compose", "--key", "D minor", "--tempo", 90, "--meter", "3/4", "--bars", 4, "--seed", 5,
            "--style", "jazz", "--instruments", "piano,drums",
            "--out", "a.mid", "--wav", "a.wav", "--png", "a.png", "--json",
        )  # fmt: skip
        assert outcome.code == 0, outcome.err
        answer = outcome.json
        assert answer["files"] == ["a.mid", "a.wav", "a.png"]
        assert (answer["seed"], answer["notes"], answer["generator"]) == (5, 12, "flagship")
        loaded, total = answer["seconds_to_load"], answer["seconds_total"]
        assert 0 < loaded < answer["seconds_to_first_note"] <= total
        assert answer["notes_per_second"] == pytest.approx(12 / (total - loaded))
        wish = answer["request"]
        assert (wish["key"], wish["tempo"], wish["meter"], wish["bars"]) == ("D minor", 90.0, [3, 4], 4)
        assert (wish["style"], wish["instruments"], wish["seed"]) == ("jazz", ["piano", "drums"], 5)
        assert "in_key_share" in answer["measures"]
        song = read_midi("a.mid")
        assert len(song.notes) == 12
        assert song.tempos[0].bpm == pytest.approx(90, abs=0.01)
        assert song.meters == (Meter(0, 3, 4),)
        assert png_size("a.png") == (1600, 800)
        with wave.open("a.wav") as sound:
            assert sound.getnframes() / sound.getframerate() >= 8.0

    def test_the_same_seed_gives_the_same_file_and_none_gives_another(self, tunesmith):
        for name in ("a.mid", "b.mid"):
            assert tunesmith("compose", "--seed", 3, "--bars", 2, "--out", name).code == 0
        assert Path("a.mid").read_bytes() == Path("b.mid").read_bytes()
        seeds = {tunesmith("compose", "--bars", 1, "--out", "c.mid", "--json").json["seed"] for _ in range(3)}
        assert len(seeds) == 3

    def test_the_request_told_makes_the_song_again(self, tunesmith):
        told = tunesmith("compose", "--bars", 2, "--out", "a.mid", "--json").json
        tunesmith("compose", "--bars", 2, "--seed", told["seed"], "--out", "b.mid")
        assert Path("a.mid").read_bytes() == Path("b.mid").read_bytes()

    def test_variants_are_numbered_and_their_seeds_follow(self, tunesmith):
        answer = tunesmith(
            "compose", "--variants", 3, "--seed", 8, "--bars", 1, "--out", "x.mid", "--png", "x.png", "--json"
        ).json
        assert answer["files"] == ["x-1.mid", "x-1.png", "x-2.mid", "x-2.png", "x-3.mid", "x-3.png"]
        assert [entry["seed"] for entry in answer["variants"]] == [8, 9, 10]
        assert all(Path(name).is_file() for name in answer["files"])
        assert answer["notes"] == sum(entry["notes"] for entry in answer["variants"]) == 12
        assert not Path("x.mid").exists()

    @pytest.mark.parametrize(("seconds", "tempo", "meter", "bars"), [
        (16, 120, "4/4", 8), (16, 60, "4/4", 4), (9, 120, "3/4", 6), (0.1, 120, "4/4", 1), (12, 90, "6/8", 6),
    ])  # fmt: skip
    def test_seconds_become_bars_by_tempo_and_meter(self, tunesmith, seconds, tempo, meter, bars):
        answer = tunesmith(
            "compose", "--seconds", seconds, "--tempo", tempo, "--meter", meter, "--out", "a.mid", "--json"
        ).json
        assert answer["request"]["bars"] == bars

    @pytest.mark.parametrize("count", [1, 7, 33, 200])
    def test_elements_are_counted_in_notes_and_chords(self, tunesmith, count):
        tunesmith("compose", "--elements", count, "--out", "a.mid")
        assert len(np.unique(read_midi("a.mid").notes["onset"])) == count

    @pytest.mark.parametrize(
        ("words", "told"),
        [
            (["--bars", "0"], "--bars: give a whole number from 1 to 256, not '0'"),
            (["--bars", "10000"], "--bars: give a whole number from 1 to 256, not '10000'"),
            (["--bars", "4.5"], "--bars: give a whole number from 1 to 256, not '4.5'"),
            (["--bars", "4", "--seconds", "9"], "not allowed with argument --bars"),
            (["--seconds", "3600"], "is 1650 bars, a song has at most 256; ask for 558 or less"),
            (["--tempo", "1000"], "--tempo: give a number from 20 to 300, not '1000'"),
            (["--tempo", "nan"], "--tempo: give a number from 20 to 300, not 'nan'"),
            (["--tempo", "fast"], "--tempo: give a number from 20 to 300, not 'fast'"),
            (["--meter", "4"], "--meter: give a meter such as 4/4, 3/4 or 6/8, not '4'"),
            (["--meter", "4/5"], "--meter: give a meter such as"),
            (["--meter", "0/4"], "--meter: give a meter such as"),
            (["--key", "H#"], "H#"),
            (["--style", "jaz"], "there is no style 'jaz'; did you mean jazz"),
            (["--style", "qqq"], "there is no style 'qqq'; there are pop, jazz, waltz"),
            (["--generator", "flagshp"], "there is no generator 'flagshp'; did you mean flagship?"),
            (["--instruments", "piano,violn"], "violin"),
            (["--instruments", ","], "--instruments: give names between commas"),
            (["--density", "2"], "--density: give a number from 0 to 1, not '2'"),
            (["--strictness", "-1"], "--strictness: give a number from 0 to 100"),
            (["--seed", "-1"], "--seed: give a whole number from 0 to 4294967295"),
            (["--variants", "0"], "--variants: give a whole number from 1 to 64"),
            (["--out", "a.wav"], 'cannot write "a.wav": the name must end in .mid'),
            (["--out", "no/a.mid"], "its folder does not exist; make the folder first"),
            (["--wav", "a.mp3"], "the name must end in .wav, .flac or .ogg"),
            (["--png", "a.jpg"], "a picture's name must end in .png"),
        ],
    )
    def test_a_wish_that_cannot_be_is_one_line_and_nothing_is_written(self, tunesmith, words, told):
        outcome = tunesmith("compose", "--out", "a.mid", *words)
        assert outcome.code == 2
        assert told in outcome.line
        assert list(Path.cwd().iterdir()) == []

    def test_continue_goes_on_in_the_songs_own_manner(self, tunesmith, midi):
        answer = tunesmith("continue", midi, "--bars", 2, "--seed", 1, "--out", "b.mid", "--json").json
        wish = answer["request"]
        assert (wish["task"], wish["key"], wish["style"], wish["bars"]) == ("continue", "", "", 2)
        assert wish["meter"] == [4, 4]
        assert wish["tempo"] == pytest.approx(120)
        assert wish["instruments"] == ["acoustic grand piano"]
        before, after = read_midi(midi).notes, read_midi("b.mid").notes
        np.testing.assert_array_equal(after[: len(before)], before)
        assert len(after) == len(before) + 8
        assert after["onset"][len(before)] == 16 * 480

    def test_continue_follows_what_is_asked_for(self, tunesmith, midi):
        answer = tunesmith("continue", midi, "--bars", 1, "--tempo", 80, "--out", "b.mid", "--json").json
        assert answer["request"]["tempo"] == 80.0

    def test_a_style_brings_its_own_band_unless_instruments_are_named(self, tunesmith):
        def band(*words):
            return tunesmith("compose", *words, "--out", "a.mid", "--json").json["request"]["instruments"]

        assert band("--style", "waltz") == []
        assert band("--style", "waltz", "--instruments", "piano") == ["piano"]
        assert "drums" in band()

    def test_there_is_nothing_to_continue_in_an_empty_song(self, tunesmith):
        write_midi(Song(), "empty.mid")
        outcome = tunesmith("continue", "empty.mid", "--bars", 2, "--out", "b.mid")
        assert outcome.code == 2
        assert "has no notes to continue; use tunesmith compose" in outcome.line

    def test_a_project_can_be_composed_into(self, tunesmith):
        assert tunesmith("compose", "--bars", 2, "--out", "a.tunesmith").code == 0
        assert len(load_project("a.tunesmith")[0].notes) == 8

    def test_first_tune_writes_its_four_files(self, tunesmith, monkeypatch):
        from core.cli import first_tune
        from core.song_picture import write_picture

        monkeypatch.setattr(
            first_tune, "_paint_studio", lambda midi, picture: write_picture(read_midi(midi), picture)
        )
        outcome = tunesmith("first-tune", "--bars", 2, "--json")
        assert outcome.code == 0
        assert outcome.json["files"] == [
            str(Path("first-tune") / name) for name in ("song.mid", "song.wav", "roll.png", "studio.png")
        ]
        assert all(Path(name).stat().st_size > 100 for name in outcome.json["files"])


def test_the_studio_paints_its_picture_without_a_screen(tunesmith, midi):
    from core.cli.first_tune import _paint_studio

    _paint_studio(Path(midi), Path("studio.png"))
    width, height = png_size("studio.png")
    assert width >= 1000
    assert height >= 600


def test_a_studio_that_cannot_paint_is_told_with_its_words(tunesmith):
    from core.cli.first_tune import _paint_studio

    with pytest.raises(RuntimeError, match=r"did not paint its picture: tunesmith: .*none\.mid"):
        _paint_studio(Path("none.mid"), Path("studio.png"))


def test_the_picture_shows_every_note_in_its_tracks_colour():
    from core.song_picture import KEYBOARD_WIDTH, draw_song, png_bytes

    song = Song(
        notes=make_notes([0, 960], 960, [60, 67], 127, [0, 1]),
        tracks=(Track("a", colour=0), Track("b", colour=1)),
    )
    image = draw_song(song, width=KEYBOARD_WIDTH + 400, height=300)
    assert image.shape == (300, KEYBOARD_WIDTH + 400, 3)
    blue = (image == [0x5B, 0x9D, 0xFF]).all(axis=2)
    orange = (image == [0xF7, 0xA3, 0x5C]).all(axis=2)
    # One bar of 4/4 is 400 pixels wide: the first half is the first note's, the second the other's.
    assert set(np.flatnonzero(blue.any(axis=0)) - KEYBOARD_WIDTH) == set(range(199))
    assert set(np.flatnonzero(orange.any(axis=0)) - KEYBOARD_WIDTH) == set(range(200, 399))
    assert np.flatnonzero(orange.any(axis=1)).max() < np.flatnonzero(blue.any(axis=1)).min()

    data = png_bytes(image)
    packed = data[data.index(b"IDAT") + 4 : data.index(b"IEND") - 8]
    rows = np.frombuffer(zlib.decompress(packed), np.uint8).reshape(300, -1)
    np.testing.assert_array_equal(rows[:, 1:].reshape(image.shape), image)


@pytest.mark.parametrize("song", [
    Song(),
    Song(notes=make_notes([0, 10**7], 1, [0, 127])),
    Song(notes=make_notes(0, 480, range(30, 90), 100), tracks=(Track(is_drum=True),)),
    Song(notes=make_notes(0, 480, 60, 100, 40)),
    Song(notes=make_notes(0, 100, 60), meters=(Meter(0, 1, 1024),)),
])  # fmt: skip
def test_odd_songs_have_a_picture_too(song):
    from core.song_picture import draw_song

    assert draw_song(song, width=320, height=200).shape == (200, 320, 3)


def test_json_numbers_are_finite(tunesmith, midi):
    write_midi(Song(), "empty.mid")
    for words in (
        ["render", "empty.mid", "a.wav"],
        ["measure", "empty.mid"],
        ["convert", "empty.mid", "b.mid"],
    ):
        outcome = tunesmith(*words, "--json")
        assert json.loads(outcome.out, parse_constant=lambda name: pytest.fail(name))
