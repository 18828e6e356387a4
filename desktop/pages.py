"""Windows beside the main one that only tell: keys and gestures, what is missing, about."""

from __future__ import annotations

import importlib.util
from collections.abc import Sequence
from dataclasses import dataclass

from PySide6.QtCore import QSize
from PySide6.QtWidgets import QDialog, QTextBrowser, QVBoxLayout, QWidget

from core.version import VERSION
from desktop import theme


@dataclass(frozen=True, slots=True)
class Finding:
    """One part of the machine; ``mend`` says what to do where it is not ``ok``."""

    part: str
    ok: bool
    mend: str = ""


class Page(QDialog):
    """Rich text in a window that stops nothing."""

    def __init__(self, title: str, html: str, parent: QWidget, size: QSize) -> None:
        super().__init__(parent)
        self.setWindowTitle(title)
        self.setModal(False)
        browser = QTextBrowser(openExternalLinks=True)
        browser.setHtml(html)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(8, 8, 8, 8)
        layout.addWidget(browser)
        self.resize(size)


def about_html() -> str:
    tokens = theme.tokens()
    return f"""
    <h2 style='color:{tokens.accent}'>Tunesmith {VERSION}</h2>
    <p>A studio to compose, hear, understand and explore music with neural networks.<br>
    Everything runs on this computer; nothing you write leaves it.</p>
    <p>MIT licence. Built with Qt (PySide6, LGPL), PyTorch, NumPy and FluidSynth (LGPL).<br>
    The demo phrase “Window Seat”, the icons and the built-in sounds are our own.</p>
    """


def health_html(findings: Sequence[Finding]) -> str:
    """A table of what is there and what is missing."""
    tokens = theme.tokens()
    rows = "".join(
        f"<tr><td width='150'>{one.part}</td>"
        f"<td><span style='color:{tokens.good if one.ok else tokens.warn}'>"
        f"{'there' if one.ok else 'missing'}</span></td><td>{one.mend}</td></tr>"
        for one in findings
    )
    good = all(one.ok for one in findings)
    head = "Everything is there." if good else "Some parts are missing; the rest works without them."
    return f"<h3>{head}</h3><table cellpadding='4'>{rows}</table>"


def findings(why_silent: str, sound_status: str, generators: Sequence[tuple[str, str]]) -> list[Finding]:
    """What this machine has; ``generators`` are pairs of a name and why it cannot be used ("" if it can)."""
    nothing = Finding("Generators", False, "No generator could be loaded; install Tunesmith anew")
    return [
        Finding("Sound", not why_silent and not sound_status, why_silent or sound_status),
        Finding("Soundfont", *_soundfont()),
        Finding(
            "Neural networks", is_installed("torch"),
            "" if is_installed("torch") else "Composing needs PyTorch: pip install torch==2.13.0",
        ),
        *(Finding(f"Generator {name}", not why, why) for name, why in generators),
        *([] if generators else [nothing]),
    ]  # fmt: skip


def is_installed(module: str) -> bool:
    """Whether a module can be imported, without importing it."""
    try:
        return importlib.util.find_spec(module) is not None
    except ImportError:
        return False


def _soundfont() -> tuple[bool, str]:
    try:
        from core.sound.soundfont import default_soundfont

        return True, str(default_soundfont())
    except Exception as error:
        return False, str(error)
