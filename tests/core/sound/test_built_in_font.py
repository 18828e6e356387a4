"""The built-in soundfont: the file is whole, and what it plays is in tune, even, clean and varied.

What is heard is rendered by the real FluidSynth; what is stored is read from the file by a reader of its own.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

from core.song.instruments import DRUMS
from core.song.instruments import PROGRAMS as NAMES
from core.sound.built_in_font import build, levels
from core.sound.built_in_font.drums import KIT
from core.sound.built_in_font.programs import PROGRAMS
from core.sound.built_in_font.sample import TAIL, Sample, make_grid
from core.sound.built_in_font.sf2_file import SILENT_FRAMES, Preset, Zone, sf2_bytes

RATE = 44100
SIZE_LIMIT = 8_000_000
DRUM_BANK = 128
#: Programs whose sound has no pitch, or dies too soon to measure one: the hit, percussion and effects.
UNPITCHED = {55, *range(112, 128)}
#: Of the effects family: fading from one voice into another (which turns the phase), or bending on purpose.
WILD = {100, 101, 103}


def chunk(data: bytes, name: bytes) -> bytes:
    """The contents of the first chunk called `name`."""
    place = data.index(name)
    size = struct.unpack_from("<I", data, place + 4)[0]
    return data[place + 8 : place + 8 + size]


def rows(data: bytes, name: bytes, layout: str) -> list[tuple]:
    return list(struct.iter_unpack(layout, chunk(data, name)))


def text(field: bytes) -> str:
    return field.split(b"\0")[0].decode()


@pytest.fixture(scope="module")
def path(repository: Path) -> Path:
    return repository / "soundfonts" / "tunesmith.sf2"


@pytest.fixture(scope="module")
def data(path: Path) -> bytes:
    return path.read_bytes()


@pytest.fixture(scope="module")
def words(data: bytes) -> np.ndarray:
    return np.frombuffer(chunk(data, b"smpl"), "<i2").astype(float)


@pytest.fixture(scope="module")
def headers(data: bytes) -> list[tuple]:
    return rows(data, b"shdr", "<20sIIIIIBbHH")[:-1]


Play = Callable[..., np.ndarray]


@pytest.fixture(scope="module")
def play(path: Path) -> Iterator[Play]:
    fluidsynth = pytest.importorskip("fluidsynth")
    synth = fluidsynth.Synth(gain=0.5, samplerate=float(RATE))
    synth.setting("synth.reverb.active", 0)
    synth.setting("synth.chorus.active", 0)
    font = synth.sfload(str(path))
    assert font >= 0

    def render(
        bank: int, program: int, notes: list[tuple[float, float, int, int]], seconds: float
    ) -> np.ndarray:
        """Mono sound of `notes` (onset, end, key, velocity; seconds)."""
        channel = 9 if bank == DRUM_BANK else 0
        synth.program_select(channel, font, bank, program)
        events = sorted(
            [(on, 1, key, velocity) for on, _, key, velocity in notes]
            + [(off, 0, key, 0) for _, off, key, _ in notes]
        )
        pieces, position = [], 0
        for time, kind, key, velocity in [*events, (seconds, 2, 0, 0)]:
            frames = int(time * RATE) - position
            if frames > 0:
                pieces.append(np.asarray(synth.get_samples(frames), float).reshape(-1, 2).mean(1) / 32768)
                position += frames
            if kind == 1:
                synth.noteon(channel, key, velocity)
            elif kind == 0:
                synth.noteoff(channel, key)
        synth.cc(channel, 120, 0)
        synth.get_samples(2048)
        return np.concatenate(pieces)

    yield render
    synth.delete()


def hold(play: Play, program: int, key: int, *, velocity: int = 100, seconds: float = 1.0) -> np.ndarray:
    return play(0, program, [(0.0, seconds, key, velocity)], seconds)


def level_db(wave: np.ndarray) -> float:
    return float(10 * np.log10(np.mean(wave**2) + 1e-15))


def between(wave: np.ndarray, start: float, end: float) -> np.ndarray:
    return wave[int(start * RATE) : int(end * RATE)]


def centroid(wave: np.ndarray) -> float:
    power = np.abs(np.fft.rfft(wave * np.hanning(len(wave)))) ** 2
    return float(np.sum(power * np.fft.rfftfreq(len(wave), 1 / RATE)) / np.sum(power))


def integrated_loudness(wave: np.ndarray) -> float:
    """Loudness after ITU-R BS.1770: K-weighted blocks of 0.4 s, gated absolutely and relatively."""
    spectrum = np.fft.rfft(wave) * levels.k_weighting(np.fft.rfftfreq(len(wave), 1 / RATE))
    total = np.concatenate([[0.0], np.cumsum(np.fft.irfft(spectrum, len(wave)) ** 2)])
    block = int(0.4 * RATE)
    starts = np.arange(0, len(wave) - block + 1, block // 4)
    power = (total[starts + block] - total[starts]) / block
    loud = power[10 * np.log10(power + 1e-20) > -70]
    return float(10 * np.log10(np.mean(loud[loud > np.mean(loud) / 10])))


# The file


def test_it_is_a_soundfont_smaller_than_eight_megabytes(data: bytes) -> None:
    assert len(data) < SIZE_LIMIT
    assert data[:4] == b"RIFF"
    assert data[8:12] == b"sfbk"
    assert struct.unpack_from("<I", data, 4)[0] == len(data) - 8
    assert chunk(data, b"ifil") == struct.pack("<HH", 2, 4)


def test_presets_are_the_128_programs_by_name_and_a_kit(data: bytes) -> None:
    presets = rows(data, b"phdr", "<20sHHHIII")[:-1]
    found = {(bank, program): text(name) for name, program, bank, *_ in presets}
    assert found == {(0, i): name[:19] for i, name in enumerate(NAMES)} | {(DRUM_BANK, 0): "standard kit"}


def test_every_key_of_every_program_has_a_sample(data: bytes) -> None:
    instruments = rows(data, b"inst", "<20sH")
    bags = rows(data, b"ibag", "<HH")
    generators = rows(data, b"igen", "<HH")
    for (name, first), (_, after) in zip(instruments[:-2], instruments[1:-1], strict=True):
        covered: set[int] = set()
        for zone in range(first, after):
            zone_rows = generators[bags[zone][0] : bags[zone + 1][0]]
            assert zone_rows[0][0] == 43, "the key range comes first"
            assert zone_rows[-1][0] == 53, "the sample comes last"
            covered |= set(range(zone_rows[0][1] & 255, (zone_rows[0][1] >> 8) + 1))
        assert covered == set(range(128)), text(name)


def test_drums_cover_the_general_midi_keys(data: bytes) -> None:
    assert set(KIT) == set(range(35, 82))
    assert set(KIT) <= set(DRUMS)


def test_samples_lie_in_order_and_are_followed_by_silence(words: np.ndarray, headers: list[tuple]) -> None:
    expected_start = 0
    for name, start, end, loop_start, loop_end, rate, key, *_ in headers:
        assert start == expected_start, text(name)
        assert not np.any(words[end : end + SILENT_FRAMES]), text(name)
        assert start <= loop_start < loop_end <= end, text(name)
        assert 22050 * 0.95 <= rate <= 48000, text(name)
        assert 0 <= key <= 127
        expected_start = end + SILENT_FRAMES
    assert expected_start == len(words)


def test_nothing_is_clipped(words: np.ndarray) -> None:
    assert np.max(np.abs(words)) <= 32767 * build.CEILING + 1
    assert np.mean(np.abs(words) > 32767 * build.CEILING - 1) < 1e-3


def test_loops_close_without_a_click(words: np.ndarray, headers: list[tuple]) -> None:
    looped = 0
    for name, start, end, loop_start, loop_end, *_ in headers:
        if (loop_start, loop_end) == (start, end):
            continue
        looped += 1
        loop = words[loop_start:loop_end]
        peak = np.max(np.abs(loop))
        # What follows the loop's end is what follows its start ...
        after = words[loop_end : loop_end + TAIL - 4] - words[loop_start : loop_start + TAIL - 4]
        assert np.max(np.abs(after)) <= 2 + 0.002 * peak, text(name)
        # ... and the wave bends no more sharply across the seam than it does elsewhere.
        bends = np.abs(np.diff(loop, 2))
        seam = np.abs(np.diff(np.concatenate([loop[-3:], loop[:3]]), 2))
        assert np.max(seam) <= 1.3 * np.max(bends) + 3, text(name)
    assert looped > 300


def test_loops_hold_whole_periods_of_the_key(headers: list[tuple]) -> None:
    scenes = {"seashore", "bird", "telephone", "helicopter", "applause", "rain"}
    for name, start, _end, loop_start, loop_end, rate, key, *_ in headers:
        if loop_start == start or text(name).rsplit(" ", 1)[0] in scenes:
            continue
        cycles = (loop_end - loop_start) / rate * 440 * 2 ** ((key - 69) / 12)
        cents = 1200 * np.log2(cycles / round(cycles))
        assert abs(cents) < 1.0, (text(name), cents)


# The recipes


@pytest.mark.parametrize(
    "voice", ["grand piano", "fingered bass", "flute", "string section", "tine piano", "saw"]
)
def test_the_file_is_what_the_recipes_make(voice: str, words: np.ndarray, headers: list[tuple]) -> None:
    root = build.VOICES[voice].roots[-1]
    name = f"{voice[:15]} {root}"
    start, end = next((row[1], row[2]) for row in headers if text(row[0]) == name)
    stored = words[start:end]
    made = build.VOICES[voice].make(root).wave
    assert len(made) == len(stored)
    # Levelling scales all, and limits only the attack: compare the shapes from the middle on.
    half = len(made) // 2
    scale = np.dot(made[half:], stored[half:]) / np.dot(made[half:], made[half:])
    assert np.max(np.abs(stored[half:] - scale * made[half:])) < 3


def test_a_recipe_makes_the_same_sound_every_time() -> None:
    for voice in ("violin", "applause", "koto"):
        root = build.VOICES[voice].roots[0]
        np.testing.assert_array_equal(
            build.VOICES[voice].make(root).wave, build.VOICES[voice].make(root).wave
        )


def test_every_program_uses_voices_that_exist() -> None:
    assert len(PROGRAMS) == 128
    assert {layer.voice for program in PROGRAMS for layer in program} <= set(build.VOICES)


@pytest.mark.parametrize("key", [24, 60, 61, 96, 108])
def test_a_grid_is_in_tune_to_a_fifth_of_a_cent(key: int) -> None:
    grid = make_grid(key, 22050, 0.1, 0.1)
    assert abs(1200 * np.log2(grid.f0 / (440 * 2 ** ((key - 69) / 12)))) < 0.2


def test_the_limiter_leaves_the_loop_alone() -> None:
    wave = np.concatenate([[0.0, 3.0, -2.0], np.zeros(300), 0.5 * np.sin(np.arange(400))])
    limited = levels.limited(Sample(wave, 22050, 60, (303, 700)), 0.9)
    assert np.max(np.abs(limited.wave)) <= 0.9
    np.testing.assert_array_equal(limited.wave[303:], wave[303:])


def test_a_font_of_one_sample_is_written_by_the_book() -> None:
    sample = Sample(0.5 * np.sin(np.arange(100)), 22050, 69, (40, 90))
    font = sf2_bytes(
        [("tone", sample)], [Preset("one", 0, 5, (Zone(0, (0, 127), {"pan": -500}),))], {"INAM": "x"}
    )
    assert len(chunk(font, b"smpl")) == 2 * (100 + SILENT_FRAMES)
    assert rows(font, b"shdr", "<20sIIIIIBbHH")[0][1:7] == (0, 100, 40, 90, 22050, 69)
    assert (17, -500) in rows(font, b"igen", "<Hh")
    assert (54, 1) in rows(font, b"igen", "<Hh")


# What is heard


@pytest.fixture(scope="module")
def phrase_loudness(play: Play) -> np.ndarray:
    keys = (48, 55, 60, 64, 67, 72)
    notes = [(0.5 * i, 0.5 * i + 0.45, key, 100) for i, key in enumerate(keys)]
    return np.array([integrated_loudness(play(0, program, notes, 3.2)) for program in range(128)])


def test_all_programs_are_equally_loud(phrase_loudness: np.ndarray) -> None:
    off = phrase_loudness - np.median(phrase_loudness)
    assert np.max(np.abs(off)) <= 4.0, {NAMES[i]: round(off[i], 1) for i in np.argsort(-np.abs(off))[:5]}
    assert np.mean(np.abs(off) <= 3.0) >= 0.98


@pytest.mark.parametrize("program", [0, 4, 16, 24, 33, 48, 52, 80])
def test_the_keyboard_is_even(program: int, play: Play) -> None:
    heard = [integrated_loudness(hold(play, program, key, seconds=0.6)) for key in range(36, 90, 5)]
    assert np.ptp(heard) < 5.0


def tuning_cents(wave: np.ndarray, key: int) -> tuple[float, float]:
    """Distance of the fundamental (the centre of what lies within 45 cents) from the key; its level in dB of all."""
    size = 1 << 17
    power = np.abs(np.fft.rfft(wave * np.hanning(len(wave)), size)) ** 2
    cents = 1200 * np.log2(np.maximum(np.fft.rfftfreq(size, 1 / RATE), 1e-3) / (440 * 2 ** ((key - 69) / 12)))
    near = np.abs(cents) < 45
    share = np.max(power[near]) / np.max(power)
    return float(np.sum(power[near] * cents[near]) / np.sum(power[near])), float(10 * np.log10(share))


@pytest.mark.parametrize("key", [36, 48, 60, 72, 84])
def test_the_fundamental_is_in_tune(key: int, play: Play) -> None:
    measured = {}
    for program in set(range(112)) - UNPITCHED - WILD:
        wave = between(hold(play, program, key, seconds=1.7), 0.12, 1.7)
        cents, share = tuning_cents(wave, key)
        if share > -40:
            measured[NAMES[program]] = cents
    assert len(measured) > 90
    off = {name: round(cents, 2) for name, cents in measured.items() if abs(cents) > 3.0}
    assert not off


def test_every_drum_sounds_and_ends(play: Play) -> None:
    for key in KIT:
        wave = play(DRUM_BANK, 0, [(0.0, 0.1, key, 100)], 2.6)
        loud = level_db(between(wave, 0, 0.1))
        assert loud > -45, DRUMS[key]
        assert level_db(between(wave, 2.4, 2.6)) < loud - 30, DRUMS[key]


def test_kick_snare_and_hat_stand_where_a_drummer_has_them(play: Play) -> None:
    strokes = {key: between(play(DRUM_BANK, 0, [(0.0, 0.3, key, 100)], 0.4), 0, 0.15) for key in (36, 38, 42)}
    loud = {key: levels.stroke_loudness(wave, RATE) for key, wave in strokes.items()}
    assert abs(loud[36] - loud[38]) < 3
    assert 3 < loud[38] - loud[42] < 12
    assert centroid(strokes[36]) < 250 < 800 < centroid(strokes[38]) < 4500 < 7000 < centroid(strokes[42])


def test_a_closed_hat_chokes_the_open_one(play: Play) -> None:
    ringing = play(DRUM_BANK, 0, [(0.0, 1.0, 46, 100)], 0.6)
    choked = play(DRUM_BANK, 0, [(0.0, 1.0, 46, 100), (0.1, 1.0, 42, 100)], 0.6)
    assert level_db(between(choked, 0.4, 0.6)) < level_db(between(ringing, 0.4, 0.6)) - 20


@pytest.mark.parametrize("program", [0, 4, 24, 33, 56, 65])
def test_louder_is_brighter(program: int, play: Play) -> None:
    soft, hard = (between(hold(play, program, 52, velocity=v, seconds=0.5), 0.02, 0.5) for v in (35, 120))
    assert level_db(hard) > level_db(soft) + 12
    assert centroid(hard) > 1.12 * centroid(soft)


@pytest.mark.parametrize(
    ("program", "lowest", "highest"),
    [
        (0, 8, 25),
        (11, 3, 20),
        (24, 12, 35),
        (12, 30, 90),
        (16, -2, 2),
        (40, -1.5, 1.5),
        (48, -3, 3),
        (73, -2, 2),
    ],
)
def test_struck_sounds_die_away_and_blown_ones_hold(
    program: int, lowest: float, highest: float, play: Play
) -> None:
    wave = hold(play, program, 64, seconds=1.4)
    fall = level_db(between(wave, 0.2, 0.4)) - level_db(between(wave, 1.2, 1.4))
    assert lowest <= fall + (5 if program == 0 else 0) <= highest + 5


def rise_seconds(wave: np.ndarray) -> float:
    """Time to half of the greatest short-time amplitude."""
    power = np.convolve(wave**2, np.ones(220) / 220, "same")
    return float(np.argmax(power > 0.25 * np.max(power)) / RATE)


def test_attacks_are_as_of_the_instrument(play: Play) -> None:
    rise = {
        program: rise_seconds(hold(play, program, 60, seconds=0.8)) for program in (0, 24, 12, 48, 49, 73, 89)
    }
    assert max(rise[0], rise[24], rise[12]) < 0.015
    assert 0.03 < rise[48] < 0.2
    assert rise[48] < rise[49]
    assert 0.015 < rise[73] < 0.12
    assert rise[89] > 0.1


def test_release_ends_the_sound(play: Play) -> None:
    for program in (0, 16, 33, 40, 56, 73, 80):
        wave = play(0, program, [(0.0, 0.6, 60, 100)], 2.0)
        assert level_db(between(wave, 1.6, 2.0)) < level_db(between(wave, 0.3, 0.5)) - 50, NAMES[program]


def fingerprint(wave: np.ndarray) -> np.ndarray:
    """Levels in 24 bands at five times, in dB of the strongest."""
    edges = np.geomspace(60, 14_000, 25)
    rows_ = []
    for start, end in ((0, 0.06), (0.06, 0.2), (0.2, 0.5), (0.5, 0.9), (0.9, 1.3)):
        piece = between(wave, start, end)
        power = np.abs(np.fft.rfft(piece * np.hanning(len(piece)))) ** 2 / len(piece)
        cuts = np.searchsorted(np.fft.rfftfreq(len(piece), 1 / RATE), edges)
        rows_.append([np.sum(power[low:high]) for low, high in zip(cuts, cuts[1:], strict=False)])
    table = np.array(rows_)
    return np.asarray(10 * np.log10(table / np.max(table) + 1e-5)).ravel()


def closest(prints: np.ndarray) -> float:
    distance = np.sqrt(np.mean((prints[:, None] - prints[None]) ** 2, axis=2))
    np.fill_diagonal(distance, np.inf)
    return float(np.min(distance))


def test_any_two_programs_can_be_told_apart(play: Play) -> None:
    prints = [fingerprint(play(0, program, [(0, 1.0, 60, 100)], 1.3)) for program in range(128)]
    assert closest(np.array(prints)) > 1.2


def test_any_two_drums_can_be_told_apart(play: Play) -> None:
    prints = [fingerprint(play(DRUM_BANK, 0, [(0, 0.2, key, 100)], 1.3)) for key in KIT]
    assert closest(np.array(prints)) > 1.2
