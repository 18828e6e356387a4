"""Learning who wrote it: clips rendered from scores, S2's table, and both classifiers on small made-up data."""

from __future__ import annotations

import csv
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("librosa")

import librosa

from core.errors import TunesmithError
from core.learn import figures
from core.learn.composers import audio, further, rendering, s2, s2_table, scores, sounding
from core.learn.composers.clips import (
    COMPOSERS,
    FOLDS,
    FRAMES,
    KINDS,
    RANGE_DB,
    SAMPLE_RATE,
    Clip,
    decibels,
    open_array,
    read_clips,
    stored,
    write_list,
)  # fmt: skip
from core.learn.composers.rendering import Work, excerpt, in_folds, in_tempo, plan, representations
from core.learn.data import Row
from core.listen import composer_audio, composer_scores
from core.listen.composer_features import COUNT, GROUPS
from core.listen.composer_networks import BASELINES
from core.song.midi_file import write_midi
from core.song.notes import Song, Tempo, Track, make_notes
from core.sound.soundfont import own_folder
from core.store.model_file import ModelFile, load_model


def tune(composer: int, work: int, beats: int = 32) -> Song:
    """Each composer repeats a chord of his own; works are transposed."""
    onset = np.repeat(np.arange(beats), 3) * 480
    pitch = np.tile([0, 2 + composer, 7 + composer % 3], beats) + 55 + work
    return Song(make_notes(onset, 240 + 40 * composer, pitch, 90), (Track("strings", 48),))


# ---- clips ---------------------------------------------------------------------------------------


def test_works_keep_their_split_and_fold_and_clips_follow_table_1() -> None:
    works = [
        Work(f"{name}{number}.mid", name, f"work {number // 2}", "test" if number > 13 else "train", 900.0)
        for name in COMPOSERS
        for number in range(20)
    ]
    folded = in_folds(works)
    assert {work.fold for work in folded if work.split == "test"} == {-1}
    for name in COMPOSERS:
        own = [work for work in folded if work.composer == name and work.split == "train"]
        assert {work.fold for work in own} == set(range(FOLDS))
        assert len({(work.work, work.fold) for work in own}) == len({work.work for work in own})
    clips, blocks = plan(folded, [Path("a.sf2"), Path("b.sf2")], {"train": 1000, "test": 300})
    for split, count in (("train", 1000), ("test", 300)):
        found = [clip.composer for clip in clips if clip.split == split]
        assert len(found) == pytest.approx(count, abs=3)
        for name, share in rendering.SHARES[split].items():
            assert found.count(name) / len(found) == pytest.approx(share, abs=0.01)
    assert sorted(place for block in blocks for place in block) == list(range(len(clips)))
    assert {clip.font for clip in clips} == {"a.sf2", "b.sf2"}
    for block in blocks:
        first = clips[block[0]]
        assert {clips[place].seed for place in block} == {first.seed}
        assert clips[block[-1]].start_s + 10 * first.tempo <= 900


def test_too_little_music_is_rendered_twice_under_other_conditions() -> None:
    works = [Work(f"{name}.mid", name, "one", "train", 111.0) for name in COMPOSERS]
    clips, _ = plan(works, [Path("a.sf2")], {"train": 1000})
    assert len(clips) == 5 * 10 * 2
    same = [clip for clip in clips if clip.composer == "Haydn"]
    assert len({clip.seed for clip in same}) == 2


def test_an_excerpt_has_the_tempo_settings_and_held_notes_of_its_place() -> None:
    song = Song(
        make_notes([0, 480, 1920], [1440, 240, 480], [60, 64, 67], 90),
        (Track("x"),),
        tempos=(Tempo.from_bpm(0, 120), Tempo.from_bpm(960, 60)),
    )
    part = excerpt(song, 0.5, 2.5)  # from tick 480 to 1680
    assert part.notes["onset"].tolist() == [0, 0]
    assert part.notes["pitch"].tolist() == [60, 64]
    assert part.notes["duration"].tolist() == [960, 240]
    assert [tempo.tick for tempo in part.tempos] == [0, 480]
    assert part.seconds == pytest.approx(0.5 + 1.0)
    assert in_tempo(part, 2.0).seconds == pytest.approx(0.75, abs=1e-3)


