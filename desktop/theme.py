"""How Tunesmith looks: colour tokens in three palettes, the colours of tracks, and one style sheet.

Everything is drawn from tokens, so no widget names a colour of its own. The style sheet, the icons
(`desktop.icons`) and the fonts need no external file. The size of everything is Qt's scale factor, set
before the application starts (`desktop.app`).

Lengths are device-independent pixels on a grid of 4.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from string import Template

from PySide6.QtGui import QColor, QFont, QPalette
from PySide6.QtWidgets import QApplication

GRID = 4
"""All paddings and gaps are multiples of this."""

FONT_FAMILIES = ["Inter", "Segoe UI", "Helvetica Neue", "DejaVu Sans"]
FONT_SIZE = 12
"""Body text in pixels."""
SMALL_SIZE = 11


@dataclass(frozen=True, slots=True)
class Tokens:
    """The colours of one palette, as "#rrggbb"."""

    name: str
    # Surfaces, from the back to the front.
    window: str
    panel: str
    raised: str
    hover: str
    sunken: str
    line: str
    line_strong: str
    # Text and marks.
    text: str
    text_dim: str
    text_faint: str
    accent: str
    accent_hover: str
    on_accent: str
    good: str
    warn: str
    bad: str
    # The roll and whatever shares its time axis.
    roll: str
    roll_black_row: str
    roll_scale_row: str
    grid_bar: str
    grid_beat: str
    grid_step: str
    key_white: str
    key_black: str
    key_text: str
    selection: str
    playhead: str
    loop: str
    ghost: str


DARK = Tokens(
    name="dark",
    window="#15171c", panel="#1c1f26", raised="#282c36", hover="#333845", sunken="#121419",
    line="#2b2f3a", line_strong="#3d4353",
    text="#e3e6ee", text_dim="#9aa2b4", text_faint="#697083",
    accent="#7c8cff", accent_hover="#95a2ff", on_accent="#0e1020",
    good="#5fcf9a", warn="#f0b455", bad="#f2727f",
    roll="#191c22", roll_black_row="#15181d", roll_scale_row="#1d2130",
    grid_bar="#444b5d", grid_beat="#2c313d", grid_step="#22262f",
    key_white="#d9dce4", key_black="#23262e", key_text="#5b6172",
    selection="#ffffff", playhead="#ffd166", loop="#7c8cff", ghost="#b9c2ff",
)  # fmt: skip

LIGHT = Tokens(
    name="light",
    window="#e3e6ec", panel="#f2f4f7", raised="#ffffff", hover="#e6e9f2", sunken="#ffffff",
    line="#d3d8e2", line_strong="#b3bac9",
    text="#1d2230", text_dim="#59627a", text_faint="#8a92a6",
    accent="#4757d6", accent_hover="#5c6bea", on_accent="#ffffff",
    good="#16835a", warn="#9a6200", bad="#c4304a",
    roll="#fbfcfe", roll_black_row="#f0f2f7", roll_scale_row="#eceffd",
    grid_bar="#aab2c4", grid_beat="#d5dae5", grid_step="#e8ebf2",
    key_white="#ffffff", key_black="#3a3f4c", key_text="#7a8295",
    selection="#10131c", playhead="#d0482a", loop="#4757d6", ghost="#7a86dd",
)  # fmt: skip

HIGH_CONTRAST = Tokens(
    name="high-contrast",
    window="#000000", panel="#000000", raised="#1a1a1a", hover="#333333", sunken="#000000",
    line="#8c8c8c", line_strong="#ffffff",
    text="#ffffff", text_dim="#e6e6e6", text_faint="#c8c8c8",
    accent="#ffe14d", accent_hover="#fff0a0", on_accent="#000000",
    good="#4dff9e", warn="#ffc04d", bad="#ff8a8a",
    roll="#000000", roll_black_row="#101010", roll_scale_row="#1c1a08",
    grid_bar="#b0b0b0", grid_beat="#5c5c5c", grid_step="#303030",
    key_white="#ffffff", key_black="#000000", key_text="#000000",
    selection="#ffffff", playhead="#ffe14d", loop="#4dd2ff", ghost="#ffffff",
)  # fmt: skip

PALETTES = {tokens.name: tokens for tokens in (DARK, LIGHT, HIGH_CONTRAST)}

TRACK_COLOURS = (
    "#5b9dff", "#f7a35c", "#57c99a", "#e26fa0", "#a98bff", "#e6cf5a",
    "#4fc3d9", "#f07a6a", "#9bcf5f", "#c98be0", "#d9a37c", "#8fa3c7",
)  # fmt: skip
"""Colours that stay apart on dark and light ground; ``Track.colour`` is an index into them."""

_active = DARK


def tokens() -> Tokens:
    """The palette in use."""
    return _active


def colour(token: str, alpha: float = 1.0) -> QColor:
    """The colour of a token ("accent", "grid_bar", ...) of the palette in use, alpha 0-1."""
    result = QColor(getattr(_active, token))
    result.setAlphaF(alpha)
    return result


def track_colour(index: int, alpha: float = 1.0) -> QColor:
    """The colour of ``Track.colour == index``; any whole number will do."""
    result = QColor(TRACK_COLOURS[index % len(TRACK_COLOURS)])
    result.setAlphaF(alpha)
    return result


def font(size: int = FONT_SIZE, *, bold: bool = False) -> QFont:
    """The interface font at ``size`` pixels."""
    result = QFont()
    result.setFamilies(FONT_FAMILIES)
    result.setPixelSize(size)
    result.setBold(bold)
    return result


def apply(app: QApplication, name: str = "dark") -> None:
    """Give the whole application a palette ("dark", "light", "high-contrast").

    Widgets that paint themselves get a PaletteChange event and then ask `tokens` anew.
    """
    global _active
    _active = PALETTES.get(name, DARK)
    app.setStyle("Fusion")
    app.setFont(font())
    app.setPalette(_qt_palette(_active))
    app.setStyleSheet(style_sheet(_active))


def _qt_palette(tokens: Tokens) -> QPalette:
    palette = QPalette()
    role = QPalette.ColorRole
    for target, token in (
        (role.Window, tokens.panel), (role.WindowText, tokens.text), (role.Base, tokens.sunken),
        (role.AlternateBase, tokens.panel), (role.Text, tokens.text), (role.Button, tokens.raised),
        (role.ButtonText, tokens.text), (role.Highlight, tokens.accent),
        (role.HighlightedText, tokens.on_accent), (role.ToolTipBase, tokens.raised),
        (role.ToolTipText, tokens.text), (role.PlaceholderText, tokens.text_faint),
        (role.Link, tokens.accent), (role.BrightText, tokens.bad), (role.Light, tokens.hover),
        (role.Mid, tokens.line), (role.Dark, tokens.window), (role.Shadow, tokens.window),
    ):  # fmt: skip
        palette.setColor(target, QColor(token))
    for target in (role.WindowText, role.Text, role.ButtonText):
        palette.setColor(QPalette.ColorGroup.Disabled, target, QColor(tokens.text_faint))
    return palette


def style_sheet(tokens: Tokens) -> str:
    """The style sheet of a palette."""
    values = {field.name: getattr(tokens, field.name) for field in fields(tokens)}
    return Template(_SHEET).substitute(values, font_size=FONT_SIZE, small=SMALL_SIZE)


_SHEET = """
* { font-size: ${font_size}px; }
QMainWindow, QDialog { background: $window; color: $text; }
QMainWindow::separator { background: $window; width: 4px; height: 4px; }
QMainWindow::separator:hover { background: $accent; }
QToolTip { background: $raised; color: $text; border: 1px solid $line_strong; padding: 4px 8px; }
"""
