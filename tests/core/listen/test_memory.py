"""What is mapped from a file can be dropped from memory, and is there again when it is looked at."""

import sys
from pathlib import Path

import numpy as np
import pytest

from core.listen.memory import let_go


def resident_of_files() -> int:
    """Bytes of mapped files in this process's memory."""
    fields = dict(line.split(":") for line in Path("/proc/self/status").read_text().splitlines())
    return int(fields["RssFile"].split()[0]) * 1024


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_a_mapped_file_leaves_the_memory_and_keeps_its_numbers(tmp_path: Path) -> None:
    size = 32 * 1024**2
    np.arange(size // 4, dtype=np.int32).tofile(tmp_path / "numbers")
    turned = np.memmap(tmp_path / "numbers", np.int32, "r").reshape(1024, -1).T
    total = int(turned.sum(dtype=np.int64))
    before = resident_of_files()
    let_go(turned)
    assert before - resident_of_files() > 0.9 * size
    assert int(turned.sum(dtype=np.int64)) == total


def test_an_array_of_its_own_is_left_alone() -> None:
    numbers = np.arange(10.0)
    let_go(numbers[2:].reshape(2, 4).T)
    assert numbers.tolist() == list(range(10))
