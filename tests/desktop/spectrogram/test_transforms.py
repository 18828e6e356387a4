"""What a spectrogram says of known sounds: the right row, the right level, the right moment."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from desktop.spectrogram import transforms
from desktop.spectrogram.colour_maps import COLOUR_MAPS, colours
from desktop.spectrogram.frequency_axis import (
    SCALES,
    ChromaAxis,
    ScaleAxis,
    hertz_to_pitch,
    mel_to_hertz,
    note_and_cents,
    pitch_to_hertz,
)
from desktop.spectrogram.picture import look_up, rows_to_pixels
from desktop.spectrogram.sound import SAMPLE_RATE, Sound
from desktop.spectrogram.transforms import TRANSFORMS, cqt_pitches, mel_triangles

MOMENTS = np.arange(16, dtype=np.int64) * 512 + SAMPLE_RATE


def tone(hertz: float, amplitude: float = 1.0, seconds: float = 2.5) -> Sound:
    sound = Sound()
    time = np.arange(round(seconds * SAMPLE_RATE)) / SAMPLE_RATE
    sound.append((amplitude * np.sin(2 * np.pi * hertz * time)).astype(np.float32))
    sound.finish()
    return sound


def column(name: str, sound: Sound, spacing: int = 512) -> NDArray[np.float32]:
    return np.asarray(TRANSFORMS[name].compute(sound.read, MOMENTS, spacing)[:, 8])


@pytest.mark.parametrize("name", ["stft", "mel", "cqt"])
@pytest.mark.parametrize("amplitude", [1.0, 0.1])
def test_a_sine_has_its_level_in_the_row_of_its_frequency(name: str, amplitude: float) -> None:
    transform = TRANSFORMS[name]
    levels = column(name, tone(440.0, amplitude))
    assert abs(int(levels.argmax()) - float(transform.row(440.0))) <= 0.6
    assert levels.max() == pytest.approx(20 * np.log10(amplitude), abs=1.0)


@pytest.mark.parametrize("pitch", range(24, 120, 7))
def test_every_key_has_its_constant_q_row(pitch: int) -> None:
    levels = column("cqt", tone(float(pitch_to_hertz(pitch))))
    assert cqt_pitches()[levels.argmax()] == pytest.approx(pitch)
    assert levels.max() == pytest.approx(0, abs=0.3)
    # A whole tone away it is far quieter.
    away = abs(cqt_pitches() - pitch) > 2.1
    assert levels[away].max() < -12 if pitch < 36 else -24


def test_chroma_knows_the_pitch_class_whatever_the_octave() -> None:
    for pitch in (45, 57, 81):
        levels = column("chroma", tone(float(pitch_to_hertz(pitch))))
        assert (levels.argmax(), levels.max()) == (9, pytest.approx(0, abs=1e-3))
        assert np.delete(levels, 9).max() < -18


def test_chroma_of_silence_is_silence() -> None:
    assert column("chroma", tone(440.0, 0.0)).max() <= -119


def test_mel_bands_are_librosas() -> None:
    librosa = pytest.importorskip("librosa")
    theirs = librosa.filters.mel(sr=SAMPLE_RATE, n_fft=transforms.N_FFT, n_mels=transforms.N_MELS, norm=None)
    assert np.abs(mel_triangles() - theirs).max() < 1e-5
    edges = librosa.mel_frequencies(transforms.N_MELS + 2, fmin=0, fmax=SAMPLE_RATE / 2)
    assert np.allclose(TRANSFORMS["mel"].hertz(np.arange(128)), edges[1:-1])


@pytest.mark.parametrize("name", ["stft", "mel", "cqt"])
def test_columns_that_lie_far_apart_are_a_mean_and_keep_the_level(name: str) -> None:
    sound = tone(440.0, seconds=30.0)
    for spacing in (64, 4096, 65536):
        moments = np.arange(4, dtype=np.int64) * spacing + 5 * SAMPLE_RATE
        levels = TRANSFORMS[name].compute(sound.read, moments, spacing)
        assert levels.max(axis=0) == pytest.approx(np.zeros(4), abs=1.0)


def test_a_click_is_where_it_was() -> None:
    sound = Sound()
    samples = np.zeros(2 * SAMPLE_RATE, np.float32)
    samples[20000] = 1
    sound.append(samples)
    moments = np.arange(0, 40000, 64, dtype=np.int64)
    levels = TRANSFORMS["stft"].compute(sound.read, moments, 64).mean(axis=0)
    assert abs(moments[levels.argmax()] - 20000) <= 64


def test_sound_keeps_what_it_was_given_and_is_silent_beyond_its_ends() -> None:
    sound = Sound()
    rng = np.random.default_rng(1)
    stereo = rng.uniform(-0.5, 0.5, (3000, 2)).astype(np.float32)
    sound.append(stereo[:1000])
    sound.append(stereo[1000:])
    heard = sound.read(-100, 3100)
    assert heard[100:3100] == pytest.approx(stereo.mean(axis=1), abs=1 / 32000)
    assert not heard[:100].any()
    assert not heard[3100:].any()
    sound.close()
    assert not sound.read(0, 100).any()


# -- colours and axes --------------------------------------------------------------------------------


def lightness(rgb: NDArray[np.uint8]) -> NDArray[np.float64]:
    """CIE L* of sRGB colours."""
    encoded = rgb / 255
    linear = np.where(encoded <= 0.04045, encoded / 12.92, ((encoded + 0.055) / 1.055) ** 2.4)
    y = linear @ [0.2126, 0.7152, 0.0722]
    return np.asarray(np.where(y > (6 / 29) ** 3, 116 * np.cbrt(y) - 16, 903.3 * y))


@pytest.mark.parametrize("name", COLOUR_MAPS)
def test_equal_steps_of_level_are_equal_steps_of_lightness(name: str) -> None:
    found = lightness(colours(name))
    wanted = np.linspace(COLOUR_MAPS[name].first_lightness, COLOUR_MAPS[name].last_lightness, 256)
    assert np.abs(found - wanted).max() < 1.0


def test_the_range_goes_from_the_first_colour_to_the_last() -> None:
    first, last = (int(f"ff{''.join(f'{part:02x}' for part in colours('ember')[at])}", 16) for at in (0, -1))
    table = look_up("ember", -60.0, -10.0, 0.5)
    assert set(table[:121].tolist()) == {first}
    assert set(table[220:].tolist()) == {last}
    assert len(set(table.tolist())) > 90


@pytest.mark.parametrize("name", SCALES)
def test_axes_are_their_own_inverse_and_zoom_about_the_pointer(qtbot: object, name: str) -> None:
    axis = ScaleAxis(SCALES[name], SAMPLE_RATE / 2)
    axis.set_height(500)
    y = np.linspace(5, 495, 30)
    assert axis.y(axis.hertz(y)) == pytest.approx(y, abs=1e-6)
    assert float(axis.hertz(0)) == pytest.approx(SAMPLE_RATE / 2)
    under = float(axis.hertz(200))
    axis.zoom_about(200, 3.0)
    assert float(axis.hertz(200)) == pytest.approx(under, rel=1e-6)
    axis.zoom_about(200, 1e-6)
    assert float(axis.hertz(0)) == pytest.approx(SAMPLE_RATE / 2)
    assert all(0 < y < 500 for y, _ in axis.marks())


def test_chroma_has_c_at_the_foot(qtbot: object) -> None:
    axis = ChromaAxis()
    axis.set_height(240)
    assert [text for _, text in axis.marks()][:3] == ["C", "C♯", "D"]
    assert axis.marks()[0][0] == pytest.approx(230)
    assert float(hertz_to_pitch(axis.hertz(230))) == pytest.approx(60)


def test_mel_and_notes() -> None:
    assert mel_to_hertz([0, 15, 42]) == pytest.approx([0, 1000, 6400])
    assert note_and_cents(440.0) == "A4 +0 ct"
    assert note_and_cents(261.63 * 2 ** (30 / 1200)) == "C4 +30 ct"


def test_a_thin_line_is_not_lost_where_a_pixel_covers_many_rows() -> None:
    columns = np.zeros((1000, 3), np.uint8)
    columns[437] = 200
    shown = rows_to_pixels(columns, np.linspace(999.5, -0.5, 41))
    assert (shown.max(axis=0) == 200).all()
    assert (shown > 0).sum(axis=0).tolist() in ([1, 1, 1], [2, 2, 2])


def test_rows_fade_where_they_are_higher_than_a_pixel_and_end_at_the_ends() -> None:
    columns = np.array([[0], [100]], np.uint8)
    shown = rows_to_pixels(columns, np.linspace(1.75, -1.0, 12))[:, 0]
    assert shown[0] == 0
    assert shown[-1] == 0
    inside = shown[(shown > 0)].astype(int)
    assert (np.diff(inside) <= 0).all()
    assert set(inside.tolist()) >= {100}
