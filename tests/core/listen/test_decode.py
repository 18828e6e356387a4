"""Decoding in another process: right samples, and one line for whatever is wrong."""

from __future__ import annotations

import io
import os
import struct
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import soundfile

from core.errors import Cancelled, TunesmithError
from core.listen import decode as place
from core.listen import decode_child
from core.listen.decode import Findings, check_file, decode, stream

RATE = 22050


def tone(seconds: float = 2.0, rate: int = RATE, hertz: float = 440.0) -> np.ndarray:
    return (0.5 * np.sin(2 * np.pi * hertz / rate * np.arange(round(seconds * rate)))).astype(np.float32)


def wav(samples: np.ndarray, rate: int = RATE, encoding: str = "PCM_16", container: str = "WAV") -> bytes:
    file = io.BytesIO()
    soundfile.write(file, samples, rate, format=container, subtype=encoding)
    return file.getvalue()


@pytest.fixture
def saved(tmp_path):
    def save(content: bytes, name: str = "sound.wav") -> Path:
        path = tmp_path / name
        path.write_bytes(content)
        return path

    return save


@pytest.fixture(scope="module", autouse=True)
def _ended() -> Iterator[None]:
    yield
    place.close()


def test_samples_are_those_of_the_file(saved) -> None:
    sound = tone()
    heard = decode(saved(wav(sound, encoding="FLOAT")))
    assert heard.sample_rate == RATE
    assert heard.duration_s == 2.0
    assert np.array_equal(heard.samples, sound)
    assert heard.samples.dtype == np.float32


def test_channels_are_averaged(saved) -> None:
    left, right = tone(), tone(hertz=660)
    heard = decode(saved(wav(np.stack([left, right, right, left], 1), encoding="FLOAT")))
    assert np.abs(heard.samples - (left + right) / 2).max() < 1e-6


@pytest.mark.parametrize("rate", [8000, 44100, 48000, 96000, 192000])
def test_rates_are_changed_as_soxr_does_in_one_piece(saved, rate: int) -> None:
    import soxr

    sound = tone(rate=rate, seconds=3.0)
    heard = decode(saved(wav(sound, rate, "FLOAT")))
    assert np.abs(heard.samples - soxr.resample(sound, rate, RATE, quality="HQ")).max() < 1e-5


