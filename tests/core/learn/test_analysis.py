"""Data, training and scores of the analysis."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch

from core.errors import TunesmithError
from core.learn import analysis_beats, analysis_chords, analysis_data, analysis_keys, analysis_scores
from core.learn.analysis_data import Recording, Truth, frames_of
from core.learn.analysis_recipe import learn_analysis
from core.listen import analysis_model, beat_network, chord_network
from core.listen.analysis_frames import SAMPLE_RATE
from core.song.midi_file import write_midi
from core.song.notes import KeyMark, Meter, Song, Tempo, Track, make_notes
from core.sound.soundfont import BUILT_IN_NAME, own_folder
from core.store.model_file import load_model

BEAT = 480
ROUND = ((0, 4, 7), (9, 12, 16), (5, 9, 12), (7, 11, 14))


def lead_sheet(bars: int = 24, bpm: float = 100.0, meter: tuple[int, int] = (4, 4)) -> Song:
    """A melody of quarter notes over block chords, a bar each: C Am F G."""
    beats = meter[0] * 4 // meter[1]
    tune = make_notes(
        np.arange(bars * beats) * BEAT, BEAT, 72 + np.array([0, 4, 7, 4])[np.arange(bars * beats) % 4], 100, 0
    )
    chords = [
        make_notes(bar * beats * BEAT, beats * BEAT, 48 + pitch, 80, 1)
        for bar in range(bars)
        for pitch in ROUND[bar % 4]
    ]
    return Song(
        np.concatenate([tune, *chords]),
        (Track("melody", 73), Track("chords", 0, 1)),
        tempos=(Tempo.from_bpm(0, bpm),),
        meters=(Meter(0, *meter),),
        keys=(KeyMark(0, 0, "major"),),
    )


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    """Small layers are slower on many threads, and much slower where others want the processor."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture
def corpus(tmp_path: Path) -> Path:
    rows = []
    for number, split in enumerate(("train", "train", "valid")):
        for dataset in ("nottingham", "openewld"):
            path = f"{dataset}/{number}.mid"
            (tmp_path / dataset).mkdir(exist_ok=True)
            write_midi(lead_sheet(bpm=90 + 10 * number), tmp_path / path)
            rows.append({"path": path, "dataset": dataset, "split": split, "ship": "yes", "licence": "CC0"})
    with (tmp_path / "manifest.csv").open("w", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    return tmp_path


def test_what_is_known_of_a_stretch() -> None:
    rng = np.random.default_rng(3)
    song, truth = analysis_data.stretch_of(lead_sheet(), "nottingham", rng)
    assert song is not None
    assert 80 <= truth.tempo_bpm <= 125
    np.testing.assert_allclose(np.diff(truth.beats_s), 60 / truth.tempo_bpm, atol=1e-3)
    np.testing.assert_allclose(truth.downbeats_s, truth.beats_s[::4], atol=1e-6)
    tonic = truth.key.split()[0]
    assert f"{tonic}:maj" in {label for *_, label in truth.chords}  # the shift moves key and chords alike
    assert {label.partition(":")[2] for *_, label in truth.chords} == {"maj", "min"}


def test_a_beat_of_six_eighths_is_a_dotted_quarter() -> None:
    _, truth = analysis_data.stretch_of(lead_sheet(meter=(6, 8)), "nottingham", np.random.default_rng(0))
    assert len(truth.beats_s) == pytest.approx(2 * len(truth.downbeats_s), abs=1)


def test_files_beside_their_own_beats_teach_no_beats() -> None:
    song = lead_sheet()
    late = song.notes.copy()
    late["onset"] += BEAT // 3
    _, truth = analysis_data.stretch_of(song.with_notes(late), "nottingham", np.random.default_rng(0))
    assert len(truth.beats_s) == 0
    assert truth.chords


def test_rows_are_of_one_split_and_some_are_for_bands(corpus: Path) -> None:
    rows = analysis_data.rows_of(corpus, "train", 6)
    assert {row["split"] for row in rows} == {"train"}
    assert [row["dataset"] for row in rows].count("band") == 2
    assert rows == analysis_data.rows_of(corpus, "train", 6)
    with pytest.raises(TunesmithError, match="manifest"):
        analysis_data.rows_of(corpus / "nottingham", "train", 6)


def test_perfect_and_wrong_answers_score_as_they_should() -> None:
    beats = np.arange(0, 30, 0.5)
    truth = Truth(
        120.0, beats, beats[::4], "A minor", [(0, 10, "C:maj"), (10, 20, "A:min7")], [(0, 20, 60.0)]
    )
    right = {
        "tempo_bpm": 121.0,
        "beats_s": beats + 0.02,
        "downbeats_s": beats[::4],
        "key": "A minor",
        "chords": truth.chords,
        "melody": truth.melody,
    }
    assert set(analysis_scores.score(truth, right, 30.0).values()) == {1.0}
    wrong = {
        **right,
        "tempo_bpm": 240.0,
        "beats_s": beats + 0.25,
        "key": "C major",
        "chords": [(0.0, 10.0, "C:7"), (10.0, 20.0, "A:maj")],
    }
    scores = analysis_scores.score(truth, wrong, 30.0)
    assert scores["tempo_acc1"] == 0 < scores["tempo_acc2"] == 1
    assert scores["beat_f"] == 0
    assert scores["key"] == pytest.approx(0.3)  # the relative key
    assert scores["chords"] == pytest.approx(0.5)
    assert scores["sevenths"] == 0


def test_the_table_has_means_and_intervals() -> None:
    scored = [("a", {"key": float(n % 2)}, {"key": 0.0}) for n in range(40)]
    row = analysis_scores.table(scored)["all"]["key"]
    assert row["ours"] == 0.5
    assert row["librosa"] == 0
    assert 0.3 < row["interval"][0] < 0.5 < row["interval"][1] < 0.7
    assert "| a | key | 40 | 50.0" in analysis_scores.markdown(analysis_scores.table(scored))


def test_beats_are_the_same_by_torch_and_by_numpy() -> None:
    torch.manual_seed(0)
    network = analysis_beats.BeatNetwork().eval()
    inputs = np.random.default_rng(0).random((4000, beat_network.INPUTS), np.float32)
    with torch.no_grad():
        expected = torch.sigmoid(network(torch.from_numpy(inputs.T[None])))[0].T.numpy()
    np.testing.assert_allclose(beat_network.activations(network.weights(), inputs), expected, atol=1e-5)


def test_chords_are_the_same_by_torch_and_by_numpy() -> None:
    torch.manual_seed(0)
    network = analysis_chords.ChordNetwork().eval()
    stretches = np.random.default_rng(0).random((20, 3, chord_network.PITCHES), np.float32)
    with torch.no_grad():
        expected = torch.log_softmax(network(torch.from_numpy(stretches)), 1).numpy()
    np.testing.assert_allclose(chord_network.chances(network.weights(), stretches), expected, atol=1e-4)


def test_beats_are_learnt_from_clicks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(analysis_beats, "LENGTH", 900)
    rng = np.random.default_rng(0)
    recordings = []
    for number in range(4):
        period = 0.4 + 0.1 * number
        beats = np.arange(0.3, 20, period)
        sound = np.zeros(21 * SAMPLE_RATE, np.float32)
        for beat in beats:
            sound[int(beat * SAMPLE_RATE) :][:300] += rng.normal(0, 0.2, 300).astype(np.float32)
        recordings.append(Recording(str(number), "clicks", frames_of(sound), Truth(60 / period, beats)))
    examples = analysis_beats.examples_of(recordings)
    network = analysis_beats.train(
        examples,
        analysis_beats.Plan(steps=20, batch=2),
    )
    found = beat_network.activations(network.weights(), examples[0].inputs)[:, 0]
    at = np.rint(recordings[0].truth.beats_s * 50).astype(int)
    assert found[at].mean() > 1.5 * found.mean()


def test_chords_are_learnt_from_their_notes() -> None:
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 24, 600)
    stretches = np.zeros((600, 3, chord_network.PITCHES), np.float32)
    for row, label in zip(stretches, labels, strict=True):
        for step in (0, 3 if label >= 12 else 4, 7):
            row[:, 24 + (label + step) % 12] = 1.0
    network = analysis_chords.train(stretches, labels, analysis_chords.Plan(steps=80, batch=32, rate=0.01))
    told = chord_network.chances(network.weights(), stretches[:200])
    assert (told.argmax(1) == labels[:200]).mean() > 0.9


