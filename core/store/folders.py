"""Where things lie: what comes with the program, and what belongs to the person who uses it.

The environment variable ``TUNESMITH_HOME`` moves everything personal into one folder (tests and portable
installations use it).
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Literal

import core
from core.errors import TunesmithError

APPLICATION = "tunesmith"


def assets_folder() -> Path:
    """The folder of shipped weights, icons and demo pieces; a frozen program keeps it beside `core` too."""
    return _root() / "assets"


def soundfonts_folder() -> Path:
    """The folder of the built-in soundfont."""
    return _root() / "soundfonts"


def checkout_folder() -> Path | None:
    """The repository the program runs from; None in an installed or frozen program."""
    root = _root()
    return root if (root / "pyproject.toml").is_file() else None


def user_folder(kind: Literal["config", "data", "cache"], *, create: bool = True) -> Path:
    """The person's own folder for settings, for what must be kept, or for what can be made again.

    Raises
    ------
    TunesmithError
        where it cannot be made
    """
    home = os.environ.get("TUNESMITH_HOME")
    if home:
        folder = Path(home).expanduser() / kind
    else:
        import platformdirs

        paths = platformdirs.PlatformDirs(APPLICATION, appauthor=False)
        folder = {
            "config": paths.user_config_path,
            "data": paths.user_data_path,
            "cache": paths.user_cache_path,
        }[kind]
    if create:
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise TunesmithError(
                f"cannot make the folder {folder}: {error.strerror}; set TUNESMITH_HOME to one you may write"
            ) from error
    return folder


def _root() -> Path:
    return Path(core.__file__).resolve().parent.parent
