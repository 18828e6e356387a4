"""What stands in the training music is found, to the note, whatever key, tempo and instrument it is moved to."""

from pathlib import Path

import numpy as np
import pytest

from core.compose import originality
from core.compose.lines import FIGURE, NO_RATIO, RATIO_CLASSES, interval_of, lines_of, marks_of, ratio_of
from core.compose.originality import SHORTEST, Index, Originality, check, is_telling, longest_match
from core.errors import TunesmithError
from core.learn.originality_index import learn_originality_index, make_index
from core.song.midi_file import write_midi
from core.song.notes import Notes, Song, Track, make_notes
from core.store.model_file import load_model

TIMES = (120, 240, 240, 360, 480, 480, 720)


def melody(seed: int, length: int = 60, first: int = 0) -> Notes:
    """A tune that wanders, with a rhythm of its own; no other seed has it."""
    rng = np.random.default_rng(seed)
    onset = first + np.concatenate([[0], np.cumsum(rng.choice(TIMES, length))])
    pitch = 60 + np.cumsum(rng.integers(-4, 5, length)) % 24
    return make_notes(onset[:-1], np.diff(onset) - 10, pitch)


def song_of(*tunes: Notes, program: int = 0, drums: bool = False) -> Song:
    """A track a tune."""
    tracks = tuple(Track("", program, 9 if drums else 0, drums) for _ in tunes)
    for track, tune in enumerate(tunes):
        tune["track"] = track
    return Song(np.concatenate(tunes), tracks)


def pieces(count: int = 40) -> list[tuple[str, Song]]:
    return [(f"tunes: number {seed}", song_of(melody(seed))) for seed in range(count)]


def index_of(songs: list[tuple[str, Song]]) -> Index:
    return make_index([(name, [line.steps for line in lines_of(song)]) for name, song in songs])


@pytest.fixture(scope="module")
def index() -> Index:
    scale = song_of(make_notes(np.arange(120) * 240, 230, 48 + np.arange(120) % 36))
    return index_of([*pieces(), ("studies: scales", scale)])


def test_steps_tell_interval_and_time_ratio() -> None:
    notes = make_notes([0, 240, 480, 960, 1080], 100, [60, 64, 62, 62, 90])
    (line,) = lines_of(song_of(notes))
    assert interval_of(line.steps).tolist() == [4, -2, 0, 24]
    middle = RATIO_CLASSES // 2
    assert ratio_of(line.steps).tolist() == [
        NO_RATIO,
        middle,
        middle + 3,
        middle - 6,
    ]  # first, same, twice, a quarter


def test_a_mark_tells_a_figure_and_not_the_time_before_it() -> None:
    lines = [lines_of(song_of(melody(seed, 400)))[0] for seed in range(20)]
    marks = np.concatenate([marks_of(line.steps) for line in lines])
    shares = np.bincount(marks, minlength=64) / len(marks)
    assert len(marks) == sum(len(line.notes) - FIGURE for line in lines)
    assert shares.max() < 2 / 64  # different figures have different marks, but for one in 64
    assert shares.min() > 0.5 / 64
    (line,) = lines_of(song_of(melody(5)[10:]))
    (whole,) = lines_of(song_of(melody(5)))
    assert np.array_equal(marks_of(line.steps), marks_of(whole.steps)[10:])


def test_a_swung_tune_is_the_tune() -> None:
    straight = np.array([0, 240, 480, 600, 720, 840, 960, 1200, 1440, 1600, 1760, 1920])
    swung = np.array([0, 320, 480, 640, 800, 880, 960, 1280, 1440, 1600, 1760, 1920])  # one beat is a triplet
    pitches = 60 + np.arange(12) ** 2 % 7
    (even,) = lines_of(song_of(make_notes(straight, 100, pitches)))
    (jazz,) = lines_of(song_of(make_notes(swung, 100, pitches)))
    assert np.array_equal(even.steps, jazz.steps)
    assert ratio_of(even.steps)[9] == RATIO_CLASSES // 2  # the triplet's own


