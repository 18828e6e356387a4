"""Starting the studio. Nothing heavy is imported before the window is painted.

``main`` is the frozen program's entry; `studio` is called by ``tunesmith studio``.
"""

from __future__ import annotations

import argparse
import gc
import multiprocessing
import os
import sys
from collections.abc import Sequence
from pathlib import Path

DEFAULT_SIZE = "1280x800"
SETTLE_MS = 350
"""How long a screenshot waits after the first paint, for panels to take their final size."""


def main(argv: Sequence[str] | None = None) -> int:
    """Start from a command line: ``[FILE] [--screenshot OUT.png] [--size WxH] [--panel NAME]``."""
    multiprocessing.freeze_support()
    parser = argparse.ArgumentParser(prog="tunesmith studio", description="Open the studio window.")
    parser.add_argument("file", nargs="?", help="a .tunesmith project, a MIDI file, or a recording")
    parser.add_argument("--screenshot", metavar="OUT.png", help="save a picture of the window and leave")
    parser.add_argument("--size", default=None, metavar="WxH", help=f"of the window, such as {DEFAULT_SIZE}")
    parser.add_argument(
        "--panel", default="", help="compose, listen, library, tracks, palette, settings, help, about"
    )
    options = parser.parse_args(argv)
    return studio(options.file, options.screenshot, options.size, options.panel)


def studio(
    file: str | None = None, screenshot: str | None = None, size: str | None = None, panel: str = ""
) -> int:
    """Open the window and run until it is closed; the exit code.

    Raises
    ------
    TunesmithError
        Where ``size`` is not WxH, or the file of a screenshot cannot be read or written.
    """
    from core.errors import TunesmithError
    from core.store.settings import Settings, load_settings

    settings = Settings() if screenshot else load_settings()
    wanted = _parse_size(size or (DEFAULT_SIZE if screenshot else ""))
    if screenshot and not os.environ.get("DISPLAY") and sys.platform == "linux":
        os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
    if settings.scale != 1.0:
        os.environ.setdefault("QT_SCALE_FACTOR", str(settings.scale))

    from PySide6.QtCore import QTimer
    from PySide6.QtWidgets import QApplication

    from desktop import theme
    from desktop.demo import demo_song
    from desktop.document import Document
    from desktop.files import read_song
    from desktop.main_window import Studio
    from desktop.roll.memory import keep_freed_memory

    # Short turns keep the window smooth while the inference thread computes.
    sys.setswitchinterval(0.001)
    keep_freed_memory()
    app = QApplication.instance() or QApplication([sys.argv[0] if sys.argv else "tunesmith"])
    assert isinstance(app, QApplication)
    app.setApplicationName("Tunesmith")
    app.setApplicationDisplayName("Tunesmith")
    app.setDesktopFileName("tunesmith")
    theme.apply(app, settings.theme)

    document = Document(demo_song())
    if screenshot and file:
        document.open(read_song(Path(file))[0], Path(file))
    window = Studio(document, settings, keep_settings=not screenshot)
    if wanted:
        window.resize(*wanted)
    window.show()
    window.roll.fit()
    window.roll.setFocus()
    if panel:
        QTimer.singleShot(0, window, lambda: window.show_panel(panel))
    if not screenshot:
        if file:
            QTimer.singleShot(0, window, lambda: window.files.open(Path(file)))
        elif settings.reopen_last and settings.recent_files and Path(settings.recent_files[0]).exists():
            last = Path(settings.recent_files[0])
            QTimer.singleShot(0, window, lambda: window.files.open_now(last))
        QTimer.singleShot(0, window, window.start_engines)
        QTimer.singleShot(2000, gc.freeze)
        return int(app.exec())

    taken: list[bool] = []

    def take() -> None:
        Path(screenshot).resolve().parent.mkdir(parents=True, exist_ok=True)
        shown = app.activeWindow() if panel in ("settings", "help", "about", "health") else None
        taken.append((shown or window).grab().save(screenshot, "PNG"))
        window.asks_before_closing = False
        window.close()
        app.quit()

    QTimer.singleShot(SETTLE_MS, window, take)
    code = int(app.exec())
    if not any(taken):
        raise TunesmithError(f"{screenshot} cannot be written: is its folder there, and may you write in it?")
    return code


def _parse_size(text: str) -> tuple[int, int] | None:
    """Width and height of "1280x800"; None for no text."""
    from core.errors import TunesmithError

    if not text:
        return None
    try:
        width, height = (int(part) for part in text.lower().split("x"))
    except ValueError:
        width = height = 0
    if not (320 <= width <= 16384 and 240 <= height <= 16384):
        raise TunesmithError(f"--size {text}: write it as WIDTHxHEIGHT in pixels, such as {DEFAULT_SIZE}")
    return width, height


if __name__ == "__main__":
    sys.exit(main())
