"""The embeddings by name, and files put into them."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from core.errors import TunesmithError
from core.explore import registry
from core.listen.report import NOT_SURE, Verdict
from core.song.midi_file import write_midi
from core.song.notes import Song, Track, make_notes
from core.sound.audio_file import write_audio

SOUNDS = [row.name for row in registry.EMBEDDINGS.values() if row.of == registry.SOUND]


@pytest.fixture(autouse=True)
def _own_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TUNESMITH_HOME", str(tmp_path / "home"))


@pytest.fixture
def chord(tmp_path: Path) -> Path:
    seconds = np.arange(6 * 22050) / 22050
    sound = sum(np.sin(2 * np.pi * hertz * seconds) for hertz in (220, 277.2, 329.6)) / 6
    write_audio(tmp_path / "chord.wav", sound.astype(np.float32), 22050)
    return tmp_path / "chord.wav"


@pytest.fixture
def tune(tmp_path: Path) -> Path:
    pitches = [60, 62, 64, 65, 67, 69, 71, 72] * 2
    notes = make_notes([480 * n for n in range(16)], [480] * 16, pitches, 90)
    write_midi(
        Song(notes=notes, tracks=(Track("Piano"),), ticks_per_beat=480, title="Scale"), tmp_path / "tune.mid"
    )
    return tmp_path / "tune.mid"


def test_importing_it_loads_no_torch() -> None:
    code = "import sys, core.explore.registry; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_an_unknown_name_is_answered_with_those_there_are() -> None:
    with pytest.raises(TunesmithError, match="there is no embedding 'umap'; there are sound, score"):
        registry.find("umap")


def test_defaults_are_of_what_they_say() -> None:
    for of, name in registry.DEFAULT.items():
        assert registry.find("", of) is registry.EMBEDDINGS[name]
        assert registry.EMBEDDINGS[name].of == of


@pytest.mark.parametrize("name", SOUNDS)
def test_a_recording_has_a_place(name: str, chord: Path) -> None:
    row = registry.EMBEDDINGS[name]
    assert row in registry.available(), "its weights ship"
    found = registry.embed_file(chord, name)
    assert found.vector.shape == (row.dimensions,)
    assert found.vector.dtype == np.float32
    assert np.isfinite(found.vector).all()
    assert found.about["kind"] == "audio"
    assert found.about["title"] == "chord"
    assert found.about["seconds"] == pytest.approx(6, abs=0.1)
    space = registry.loaded(name)
    if row.decodes:
        picture = space.decode(found.vector)
        assert picture.shape[0] == 64
        assert picture.max() == 0
        assert picture.min() >= -80
    else:
        with pytest.raises(TunesmithError, match="way back"):
            space.decode(found.vector)
    assert space.describe()["figures"]


def test_the_same_content_has_the_same_key_and_vector(chord: Path, tmp_path: Path) -> None:
    copy = tmp_path / "again.wav"
    copy.write_bytes(chord.read_bytes())
    first, second = (registry.embed_file(path, "pca") for path in (chord, copy))
    assert first.key == second.key
    assert np.array_equal(first.vector, second.vector)
    copy.write_bytes(chord.read_bytes() + b"\0\0")
    assert registry.content_hash(copy) != first.key


def test_a_score_is_played_for_an_embedding_of_sound(tune: Path) -> None:
    found = registry.embed_file(tune, "sound")
    assert found.about["kind"] == "midi"
    assert found.about["title"] == "Scale"
    assert found.about["key"] == "C major"
    assert found.about["tempo_bpm"] == pytest.approx(120, abs=1)
    assert found.vector.shape == (64,)


def test_a_composer_that_was_guessed_is_told_from_one_that_is_stated() -> None:
    assert registry.as_a_guess(Verdict("Haydn", (("Haydn", 0.8),))) == "Haydn?"
    assert registry.as_a_guess(Verdict(NOT_SURE, (("Haydn", 0.3),))) == NOT_SURE


def test_a_recording_has_no_place_among_scores(chord: Path) -> None:
    with pytest.raises(TunesmithError, match="is a recording, and .* takes scores"):
        registry.embed_file(chord, "score")


def test_a_song_has_a_key_too(tune: Path) -> None:
    from core.song.midi_file import read_midi

    song = read_midi(tune)
    assert registry.song_hash(song) == registry.song_hash(read_midi(tune))
