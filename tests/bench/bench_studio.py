"""How soon the window is there, beside the same window with PyTorch imported first, as is usual."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from statistics import median
from typing import Any

RUNS = 5
REPOSITORY = Path(__file__).resolve().parents[2]

OPEN = """
import time
began = time.perf_counter()
{first}
import desktop.app
from PySide6.QtWidgets import QApplication
from core.store.settings import Settings
from desktop import theme
from desktop.demo import demo_song
from desktop.document import Document
from desktop.main_window import Studio
app = QApplication([])
theme.apply(app)
window = Studio(Document(demo_song()), Settings(), keep_settings=False)
window.show()
window.roll.fit()
app.processEvents()
print(1000 * (time.perf_counter() - began))
window.close()
"""


def milliseconds(first: str) -> float:
    """From the program's first line to the painted window, in a fresh process."""
    result = subprocess.run(
        [sys.executable, "-c", OPEN.format(first=first)], cwd=REPOSITORY,
        env=os.environ | {"QT_QPA_PLATFORM": "offscreen"}, capture_output=True, text=True, check=True,
    )  # fmt: skip
    return float(result.stdout)


def window_visible() -> dict[str, Any]:
    """The studio with the demo phrase, warm. Both are measured in turns, so that both meet the same machine."""
    milliseconds("")
    milliseconds("import torch")
    ours, peer = [], []
    for _ in range(RUNS):
        ours.append(milliseconds(""))
        peer.append(milliseconds("import torch"))
    return {
        "ours": median(ours),
        "peer": median(peer),
        "ratio": median(peer) / median(ours),
        "unit": "ms",
        "runs": RUNS,
    }


BENCHMARKS = {"window-visible": window_visible}
