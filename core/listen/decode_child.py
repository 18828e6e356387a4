"""The process that reads audio files for `core.listen.decode`, so that a broken file harms nothing else.

It waits for one line of JSON a file on its standard input and answers on its standard output in messages: a
letter, the length of what follows as four bytes, and that. Standard input's end is its own.

====== ================================================================
letter what follows
====== ================================================================
r      nothing: the process is ready
i      JSON: format, sample_rate, channels, declared_s (a hint, or null)
s      samples: mono float32 in the asked sample rate
e      a line of text: why the file cannot be read
d      JSON: all was read; peak, warnings
====== ================================================================

Nothing is allocated by what a file's header says: sound is read in blocks of `BLOCK` frames until there is no more,
and what has come is counted.
"""

from __future__ import annotations

import json
import os
import struct
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from core.errors import TunesmithError
from core.listen.formats import MIDI, AudioFormat, sniff

MOST_SECONDS = 3 * 3600
MOST_CHANNELS = 8
LOWEST_RATE, HIGHEST_RATE = 8000, 192_000
MEMORY = 1024**3
"""Bytes that the process may have."""

CPU_SECONDS = 900
"""What one file may take, should the other process not be there any more to end this one."""

BLOCK = 65536
LOUDEST = 16.0
"""Samples are cut at 24 dB over full scale; what is louder is no sound but a broken file."""

READY, INFO, SAMPLES, ERROR, DONE = b"r", b"i", b"s", b"e", b"d"
HEADER = struct.Struct("<cI")

Block = NDArray[np.float32]


@dataclass
class Source:
    """Where the sound of one file comes from.

    Attributes
    ----------
    blocks : float32 [shape=(frames, channels)], as they are read
    declared_s : what the header says
    """

    format: str
    sample_rate: int
    channels: int
    declared_s: float | None
    blocks: Iterator[Block]


@dataclass
class Mixer:
    """From blocks of a file to mono in another sample rate, with what was wrong with them."""

    source_rate: int
    sample_rate: int
    peak: float = 0.0
    frames: int = 0
    not_finite: int = 0
    too_loud: int = 0
    _stream: Any = field(default=None, init=False)

    def __post_init__(self) -> None:
        if self.source_rate != self.sample_rate:
            import soxr

            self._stream = soxr.ResampleStream(self.source_rate, self.sample_rate, 1, "float32", "HQ")

    def mix(self, block: Block) -> Block:
        """The next samples [shape=(n,)]."""
        self.frames += len(block)
        low, high = float(block.min(initial=0.0)), float(block.max(initial=0.0))
        if not (low >= -LOUDEST and high <= LOUDEST):  # also where they are no numbers
            finite = np.isfinite(block)
            self.not_finite += block.size - int(finite.sum())
            block = np.where(finite, block, np.float32(0.0))
            self.too_loud += int((np.abs(block) > LOUDEST).sum())
            block = np.clip(block, -LOUDEST, LOUDEST)
            low, high = float(block.min(initial=0.0)), float(block.max(initial=0.0))
        self.peak = max(self.peak, -low, high)
        mono = block[:, 0] if block.shape[1] == 1 else block.mean(1, dtype=np.float32)
        return mono if self._stream is None else self._stream.resample_chunk(mono)

    def finish(self) -> Block:
        """What the filter still holds."""
        none = np.zeros(0, np.float32)
        return none if self._stream is None else self._stream.resample_chunk(none, last=True)

    def warnings(self) -> list[str]:
        """What was wrong, a line each."""
        found = []
        if self.not_finite:
            found.append(f"{self.not_finite} samples were no numbers; they count as silence")
        if self.too_loud:
            found.append(f"{self.too_loud} samples were far louder than full scale; they were cut")
        return found


def main() -> None:
    """Read files for as long as there is somebody who asks for them."""
    answers = os.fdopen(os.dup(1), "wb", buffering=0)
    os.dup2(2, 1)  # whatever a library prints must not come between the messages
    _limit_memory()
    with suppress(BrokenPipeError):
        import soundfile  # noqa: F401  # so that the first file need not wait for it
        import soxr  # noqa: F401

        _send(answers, READY)
        for line in sys.stdin.buffer:
            _limit_time()
            _answer(json.loads(line), answers)


