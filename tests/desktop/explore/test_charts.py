"""A map's points are found again on another map."""

from pathlib import Path

import numpy as np

from core.explore.index import Index, Item
from desktop.explore.explorer import Chart, Space


def chart(folder: Path, name: str, keys: str, rows: list[int]) -> Chart:
    index = Index(folder / name, 2)
    index.add([Item(key, {"title": key}) for key in keys], np.eye(2)[[0] * len(keys)])
    places = np.array(rows, np.float32)[:, None].repeat(2, 1)
    count = len(rows)
    return Chart(
        Space(name, name, "score"), "pca", index, np.array(rows, np.int64), places, np.ones(count, np.float32),
        np.zeros(count, np.int16),
    )  # fmt: skip


def test_points_are_known_again_by_what_they_are(tmp_path: Path) -> None:
    one = chart(tmp_path, "one", "abcdefg", [1, 3, 0, 6])  # b d a g
    other = chart(tmp_path, "other", "gbxad", [4, 2, 0, 1])  # d x g b
    assert one.where_on(other).tolist() == [3, 0, -1, 2]
    assert other.where_on(one).tolist() == [1, -1, 3, 0]
    nothing = chart(tmp_path, "none", "", [])
    assert one.where_on(nothing).tolist() == [-1] * 4
    assert nothing.where_on(one).tolist() == []
