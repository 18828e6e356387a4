"""Features equal librosa's to 1e-4 of their largest value, and are right where librosa is not asked."""

from __future__ import annotations

import numpy as np
import pytest

from core.listen import features
from core.listen.blocks import MelStream

RATE = 22050
CLOSE = 1e-4


def music(seconds: float = 2.0, rate: int = RATE, seed: int = 0) -> np.ndarray:
    """Chords a little above A4 = 440 Hz, with overtones, beats and noise."""
    random = np.random.default_rng(seed)
    at = np.arange(round(seconds * rate)) / rate
    sound = 0.02 * random.standard_normal(len(at))
    for start, chord in ((0.0, (57, 60, 64)), (0.9, (55, 59, 62, 67))):
        for pitch in chord:
            for overtone in (1, 2, 3):
                hertz = 440 * 2 ** ((pitch - 69 + 0.12) / 12) * overtone
                sound += 0.2 / overtone * np.sin(2 * np.pi * hertz * at) * (at >= start) * np.exp(-(at % 0.5))
    return sound.astype(np.float32)


def apart(ours: np.ndarray, theirs: np.ndarray) -> float:
    """The largest difference, as a share of the largest value."""
    assert ours.shape == theirs.shape
    assert ours.dtype == theirs.dtype
    return float(np.abs(ours - theirs).max() / np.abs(theirs).max())


@pytest.fixture(scope="module")
def librosa():
    return pytest.importorskip("librosa", reason="librosa, the peer, is in the learn packages")


@pytest.mark.parametrize("window", ["hann", "hamming", "blackman", "ones"])
@pytest.mark.parametrize(("n_fft", "hop"), [(2048, 512), (512, 512), (1024, 160), (1000, 333), (4096, 441)])
@pytest.mark.parametrize("center", [True, False])
def test_stft(librosa, window, n_fft, hop, center) -> None:
    ours = features.stft(music(), n_fft=n_fft, hop_length=hop, window=window, center=center)
    name = "boxcar" if window == "ones" else window
    theirs = librosa.stft(music(), n_fft=n_fft, hop_length=hop, window=name, center=center)
    assert apart(ours, theirs) < CLOSE
    assert apart(features.power(ours), np.abs(theirs) ** 2) < CLOSE


@pytest.mark.parametrize("formula", ["slaney", "htk"])
@pytest.mark.parametrize(
    ("rate", "n_fft", "n_mels", "fmin", "fmax"),
    [(22050, 2048, 128, 0.0, None), (12000, 512, 96, 0.0, 6000.0), (44100, 2048, 229, 30.0, 16000.0)],
)
def test_mel(librosa, formula, rate, n_fft, n_mels, fmin, fmax) -> None:
    settings = {"n_fft": n_fft, "n_mels": n_mels, "fmin": fmin, "fmax": fmax}
    ours = features.mel_filters(rate, formula=formula, **settings)
    theirs = librosa.filters.mel(sr=rate, htk=formula == "htk", **settings)
    assert apart(ours, theirs) < 1e-6
    sound = music(rate=rate)
    ours = features.mel_spectrogram(sound, sample_rate=rate, hop_length=256, formula=formula, **settings)
    theirs = librosa.feature.melspectrogram(
        y=sound, sr=rate, hop_length=256, htk=formula == "htk", **settings
    )
    assert apart(ours, theirs) < CLOSE


@pytest.mark.parametrize("ref", [1.0, 0.3, "max"])
@pytest.mark.parametrize("top_db", [None, 80.0, 40.0])
@pytest.mark.parametrize("amin", [1e-10, 1e-3])
def test_decibels(librosa, ref, top_db, amin) -> None:
    S = features.mel_spectrogram(music())
    ours = features.power_to_db(S, ref=ref, amin=amin, top_db=top_db)
    theirs = librosa.power_to_db(S, ref=np.max if ref == "max" else ref, amin=amin, top_db=top_db)
    assert np.abs(ours - theirs).max() < CLOSE * 80


@pytest.mark.parametrize(
    ("n_mfcc", "n_mels", "formula"), [(20, 128, "slaney"), (13, 40, "htk"), (40, 64, "slaney")]
)
def test_mfcc(librosa, n_mfcc, n_mels, formula) -> None:
    ours = features.mfcc(music(), n_mfcc=n_mfcc, n_mels=n_mels, formula=formula)
    theirs = librosa.feature.mfcc(y=music(), sr=RATE, n_mfcc=n_mfcc, n_mels=n_mels, htk=formula == "htk")
    assert apart(ours, theirs) < CLOSE


@pytest.mark.parametrize(
    ("rate", "n_fft", "hop", "n_chroma"),
    [(22050, 2048, 512, 12), (44100, 4096, 1024, 12), (16000, 2048, 512, 24)],
)
@pytest.mark.parametrize("tuning", [None, 0.0, -0.3])
def test_chroma_of_a_spectrum(librosa, rate, n_fft, hop, n_chroma, tuning) -> None:
    sound = music(rate=rate)
    ours = features.chroma_stft(
        sound, sample_rate=rate, n_fft=n_fft, hop_length=hop, n_chroma=n_chroma, tuning=tuning
    )
    theirs = librosa.feature.chroma_stft(
        y=sound, sr=rate, n_fft=n_fft, hop_length=hop, n_chroma=n_chroma, tuning=tuning
    )
    assert apart(ours, theirs) < CLOSE