def _answer(request: dict[str, Any], answers: BinaryIO) -> None:
    try:
        for letter, content in read(Path(request["path"]), int(request["sample_rate"])):
            _send(answers, letter, content)
    except TunesmithError as error:
        _send(answers, ERROR, str(error).encode())
    except MemoryError:
        _send(answers, ERROR, b"it needs more memory than a piece of music should: get the file again")
    except OSError as error:
        if isinstance(error, BrokenPipeError):
            raise
        _send(answers, ERROR, f"it cannot be read: {error.strerror or error}".encode())


def read(path: Path, sample_rate: int) -> Iterator[tuple[bytes, Any]]:
    """The messages about one file.

    Raises
    ------
    TunesmithError, OSError
        Where it cannot be read.
    """
    with path.open("rb") as file:
        form = sniff(file)
        if not isinstance(form, AudioFormat):
            raise TunesmithError(f"this is {MIDI}, which holds notes and no sound; render it first")
        with (_from_ffmpeg if form.demuxer else _from_sndfile)(file, path, form, sample_rate) as source:
            yield (
                INFO,
                _json(
                    format=source.format,
                    sample_rate=source.sample_rate,
                    channels=source.channels,
                    declared_s=source.declared_s,
                ),
            )
            yield from _sound(source, sample_rate)


def _sound(source: Source, sample_rate: int) -> Iterator[tuple[bytes, Any]]:
    mixer = Mixer(source.sample_rate, sample_rate)
    most = MOST_SECONDS * source.sample_rate
    damaged, damage, sent = False, "", 0
    try:
        for block in source.blocks:
            samples = mixer.mix(block)
            if mixer.frames > most:
                raise _too_long()
            if len(samples):
                sent += len(samples)
                yield SAMPLES, np.ascontiguousarray(samples, np.float32).data
    except _Damaged as error:
        damaged, damage = True, str(error)
    seconds = mixer.frames / source.sample_rate
    last = mixer.finish()
    if not sent + len(last):
        raise TunesmithError(
            f"it is damaged{damage}: get the file again" if damaged else "there is no sound in it"
        )
    if len(last):
        yield SAMPLES, np.ascontiguousarray(last, np.float32).data
    warnings = mixer.warnings()
    if damage:
        warnings.append(
            f"the file is damaged after {seconds:.1f} s ({damage}); what comes later was not heard"
        )
    elif source.declared_s is not None and seconds < 0.98 * source.declared_s - 0.1:
        promised = f"{source.declared_s:.1f} s" if source.declared_s <= MOST_SECONDS else "endless sound"
        warnings.append(f"the file promises {promised} and has {seconds:.1f} s")
    yield DONE, _json(peak=mixer.peak, warnings=warnings)


class _Damaged(Exception):
    """The decoder could not go on."""


@contextmanager
def _from_sndfile(file: BinaryIO, path: Path, form: AudioFormat, _: int) -> Iterator[Source]:
    import soundfile

    # Not by its name: libsndfile guesses by the suffix where it does not know the content.
    handle = str(path) if sys.platform == "win32" else file.fileno()
    try:
        sound = _forward_only(handle)
    except (soundfile.LibsndfileError, ValueError, TypeError) as error:
        raise TunesmithError(f"it is damaged or no {form.name}{_reason(error)}: get the file again") from None
    with sound:
        if sound.format not in form.containers or sound.subtype not in form.encodings:
            raise TunesmithError(
                f"{form.name} with the encoding {sound.subtype} is not read; convert it to FLAC or plain WAV"
            )
        _check(sound.samplerate, sound.channels)
        declared = sound.frames / sound.samplerate
        size = os.fstat(file.fileno()).st_size
        if declared > MOST_SECONDS and size > 500 * declared:  # as it may well be, at 4 kbit/s or more
            raise _too_long()
        yield Source(form.name, sound.samplerate, sound.channels, declared, _blocks(sound))


def _forward_only(handle: str | int) -> Any:
    """A file that is read from its start to its end.

    python-soundfile seeks to where it is after each read, which takes time and fails in files with a damaged index.
    """
    import soundfile

    class Forward(soundfile.SoundFile):  # type: ignore[misc]  # it publishes no types
        def seekable(self) -> bool:
            return False

    return Forward(handle, closefd=False)