def test_labels_are_those_that_fill_a_stretch() -> None:
    chords = [(0.0, 2.0, "C:maj"), (2.0, 3.0, "A:min7"), (3.0, 4.0, "N"), (4.0, 5.0, "G:sus4")]
    labels = analysis_chords.labels_of(chords, np.array([0.0, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0]))
    expected = [0, 0, 12 * chord_network.QUALITIES.index("m7") + 9, chord_network.STATES - 1, -1, -1]
    assert labels.tolist() == expected


def test_the_key_is_fitted_for_every_tonic_alike() -> None:
    rng = np.random.default_rng(0)
    shapes = rng.random((2, analysis_keys.KEY_FEATURES, 12))
    keys = np.array([key for key in range(24) if key % 3])  # not every tonic is seen
    features = np.array([np.roll(shapes[key // 12], key % 12, axis=1) for key in keys])
    fitted = analysis_keys.fit(features, keys, steps=100)
    every = np.array([np.roll(shapes[key // 12], key % 12, axis=1) for key in range(24)])
    logits = analysis_keys.key_logits(
        *(torch.tensor(a, dtype=torch.float32) for a in (every, *fitted.values()))
    )
    assert logits.argmax(1).tolist() == list(range(24))


def test_the_shipped_model_holds_what_the_analysis_needs() -> None:
    weights = analysis_model.weights()
    ours = set(analysis_beats.BeatNetwork().weights()) | set(analysis_chords.ChordNetwork().weights())
    assert set(weights) == ours | {"key.weight", "key.bias"}


def test_there_must_be_something_to_measure_on(tmp_path: Path) -> None:
    with pytest.raises(TunesmithError, match="neither"):
        analysis_scores.evaluate_analysis(tmp_path)


def test_a_recipe_goes_from_songs_to_a_model_file(
    corpus: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(analysis_data, "find_soundfonts", lambda: [own_folder() / BUILT_IN_NAME])
    monkeypatch.setattr(analysis_data, "SECONDS", 20.0)
    monkeypatch.setattr(analysis_beats, "LENGTH", 500)
    figures = learn_analysis(
        data=corpus,
        out=tmp_path / "out",
        stretches=3,
        beats=analysis_beats.Plan(steps=2, batch=1),
        chords=analysis_chords.Plan(steps=2, batch=8),
    )
    tensors, card = load_model(figures["model"])
    assert set(tensors) == set(analysis_model.weights())
    assert card["room"] == "listen"
    assert sum(card["trained_on"]["recordings"].values()) >= 2
    assert any("CC0" in licence for licence in card["trained_on"]["licences"])
    assert card["figures"]["valid_chords"]["recordings"] >= 1
