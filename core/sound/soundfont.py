"""Where General MIDI soundfonts are found, which one is best, and whether a file is one at all.

A font is looked for, in this order of preference: the one the user chose (the environment variable
``TUNESMITH_SOUNDFONT``, or an argument), good fonts of the operating system, the project's own folder
``soundfonts/`` (inside a frozen program: the bundle's), fonts whose worth is unknown, and last the
small font that comes with the program, so that there is always a sound.

SF2 files are mapped into memory and load in well under a second; SF3 files hold Vorbis data that is
unpacked while loading, which takes seconds. `quick_soundfont` names the best font that loads at once.
"""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Iterable
from pathlib import Path

from core.errors import TunesmithError

ENVIRONMENT_VARIABLE = "TUNESMITH_SOUNDFONT"
BUILT_IN_NAME = "tunesmith.sf2"
SUFFIXES = (".sf2", ".sf3")

# Best first. Where a font comes in both formats the SF2 has the finer sound and loads faster.
QUALITY: tuple[str, ...] = (
    r"^fluidr3[_ ]?gm.*\.sf2$",
    r"^musescore_general.*\.sf2$",
    r"^generaluser.*\.sf2$",
    r"^sgm.*\.sf2$",
    r"^musescore_general.*\.sf3$",
    r"^fluidr3mono[_ ]?gm.*\.sf3$",
    r"^generaluser.*\.sf3$",
    r"^timgm6mb.*\.sf2$",
    r"^(default|gm|.*[_ -]gm).*\.sf[23]$",
)

SYSTEM_FOLDERS: dict[str, tuple[str, ...]] = {
    "linux": (
        "/usr/share/sounds/sf2",
        "/usr/share/sounds/sf3",
        "/usr/share/soundfonts",
        "/usr/local/share/soundfonts",
        "/usr/local/share/sounds/sf2",
        "~/.local/share/soundfonts",
        "~/.local/share/sounds/sf2",
        "~/.sounds/sf2",
    ),
    "darwin": (
        "~/Library/Audio/Sounds/Banks",
        "/Library/Audio/Sounds/Banks",
        "/opt/homebrew/share/soundfonts",
        "/opt/homebrew/share/fluid-synth/sf2",
        "/usr/local/share/soundfonts",
        "/usr/local/share/fluid-synth/sf2",
    ),
    "win32": (
        "%LOCALAPPDATA%/Soundfonts",
        "%PROGRAMDATA%/soundfonts",
        "%PROGRAMFILES%/MuseScore 4/sound",
        "%PROGRAMFILES%/MuseScore 3/sound",
        "%USERPROFILE%/Documents/Soundfonts",
    ),
}


def own_folder() -> Path:
    """The project's folder ``soundfonts/``; in a frozen program the copy inside the bundle."""
    bundle = getattr(sys, "_MEIPASS", None)
    root = Path(bundle) if bundle else Path(__file__).resolve().parents[2]
    return root / "soundfonts"


def system_folders() -> list[Path]:
    """The folders in which this operating system keeps soundfonts, whether they exist or not."""
    names = SYSTEM_FOLDERS.get(sys.platform, SYSTEM_FOLDERS["linux"])
    return [Path(os.path.expandvars(name)).expanduser() for name in names]


def check_soundfont(path: str | os.PathLike[str]) -> Path:
    """``path`` as a `Path`, if a soundfont is there.

    Raises
    ------
    TunesmithError
        Where there is no file, or where it does not begin as a soundfont does.
    """
    path = Path(path).expanduser()
    try:
        with path.open("rb") as file:
            header = file.read(12)
    except OSError as error:
        raise TunesmithError(
            f"The soundfont {path} cannot be read ({error.strerror}); choose another .sf2 or .sf3 file"
        ) from None
    if header[:4] != b"RIFF" or header[8:12] != b"sfbk":
        raise TunesmithError(f"{path} is not a soundfont; choose a .sf2 or .sf3 file")
    return path


def find_soundfonts(
    chosen: str | os.PathLike[str] | None = None, folders: Iterable[Path] | None = None
) -> list[Path]:
    """Every usable font, best first, each once even where links give it several names.

    Parameters
    ----------
    chosen : path, optional
        The font the user wants; it comes first. By default that of ``TUNESMITH_SOUNDFONT``.
        A file that is no soundfont is passed over here; `default_soundfont` complains of it.
    folders : iterable of Path, optional
        Where to look; by default the system's folders and the project's own.
    """
    chosen = chosen or os.environ.get(ENVIRONMENT_VARIABLE) or None
    candidates = [Path(chosen).expanduser()] if chosen else []
    found: list[Path] = []
    for folder in [*system_folders(), own_folder()] if folders is None else folders:
        if folder.is_dir():
            found += [path for path in sorted(folder.iterdir()) if path.suffix.lower() in SUFFIXES]
    candidates += sorted(found, key=_rank)
    fonts: dict[Path, Path] = {}
    for path in candidates:
        if _is_soundfont(path):
            # The file's true name, so that "default-GM.sf3" is known by what it points to.
            fonts.setdefault(path.resolve(), path.resolve())
    return list(fonts)


def default_soundfont(chosen: str | os.PathLike[str] | None = None) -> Path:
    """The font to use.

    Raises
    ------
    TunesmithError
        Where the chosen file is no soundfont, or none is found at all.
    """
    chosen = chosen or os.environ.get(ENVIRONMENT_VARIABLE) or None
    if chosen:
        return check_soundfont(chosen)
    fonts = find_soundfonts()
    if not fonts:
        raise TunesmithError(
            f"No soundfont was found; put a General MIDI .sf2 file into {own_folder()}, "
            "or install one with: apt-get install timgm6mb-soundfont"
        )
    return fonts[0]


def quick_soundfont(fonts: Iterable[Path]) -> Path | None:
    """The best of ``fonts`` (best first) that loads at once: the first SF2, else the first at all."""
    fonts = list(fonts)
    quick = [font for font in fonts if font.suffix.lower() == ".sf2"]
    return next(iter(quick or fonts), None)


def _is_soundfont(path: Path) -> bool:
    try:
        check_soundfont(path)
    except TunesmithError:
        return False
    return True


def _rank(path: Path) -> tuple[int, str]:
    # Ranked by the file's true name: a link "default-GM.sf2" says nothing of what is behind it.
    name = path.resolve().name.lower()
    if name == BUILT_IN_NAME:
        return len(QUALITY), name
    for rank, pattern in enumerate(QUALITY):
        if re.match(pattern, name):
            return rank, name
    # Of unknown worth, perhaps a single instrument: behind even the built-in font.
    return len(QUALITY) + 1, name