def test_a_part_of_two_voices_has_two_lines_and_chords_under_a_tune_none_of_their_own() -> None:
    tune = melody(1, 20)
    held = make_notes([0], 20 * 720, 40)
    both = np.concatenate([tune, held])
    lines = lines_of(song_of(both))
    assert song_of(both).notes[lines[0].notes]["pitch"].tolist() == tune["pitch"].tolist()
    under = make_notes(tune["onset"] + 60, 40, 45)  # struck while the tune's notes sound
    song = song_of(np.concatenate([tune, under]))
    top = song.notes[lines_of(song)[0].notes]
    assert top["pitch"].tolist() == tune["pitch"].tolist()


def test_a_copy_is_found_whatever_its_key_tempo_and_instrument(index: Index) -> None:
    for seed in range(0, 40, 5):
        copy = melody(seed).copy()
        copy["pitch"] += 7
        copy["onset"] *= 2
        copy["duration"] *= 2
        found = check(song_of(melody(900 + seed), copy, program=56), index)
        assert found.longest_match_source == f"tunes: number {seed}"
        assert found.longest_match_notes == len(copy)
        assert found.share_copied == pytest.approx(0.5)


def test_the_length_of_a_quotation_is_exact(index: Index) -> None:
    quoted = melody(7)[20:44]
    before, after = melody(801, 15), melody(802, 15)
    before["onset"] -= before["onset"][-1] + 960 - quoted["onset"][0]
    after["onset"] += quoted["onset"][-1] + 1320
    tune = np.concatenate([before, quoted, after])
    tune["onset"] -= tune["onset"].min()
    song = song_of(tune)
    run = longest_match(song, index)
    assert run is not None
    assert run.source == "tunes: number 7"
    assert len(run) == 24
    assert song.notes[list(run.notes)]["pitch"].tolist() == quoted["pitch"].tolist()
    assert check(song, index).share_copied == pytest.approx(24 / len(tune))


def longest_by_hand(song: Song, songs: list[tuple[str, Song]]) -> int:
    """Notes of the longest run, by comparing every place with every place."""
    best = 0
    for mine in lines_of(song):
        for theirs in (line for _, other in songs for line in lines_of(other)):
            a, b = mine.steps, theirs.steps
            for i in range(len(a)):
                for j in range(len(b)):
                    length = 0
                    while (
                        i + length < len(a)
                        and j + length < len(b)
                        and (
                            a[i + length] == b[j + length]
                            if length
                            else interval_of(a[i : i + 1]) == interval_of(b[j : j + 1])
                        )
                    ):
                        length += 1
                    best = max(best, length + 1 if length else 0)
    return best


@pytest.mark.parametrize("seed", range(4))
def test_the_longest_run_is_that_found_by_hand(seed: int) -> None:
    rng = np.random.default_rng(seed)

    def simple(length: int) -> Song:
        """Few intervals and one rhythm, so that runs abound."""
        return song_of(
            make_notes(np.arange(length) * 240, 230, 60 + np.cumsum(rng.integers(0, 2, length)) % 5)
        )

    songs = [(str(number), simple(60)) for number in range(16)]
    song = simple(50)
    longest = longest_by_hand(song, songs)
    found = check(song, index_of(songs)).longest_run_notes
    assert found == (longest if longest >= SHORTEST else 0)


def test_a_commonplace_is_no_copy(index: Index) -> None:
    """A scale stands in the index; playing one copies nobody."""
    scale = make_notes(np.arange(30) * 120, 110, 50 + np.arange(30))
    tune = melody(555, 40)
    tune["onset"] += 30 * 120
    found = check(song_of(np.concatenate([scale, tune])), index)
    assert found.longest_run_notes >= 30
    assert found.longest_run_source == "studies: scales"
    assert found.longest_match_notes == 0
    assert found.longest_match_source == ""
    assert found.share_copied == 0.0


