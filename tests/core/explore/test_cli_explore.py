"""The commands embed, neighbours and path, and what scripts find in their answers."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from core.explore import library, paths
from core.explore.score import ScoreSpace
from core.song.midi_file import read_midi, write_midi
from tests.core.explore.kit import tune

Call = Callable[..., object]


@pytest.fixture
def here(tunesmith: Call, small: ScoreSpace, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with three tunes, and no collection beside them."""
    monkeypatch.setattr(library, "collection_things", list)
    for name, song in {"a": tune(0), "b": tune(5, 120), "c": tune(0, bars=12, parts=3)}.items():
        write_midi(song, f"{name}.mid")
    return Path.cwd()


def test_embed_writes_vectors_in_the_order_of_the_files(
    here: Path, tunesmith: Call, small: ScoreSpace
) -> None:
    answer = tunesmith("embed", "c.mid", "a.mid", "--out", "v.npz", "--json")
    assert answer.code == 0
    told = answer.json
    assert told["embedding"] == "score"
    assert [each["file"] for each in told["files"]] == ["c.mid", "a.mid"]
    assert told["files"][1]["dimensions"] == 64
    assert told["files"][1]["about"]["kind"] == "midi"
    with np.load("v.npz", allow_pickle=False) as found:
        assert found["files"].tolist() == ["c.mid", "a.mid"]
        assert str(found["embedding"]) == "score"
        assert found["keys"].tolist() == [each["key"] for each in told["files"]]
        assert np.array_equal(found["vectors"][1], small.encode(read_midi("a.mid")))


def test_one_bad_file_never_stops_the_rest(here: Path, tunesmith: Call) -> None:
    Path("broken.mid").write_bytes(b"MThd, says this file")
    answer = tunesmith("embed", "broken.mid", "a.mid", "--out", "v.npz", "--json")
    assert answer.code == 0
    bad, good = answer.json["files"]
    assert set(bad) == {"file", "error"}
    assert good["dimensions"] == 64
    assert tunesmith("embed", "broken.mid", "--out", "w.npz", "--json").code == 2
    assert not Path("w.npz").exists()


def test_neighbours_are_the_same_music_first_and_never_the_file_itself(here: Path, tunesmith: Call) -> None:
    answer = tunesmith("neighbours", "a.mid", "--among", ".", "--k", "5", "--json")
    assert answer.code == 0
    told = answer.json
    titles = [each["title"] for each in told["neighbours"]]
    # "b" is "a" in another key and tempo; "c" has a part more.
    assert titles == ["b", "c"]
    likeness = [each["likeness"] for each in told["neighbours"]]
    assert likeness[0] == pytest.approx(1, abs=1e-4)
    assert likeness == sorted(likeness, reverse=True)
    assert told["embedding"] == "score"
    again = tunesmith("neighbours", "a.mid", "--k", "1", "--json").json
    assert [each["title"] for each in again["neighbours"]] == ["b"]


def test_without_anything_to_compare_with_it_says_what_to_do(here: Path, tunesmith: Call) -> None:
    answer = tunesmith("neighbours", "a.mid")
    assert answer.code == 2
    assert "--among" in answer.line


def test_a_path_is_written_as_the_studio_would(here: Path, tunesmith: Call, tmp_path: Path) -> None:
    answer = tunesmith("path", "a.mid", "b.mid", "--out", "way", "--json")
    assert answer.code == 0
    told = answer.json
    assert told["files"] == [f"way/step-{n:02}.mid" for n in range(1, 9)]
    assert (told["embedding"], told["kind"]) == ("score", "linear")
    assert [told["steps"][0]["key"], told["steps"][-1]["key"]] == ["C major", "F major"]
    walk = paths.path_of_files(Path("a.mid"), Path("b.mid"), 8, tmp_path / "studio")
    assert [Path(name).read_bytes() for name in told["files"]] == [path.read_bytes() for path in walk.files]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("path", "a.mid", "none.mid", "--out", "way"), "none.mid"),
        (("path", "a.mid", "b.mid", "--steps", "1", "--out", "way"), "2 to 64"),
        (("path", "a.mid", "b.mid", "--out", "no/such/way"), "folder does not exist"),
        (("path", "a.mid", "b.mid", "--kind", "crooked", "--out", "way"), "through-data"),
        (("embed", "a.mid", "--embedding", "nonsense", "--out", "v.npz"), "nonsense"),
        (("neighbours", "none.mid"), "none.mid"),
    ],
)
def test_mistakes_are_told_in_one_line(
    here: Path, tunesmith: Call, words: tuple[str, ...], said: str
) -> None:
    answer = tunesmith(*words)
    assert answer.code == 2
    assert said in answer.line
    assert answer.out == ""
