"""Does a verdict survive what happens to sound on its way? The same music made worse, and heard again.

Two ways:

* *recordings*: whole files, made worse as sound, written to a file and heard by the application's own path;
* *log-mels* of the test part, of which there is no sound: the same done to the decibels of mel bins. MP3 is a
  limit of frequency and a little noise there; the recordings tell whether that is like it.

The folder of recordings holds files named as their tracks (``blues.00000.flac``).
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from core.learn.genres.augment import DECIBELS, bins_to_hertz
from core.learn.genres.data import Tracks
from core.learn.genres.training import Logits
from core.listen.genre import CROP, crops_of, listen_in_crops, picture
from core.listen.heard import hear
from core.listen.trained import Trained

Sound = NDArray[np.float32]

EQ_DB = 6.0
LOWEST, TELEPHONE = 30.0, 8000.0
MP3_TOP, MP3_NOISE_DB = 10_500.0, 0.5


def tilted(sound: Sound, rate: int, decibels: float) -> Sound:
    """``decibels`` more at the top than at 1 kHz, as much less at the bottom, evenly by octaves in between."""
    spectrum = np.fft.rfft(sound)
    hertz = np.fft.rfftfreq(len(sound), 1 / rate)
    octaves = np.clip(np.log2(np.maximum(hertz, 1) / 1000) / 3.5, -1, 1)
    return np.fft.irfft(spectrum * 10 ** (decibels * octaves / 20), len(sound)).astype(np.float32)


def without_bass(sound: Sound, rate: int) -> Sound:
    """Nothing below 30 Hz, where one much-praised genre network was found to have listened."""
    spectrum = np.fft.rfft(sound)
    spectrum[np.fft.rfftfreq(len(sound), 1 / rate) < LOWEST] = 0
    return np.fft.irfft(spectrum, len(sound)).astype(np.float32)


def _resampled(sound: Sound, rate: int, wanted: int) -> tuple[Sound, int]:
    import soxr

    return soxr.resample(sound, rate, wanted).astype(np.float32), wanted


HARMS: dict[str, Callable[[Sound, int], tuple[Sound, int]]] = {
    "as it is": lambda sound, rate: (sound, rate),
    "MP3, 64 kbit/s": lambda sound, rate: _resampled(sound, rate, 44_100),
    "treble up 6 dB, bass down": lambda sound, rate: (tilted(sound, rate, EQ_DB), rate),
    "bass up 6 dB, treble down": lambda sound, rate: (tilted(sound, rate, -EQ_DB), rate),
    "nothing below 30 Hz": lambda sound, rate: (without_bass(sound, rate), rate),
    "16 kHz": lambda sound, rate: _resampled(sound, rate, 16_000),
}


def harmed_picture(shown: NDArray[np.uint8], harm: str, seed: int = 0) -> NDArray[np.uint8]:
    """The same to a picture [shape=(bins, columns)]: what was too quiet to know stays so."""
    hertz = bins_to_hertz(torch.arange(len(shown), dtype=torch.float32), len(shown)).numpy()[:, None]
    octaves = np.clip(np.log2(np.maximum(hertz, 1) / 1000) / 3.5, -1, 1)
    decibels = shown.astype(np.float32) / 255 * DECIBELS
    known = shown > 0
    if harm == "MP3, 64 kbit/s":
        decibels += np.random.default_rng(seed).normal(0, MP3_NOISE_DB, decibels.shape)
        known &= hertz < MP3_TOP
    elif harm == "treble up 6 dB, bass down":
        decibels += EQ_DB * octaves
    elif harm == "bass up 6 dB, treble down":
        decibels -= EQ_DB * octaves
    elif harm == "nothing below 30 Hz":
        known &= hertz > LOWEST
    elif harm == "16 kHz":
        known &= hertz < TELEPHONE
    decibels -= decibels[known].max(initial=0) - DECIBELS
    return np.round(np.clip(np.where(known, decibels, 0), 0, DECIBELS) / DECIBELS * 255).astype(np.uint8)


def of_pictures(pictures: NDArray[np.uint8], classifier: Trained) -> Logits:
    """Scores of tracks by their pictures, as the application comes to them."""
    columns = classifier.columns or CROP
    return np.stack(
        [classifier.scores(crops_of(shown, columns, columns // 2)[1]).mean(0) for shown in pictures]
    )


def of_log_mels(tracks: Tracks, places: NDArray[np.intp], classifier: Trained) -> dict[str, dict[str, float]]:
    """Accuracy on log-mels, harmed in each way, and how many verdicts stay what they were."""
    labels, first = tracks.labels[places], np.zeros(0)
    found: dict[str, dict[str, float]] = {}
    for harm in HARMS:
        shown = [
            harmed_picture(track, harm) if harm != "as it is" else track for track in tracks.pictures[places]
        ]
        guessed = of_pictures(np.stack(shown), classifier).argmax(1)
        first = guessed if harm == "as it is" else first
        found[harm] = {
            "accuracy": float((guessed == labels).mean()),
            "same_verdict": float((guessed == first).mean()),
        }
    return found


def of_recordings(folder: Path, tracks: Tracks, classifier: Trained) -> dict[str, Any]:
    """Accuracy on recordings by the application's own path, harmed in each way, and beside it how near their
    pictures and verdicts come to the stored log-mels'.
    """
    import soundfile

    files = [file for file in sorted(folder.iterdir()) if ".".join(file.name.split(".")[:2]) in tracks.names]
    places = [tracks.names.index(".".join(file.name.split(".")[:2])) for file in files]
    labels = tracks.labels[places]
    stored = of_pictures(tracks.pictures[places], classifier)
    found: dict[str, Any] = {"files": len(files)}
    first = stored.argmax(1)
    with tempfile.TemporaryDirectory() as scratch:
        for harm, make in HARMS.items():
            scored = []
            away = []
            for file, place in zip(files, places):
                path = file
                if harm != "as it is":
                    sound, rate = soundfile.read(file, dtype="float32", always_2d=True)
                    worse, rate = make(sound.mean(1), rate)
                    path = Path(scratch) / ("worse.mp3" if harm.startswith("MP3") else "worse.wav")
                    _write(path, worse / max(1.0, float(np.abs(worse).max())), rate)
                heard = hear(path, remember=False)
                scored.append(listen_in_crops(heard, classifier).scores.mean(0))
                if harm == "as it is":
                    away.append(np.abs(picture(heard.mel_db).astype(float) - tracks.pictures[place]).mean())
            guessed = np.stack(scored).argmax(1)
            if harm == "as it is":
                found["mean_difference_of_pictures_db"] = float(np.mean(away)) / 255 * DECIBELS
                found["same_verdict_as_stored_log_mel"] = float((guessed == first).mean())
                chances = [classifier.chances(np.stack(each)) for each in (scored, list(stored))]
                found["largest_difference_of_chances"] = float(np.abs(chances[0] - chances[1]).max())
                first = guessed
            found[harm] = {
                "accuracy": float((guessed == labels).mean()),
                "same_verdict": float((guessed == first).mean()),
            }
    return found


def _write(path: Path, sound: Sound, rate: int) -> None:
    import soundfile

    if path.suffix == ".mp3":
        # libsndfile's scale goes from 0 (320 kbit/s) to 1 (32 kbit/s) at 44,100 Hz.
        soundfile.write(
            path, sound, rate, format="MP3", subtype="MPEG_LAYER_III",
            bitrate_mode="CONSTANT", compression_level=1 - (64 - 32) / (320 - 32),
        )  # fmt: skip
    else:
        soundfile.write(path, sound, rate, subtype="FLOAT")