@pytest.mark.parametrize(
    ("container", "encoding", "close"),
    [
        ("FLAC", "PCM_16", 1e-4),
        ("AIFF", "PCM_24", 1e-6),
        ("OGG", "VORBIS", 0.05),
        ("OGG", "OPUS", 0.05),
        ("MP3", "MPEG_LAYER_III", 0.05),
    ],
)
def test_formats_are_read_whatever_the_file_is_called(saved, container, encoding, close) -> None:
    rate = 48000 if encoding == "OPUS" else 44100
    sound = tone(rate=rate)
    heard = decode(saved(wav(sound, rate, encoding, container), "wrong.m4a"), sample_rate=rate)
    assert heard.duration_s == pytest.approx(2.0, abs=0.06)
    middle = slice(rate // 2, rate // 2 + 4000)
    # A codec may shift a little: the tone's strength at its place in the spectrum does not.
    strength = np.abs(np.fft.rfft(heard.samples[middle]))
    assert strength.max() == pytest.approx(np.abs(np.fft.rfft(sound[middle])).max(), rel=close + 0.01)
    assert abs(int(strength.argmax()) - 440 * 4000 / rate) <= 1


def test_blocks_follow_each_other_and_are_as_long_as_was_asked(saved) -> None:
    path = saved(wav(tone(3.3, 44100), 44100))
    blocks = list(stream(path, seconds=0.5))
    assert [len(block) for block in blocks[:-1]] == [RATE // 2] * (len(blocks) - 1)
    assert np.array_equal(np.concatenate(blocks), decode(path).samples)


def test_findings_tell_of_the_file(saved) -> None:
    findings = Findings()
    shares = [findings.share for _ in stream(saved(wav(tone(4.0), RATE)), seconds=0.5, findings=findings)]
    assert (findings.format, findings.sample_rate, findings.channels) == ("WAV", RATE, 1)
    assert findings.peak == pytest.approx(0.5, abs=1e-3)
    assert shares == sorted(shares)
    assert findings.share == 1.0


def test_the_process_is_kept_for_the_next_file(saved) -> None:
    path = saved(wav(tone()))
    decode(path)
    (first,) = place._idle
    decode(path)
    assert place._idle == [first]


def test_samples_that_are_no_numbers_count_as_silence(saved) -> None:
    sound = tone()
    sound[1000:1010] = np.nan
    sound[2000] = np.inf
    heard = decode(saved(wav(sound, encoding="FLOAT")))
    assert np.isfinite(heard.samples).all()
    assert not heard.samples[1000:1010].any()
    assert heard.samples[2000] == 0
    assert "11 samples were no numbers" in heard.warnings[0]


def test_samples_far_over_full_scale_are_cut(saved) -> None:
    sound = tone()
    sound[5] = 7527.0
    heard = decode(saved(wav(sound, encoding="FLOAT")))
    assert heard.samples.max() == 16.0
    assert "louder than full scale" in heard.warnings[0]


def lying(declared_bytes: int) -> bytes:
    """A WAV file of one second whose header promises another length."""
    content = bytearray(wav(tone(1.0)))
    content[40:44] = struct.pack("<I", declared_bytes)
    content[4:8] = struct.pack("<I", declared_bytes + 36)
    return bytes(content)


@pytest.mark.parametrize("declared", [2**31 - 8, 2**32 - 40])
def test_a_header_that_promises_a_day_is_not_believed(saved, declared: int) -> None:
    heard = decode(saved(lying(declared)))
    assert heard.duration_s == pytest.approx(1.0, abs=0.01)


def test_a_flac_that_promises_an_eternity_is_read_as_far_as_it_goes(saved) -> None:
    content = bytearray(wav(tone(1.0), container="FLAC"))
    content[21] |= 0x0F  # the number of samples, 36 bits, in STREAMINFO
    content[22:26] = b"\xff\xff\xff\xff"
    heard = decode(saved(bytes(content), "sound.flac"))
    assert heard.duration_s == pytest.approx(1.0, abs=0.01)
    assert heard.warnings


def test_a_file_cut_off_half_way_is_heard_up_to_there(saved) -> None:
    content = wav(tone(4.0), container="FLAC")
    heard = decode(saved(content[: len(content) // 2], "cut.flac"))
    assert 1.0 < heard.duration_s < 3.0
    assert heard.warnings


BROKEN = {
    "empty": (b"", "the file is empty"),
    "header only": (wav(tone(0.0)), "no sound in it"),
    "one sample": (wav(np.zeros(1, np.float32), 192_000), "no sound in it"),
    "no format": (b"RIFF\x24\0\0\0WAVEdata\0\0\0\0", "damaged or no WAV"),
    "cut in its header": (wav(tone())[:30], "damaged or no WAV"),
    "too slow": (wav(tone(rate=4000), 4000), "sample rate is 4000 Hz"),
    "too many channels": (wav(np.zeros((2000, 9), np.float32)), "9 channels"),
    "another encoding": (wav(tone(), encoding="MS_ADPCM"), "encoding MS_ADPCM is not read"),
    "text": (b"no music here " * 40, "text file"),
    "MIDI": (b"MThd\0\0\0\x06\0\0\0\x01\0\x60", "notes and no sound"),
    "FLAC of rubbish": (b"fLaC" + bytes(range(256)) * 8, "damaged or no FLAC"),
}


@pytest.mark.parametrize("kind", BROKEN)
def test_broken_files_are_told_of_in_one_line(saved, kind: str) -> None:
    content, told = BROKEN[kind]
    with pytest.raises(TunesmithError, match=told) as raised:
        decode(saved(content))
    assert "\n" not in str(raised.value)
    assert str(raised.value).startswith("cannot listen to sound.wav: ")


def test_a_rate_above_the_limit_is_refused(saved) -> None:
    with pytest.raises(TunesmithError, match="384000 Hz"):
        decode(saved(wav(tone(rate=384_000, seconds=0.1), 384_000)))


def test_more_than_three_hours_are_refused_at_once_where_the_file_is_as_long_as_it_says(tmp_path) -> None:
    path, length = tmp_path / "long.wav", 8000 * 3600 * 4
    with path.open("wb") as file:
        file.write(wav(np.zeros(0, np.float32), 8000, "PCM_U8")[:40] + struct.pack("<I", length))
        file.truncate(44 + length)
    with pytest.raises(TunesmithError, match="longer than 3 hours"):
        decode(path)


def test_more_than_three_hours_are_counted_where_the_file_says_nothing(saved, monkeypatch) -> None:
    monkeypatch.setattr(decode_child, "MOST_SECONDS", 5)
    content = bytearray(wav(tone(9.0), container="FLAC"))
    content[21] &= 0xF0  # zero samples: unknown
    content[22:26] = bytes(4)
    sent: list[tuple[bytes, memoryview]] = []
    with pytest.raises(TunesmithError, match="longer than 3 hours"):
        sent.extend(decode_child.read(saved(bytes(content)), RATE))
    assert sum(block.nbytes // 4 for letter, block in sent if letter == b"s") <= 5 * RATE


def test_missing_files_folders_and_pipes_are_told(tmp_path) -> None:
    with pytest.raises(TunesmithError, match="there is no such file"):
        check_file(tmp_path / "none.wav")
    with pytest.raises(TunesmithError, match="it is a folder"):
        check_file(tmp_path)
    if hasattr(os, "mkfifo"):
        os.mkfifo(tmp_path / "pipe")
        with pytest.raises(TunesmithError, match="no ordinary file"):
            check_file(tmp_path / "pipe")


def test_a_file_over_two_gibibytes_is_refused_without_being_read(tmp_path) -> None:
    path = tmp_path / "large.wav"
    with path.open("wb") as file:
        file.truncate(2 * 1024**3 + 1)  # a hole: it takes no room
    with pytest.raises(TunesmithError, match="larger than 2 GiB"):
        decode(path)


def test_names_that_are_no_text_are_opened(tmp_path) -> None:
    name = os.fsdecode(b"caf\xe9 \xf0\x9f\x8e\xb5.wav") if sys.platform == "linux" else "café ♫.wav"
    (tmp_path / name).write_bytes(wav(tone()))
    assert decode(tmp_path / name).duration_s == 2.0


def test_cancelling_stops_at_once_and_the_next_file_is_read(saved) -> None:
    path = saved(wav(np.zeros(40 * 44100, np.float32), 44100))
    blocks = stream(path, seconds=1.0, cancelled=lambda: len(got) >= 2)
    got: list[np.ndarray] = []
    with pytest.raises(Cancelled):
        got.extend(blocks)
    assert len(got) < 20
    assert decode(path).duration_s == 40.0


def test_who_stops_listening_leaves_no_process_behind(saved) -> None:
    place.close()
    blocks = stream(saved(wav(np.zeros(60 * 44100, np.float32), 44100)), seconds=1.0)
    next(blocks)
    blocks.close()
    assert place._idle == []


def hanging(seconds: float) -> str:
    """A process in the decoder's place that says it is ready and then nothing more."""
    return f"import os, sys, time; os.write(1, b'r\\0\\0\\0\\0'); sys.stdin.readline(); time.sleep({seconds})"


@pytest.fixture
def decoder(monkeypatch) -> Iterator[None]:
    place.close()
    yield lambda program: monkeypatch.setattr(place, "_command", lambda: [sys.executable, "-c", program])
    place.close()


def test_a_decoder_that_hangs_is_ended(saved, decoder, monkeypatch) -> None:
    monkeypatch.setattr(place, "STALL_SECONDS", 0.2)
    decoder(hanging(60))
    with pytest.raises(TunesmithError, match="nothing came for"):
        decode(saved(wav(tone())))
    assert place._idle == []


def test_a_decoder_that_hangs_can_be_cancelled(saved, decoder) -> None:
    decoder(hanging(60))
    wanted = threading.Event()
    threading.Timer(0.3, wanted.set).start()
    began = time.monotonic()
    with pytest.raises(Cancelled):
        decode(saved(wav(tone())), cancelled=wanted.is_set)
    assert time.monotonic() - began < 30  # long before the sixty seconds


def test_a_decoder_that_crashes_is_told_of(saved, decoder) -> None:
    decoder(hanging(0) + "; os.abort()")
    with pytest.raises(TunesmithError, match="crashed"):
        decode(saved(wav(tone())))


@pytest.mark.skipif(sys.platform != "linux", reason="other systems do not limit a process's memory")
def test_the_decoder_cannot_take_more_memory_than_it_should() -> None:
    import subprocess

    program = (
        "from core.listen import decode_child as c\n"
        "c._limit_memory()\n"
        "try:\n    bytearray(c.MEMORY)\nexcept MemoryError:\n    print('refused')\n"
    )
    answer = subprocess.run(
        [sys.executable, "-c", program], env=place._environment(), capture_output=True, text=True, check=False
    )
    assert answer.stdout.strip() == "refused", answer.stderr


def test_ffmpeg_is_asked_for_what_it_alone_reads(saved, monkeypatch, tmp_path) -> None:
    path = saved(b"\0\0\0\x20ftypM4A \0\0\0\0" + b"\0" * 200, "song.m4a")
    monkeypatch.setenv("PATH", str(tmp_path / "nothing"))
    place.close()
    with pytest.raises(TunesmithError, match="M4A needs ffmpeg"):
        decode(path)
    if sys.platform == "win32":
        return
    program = tmp_path / "ffmpeg"
    samples = tone(1.5)
    (tmp_path / "samples.raw").write_bytes(samples.tobytes())
    wanted = f'*"-f mov -i file:{path}"*"-ac 1 -ar {RATE} -f f32le"*'
    program.write_text(f'#!/bin/sh\ncase "$*" in {wanted}) /bin/cat "{tmp_path}/samples.raw";; esac\n')
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    place.close()
    heard = decode(path)
    assert np.array_equal(heard.samples, samples)
