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
    if not app.styleSheet():  # the first time; each of these makes every widget restyle itself
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
QMainWindow, QDialog, QWidget#page { background: $window; color: $text; }
QMainWindow::separator { background: $window; width: 4px; height: 4px; }
QMainWindow::separator:hover { background: $accent; }
QWidget#panel { background: $panel; border-radius: 6px; }
QWidget#bar { background: $panel; border-bottom: 1px solid $window; }
QWidget#hints { background: $window; }
QWidget#well { background: $sunken; border: 1px solid $line; border-radius: 5px; }
QToolTip { background: $raised; color: $text; border: 1px solid $line_strong; padding: 4px 8px; }

QMenuBar { background: $window; color: $text_dim; padding: 1px 4px; spacing: 0; }
QMenuBar::item { padding: 4px 8px; border-radius: 4px; background: transparent; }
QMenuBar::item:selected, QMenuBar::item:pressed { background: $raised; color: $text; }
QMenu { background: $raised; color: $text; border: 1px solid $line_strong; padding: 4px; }
QMenu::item { padding: 5px 24px 5px 12px; border-radius: 4px; }
QMenu::item:selected { background: $accent; color: $on_accent; }
QMenu::item:disabled { color: $text_faint; background: transparent; }
QMenu::separator { height: 1px; background: $line_strong; margin: 4px 8px; }
QMenu::indicator { width: 12px; height: 12px; margin-left: 6px; }
QMenu::indicator:checked { background: $accent; border-radius: 3px; }
QMenu::indicator:unchecked { border: 1px solid $line_strong; border-radius: 3px; }

QDockWidget { color: $text_dim; }
QLabel { background: transparent; color: $text; }
QLabel[role="title"] { color: $text; font-weight: 600; }
QLabel[role="dim"] { color: $text_dim; }
QLabel[role="small"] { color: $text_dim; font-size: ${small}px; }
QLabel[role="good"] { color: $good; font-size: ${small}px; }
QLabel[role="warn"] { color: $warn; font-size: ${small}px; }
QLabel[role="position"] { color: $text; font-size: 18px; font-weight: 600; }
QLabel[role="headline"] { color: $text; font-size: 16px; font-weight: 600; }

QPushButton, QToolButton {
    background: $raised; color: $text; border: 1px solid $line; border-radius: 5px;
    padding: 3px 10px; min-height: 20px;
}
QPushButton:hover, QToolButton:hover { background: $hover; border-color: $line_strong; }
QPushButton:pressed, QToolButton:pressed { background: $sunken; }
QPushButton:focus, QToolButton:focus { border-color: $accent; }
QPushButton:disabled, QToolButton:disabled { color: $text_faint; background: $panel; border-color: $line; }
QPushButton[role="primary"] { background: $accent; color: $on_accent; border-color: $accent; font-weight: 600; }
QPushButton[role="primary"]:hover { background: $accent_hover; border-color: $accent_hover; }
QPushButton[role="primary"]:disabled { background: $raised; color: $text_faint; border-color: $line; }
QPushButton[role="primary"]:focus { border-color: $text; }
QToolButton[role="icon"] { background: transparent; border: 1px solid transparent; padding: 2px; min-height: 18px; }
QToolButton[role="icon"]:hover { background: $hover; }
QToolButton[role="icon"]:checked { background: $raised; border-color: $line_strong; }
QToolButton[role="transport"] { padding: 4px; min-width: 24px; min-height: 22px; }
QToolButton[role="transport"]:checked { border-color: $accent; background: $hover; }
QToolButton[role="mute"], QToolButton[role="solo"] {
    padding: 0; min-height: 18px; max-height: 18px; min-width: 20px; max-width: 20px;
    font-size: 10px; font-weight: 600; color: $text_dim; border-radius: 4px;
}
QToolButton[role="mute"]:checked { background: $bad; color: $on_accent; border-color: $bad; }
QToolButton[role="solo"]:checked { background: $warn; color: $on_accent; border-color: $warn; }
QToolButton[role="chip"] { border-radius: 10px; padding: 0 5px; min-height: 18px; font-size: ${small}px; }
QToolButton[role="link"] { background: transparent; border: none; color: $text_dim; padding: 0 2px; text-align: left; }
QToolButton[role="link"]:hover { color: $text; }
QFileDialog QToolButton { padding: 2px 4px; }
QToolButton::menu-indicator { image: none; width: 0; }

