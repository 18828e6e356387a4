"""Times as people write them."""

from __future__ import annotations


def clock(seconds: float) -> str:
    """Like "1:02.34" and "2:03:04.50"."""
    minutes, rest = divmod(round(max(0.0, seconds), 2), 60)
    hours, minutes = divmod(int(minutes), 60)
    return f"{hours}:{minutes:02}:{rest:05.2f}" if hours else f"{minutes}:{rest:05.2f}"


def duration(seconds: float) -> str:
    """Like "3:05" and "1:02:03"."""
    whole = round(max(0.0, seconds))
    hours, rest = divmod(whole, 3600)
    return f"{hours}:{rest // 60:02}:{rest % 60:02}" if hours else f"{rest // 60}:{rest % 60:02}"