@pytest.mark.parametrize(
    ("rate", "hop", "fmin", "n_bins", "bins_per_octave"),
    [
        (22050, 512, None, 84, 12),
        (22050, 256, 110.0, 60, 24),
        (22050, 512, None, 252, 36),
        (44100, 1024, 27.5, 88, 12),
        (22050, 2048, 65.4, 40, 12),
        (22050, 500, 220.0, 10, 12),
        (22050, 441, 261.6, 24, 12),
    ],
)
@pytest.mark.parametrize("tuning", [0.0, 0.25])
def test_constant_q(librosa, rate, hop, fmin, n_bins, bins_per_octave, tuning) -> None:
    sound = music(rate=rate)
    settings = {"hop_length": hop, "n_bins": n_bins, "bins_per_octave": bins_per_octave, "tuning": tuning}
    ours = features.cqt(sound, sample_rate=rate, fmin=fmin, **settings)
    theirs = librosa.cqt(sound, sr=rate, fmin=fmin, **settings)
    assert apart(ours, theirs) < CLOSE


@pytest.mark.parametrize(
    ("hop", "n_octaves", "bins_per_octave", "fmin"),
    [(512, 7, 36, None), (256, 5, 24, 55.0), (512, 6, 12, 65.4)],
)
def test_chroma_of_constant_q(librosa, hop, n_octaves, bins_per_octave, fmin) -> None:
    settings = {"hop_length": hop, "n_octaves": n_octaves, "bins_per_octave": bins_per_octave, "fmin": fmin}
    ours = features.chroma_cqt(music(), **settings)
    theirs = librosa.feature.chroma_cqt(y=music(), sr=RATE, **settings)
    assert apart(ours, theirs) < CLOSE


@pytest.mark.parametrize("bins_per_octave", [12, 24, 36])
def test_tuning(librosa, bins_per_octave) -> None:
    ours = features.estimate_tuning(music(), bins_per_octave=bins_per_octave)
    theirs = librosa.estimate_tuning(y=music(), sr=RATE, bins_per_octave=bins_per_octave)
    assert ours == pytest.approx(theirs, abs=1e-9)


def test_tuning_is_that_of_the_sound() -> None:
    at = np.arange(2 * RATE) / RATE
    for tuning in (-0.35, 0.0, 0.12, 0.4):
        chord = sum(
            np.sin(2 * np.pi * 440 * 2 ** ((pitch - 69 + tuning) / 12) * at) for pitch in (60, 67, 76)
        )
        assert features.estimate_tuning(chord.astype(np.float32)) == pytest.approx(tuning, abs=0.04)
    assert features.estimate_tuning(np.zeros(RATE, np.float32)) == 0.0


def test_a_note_is_loudest_in_its_own_bin() -> None:
    at = np.arange(RATE) / RATE
    sound = np.sin(2 * np.pi * 440 * 2 ** ((64 - 69) / 12) * at).astype(np.float32)  # E4
    assert np.abs(features.cqt(sound))[:, 20].argmax() == 64 - 24
    assert features.chroma_cqt(sound)[:, 20].argmax() == 4
    assert features.chroma_stft(sound)[:, 20].argmax() == 4


def test_silence_and_very_short_sound_have_features() -> None:
    for length in (1, 700, RATE):
        sound = np.zeros(length, np.float32)
        for made in (
            features.mel_spectrogram(sound), features.mfcc(sound), features.chroma_stft(sound),
            features.chroma_cqt(sound), features.cqt(sound),
        ):  # fmt: skip
            assert np.isfinite(made).all()
            assert made.shape[1] == length // 512 + 1


def test_compression_keeps_zero_and_order() -> None:
    S = np.array([0.0, 0.1, 1.0, 100.0], np.float32)
    made = features.log_compress(S, gamma=10.0)
    assert made[0] == 0
    assert made[2] == pytest.approx(np.log(11))
    assert (np.diff(made) > 0).all()


def test_what_cannot_be_is_refused() -> None:
    with pytest.raises(ValueError, match="no window 'kaiser'"):
        features.stft(music(), window="kaiser")
    with pytest.raises(ValueError, match="less than a window"):
        features.stft(np.zeros(100, np.float32), center=False)
    with pytest.raises(ValueError, match="no mel formula 'bark'"):
        features.mel_filters(formula="bark")
    with pytest.raises(ValueError, match="more than 22050 samples a second"):
        features.cqt(music(), n_bins=120)
    with pytest.raises(ValueError, match="cannot be merged"):
        features.chroma_cqt(music(), bins_per_octave=16)


@pytest.mark.parametrize("cuts", [1, 3, 40])
def test_a_stream_of_blocks_gives_the_frames_of_the_whole(cuts: int) -> None:
    sound = music(3.0)
    stream = MelStream()
    for block in np.array_split(sound, cuts):
        stream.push(block)
    made = stream.finish()
    whole = features.power_to_db(features.mel_spectrogram(sound), top_db=None)
    assert made.dtype == np.float16
    assert made.shape == whole.shape
    # Half precision tells 1/16 dB apart below -64 dB, less above.
    assert np.abs(made.astype(np.float32) - whole).max() < 0.04


def test_long_streams_go_through_a_file_and_come_out_the_same(monkeypatch) -> None:
    from core.listen import blocks

    sound = music(8.0)
    short = MelStream()
    short.push(sound)
    expected = short.finish()
    monkeypatch.setattr(blocks, "ROOM_FRAMES", 100)
    monkeypatch.setattr(blocks, "_FRAMES_AT_ONCE", 64)
    stream = MelStream()
    for block in np.array_split(sound, 11):
        stream.push(block)
    made = stream.finish()
    assert isinstance(made.base, np.memmap)
    assert np.array_equal(made, expected)