QLineEdit, QSpinBox, QDoubleSpinBox, QTextBrowser {
    background: $sunken; color: $text; border: 1px solid $line; border-radius: 5px;
    padding: 2px 6px; min-height: 20px;
    selection-background-color: $accent; selection-color: $on_accent;
}
QLineEdit:hover, QSpinBox:hover, QDoubleSpinBox:hover { border-color: $line_strong; }
QLineEdit:focus, QSpinBox:focus, QDoubleSpinBox:focus { border-color: $accent; }
QLineEdit:disabled, QSpinBox:disabled, QDoubleSpinBox:disabled { color: $text_faint; }
QLineEdit[role="bare"] { background: transparent; border: 1px solid transparent; padding: 0 2px; }
QLineEdit[role="bare"]:focus { background: $sunken; border-color: $accent; }
QLineEdit[role="search"] { font-size: 14px; min-height: 28px; padding: 2px 10px; }
QAbstractSpinBox::up-button, QAbstractSpinBox::down-button { width: 0; border: none; }
QAbstractSpinBox QLineEdit { background: transparent; border: none; padding: 0 6px; min-height: 0; }

QListView, QTreeView, QTableView {
    background: transparent; color: $text; border: none; outline: none; alternate-background-color: $panel;
}
QListView::item { padding: 5px 8px; border-radius: 4px; }
QListView::item:hover { background: $hover; }
QListView::item:selected { background: $accent; color: $on_accent; }
QHeaderView::section { background: $panel; color: $text_dim; border: none; padding: 4px 8px; }
QTabBar::tab { background: transparent; color: $text_dim; padding: 6px 10px; border-bottom: 2px solid transparent; }
QTabBar::tab:hover { color: $text; }
QTabBar::tab:selected { color: $text; border-bottom-color: $accent; }
QTabWidget::pane { border: none; }

QScrollArea { background: transparent; border: none; }
QScrollArea > QWidget > QWidget { background: transparent; }
QScrollBar:vertical { background: transparent; width: 10px; margin: 0; }
QScrollBar:horizontal { background: transparent; height: 10px; margin: 0; }
QScrollBar::handle { background: $line_strong; border-radius: 3px; margin: 2px; min-width: 24px; min-height: 24px; }
QScrollBar::handle:hover { background: $text_faint; }
QScrollBar::add-line, QScrollBar::sub-line { width: 0; height: 0; }
QScrollBar::add-page, QScrollBar::sub-page { background: transparent; }
QAbstractScrollArea::corner { background: transparent; border: none; }
QSplitter::handle { background: $window; }

QProgressBar { background: $sunken; border: none; border-radius: 2px; max-height: 4px; min-height: 4px; }
QProgressBar::chunk { background: $accent; border-radius: 2px; }
QCheckBox { color: $text; spacing: 8px; }
QCheckBox::indicator { width: 14px; height: 14px; border: 1px solid $line_strong; border-radius: 4px; background: $sunken; }
QCheckBox::indicator:checked { background: $accent; border-color: $accent; }
QCheckBox:focus { color: $accent; }

QFrame#popup { background: $raised; border: 1px solid $line_strong; border-radius: 8px; }
QFrame#popup[role="window"] { border-radius: 0; }
QFrame#notice { background: $raised; border: 1px solid $line_strong; border-left: 3px solid $accent; border-radius: 5px; }
QFrame#notice[tone="warn"] { border-left-color: $warn; }
QFrame#notice[tone="bad"] { border-left-color: $bad; }
QFrame#row { background: transparent; border-radius: 5px; border: 1px solid transparent; }
QFrame#row:hover { background: $raised; }
QFrame#row[selected="true"] { background: $raised; border-color: $line_strong; }
QFrame#rule { background: $line; max-height: 1px; min-height: 1px; border: none; }
"""