def test_representations_are_librosas() -> None:
    rng = np.random.default_rng(3)
    sound = (rng.standard_normal(10 * SAMPLE_RATE) * np.linspace(0.001, 0.3, 10 * SAMPLE_RATE)).astype(
        np.float32
    )
    found = representations(sound[None])
    assert {kind: array.shape[1:] for kind, array in found.items()} == {
        kind: (size, FRAMES) for kind, (size, _) in KINDS.items()
    }
    for kind, bands in (("mel", 64), ("mel128", 128)):
        mel = librosa.feature.melspectrogram(y=sound, sr=SAMPLE_RATE, n_mels=bands)
        want = librosa.power_to_db(mel, ref=np.max)
        np.testing.assert_allclose(decibels(found[kind][0]), want, atol=RANGE_DB / 255)
    want = librosa.feature.mfcc(y=sound, sr=SAMPLE_RATE, n_mfcc=13)
    np.testing.assert_allclose(found["mfcc"][0], want, atol=0.3)
    want = librosa.feature.chroma_stft(y=sound, sr=SAMPLE_RATE, tuning=0.0)
    np.testing.assert_allclose(found["chroma"][0], want, atol=1e-3)


def test_what_sounds_is_told_by_the_score(tmp_path: Path) -> None:
    notes = np.concatenate(
        [
            make_notes([0], [4800], [48], 90, 0),
            make_notes([4800], [4800], [67], 90, 1),
            make_notes([0], [240], [38], 90, 2),
        ]
    )
    song = Song(
        notes, (Track("cello", 42), Track("horn", 60, channel=1), Track("drums", channel=9, is_drum=True))
    )
    write_midi(song, tmp_path / "a.mid")
    told = sounding.truth(tmp_path / "a.mid", 0.0, 1.0)
    assert told.shape == (sounding.COUNT, sounding.COLUMNS)
    names = [*sounding.FAMILIES, "drums"]
    half = sounding.COLUMNS // 2
    assert told[names.index("low strings"), : half - 2].all()
    assert not told[names.index("low strings"), half + 2 :].any()
    assert told[names.index("brass"), half + 2 :].all()
    assert told[names.index("drums"), 0]
    assert not told[names.index("drums"), 3:].any()
    classes = told[len(names) : len(names) + 12]
    assert classes[0, 5]
    assert classes[7, -5]
    assert classes[:, 5].sum() == 1
    # Half as fast, the same ten seconds hold half of the score
    assert not sounding.truth(tmp_path / "a.mid", 0.0, 0.4)[names.index("brass")].any()


# ---- figures -------------------------------------------------------------------------------------


def test_a_work_is_one_witness() -> None:
    label = np.array([0] * 50 + [1] * 2)
    guessed = np.array([0] * 50 + [0] * 2)
    one = figures.with_interval(guessed, label, np.array(["a"] * 50 + ["b"] * 2))
    assert one["accuracy"] == pytest.approx(50 / 52)
    assert one["balanced_accuracy"] == 0.5
    assert one["accuracy_95"] == [0.0, 1.0]
    many = figures.with_interval(guessed, label, np.arange(52).astype(str))
    assert many["accuracy_95"][0] > 0.85


def test_chances_of_a_work_are_the_geometric_mean() -> None:
    chances = np.array([[0.9, 0.1], [0.5, 0.5], [0.2, 0.8]])
    found, label, names = figures.by_work(chances, np.array([0, 0, 1]), np.array(["a", "a", "b"]))
    assert names.tolist() == ["a", "b"]
    assert label.tolist() == [0, 1]
    assert found[0] == pytest.approx([0.75, 0.25])
    assert found[1] == pytest.approx([0.2, 0.8])


