"""One pass over a file, and its cache."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
import soundfile

from core.errors import Cancelled, TunesmithError
from core.listen import cache, decode
from core.listen.features import mel_spectrogram, power_to_db
from core.listen.heard import Heard, hear

RATE = 22050


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("TUNESMITH_HOME", str(tmp_path / "home"))
    yield
    decode.close()


def sound(seconds: float = 3.0) -> np.ndarray:
    at = np.arange(round(seconds * RATE)) / RATE
    return (0.4 * np.sin(2 * np.pi * 440 * at) * np.exp(-3 * (at % 0.5))).astype(np.float32)


@pytest.fixture
def file(tmp_path) -> Path:
    path = tmp_path / "beats.wav"
    soundfile.write(path, sound(), RATE, subtype="FLOAT")
    return path


def same(one: Heard, other: Heard) -> bool:
    for name in ("duration_s", "peak", "silent", "sample_rate", "hop_length", "warnings"):
        assert getattr(one, name) == getattr(other, name), name
        assert type(getattr(one, name)) is type(getattr(other, name)), name
    for name in one.frames.__slots__:
        assert np.array_equal(getattr(one.frames, name), getattr(other.frames, name)), name
    return np.array_equal(one.mel_db, other.mel_db)


def test_a_file_is_heard_as_it_sounds(file) -> None:
    heard = hear(file)
    assert heard.duration_s == 3.0
    assert heard.peak == pytest.approx(0.4, abs=0.02)
    assert not heard.silent
    assert (heard.sample_rate, heard.hop_length) == (RATE, 512)
    expected = power_to_db(mel_spectrogram(sound()), top_db=None)
    loud = expected > expected.max() - 80  # what is quieter is rounding
    assert np.abs(heard.mel_db - expected)[loud].max() < 0.04
    assert heard.frames.duration_s == pytest.approx(3.0)


def test_what_was_heard_is_known_again_under_another_name(file, tmp_path, monkeypatch) -> None:
    first = hear(file)
    other = tmp_path / "the same.mp3"
    other.write_bytes(file.read_bytes())
    monkeypatch.setattr("core.listen.heard.stream", None)  # it would fail, were it called
    assert same(hear(other), first)


def test_another_content_is_heard_anew(file) -> None:
    assert hear(file).duration_s == 3.0
    soundfile.write(file, sound(2.0), RATE)
    assert hear(file).duration_s == 2.0


def test_another_version_of_the_front_end_hears_anew(file, monkeypatch) -> None:
    before = cache.fingerprint(file)
    monkeypatch.setattr(cache, "front_end", lambda: "another")
    assert cache.fingerprint(file) != before


def test_a_damaged_entry_is_heard_anew(file) -> None:
    first = hear(file)
    (entry,) = cache.folder().iterdir()
    content = bytearray(entry.read_bytes())
    content[len(content) // 2] ^= 0xFF
    entry.write_bytes(content)
    assert cache.load(entry.stem) is None
    assert same(hear(file), first)
    entry.write_bytes(b"")
    assert same(hear(file), first)


def test_nothing_is_kept_of_what_shall_not_be_remembered(file) -> None:
    hear(file, remember=False)
    assert not cache.folder().exists()


def test_a_cache_that_cannot_be_written_is_done_without(file, tmp_path) -> None:
    (tmp_path / "home" / "cache").mkdir(parents=True)
    (tmp_path / "home" / "cache" / "heard").write_text("in the way")
    assert hear(file).duration_s == 3.0


def test_entries_that_were_not_used_for_longest_go_first(tmp_path) -> None:
    for age, name in enumerate(("new", "older", "oldest")):
        path = tmp_path / name
        path.write_bytes(b"x" * 1000)
        os.utime(path, (1e9 - age, 1e9 - age))
    cache.trim(tmp_path, most=2500)
    assert {path.name for path in tmp_path.iterdir() if path.is_file()} == {"new", "older"}


def test_warnings_are_kept_with_the_rest(tmp_path) -> None:
    path = tmp_path / "odd.wav"
    odd = sound()
    odd[100] = np.nan
    soundfile.write(path, odd, RATE, subtype="FLOAT")
    assert "no numbers" in hear(path).warnings[0]
    assert hear(path).warnings == hear(path, remember=False).warnings


def test_silence_is_told(tmp_path) -> None:
    path = tmp_path / "silence.flac"
    soundfile.write(path, np.zeros(2 * RATE), RATE)
    heard = hear(path)
    assert heard.silent
    assert heard.peak == 0
    assert (heard.mel_db == -100).all()


def test_progress_rises_to_its_end(file) -> None:
    shares: list[float] = []
    hear(file, progress=shares.append)
    assert shares == sorted(shares)
    assert shares[-1] == 1.0


def test_hearing_can_be_cancelled(file) -> None:
    with pytest.raises(Cancelled):
        hear(file, cancelled=lambda: True)
    assert not cache.folder().exists()


def test_a_folder_is_told_of_and_not_heard(tmp_path) -> None:
    with pytest.raises(TunesmithError, match="it is a folder"):
        hear(tmp_path)
