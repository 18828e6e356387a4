"""What a person chose once and wants to find again: typed, in one JSON file.

A settings file that was damaged, edited by hand or written by another version never stops the program:
a field that does not fit takes its default, an unreadable file is kept beside as ``settings.json.bad``.
"""

from __future__ import annotations

import json
import logging
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any

from core.store.atomic import write_bytes_atomic
from core.store.folders import user_folder

logger = logging.getLogger(__name__)

FILE_NAME = "settings.json"
RECENT_FILES_KEPT = 12
LARGEST_FILE = 16 << 20


@dataclass(slots=True)
class Settings:
    """Everything remembered between two starts.

    Attributes
    ----------
    theme : "dark", "light" or "high-contrast"
    scale : size of the interface, 0.75-2.5
    language : "" follows the system
    soundfont : path, "" for the best one found
    audio_device : name, "" for the system's default
    master_volume : 0-1
    metronome, count_in, follow_playhead, scale_highlight, reopen_last : bool
    keep_pieces : every piece made, taken or opened goes into the library
    grid : snap in the roll as a note length, such as "1/16"
    recent_files : newest first
    last_folder : where the file dialogs open
    author : name written into claims and certificates
    keys : action id -> shortcut, only those a person changed
    window : layout as Qt saved it, in base 64
    panels : panel name -> its own JSON values
    """

    theme: str = "dark"
    scale: float = 1.0
    language: str = ""
    soundfont: str = ""
    audio_device: str = ""
    master_volume: float = 0.8
    metronome: bool = False
    count_in: bool = True
    follow_playhead: bool = True
    scale_highlight: bool = True
    reopen_last: bool = True
    keep_pieces: bool = True
    grid: str = "1/16"
    recent_files: list[str] = field(default_factory=list)
    last_folder: str = ""
    author: str = ""
    keys: dict[str, str] = field(default_factory=dict)
    window: dict[str, str] = field(default_factory=dict)
    panels: dict[str, Any] = field(default_factory=dict)

    def remember_file(self, path: str | Path) -> None:
        """Put ``path`` at the head of the recent files."""
        name = str(Path(path).resolve())
        self.recent_files = [name, *(old for old in self.recent_files if old != name)][:RECENT_FILES_KEPT]
        self.last_folder = str(Path(name).parent)


RANGES = {"scale": (0.75, 2.5), "master_volume": (0.0, 1.0)}
CHOICES = {"theme": ("dark", "light", "high-contrast")}


def settings_path() -> Path:
    """Where the settings lie."""
    return user_folder("config") / FILE_NAME


def load_settings(path: Path | None = None) -> Settings:
    """The settings as saved; defaults for whatever is missing, wrong or unreadable."""
    path = path or settings_path()
    try:
        with path.open("rb") as file:
            text = file.read(LARGEST_FILE)
    except FileNotFoundError:
        return Settings()
    except OSError as error:
        logger.warning("settings not read: %s", error)
        return Settings()
    try:
        saved = json.loads(text)
        if not isinstance(saved, dict):
            raise ValueError("not a JSON object")
    except (ValueError, RecursionError) as error:
        bad = path.with_name(path.name + ".bad")
        logger.warning("settings unreadable (%s); kept as %s, defaults used", error, bad)
        try:
            path.replace(bad)
        except OSError:
            logger.warning("the unreadable settings could not be kept")
        return Settings()
    settings = Settings()
    for item in fields(Settings):
        if item.name in saved:
            value = _fitting(item.name, saved[item.name], getattr(settings, item.name))
            setattr(settings, item.name, value)
    return settings


def save_settings(settings: Settings, path: Path | None = None) -> None:
    """Write the settings in one step."""
    text = json.dumps(asdict(settings), indent=2, ensure_ascii=False, sort_keys=True)
    write_bytes_atomic(path or settings_path(), text.encode() + b"\n")


def _fitting(name: str, value: Any, default: Any) -> Any:
    """``value`` if it has the field's type and range, else ``default``."""
    if isinstance(default, float) and isinstance(value, int) and not isinstance(value, bool):
        value = float(value)
    if type(value) is not type(default):
        return default
    if name in RANGES and not RANGES[name][0] <= value <= RANGES[name][1]:
        return default
    if name in CHOICES and value not in CHOICES[name]:
        return default
    if name == "recent_files":
        return [item for item in value if isinstance(item, str)][:RECENT_FILES_KEPT]
    if name in ("keys", "window"):
        return {key: item for key, item in value.items() if isinstance(item, str)}
    return value
