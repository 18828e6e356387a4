"""Which files are listened to, told by their first bytes and never by their names.

Sources
-------
The marks are those of the formats' own documents: RIFF/WAVE (Microsoft 1991), RF64 (EBU Tech 3306), AIFF-C (Apple
1991), RFC 3533 (Ogg), RFC 7845 (Opus), RFC 9639 (FLAC), ISO 11172-3 section 2.4.1 (MPEG audio frames), ISO 14496-12
(``ftyp``), ISO 13818-7 (ADTS), id3.org (ID3v2.4 section 3.1), the MIDI file format 1.0.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import BinaryIO

from core.errors import TunesmithError

MIDI = "MIDI"

PCM = frozenset({"PCM_U8", "PCM_S8", "PCM_16", "PCM_24", "PCM_32", "FLOAT", "DOUBLE", "ULAW", "ALAW"})


@dataclass(frozen=True, slots=True)
class AudioFormat:
    """A kind of file that may be decoded.

    Attributes
    ----------
    name : as a person knows it
    containers, encodings : what libsndfile may take it for; empty for what ffmpeg decodes
    demuxer : ffmpeg's name; "" for what libsndfile decodes
    """

    name: str
    containers: frozenset[str] = frozenset()
    encodings: frozenset[str] = frozenset()
    demuxer: str = ""


def _of_sndfile(name: str, containers: str, encodings: frozenset[str]) -> AudioFormat:
    return AudioFormat(name, frozenset(containers.split()), encodings)


WAV = _of_sndfile("WAV", "WAV WAVEX RF64 W64", PCM)
AIFF = _of_sndfile("AIFF", "AIFF", PCM)
FLAC = _of_sndfile("FLAC", "FLAC OGG", frozenset({"PCM_S8", "PCM_16", "PCM_24", "FLAC"}))
VORBIS = _of_sndfile("Ogg Vorbis", "OGG", frozenset({"VORBIS"}))
OPUS = _of_sndfile("Opus", "OGG", frozenset({"OPUS"}))
MP3 = _of_sndfile("MP3", "MP3 MPEG", frozenset({"MPEG_LAYER_I", "MPEG_LAYER_II", "MPEG_LAYER_III"}))
M4A = AudioFormat("M4A", demuxer="mov")
AAC = AudioFormat("AAC", demuxer="aac")

FORMATS = (WAV, AIFF, FLAC, VORBIS, OPUS, MP3, M4A, AAC)

NAMES = "WAV, FLAC, MP3, Ogg Vorbis, Opus, AIFF and MIDI, and M4A where ffmpeg is installed"

SUFFIXES = (
    *(".wav", ".wave", ".flac", ".mp3", ".ogg", ".oga", ".opus", ".aiff", ".aif", ".aifc"),
    *(".m4a", ".aac", ".mid", ".midi"),
)
"""What such files are mostly called: for dialogs, and for finding them in folders."""

FOREIGN = (
    (b"\x30\x26\xb2\x75\x8e\x66\xcf\x11", "a Windows Media file"),
    (b"MAC ", "Monkey's Audio"),
    (b"wvpk", "WavPack"),
    (b"DSD ", "DSD audio"),
    (b"FRM8", "DSD audio"),
    (b"TTA", "True Audio"),
    (b"MPCK", "Musepack"),
    (b"MP+", "Musepack"),
    (b"OFR ", "OptimFROG"),
    (b"tBaK", "TAK"),
    (b".snd", "a Sun audio file"),
    (b"caff", "a Core Audio file"),
    (b"\x1aE\xdf\xa3", "a Matroska or WebM file"),
    (b"#!AMR", "AMR speech"),
    (b"\x0bw", "Dolby Digital (AC-3)"),
    (b"ADIF", "AAC without frame headers"),
    (b"PK\x03\x04", "a ZIP archive"),
    (b"\x1f\x8b", "a gzip archive"),
    (b"%PDF", "a PDF"),
    (b"\x89PNG", "a picture"),
    (b"\xff\xd8\xff", "a picture"),
    (b"GIF8", "a picture"),
    (b"\x7fELF", "a program"),
    (b"MZ", "a program"),
    (b"SQLite format 3", "a database"),
)
"""First bytes of what is not listened to, and what to call it."""

_HEAD = 4096
_MOST_TAGS = 8


def sniff(file: BinaryIO) -> AudioFormat | str:
    """The format of a file that is open for reading, or `MIDI`; the file is left where the sound or its tags begin.

    Raises
    ------
    TunesmithError
        For what is neither.
    """
    start = 0
    for _ in range(_MOST_TAGS):
        file.seek(start)
        head = file.read(_HEAD)
        if head[:3] != b"ID3" or len(head) < 10:
            break
        start += _length_of_tag(head)
    if not head:
        raise TunesmithError(
            "there is no sound after its tags: get the file again" if start else "the file is empty"
        )
    found = _of(head)
    file.seek(0)
    if found is None:
        raise TunesmithError(f"{_what_it_is(head)}; Tunesmith listens to {NAMES}")
    return found


def is_midi(file: BinaryIO) -> bool:
    """Whether a file that is open for reading holds notes and no sound; it is left at its start."""
    file.seek(0)
    head = file.read(12)
    file.seek(0)
    return _of(head) == MIDI


def _of(head: bytes) -> AudioFormat | str | None:
    for mark, at, kind, form in (
        (b"RIFF", 8, b"WAVE", WAV),
        (b"RIFX", 8, b"WAVE", WAV),
        (b"RF64", 8, b"WAVE", WAV),
        (b"FORM", 8, b"AIFF", AIFF),
        (b"FORM", 8, b"AIFC", AIFF),
        (b"RIFF", 8, b"RMID", MIDI),
        (b"MThd", 0, b"MThd", MIDI),
        (b"fLaC", 0, b"fLaC", FLAC),
    ):
        if head.startswith(mark) and head[at : at + len(kind)] == kind:
            return form
    if head.startswith(b"OggS"):
        first_page = head[:512]
        for mark, ogg in ((b"OpusHead", OPUS), (b"\x01vorbis", VORBIS), (b"\x7fFLAC", FLAC)):
            if mark in first_page:
                return ogg
        return None
    if head[4:8] == b"ftyp":
        return M4A
    return _mpeg(head)


def _mpeg(head: bytes) -> AudioFormat | None:
    """MP3 or AAC: by a valid frame header where another follows it, or that the file begins with."""
    first = len(head) - len(head.lstrip(b"\0"))
    at = head.find(b"\xff", first)
    while 0 <= at < len(head) - 6:
        form, length = _mpeg_frame(head[at : at + 6])
        if form is not None:
            following = head[at + length : at + length + 6]
            alone = at == first and len(following) < 6
            if alone or len(following) == 6 and _mpeg_frame(following)[0] is form:
                return form
        at = head.find(b"\xff", at + 1)
    return None


_BIT_RATES = {
    # (MPEG-1, layer): kbit/s of the indices 1 to 14
    (True, 3): (32, 64, 96, 128, 160, 192, 224, 256, 288, 320, 352, 384, 416, 448),
    (True, 2): (32, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 384),
    (True, 1): (32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320),
    (False, 3): (32, 48, 56, 64, 80, 96, 112, 128, 144, 160, 176, 192, 224, 256),
    (False, 2): (8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160),
    (False, 1): (8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160),
}
"""By the layer's bits: 3 is layer I, 1 is layer III."""

