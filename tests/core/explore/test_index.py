"""The index finds the true neighbours, survives a crash half way, and knows a thing by its content."""

import numpy as np
import pytest

from core.errors import TunesmithError
from core.explore.index import Index, Item, unit


def items(count: int, first: int = 0) -> list[Item]:
    return [Item(f"key{n}", {"title": f"piece {n}"}) for n in range(first, first + count)]


def vectors(count: int, seed: int = 0, dimensions: int = 8) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=(count, dimensions)).astype(np.float32)


def test_neighbours_are_those_with_the_greatest_cosine(tmp_path) -> None:
    index = Index(tmp_path / "i", 8)
    rows = vectors(500)
    assert index.add(items(500), rows) == 500
    query = vectors(1, 9)[0]
    cosine = (rows @ query) / (np.linalg.norm(rows, axis=1) * np.linalg.norm(query))
    found = index.nearest(query, 7)
    assert [each.row for each in found] == np.argsort(-cosine)[:7].tolist()
    assert [each.likeness for each in found] == pytest.approx(np.sort(cosine)[::-1][:7], abs=1e-6)
    assert found[0].item.about["title"] == f"piece {found[0].row}"


def test_a_thing_is_its_own_nearest_and_can_be_left_out(tmp_path) -> None:
    index = Index(tmp_path / "i", 8)
    rows = vectors(50)
    index.add(items(50), rows)
    assert index.nearest(rows[7] * 3, 1)[0].item.key == "key7"
    assert "key7" not in [each.item.key for each in index.nearest(rows[7], 49, without=["key7"])]
    assert len(index.nearest(rows[7], 100)) == 50


def test_it_grows_and_the_same_thing_is_there_once(tmp_path) -> None:
    rows = vectors(30)
    index = Index(tmp_path / "i", 8)
    index.add(items(20), rows[:20])
    again = Index(tmp_path / "i", 8)
    assert again.add(items(20, 10), rows[10:]) == 10
    assert again.add(items(30), rows) == 0
    for each in (again, Index(tmp_path / "i", 8)):
        assert len(each) == 30
        assert np.allclose(each.vectors, unit(rows))
        assert [item.key for item in each.items] == [f"key{n}" for n in range(30)]


@pytest.mark.parametrize("lost", [1, 5, 60])
def test_what_a_crash_left_half_written_is_cut_off(tmp_path, lost: int) -> None:
    rows = vectors(12)
    Index(tmp_path / "i", 8).add(items(10), rows[:10])
    lines = tmp_path / "i" / "items.jsonl"
    lines.write_bytes(lines.read_bytes()[:-lost])
    after = Index(tmp_path / "i", 8)
    assert len(after) == (9 if lost < 40 else 8)
    after.add(items(12), rows)
    whole = Index(tmp_path / "i", 8)
    assert len(whole) == 12
    assert np.allclose(whole.vectors, unit(rows))


def test_a_line_without_its_vector_does_not_count(tmp_path) -> None:
    Index(tmp_path / "i", 8).add(items(10), vectors(10))
    file = tmp_path / "i" / "vectors.f32"
    file.write_bytes(file.read_bytes()[:-9])
    assert len(Index(tmp_path / "i", 8)) == 9


def test_what_is_told_of_a_thing_may_have_a_key_of_its_own(tmp_path) -> None:
    Index(tmp_path / "i", 8).add([Item("hash", {"key": "D minor"})], vectors(1))
    again = Index(tmp_path / "i", 8)
    assert again.items == [Item("hash", {"key": "D minor"})]
    assert again.row_of("hash") == 0


def test_bad_vectors_and_damaged_files_get_one_line(tmp_path) -> None:
    index = Index(tmp_path / "i", 8)
    with pytest.raises(TunesmithError, match="not finite"):
        index.add(items(1), [[np.nan] * 8])
    with pytest.raises(TunesmithError, match="8 numbers are needed"):
        index.add(items(1), [[1.0] * 7])
    index.add(items(3), vectors(3))
    with pytest.raises(TunesmithError, match="8 numbers is needed"):
        index.nearest([1.0] * 9)
    assert index.nearest(np.ones(8), 0) == []
    (tmp_path / "i" / "items.jsonl").write_text('{"key": "a", "about": {}}\nnonsense\n{"key": "b"}\n')
    with pytest.raises(TunesmithError, match="damaged in line 2"):
        Index(tmp_path / "i", 8)
