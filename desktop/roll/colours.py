"""Colours of notes: the track gives the hue, the velocity the lightness, the state the rest."""

from __future__ import annotations

from enum import IntEnum
from functools import cache

import numpy as np
from numpy.typing import NDArray
from PySide6.QtGui import QColor

from core.song.notes import Notes, Song
from desktop import theme

VELOCITY_STEPS = 16


class Look(IntEnum):
    """The ways a note may be shown."""

    PLAIN = 0
    OTHER_TRACK = 1
    SELECTED = 2
    MUTED = 3
    GHOST = 4
    HEAT = 5
    """By how much the note surprises instead of by its track."""


HEAT_LEVELS = len(theme.TRACK_COLOURS)
"""A note of `Look.HEAT` has a level where others have the colour of their track."""


class NoteColours:
    """Colour tables for `desktop.roll.raster`, of one palette."""

    def __init__(self, tokens: theme.Tokens) -> None:
        palette = len(theme.TRACK_COLOURS)
        size = 1 + len(Look) * palette * VELOCITY_STEPS
        self.body = np.zeros(size, np.uint32)
        self.edge = np.zeros(size, np.uint32)
        self.text: list[QColor] = [QColor()] * size
        ground = QColor(tokens.roll)
        for look in Look:
            for track in range(palette):
                for step in range(VELOCITY_STEPS):
                    at = self.index(look, track, step)
                    hue = heat_colour(track, tokens) if look is Look.HEAT else theme.track_colour(track)
                    body, edge = _note_colours(look, hue, step, tokens)
                    self.body[at], self.edge[at] = _premultiplied(body), _premultiplied(edge)
                    self.text[at] = _readable_on(_over(body, ground))

    @staticmethod
    def index(look: int, colour: int, step: int) -> int:
        """Row of the tables; 0 is "no note"."""
        return 1 + (look * len(theme.TRACK_COLOURS) + colour) * VELOCITY_STEPS + step

    @staticmethod
    def selected(looks: NDArray[np.uint16]) -> NDArray[np.int64]:
        """The rows of the same notes if they were selected."""
        block = len(theme.TRACK_COLOURS) * VELOCITY_STEPS
        return 1 + Look.SELECTED * block + (looks.astype(np.int64) - 1) % block

    def looks(
        self, song: Song, notes: Notes, states: NDArray[np.uint8], heat: NDArray[np.uint8] | None = None
    ) -> NDArray[np.uint16]:
        """Row of the colour tables for every note, ``states`` being its `Look`, ``heat`` its level."""
        palette = len(theme.TRACK_COLOURS)
        of_track = np.array([track.colour % palette for track in song.tracks] or [0], np.uint16)
        track = np.minimum(notes["track"], len(of_track) - 1)
        column = of_track[track] if heat is None else np.where(states == Look.HEAT, heat, of_track[track])
        row = states.astype(np.uint16) * palette + column.astype(np.uint16)
        return 1 + row * np.uint16(VELOCITY_STEPS) + notes["velocity"] // (128 // VELOCITY_STEPS)


def note_colours() -> NoteColours:
    """The tables of the palette in use. A window asks for them some twenty times while it is built."""
    return _of_palette(theme.tokens())


@cache
def _of_palette(tokens: theme.Tokens) -> NoteColours:
    return NoteColours(tokens)


def _note_colours(look: Look, hue: QColor, step: int, tokens: theme.Tokens) -> tuple[QColor, QColor]:
    ground = QColor(tokens.roll)
    loudness = step / (VELOCITY_STEPS - 1)
    body = _mix(ground, hue, 0.42 + 0.58 * loudness)
    edge = _mix(body, ground, 0.45)
    if look is Look.OTHER_TRACK:
        strength = 0.45 if tokens.name == "high-contrast" else 0.3
        body = _mix(ground, hue, strength + 0.13 * loudness)
        edge = _mix(body, ground, 0.3)
    elif look is Look.SELECTED:
        body = _mix(body, QColor("#ffffff") if ground.lightness() < 128 else hue, 0.35)
        edge = QColor(tokens.selection)
    elif look is Look.MUTED:
        grey = QColor.fromHsl(0, 0, (hue.lightness() + ground.lightness()) // 2)
        body = _mix(ground, grey, 0.35 + 0.25 * loudness)
        edge = _mix(body, ground, 0.4)
    elif look is Look.HEAT:
        body = hue
        edge = _mix(body, ground, 0.35)
    elif look is Look.GHOST:
        body = _mix(hue, QColor(tokens.ghost), 0.12)
        edge = QColor(tokens.ghost)
        body.setAlphaF(0.45 + 0.4 * loudness)
        edge.setAlphaF(0.9)
    return body, edge


HEAT_STOPS = {
    "on dark": ("#3d5a8f", "#6f5bd0", "#c2559f", "#f5864f", "#ffd84a"),
    "on light": ("#a9bddd", "#9a8fe0", "#b9509f", "#b32b3d", "#5c0a18"),
}
"""From what was to be expected to what surprises: away from the ground's lightness, for eyes that see fewer hues."""


def heat_colour(level: int, tokens: theme.Tokens) -> QColor:
    """The colour of a level of surprise, 0 to `HEAT_LEVELS` - 1."""
    stops = HEAT_STOPS["on dark" if QColor(tokens.roll).lightness() < 128 else "on light"]
    place = level / (HEAT_LEVELS - 1) * (len(stops) - 1)
    at = min(int(place), len(stops) - 2)
    return _mix(QColor(stops[at]), QColor(stops[at + 1]), place - at)


def _mix(first: QColor, second: QColor, share: float) -> QColor:
    """``first`` with ``share`` of ``second`` in it."""
    return QColor.fromRgbF(
        first.redF() + (second.redF() - first.redF()) * share,
        first.greenF() + (second.greenF() - first.greenF()) * share,
        first.blueF() + (second.blueF() - first.blueF()) * share,
    )


def _over(colour: QColor, ground: QColor) -> QColor:
    return _mix(ground, colour, colour.alphaF())


def _premultiplied(colour: QColor) -> int:
    alpha = colour.alphaF()
    red, green, blue = (
        round(part * alpha * 255) for part in (colour.redF(), colour.greenF(), colour.blueF())
    )
    return round(alpha * 255) << 24 | red << 16 | green << 8 | blue


def _readable_on(ground: QColor) -> QColor:
    """Dark or light text, whichever stands out more on ``ground`` (relative luminance as in WCAG 2)."""
    red, green, blue = (part**2.2 for part in (ground.redF(), ground.greenF(), ground.blueF()))
    luminance = 0.2126 * red + 0.7152 * green + 0.0722 * blue
    return QColor(10, 12, 18, 235) if luminance > 0.18 else QColor(255, 255, 255, 225)