def test_temperature_mends_a_boast_and_the_threshold_keeps_what_is_right() -> None:
    rng = np.random.default_rng(1)
    label = rng.integers(0, 2, 4000)
    true = rng.uniform(0.5, 1, 4000)
    right = rng.random(4000) < true
    logit = 3 * np.log(true / (1 - true))  # claims three times what it knows
    column = np.where(right, label, 1 - label)
    scores_ = np.zeros((4000, 2))
    scores_[np.arange(4000), column] = logit
    chances = figures.softmax(scores_)
    assert figures.temperature_of(chances, label) == pytest.approx(3, rel=0.15)
    mended = figures.softmax(scores_, 3.0)
    assert figures.calibration_error(mended, label) < 0.03 < figures.calibration_error(chances, label)
    threshold = figures.threshold_of(mended, label, 0.9)
    given = figures.when_sure(mended, label, threshold)
    assert given["accuracy_when_given"] >= 0.89
    assert 0.2 < given["coverage"] < 0.8


# ---- S2 ------------------------------------------------------------------------------------------


@pytest.fixture
def clips_folder(tmp_path: Path) -> Path:
    """Made-up clips: each composer has a pitch class, and a band, of his own."""
    rng = np.random.default_rng(2)
    rows = [
        Clip(
            f"{name}{number}.mid",
            name,
            f"{number}",
            "test" if number > 7 else "train",
            number % FOLDS,
            0.0,
            "f",
            1.0,
            1,
        )
        for name in COMPOSERS
        for number in range(10)
    ]
    rows = [replace(row, fold=row.fold if row.split == "train" else -1) for row in rows]
    write_list(tmp_path, rows)
    for kind, (size, _) in KINDS.items():
        array = open_array(tmp_path, kind, writing=True)
        for place, row in enumerate(rows):
            values = rng.uniform(0, 0.2, (size, FRAMES))
            values[COMPOSERS.index(row.composer) * 2] += 0.8
            array[place] = values * 255 if array.dtype == np.uint8 else values
        array.flush()
    state = open_array(tmp_path, "state", writing=True)
    state[:-1] = 1
    state.flush()
    return tmp_path


def test_only_clips_that_are_ready_are_read(clips_folder: Path) -> None:
    clips = read_clips(clips_folder)
    assert len(clips.rows) == 49
    assert len(clips.of("train").rows) == 40
    assert clips.of("test").read("mfcc").shape == (9, 13, FRAMES)
    assert set(clips.of("train").fold.tolist()) == set(range(FOLDS))
    assert {row.split for row in clips.of("valid").rows} == {"train"}
    assert 0 < len(clips.of("valid").rows) < 40
    with pytest.raises(TunesmithError, match="no rendered clips"):
        read_clips(clips_folder / "none")


def test_stored_decibels_come_back() -> None:
    db = np.random.default_rng(1).uniform(-60, 20, (2, 4, 5))
    back = decibels(stored(db))
    np.testing.assert_allclose(back, db - db.max((1, 2), keepdims=True), atol=RANGE_DB / 255)


