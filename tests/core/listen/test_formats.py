"""Files are known by their first bytes."""

from __future__ import annotations

import io
import struct

import numpy as np
import pytest
import soundfile

from core.errors import TunesmithError
from core.listen.formats import AAC, AIFF, FLAC, M4A, MIDI, MP3, OPUS, VORBIS, WAV, is_midi, sniff
from core.song.midi_file import midi_bytes
from core.song.notes import Song, make_notes

TONE = (0.5 * np.sin(np.arange(24000) * 0.1)).astype(np.float32)

WRITTEN = {
    "WAV": ("WAV", "PCM_16", WAV),
    "WAV float": ("WAV", "FLOAT", WAV),
    "RF64": ("RF64", "PCM_16", WAV),
    "AIFF": ("AIFF", "PCM_24", AIFF),
    "FLAC": ("FLAC", "PCM_16", FLAC),
    "Vorbis": ("OGG", "VORBIS", VORBIS),
    "Opus": ("OGG", "OPUS", OPUS),
    "MP3": ("MP3", "MPEG_LAYER_III", MP3),
}


def written(container: str, encoding: str) -> bytes:
    file = io.BytesIO()
    soundfile.write(file, TONE, 24000, format=container, subtype=encoding)
    return file.getvalue()


@pytest.mark.parametrize("name", WRITTEN)
def test_what_libsndfile_writes_is_known(name: str) -> None:
    container, encoding, form = WRITTEN[name]
    assert sniff(io.BytesIO(written(container, encoding))) is form


def id3(length: int) -> bytes:
    size = bytes(length >> shift & 0x7F for shift in (21, 14, 7, 0))
    return b"ID3\x04\0\0" + size + b"\0" * length


def test_tags_before_the_sound_are_skipped_however_long_and_many() -> None:
    assert sniff(io.BytesIO(id3(10) + id3(100_000) + written("MP3", "MPEG_LAYER_III"))) is MP3
    assert sniff(io.BytesIO(id3(300) + written("FLAC", "PCM_16"))) is FLAC


def test_an_mp3_may_begin_with_rubbish_where_two_frames_follow() -> None:
    assert sniff(io.BytesIO(b"rubbish" + written("MP3", "MPEG_LAYER_III"))) is MP3


def test_one_chance_frame_header_in_rubbish_is_no_mp3() -> None:
    with pytest.raises(TunesmithError, match="no known audio file"):
        sniff(io.BytesIO(b"\x81\x82\x83" * 20 + b"\xff\xfb\x90\x64" + b"\x80\x90" * 1000))


def test_m4a_and_aac_are_for_ffmpeg() -> None:
    assert sniff(io.BytesIO(b"\0\0\0\x20ftypM4A \0\0\0\0" + b"\0" * 20)) is M4A
    frame = bytes([0xFF, 0xF1, 0x50, 0x80, 0x01, 0x7F, 0xFC]) + bytes(4)  # 11 bytes long
    assert sniff(io.BytesIO(frame * 3)) is AAC
    assert M4A.demuxer
    assert AAC.demuxer


def test_midi_is_told_from_audio() -> None:
    data = midi_bytes(Song(make_notes([0, 480], 480, [60, 64])))
    riff = b"RIFF" + struct.pack("<I", len(data) + 12) + b"RMIDdata" + data
    for content in (data, riff):
        assert is_midi(io.BytesIO(content))
        assert sniff(io.BytesIO(content)) == MIDI
    assert not is_midi(io.BytesIO(written("WAV", "PCM_16")))
    assert not is_midi(io.BytesIO(b""))


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"", "the file is empty"),
        (id3(50), "no sound after its tags"),
        (b"\0" * 5000, "nothing in it but zeros"),
        (b"Dear diary, today I listened to music.\n" * 9, "text file"),
        (b"\x30\x26\xb2\x75\x8e\x66\xcf\x11" + b"\0" * 50, "Windows Media"),
        (b"MAC \x96\x0f" + b"\0" * 50, "Monkey's Audio"),
        (b"wvpk" + bytes(range(200)), "WavPack"),
        (b"\x0bw\xd9\x08" + bytes(range(200)), "Dolby Digital"),
        (b"PK\x03\x04" + bytes(range(200)), "ZIP archive"),
        (b"\x89PNG" + bytes(range(200)), "picture"),
        (b"OggS" + b"\0" * 24 + b"Speex   " + b"\0" * 50, "no audio file, or not one with a known encoding"),
        (b"RIFF\x10\0\0\0AVI LIST" + b"\0" * 50, "no audio file"),
        (b"\xff\xff\xff\xff" * 50, "no known audio file"),
    ],
)
def test_what_is_not_listened_to_is_named(content: bytes, told: str) -> None:
    with pytest.raises(TunesmithError, match=told):
        sniff(io.BytesIO(content))
