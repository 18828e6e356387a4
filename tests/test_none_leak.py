"""PySide6 6.12.0 on CPython 3.11 loses a reference to None with every void call, then aborts."""

from __future__ import annotations

import subprocess
import sys

PROGRAM = """
import sys
from PySide6.QtWidgets import QApplication, QWidget
application = QApplication([])
widget = QWidget()
before = sys.getrefcount(None)
for _ in range(50_000):
    widget.update()
print(before - sys.getrefcount(None))
"""


def test_fifty_thousand_void_calls_lose_no_reference_to_none() -> None:
    answer = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True, check=False)
    assert answer.returncode == 0, answer.stderr[-500:]
    assert int(answer.stdout) < 100
