"""Labels, buttons and rules with the roles that the style sheet knows."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import QSize
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLabel, QLayout, QPushButton, QToolButton, QWidget

from desktop import icons


def label(text: str, role: str = "", *, wrap: bool = False) -> QLabel:
    """A text; roles: title, dim, small, good, warn, headline, position."""
    result = QLabel(text)
    result.setWordWrap(wrap)
    if role:
        result.setProperty("role", role)
    return result


def icon_button(
    icon: str,
    name: str,
    clicked: Callable[[], object] | None = None,
    *,
    role: str = "icon",
    checkable: bool = False,
    token: str = "text_dim",
) -> QToolButton:
    """A button with an icon; ``name`` is its tool tip and what a screen reader says."""
    result = QToolButton(checkable=checkable)
    icons.put(result, icon, token)
    result.setIconSize(QSize(16, 16))
    result.setProperty("role", role)
    result.setToolTip(name)
    result.setAccessibleName(name)
    if clicked:
        result.clicked.connect(lambda: clicked())
    return result


def push_button(text: str, clicked: Callable[[], object], *, role: str = "", tip: str = "") -> QPushButton:
    result = QPushButton(text)
    if role:
        result.setProperty("role", role)
    if tip:
        result.setToolTip(tip)
    result.clicked.connect(lambda: clicked())
    return result


def rule() -> QFrame:
    """A thin horizontal line."""
    result = QFrame()
    result.setObjectName("rule")
    return result


def row(*items: QWidget | QLayout | int | None, gap: int = 4) -> QHBoxLayout:
    """Widgets side by side; a number is a fixed gap, None takes the room that is left."""
    layout = QHBoxLayout()
    layout.setContentsMargins(0, 0, 0, 0)
    layout.setSpacing(gap)
    for item in items:
        if item is None:
            layout.addStretch(1)
        elif isinstance(item, int):
            layout.addSpacing(item)
        elif isinstance(item, QLayout):
            layout.addLayout(item)
        else:
            layout.addWidget(item)
    return layout


def restyle(widget: QWidget) -> None:
    """Let the style sheet see a property that changed."""
    widget.style().unpolish(widget)
    widget.style().polish(widget)