def _reason(error: Exception) -> str:
    """What libsndfile says of it, in brackets; it takes too short a file for a missing one."""
    why = str(getattr(error, "error_string", error)).removeprefix("Error : ").strip("( ).")
    return "" if not why or "does not exist" in why else f" ({why})"


def _blocks(sound: Any) -> Iterator[Block]:
    import soundfile

    buffer = np.zeros((BLOCK, sound.channels), np.float32)
    while True:
        buffer[:] = np.nan
        try:
            count = sound.buffer_read_into(buffer, "float32")
        except (soundfile.LibsndfileError, RuntimeError) as error:
            # What was read before the damage is there, but not told of.
            read = np.flatnonzero(~np.isnan(buffer).all(axis=1))
            if len(read):
                yield buffer[: read[-1] + 1]
            raise _Damaged(_reason(error)) from None
        if not count:
            return
        yield buffer[:count]


@contextmanager
def _from_ffmpeg(file: BinaryIO, path: Path, form: AudioFormat, sample_rate: int) -> Iterator[Source]:
    """The sound of what libsndfile does not read, mixed and resampled by ffmpeg."""
    from shutil import which

    program = which("ffmpeg")
    if program is None:
        raise TunesmithError(f"{form.name} needs ffmpeg: install it, or convert the file to FLAC or MP3")
    # What is in the file cannot make ffmpeg open anything else.
    command = [
        *(program, "-nostdin", "-v", "error", "-threads", "1", "-protocol_whitelist", "file,pipe"),
        *("-f", form.demuxer, "-i", f"file:{path.absolute()}", "-map", "0:a:0", "-t", str(MOST_SECONDS + 2)),
        *("-ac", "1", "-ar", str(sample_rate), "-f", "f32le", "pipe:1"),
    ]
    with subprocess.Popen(
        command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    ) as process:
        assert process.stdout is not None
        try:
            yield Source(form.name, sample_rate, 1, None, _blocks_of_pipe(process.stdout))
        finally:
            process.kill()


def _blocks_of_pipe(pipe: IO[bytes]) -> Iterator[Block]:
    while True:
        data = pipe.read(4 * BLOCK)
        samples = np.frombuffer(data[: len(data) // 4 * 4], "<f4").astype(np.float32)
        if not len(samples):
            return
        yield samples[:, None]


def _check(sample_rate: int, channels: int) -> None:
    if not LOWEST_RATE <= sample_rate <= HIGHEST_RATE:
        raise TunesmithError(
            f"its sample rate is {sample_rate} Hz; Tunesmith listens to {LOWEST_RATE} to {HIGHEST_RATE} Hz"
        )
    if not 1 <= channels <= MOST_CHANNELS:
        raise TunesmithError(f"it has {channels} channels; Tunesmith listens to at most {MOST_CHANNELS}")


def _too_long() -> TunesmithError:
    return TunesmithError("it is longer than 3 hours; cut it into shorter pieces")


def _send(answers: BinaryIO, letter: bytes, content: Any = b"") -> None:
    content = memoryview(content).cast("B")
    _write(answers, HEADER.pack(letter, content.nbytes))
    _write(answers, content)


def _write(answers: BinaryIO, data: bytes | memoryview) -> None:
    """All of it: an unbuffered write may take less."""
    rest = memoryview(data)
    while rest:
        rest = rest[answers.write(rest) :]


def _json(**values: Any) -> bytes:
    return json.dumps(values).encode()


def _limit_memory() -> None:
    with suppress(ImportError, ValueError, OSError):  # Windows has no such limits; the asking process watches
        import resource

        resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))  # it has nothing to write


def _limit_time() -> None:
    with suppress(ImportError, ValueError, OSError):
        import resource

        used = resource.getrusage(resource.RUSAGE_SELF)
        soft = int(used.ru_utime + used.ru_stime) + CPU_SECONDS
        resource.setrlimit(resource.RLIMIT_CPU, (soft, resource.RLIM_INFINITY))


if __name__ == "__main__":
    main()