def test_the_baselines_learn_what_is_there_and_the_dull_ones_do_not(
    clips_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(figures, "DRAWS", 20)
    monkeypatch.setattr(s2, "BATCH", 8)
    monkeypatch.setattr(s2, "EPOCHS", 15)
    rows = [row for row in BASELINES if row.name == "CNN, mel"]
    found = s2.measure(read_clips(clips_folder), baselines=rows, seeds=(1, 2))
    assert found["CNN, mel"]["accuracy"] >= 0.8
    assert len(found["CNN, mel"]["seeds"]) == 2
    assert found["majority"]["accuracy"] <= 0.25
    assert found["chance"]["accuracy"] == pytest.approx(0.2, abs=0.02)


def test_the_table_puts_ours_beside_the_published(monkeypatch: pytest.MonkeyPatch) -> None:
    ours = {"accuracy": 0.5, "accuracy_95": [0.4, 0.6], "seeds": [0.5, 0.52]}
    card = {"figures": {"s2": {"CNN, mfcc": ours, "our own": ours, "AE, mel": ours}}}
    monkeypatch.setattr(s2_table, "find_models", lambda room: [ModelFile("x", Path("x"), card)])
    table = s2_table.make()
    assert table.values["CNN, mfcc"]["published"] == 52.8371
    assert "| CNN, mfcc | 52.8 | 50.0 (50.0, 52.0) | 40.0–60.0 |" in table.markdown
    assert "| feed forward, mfcc | 57.9 | – |" in table.markdown
    assert "| our own | – | 50.0" in table.markdown
    assert "Table 4" in table.markdown
    assert "Table 7" not in table.markdown
    monkeypatch.setattr(s2_table, "find_models", lambda room: [])
    with pytest.raises(TunesmithError, match="--data"):
        s2_table.make()


# ---- our own, by sound ---------------------------------------------------------------------------


def test_five_composers_from_scores_to_a_model_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    data = tmp_path / "data"
    data.mkdir()
    with (data / audio.WORKS_LIST).open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["path", "composer", "work", "split", "duration_s"])
        for number, name in enumerate(COMPOSERS):
            for work, split in enumerate(("train", "train", "test")):
                write_midi(tune(number, work, beats=26), data / f"{name}{work}.mid")
                writer.writerow([f"{name}{work}.mid", name, f"work {work}", split, 13.0])
    monkeypatch.setattr(rendering, "COUNTS", {"train": 10, "test": 5})
    monkeypatch.setattr(rendering, "find_soundfonts", lambda: [own_folder() / "tunesmith.sf2"])
    monkeypatch.setattr(audio, "EPOCHS", 1)
    monkeypatch.setattr(audio, "BATCH", 5)
    monkeypatch.setattr(s2, "EPOCHS", 1)
    monkeypatch.setattr(s2, "SEEDS", (1,))
    monkeypatch.setattr(s2, "BASELINES", BASELINES[7:8])
    monkeypatch.setattr(figures, "DRAWS", 20)
    told = audio.learn(data=data, out=tmp_path / "out", workers=1)
    clips = read_clips(tmp_path / "out" / "clips")
    assert len(clips.of("test").rows) == 5
    assert told["test"]["works"] == 5
    tensors, card = load_model(tmp_path / "out" / composer_audio.NAME)
    assert card["labels"] == list(COMPOSERS)
    assert "LSTM, mfcc" in card["figures"]["s2"]
    assert card["bytes"] < 1 << 20
    model = composer_audio.trained(tensors, card)
    pictures = composer_audio.columns(decibels(clips.of("test").read("mel128")))
    chances = np.exp(model.logarithms(model.statistics(pictures)))
    right = chances.argmax(1) == clips.of("test").label
    assert float(right.mean()) == pytest.approx(told["test"]["by_clip"]["accuracy"])
    with pytest.raises(TunesmithError, match="--resume"):
        audio.learn(data=data, out=tmp_path / "out", workers=1)
    with pytest.raises(TunesmithError, match="five_composers"):
        audio.learn(data=None, out=tmp_path / "out")


def melody(seed: int, transposed: int = 0, program: int = 0) -> Song:
    """A random line of 200 notes, over a bass that moves on its own."""
    drawn = np.random.default_rng(seed)
    line, bass = drawn.integers(60, 85, 200), drawn.integers(36, 50, 200)
    onset = np.arange(200) * 240
    pitch = np.concatenate([line, bass]) + transposed
    return Song(make_notes(np.tile(onset, 2), 200, pitch, 90), (Track("part", program),))


def test_a_work_is_known_again_in_another_key_and_beside_an_accompaniment() -> None:
    known = further.phrases(melody(1))
    arranged = {
        "transposed.mid": further.phrases(melody(1, transposed=-5)),
        "another.mid": further.phrases(melody(2)),
    }
    assert further.alike(arranged, [known]) == {"transposed.mid"}
    assert further.alike(arranged, []) == set()


def test_a_phrase_that_many_files_have_is_no_sign_of_a_work() -> None:
    scale = Song(make_notes(np.arange(60) * 240, 200, 40 + np.arange(60), 90), (Track("part"),))
    many = {f"{number}.mid": further.phrases(scale) for number in range(further.COMMON + 1)}
    assert further.alike(many, [further.phrases(scale)]) == set()


