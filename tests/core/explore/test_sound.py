"""From sound to pictures, from pictures to vectors, and from pictures back to sound."""

import numpy as np
import pytest

from core.errors import Cancelled, TunesmithError
from core.explore import crops, sounding
from core.explore.linear import principal
from core.explore.sound import STATISTICS, Halves
from core.listen.analysis_frames import FrameMaker
from core.listen.blocks import SAMPLE_RATE, MelStream
from core.listen.features import mel_spectrogram
from core.listen.heard import Heard
from core.song.notes import Song, Track, make_notes


def tone(hertz: float, seconds: float = 4.0) -> np.ndarray:
    return (0.5 * np.sin(2 * np.pi * hertz * np.arange(int(seconds * SAMPLE_RATE)) / SAMPLE_RATE)).astype(
        np.float32
    )


def heard(sound: np.ndarray) -> Heard:
    mel = MelStream()
    mel.push(sound)
    peak = float(np.abs(sound).max())
    return Heard(len(sound) / SAMPLE_RATE, mel.finish(), FrameMaker().finish(), peak, peak < 1e-4)


def picture(sound: np.ndarray) -> np.ndarray:
    power = mel_spectrogram(sound, n_mels=64)
    decibels = 10 * np.log10(np.maximum(power, 1e-10))
    return np.maximum(decibels - decibels.max(), -80).astype(np.float32)


def loudest_hertz(sound: np.ndarray) -> float:
    spectrum = np.abs(np.fft.rfft(sound * np.hanning(len(sound))))
    return float(spectrum.argmax() * SAMPLE_RATE / len(sound))


@pytest.mark.parametrize("hertz", [220.0, 880.0, 3000.0])
def test_a_tone_seen_is_a_tone_heard(hertz: float) -> None:
    back = sounding.sound_of(picture(tone(hertz, 1.0)))
    assert len(back) == 512 * (SAMPLE_RATE // 512)
    assert np.abs(back).max() == pytest.approx(sounding.PEAK, abs=1e-3)
    assert loudest_hertz(back) == pytest.approx(hertz, abs=max(35, 0.06 * hertz)), "within a mel band"


def test_what_is_heard_looks_as_it_was_drawn() -> None:
    shown = picture(tone(330, 1.0) + tone(1200, 1.0) * np.linspace(0, 1, SAMPLE_RATE, dtype=np.float32))
    again = picture(sounding.sound_of(shown))
    loud = shown[:, : again.shape[1]] > -30
    assert np.abs(again - shown[:, : again.shape[1]])[loud].mean() < 3


def test_the_same_picture_sounds_the_same() -> None:
    shown = picture(tone(500, 0.5))
    assert np.array_equal(sounding.sound_of(shown), sounding.sound_of(shown))


def test_an_even_picture_is_silence() -> None:
    assert not sounding.sound_of(np.zeros((64, 20), np.float32)).any()


@pytest.mark.parametrize("shape", [(64,), (32, 20), (64, 1)])
def test_what_is_no_picture_is_refused(shape: tuple[int, ...]) -> None:
    with pytest.raises(TunesmithError, match="a picture has 64 bands"):
        sounding.sound_of(np.zeros(shape, np.float32))


def test_numbers_that_are_none_are_refused() -> None:
    with pytest.raises(TunesmithError, match="not finite"):
        sounding.sound_of(np.full((64, 20), np.nan, np.float32))


def test_sounding_can_be_cancelled() -> None:
    with pytest.raises(Cancelled):
        sounding.sound_of(picture(tone(500, 0.5)), cancelled=lambda: True)


def test_a_score_is_heard_at_its_pitch() -> None:
    song = Song(notes=make_notes([0], [1920], [69], 100), tracks=(Track("A"),), ticks_per_beat=480)
    mel = sounding.heard_of_song(song).mel_db.astype(np.float32)
    centre = np.abs(np.fft.rfftfreq(2048, 1 / SAMPLE_RATE) - 440).argmin()
    from core.listen.features import mel_filters

    assert abs(int(mel[:, 5:20].mean(1).argmax()) - int(mel_filters()[:, centre].argmax())) <= 1


def test_clips_and_crops_have_their_sizes_and_the_loudest_is_one() -> None:
    clips = crops.clips_of(heard(tone(440, 25)))
    assert clips.shape == (4, 128, 107), "every five seconds"
    wide = crops.halved(clips)
    assert wide.shape == (4, 64, 107)
    np.testing.assert_allclose(wide.max((1, 2)), 1)
    assert crops.crops_of(wide).shape == (12, 64, 32)
    assert crops.spread_out(wide[0]).shape == (64, 428)


def test_64_bands_made_of_128_are_those_of_the_sound() -> None:
    sound = tone(440, 11) + 0.3 * tone(2000, 11) + np.random.default_rng(0).normal(0, 0.01, 11 * SAMPLE_RATE)
    made = crops.halved(crops.clips_of(heard(sound.astype(np.float32))))[0]
    true = picture(sound.astype(np.float32))[:, :428].reshape(64, 107, 4).mean(2) / 80 + 1
    loud = true > 0.5
    assert np.sqrt(np.square(made - true)[loud].mean()) * 80 < 3, "decibels"


@pytest.mark.parametrize(
    ("sound", "told"), [(np.zeros(SAMPLE_RATE * 5, np.float32), "silent"), (tone(440, 1), "too short")]
)
def test_silence_and_shreds_are_refused_in_a_line(sound: np.ndarray, told: str) -> None:
    with pytest.raises(TunesmithError, match=told):
        crops.clips_of(heard(sound))


def test_what_lies_between_columns_is_drawn_straight() -> None:
    steps = np.tile(np.array([0.0, 1.0, 1.0]), (64, 1)).astype(np.float32)
    drawn = crops.spread_out(steps)
    assert drawn[0].tolist() == sorted(drawn[0].tolist())
    assert drawn[0, 0] == -80
    assert drawn[0, -1] == 0


def test_both_halves_have_length_one_and_survive_being_kept() -> None:
    draw = np.random.default_rng(0)
    rows = draw.normal(size=(30, STATISTICS + 50)).astype(np.float32)
    line = principal(rows[:, :STATISTICS], 5)
    weights = draw.normal(size=(8, 50)).astype(np.float32), draw.normal(size=(3, 8)).astype(np.float32)
    biases = np.zeros(8, np.float32), np.ones(3, np.float32)
    halves = Halves(rows.mean(0), rows.std(0), line, np.ones(5, np.float32), weights, biases)
    vectors = halves.vectors(rows)
    assert vectors.shape == (30, halves.dimensions) == (30, 8)
    np.testing.assert_allclose(np.linalg.norm(vectors[:, :5], axis=1), 1, rtol=1e-5)
    np.testing.assert_allclose(np.linalg.norm(vectors[:, 5:], axis=1), 1, rtol=1e-5)
    assert np.array_equal(Halves.of(halves.tensors()).vectors(rows), vectors)