def test_unrelated_tunes_share_nothing_that_tells(index: Index) -> None:
    for seed in range(300, 320):
        assert check(song_of(melody(seed)), index) == Originality(
            longest_run_notes=0, longest_run_source="", longest_match_notes=0
        )


@pytest.mark.parametrize(
    "song",
    [
        Song(),
        song_of(melody(3), drums=True),
        song_of(make_notes([0], 100, 60)),
        song_of(make_notes([0, 0, 0], 100, [60, 64, 67])),
        song_of(melody(3, SHORTEST - 1)),
    ],
    ids=["empty", "drums", "one note", "one chord", "too short"],
)
def test_what_has_no_runs_shares_nothing(song: Song, index: Index) -> None:
    assert check(song, index) == Originality()
    assert longest_match(song, index) is None


def test_a_run_tells_by_notes_and_by_bits(index: Index) -> None:
    run = longest_match(song_of(melody(11)), index)
    assert run is not None
    assert is_telling(run)
    assert not is_telling(originality.Run(run.notes[:10], run.bits, run.source))
    assert not is_telling(originality.Run(run.notes, 12.0, run.source))


def test_an_index_is_kept_and_read_again(index: Index) -> None:
    again = Index.from_tensors(index.tensors())
    assert np.array_equal(again.marks, index.marks)
    assert np.array_equal(again.pairs, index.pairs)
    assert again.sources == index.sources
    assert np.array_equal(again.line_sources, index.line_sources)


def test_a_damaged_index_is_told(index: Index) -> None:
    tensors = index.tensors()
    for name in tensors:
        short = {**tensors, name: tensors[name][: len(tensors[name]) // 2]}
        with pytest.raises(TunesmithError, match="damaged"):
            Index.from_tensors(short)
    with pytest.raises(TunesmithError, match="damaged"):
        Index.from_tensors({name: values for name, values in tensors.items() if name != "marks"})


def test_the_recipe_makes_an_index_of_a_folder(tmp_path: Path) -> None:
    data = tmp_path / "midi"
    data.mkdir()
    for seed in range(12):
        write_midi(song_of(melody(seed)), data / f"{seed}.mid")
    figures = learn_originality_index(data=data, out=tmp_path / "out", workers=1)
    tensors, card = load_model(figures["model"])
    made = Index.from_tensors(tensors)
    assert card["room"] == "originality"
    assert figures["sources"] == len(made.sources) == card["trained_on"]["own"]["pieces"]
    assert figures["marks"] == 56 * len(made.sources)
    name = made.sources[3]
    found = check(song_of(melody(int(Path(name).stem))), made)
    assert (found.longest_match_source, found.longest_match_notes) == (name, 60)


def test_the_recipe_says_what_is_missing(tmp_path: Path) -> None:
    with pytest.raises(TunesmithError, match="--data"):
        learn_originality_index(data=None)
    write_midi(song_of(melody(1, 4)), tmp_path / "short.mid")
    with pytest.raises(TunesmithError, match="no training file with a line of 12 notes"):
        learn_originality_index(data=tmp_path, out=tmp_path / "out", workers=1)


def test_the_command_answers_for_each_file(tunesmith, monkeypatch, tmp_path: Path, index: Index) -> None:
    monkeypatch.setattr(originality, "load", lambda: index)
    write_midi(song_of(melody(5)), tmp_path / "copy.mid")
    write_midi(song_of(melody(777)), tmp_path / "own.mid")
    (tmp_path / "bad.mid").write_bytes(b"no music")
    outcome = tunesmith(
        "originality", tmp_path / "copy.mid", tmp_path / "bad.mid", tmp_path / "own.mid", "--json"
    )
    assert outcome.code == 0
    copy, bad, own = outcome.json["files"]
    assert copy["longest_match_notes"] == 60
    assert copy["longest_match_source"] == "tunes: number 5"
    assert copy["share_copied"] == 1.0
    assert "error" in bad
    assert own["longest_match_notes"] == 0
    assert own["share_copied"] == 0.0