_SAMPLE_RATES = {3: (44100, 48000, 32000), 2: (22050, 24000, 16000), 0: (11025, 12000, 8000)}
"""By the version's bits: 3 is MPEG-1, 2 is MPEG-2, 0 is MPEG-2.5."""


def _mpeg_frame(head: bytes) -> tuple[AudioFormat | None, int]:
    """Which format a frame header of six bytes is of, and the bytes of its frame."""
    if head[0] != 0xFF or head[1] & 0xE0 != 0xE0:
        return None, 0
    layer, version = head[1] >> 1 & 3, head[1] >> 3 & 3
    if layer == 0:  # ADTS
        length = (head[3] & 3) << 11 | head[4] << 3 | head[5] >> 5
        return (AAC, length) if head[1] & 0xF0 == 0xF0 and length >= 7 else (None, 0)
    bit_rate, rate = head[2] >> 4, head[2] >> 2 & 3
    if version == 1 or bit_rate in (0, 15) or rate == 3:
        return None, 0
    bits = 1000 * _BIT_RATES[version == 3, layer][bit_rate - 1]
    samples = {3: 384, 2: 1152, 1: 1152 if version == 3 else 576}[layer]
    slot = 4 if layer == 3 else 1
    padding = head[2] >> 1 & 1
    return MP3, (samples // 8 * bits // _SAMPLE_RATES[version][rate] // slot + padding) * slot


def _length_of_tag(head: bytes) -> int:
    """Bytes of an ID3v2 tag: seven bits a byte, and ten more each for header and footer."""
    length = 0
    for byte in head[6:10]:
        length = length << 7 | byte & 0x7F
    return length + (20 if head[5] & 0x10 else 10)


def _what_it_is(head: bytes) -> str:
    for mark, name in FOREIGN:
        if head.startswith(mark):
            return f"this is {name}"
    if head.startswith((b"RIFF", b"FORM", b"OggS")):
        return "this is no audio file, or not one with a known encoding"
    if not head.strip(b"\0"):
        return "there is nothing in it but zeros"
    printable = sum(32 <= byte < 127 or byte in b"\r\n\t" for byte in head)
    return "this is a text file" if printable > 0.97 * len(head) else "this is no known audio file"