def further_folder(data: Path, program: int = 0) -> Path:
    """One listed symphony, and what may and may not be learnt from beside it; its list."""
    data.mkdir()
    listed = data / "listed.csv"
    listed.write_text(
        "path,composer,work,split,duration_s\nsymphony.mid,Haydn,symphony 1,test,50\n", encoding="utf-8"
    )
    seeds = {
        "symphony.mid": 1, "for_piano.mid": 1, "same_group.mid": 2, "symphony_2_for_piano.mid": 3, "17.mid": 4,
        "sonata.mid": 5, "mozart.mid": 6, "waltz.mid": 7,
    }  # fmt: skip
    for path, seed in seeds.items():
        transposed = 2 if path == "for_piano.mid" else 0
        write_midi(melody(seed, transposed=transposed, program=program), data / path)
    group = {"same_group.mid": "symphony.mid"}
    composer = {"mozart.mid": "Mozart", "waltz.mid": "Johannes Brahms"}
    with (data / "manifest.csv").open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["path", "dataset", "genre", "composer", "group", "split", "licence", "ship"])
        for path in (*seeds, "gone.mid"):
            name = composer.get(path, "Haydn")
            writer.writerow([path, "d", "classical", name, group.get(path, path), "train", "free", "no"])
    return listed


def test_further_works_are_no_listed_work_nor_may_be_one(tmp_path: Path) -> None:
    listed = further_folder(tmp_path / "a")
    found = further.further_files(tmp_path / "a", listed)
    assert [(row.path, composer) for row, composer, _ in found] == [
        ("sonata.mid", "Haydn"),
        ("waltz.mid", "Brahms"),
    ]
    assert found[0][2] == pytest.approx(50, abs=1)


def test_of_further_works_the_same_is_learnt_whoever_plays_them(tmp_path: Path) -> None:
    learnt = further.further_of(tmp_path / "a", further_folder(tmp_path / "a"))
    again = further.further_of(tmp_path / "b", further_folder(tmp_path / "b", program=56))
    assert learnt is not None
    assert again is not None
    assert learnt.files == 2
    assert learnt.credits == {"d": {"files": 2, "licence": "free"}}
    assert set(learnt.label.tolist()) == {COMPOSERS.index("Haydn"), COMPOSERS.index("Brahms")}
    assert np.isfinite(learnt.rows).all()
    np.testing.assert_array_equal(again.rows, learnt.rows)
    (tmp_path / "a" / "manifest.csv").unlink()
    assert further.further_of(tmp_path / "a", tmp_path / "a" / "listed.csv") is None


def test_a_regression_learns_from_further_works_what_few_clips_do_not_tell() -> None:
    drawn = np.random.default_rng(1)
    label = np.arange(100) % 5
    more = np.arange(2000) % 5
    style, instruments = np.eye(5)[label], drawn.normal(0, 1, (100, 5))
    # In the clips style is faint; in further works it is clear, but all of it stands elsewhere.
    clips = np.concatenate([0.4 * style + drawn.normal(0, 1, (100, 5)), instruments], 1).astype(np.float32)
    of_more = np.concatenate([3 * np.eye(5)[more] + drawn.normal(7, 1, (2000, 5)), np.zeros((2000, 5))], 1)
    known = further.Further(of_more.astype(np.float32), more, {})
    new = np.concatenate(
        [0.4 * np.eye(5)[more] + drawn.normal(0, 1, (2000, 5)), drawn.normal(0, 1, (2000, 5))], 1
    )
    alone, helped = audio.train_judge(clips, label), audio.train_judge(clips, label, further=known)
    right = [
        (audio.judged(judge, new.astype(np.float32)).argmax(1) == more).mean() for judge in (alone, helped)
    ]
    assert right[1] > right[0] + 0.03
    assert np.abs(helped.weights[5:]).max() == 0
    assert np.abs(alone.weights[5:]).max() > 0


def test_changed_clips_are_still_pictures_of_the_same_size() -> None:
    import torch

    mel = torch.rand(3, 128, composer_audio.COLUMNS)
    kept = mel.clone()
    found = audio.changed(mel, np.random.default_rng(1))
    assert found.shape == mel.shape
    assert float(found.min()) >= 0
    assert float(found.max()) <= 1.0001
    assert torch.equal(mel, kept)
    assert not torch.equal(found, kept)


# ---- our own, by notes ---------------------------------------------------------------------------


def rows_of(works: dict[str, int], dataset: str = "own") -> list[Row]:
    return [
        Row(
            f"{name}/{work}.mid",
            dataset,
            "classical",
            name,
            f"{name}{work}",
            "test" if work == 0 else "train",
            "CC0",
        )
        for name, count in works.items()
        for work in range(count)
    ]


def test_composers_of_few_works_are_others_and_models_music_is_left_out() -> None:
    rows = [*rows_of({"Ahle": 5, "Bach": 6, "Cage": 2}), *rows_of({"Model": 9}, "js_fakes")]
    chosen, labels = scores.chosen(rows, 5)
    assert labels == ("Ahle", "Bach", scores.OTHERS)
    assert sum(row.composer == scores.OTHERS for row in chosen) == 2
    assert len(chosen) == 13


def test_no_work_is_parted_and_every_composer_is_tested() -> None:
    rows = rows_of({"Ahle": 15, "Bach": 30})
    rows += [replace(row, path=f"{row.path}2", split="train") for row in rows[:3]]
    fold = scores.folds(rows)
    found: dict[str, set[int]] = {}
    for row, number in zip(rows, fold.tolist(), strict=True):
        found.setdefault(row.group, set()).add(number)
    assert all(len(numbers) == 1 for numbers in found.values())
    for name in ("Ahle", "Bach"):
        own = [next(iter(numbers)) for group, numbers in found.items() if group.startswith(name)]
        assert own.count(-1) == scores.FEWEST_TEST
        assert set(own) == {-1, *range(scores.FOLDS)}


def made_up(name: str, labels: int = 3, works: int = 10) -> scores.Pieces:
    """Two stretches a file, whose composer stands in features of one group."""
    rng = np.random.default_rng(4)
    label = np.repeat(np.arange(labels), works)
    rows = rng.random((2 * len(label), COUNT), np.float32) * 1e-5
    rows[np.arange(len(rows)), GROUPS[name].start + np.repeat(label, 2)] += 1
    place = np.arange(len(label))
    return scores.Pieces(
        rows,
        np.repeat(place, 2),
        label,
        np.array([f"w{number}" for number in place]),
        np.array(["made up"] * len(label)),
        np.tile(np.arange(works) % 5 - 1, labels),
        ("Ahle", "Bach", scores.OTHERS),
    )


def test_a_network_sees_its_groups_of_features_and_no_others(monkeypatch: pytest.MonkeyPatch) -> None:
    pieces = made_up("harmony")
    learnt, test = pieces.where(pieces.fold >= 0), pieces.where(pieces.fold < 0)
    monkeypatch.setattr(scores, "BATCH", 8)
    seeing = scores.train(learnt, ["harmony", "key"], epochs=30)
    blind = scores.train(learnt, ["key"], epochs=5)
    assert (scores.chances_of(seeing, test).argmax(1) == test.label).all()
    changed = test.rows.copy()
    changed[:, GROUPS["harmony"]] += 1
    np.testing.assert_array_equal(blind.logarithms(test.rows), blind.logarithms(changed))


def test_the_model_of_scores_is_what_was_measured(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scores, "EPOCHS", 2)
    monkeypatch.setattr(figures, "DRAWS", 20)
    pieces = made_up("lines")
    pieces.save(tmp_path / "pieces.npz")
    told = scores.learn(data=None, resume=True, out=tmp_path)
    tensors, card = load_model(tmp_path / composer_scores.NAME)
    assert card["labels"] == ["Ahle", "Bach", scores.OTHERS]
    assert set(scores.CONTROLS) <= set(told)
    assert told["test"]["works"] == 4
    network = composer_scores.composers(tensors, card)
    test = scores.Pieces.read(tmp_path / "pieces.npz")
    test = test.where(test.fold < 0)
    again = scores.figures(scores.chances_of(network, test), test)
    assert again["balanced_accuracy"] == told["test"]["balanced_accuracy"]
    with pytest.raises(TunesmithError, match="another Tunesmith"):
        composer_scores.composers(tensors, card | {"features": 3})
    with pytest.raises(TunesmithError, match="--data FOLDER"):
        scores.learn(data=None, out=tmp_path / "none")
