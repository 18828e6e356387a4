"""Set-up: from a bare machine to a Tunesmith that starts.

The scripts ``run`` and ``test`` at the top of the tree call this before anything is installed, so it needs
Python's standard library only and imports nothing else of ours. In order it

1. installs the system libraries that are missing, where the machine allows it; else it prints the exact line;
2. makes the virtual environment ``.venv``;
3. installs the Python packages of ``pyproject.toml``, PyTorch first;
4. writes a stamp, so that the next start skips all of this.

`NEEDS` is the table of system libraries. Its column for apt is tried; those for dnf, pacman and brew are
written from what these systems' packages are called and are not tried.
"""

from __future__ import annotations

import argparse
import ctypes
import glob
import importlib.util
import os
import shutil
import subprocess
import sys
import tomllib
import venv
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

HOME = Path(__file__).resolve().parent.parent
ENVIRONMENT = HOME / ".venv"


class Manager(NamedTuple):
    """A system's package manager and how it is called; ``column`` is its field in `Need`."""

    column: str
    program: str
    refresh: tuple[str, ...]
    install: tuple[str, ...]
    as_root: bool


MANAGERS = (
    Manager(
        "apt", "apt-get", ("apt-get", "update"), ("apt-get", "install", "-y", "--no-install-recommends"), True
    ),
    Manager("dnf", "dnf", (), ("dnf", "install", "-y"), True),
    Manager("pacman", "pacman", ("pacman", "-Sy"), ("pacman", "-S", "--needed", "--noconfirm"), True),
    Manager("brew", "brew", (), ("brew", "install"), False),
)


class Need(NamedTuple):
    """Something of the system's that Tunesmith uses, and the package that has it on each system.

    ``found_by`` is ``kind:name`` with a kind of `PROBES`. An empty package name means that this system has it
    anyway, that a Python package brings it, or that we know of no package. Without an ``optional`` one
    everything works, some of it less well.
    """

    purpose: str
    found_by: str
    apt: str
    dnf: str
    pacman: str
    brew: str

    @property
    def optional(self) -> bool:
        return self.purpose.endswith("(optional)")


def _rows(table: str) -> tuple[Need, ...]:
    needs, purpose = [], ""
    for line in filter(None, map(str.strip, table.splitlines())):
        if line.startswith("#"):
            purpose = line.lstrip("# ")
        else:
            needs.append(Need(purpose, *("" if cell == "-" else cell for cell in line.split())))
    return tuple(needs)


RUN_NEEDS = """
# making the virtual environment
module:ensurepip            python3-venv             -                       -                   -
# playing and rendering
lib:fluidsynth              libfluidsynth3           fluidsynth-libs         fluidsynth          fluid-synth
# sound output and recording
lib:portaudio               libportaudio2            portaudio               portaudio           -
# the window
lib:libEGL.so.1             libegl1                  libglvnd-egl            libglvnd            -
lib:libGL.so.1              libgl1                   libglvnd-glx            libglvnd            -
lib:libglib-2.0.so.0        libglib2.0-0             glib2                   glib2               -
lib:libdbus-1.so.3          libdbus-1-3              dbus-libs               dbus                -
lib:libfontconfig.so.1      libfontconfig1           fontconfig              fontconfig          -
lib:libxkbcommon-x11.so.0   libxkbcommon-x11-0       libxkbcommon-x11        libxkbcommon-x11    -
lib:libX11-xcb.so.1         libx11-xcb1              libX11-xcb              libx11              -
lib:libxcb-cursor.so.0      libxcb-cursor0           xcb-util-cursor         xcb-util-cursor     -
lib:libxcb-icccm.so.4       libxcb-icccm4            xcb-util-wm             xcb-util-wm         -
lib:libxcb-image.so.0       libxcb-image0            xcb-util-image          xcb-util-image      -
lib:libxcb-keysyms.so.1     libxcb-keysyms1          xcb-util-keysyms        xcb-util-keysyms    -
lib:libxcb-render-util.so.0 libxcb-render-util0      xcb-util-renderutil     xcb-util-renderutil -
lib:libxcb-shape.so.0       libxcb-shape0            libxcb                  libxcb              -
# its text, on a machine without fonts
file:font                   fonts-dejavu-core        dejavu-sans-fonts       ttf-dejavu          -
# a fuller soundfont than the built-in one (optional)
file:soundfont              fluidr3mono-gm-soundfont fluid-soundfont-gm      soundfont-fluid     -
"""

TEST_NEEDS = """
# a screen for tests
program:Xvfb                xvfb                     xorg-x11-server-Xvfb    xorg-server-xvfb    -
# a sound card for tests, and the way there
program:pulseaudio          pulseaudio               -                       pulseaudio          -
program:parec               pulseaudio-utils         pulseaudio-utils        libpulse            -
file:alsa-to-pulse          libasound2-plugins       alsa-plugins-pulseaudio alsa-plugins        -
# a peer to render against
program:fluidsynth          fluidsynth               fluidsynth              fluidsynth          fluid-synth
"""

NEEDS = {"run": _rows(RUN_NEEDS), "test": _rows(TEST_NEEDS)}
"""Rows for running, and those that only the tests need on top. Columns: found by, apt, dnf, pacman, brew."""

FILES = {
    "font": ("/usr/share/fonts/**/*.[ot]tf",),
    "soundfont": ("/usr/share/sounds/sf[23]/*GM*.sf[23]",),
    "alsa-to-pulse": tuple(
        f"{folder}/alsa-lib/libasound_module_pcm_pulse.so" for folder in ("/usr/lib*", "/usr/lib/*")
    ),
}
"""Where Linux keeps what is found by ``file:``; other systems have it or do without."""

EXTRAS = {"run": "", "test": "[dev,learn]"}
"""What of ``pyproject.toml`` each set-up installs beside the dependencies."""

LIBRARY_FILES = {
    "fluidsynth": {
        "linux": "libfluidsynth.so.3",
        "darwin": "libfluidsynth.3.dylib",
        "win32": "libfluidsynth-3.dll",
    },
    "portaudio": {"linux": "libportaudio.so.2"},
}
"""Libraries whose file has another name on each system; without a name there, a Python package brings it."""

LOG_TAIL = 4000
"""Characters of a failed command's output that tell why."""

HOMEBREW_FOLDERS = ("/opt/homebrew/lib", "/usr/local/lib")


def _library_loads(name: str) -> bool:
    if name in LIBRARY_FILES:
        name = LIBRARY_FILES[name].get(sys.platform, "")
    elif sys.platform != "linux":
        name = ""
    if not name:
        return True
    folders = ("", *HOMEBREW_FOLDERS) if sys.platform == "darwin" else ("",)
    for folder in folders:
        try:
            ctypes.CDLL(os.path.join(folder, name))  # noqa: PTH118 - Path("") / name would not search
        except OSError:
            continue
        return True
    return False


def _file_exists(name: str) -> bool:
    found = (path for pattern in FILES[name] for path in glob.iglob(pattern, recursive=True))  # noqa: PTH207
    return sys.platform != "linux" or next(found, None) is not None


PROBES: dict[str, Callable[[str], bool]] = {
    "lib": _library_loads,
    "file": _file_exists,
    "program": lambda name: shutil.which(name) is not None,
    # A frozen program makes no environment and leaves such modules out.
    "module": lambda name: hasattr(sys, "frozen") or importlib.util.find_spec(name) is not None,
}


def needs_for(profile: str) -> tuple[Need, ...]:
    """All rows of `NEEDS` for ``"run"`` or ``"test"``; the tests need what running needs, too."""
    return NEEDS["run"] if profile == "run" else NEEDS["run"] + NEEDS[profile]


def is_met(need: Need) -> bool:
    """Whether this machine has it."""
    kind, _, name = need.found_by.partition(":")
    return PROBES[kind](name)


def missing(needs: Iterable[Need]) -> list[Need]:
    """Those of ``needs`` that this machine lacks."""
    return [need for need in needs if not is_met(need)]


def find_manager() -> Manager | None:
    """The package manager of this machine, or None where we know none."""
    return next((manager for manager in MANAGERS if shutil.which(manager.program)), None)


def packages_for(needs: Iterable[Need], manager: Manager) -> list[str]:
    """Package names for ``needs``, each once, in the table's order."""
    names = (getattr(need, manager.column) for need in needs)
    return list(dict.fromkeys(name for name in names if name))


def root_prefix(manager: Manager) -> tuple[str, ...] | None:
    """What to put before the manager's command: nothing, ``sudo``, or None where we may not install."""
    if not manager.as_root or os.geteuid() == 0:
        return ()
    if shutil.which("sudo") is None:
        return None
    if sys.stdin.isatty():
        return ("sudo",)
    allowed = subprocess.run(["sudo", "-n", "true"], capture_output=True, check=False).returncode == 0
    return ("sudo", "-n") if allowed else None


def install_line(manager: Manager, packages: Sequence[str]) -> str:
    """The line that a person types to install ``packages``."""
    sudo = ("sudo",) if manager.as_root else ()
    commands = [command for command in (manager.refresh, (*manager.install, *packages)) if command]
    return " && ".join(" ".join((*sudo, *command)) for command in commands)


def install_system(profile: str) -> bool:
    """Install what `NEEDS` names and the machine lacks.

    Returns
    -------
    bool
        Whether all that is not optional is there now. If not, a line on stderr says what to type.
    """
    lacking = missing(needs_for(profile))
    if not lacking:
        return True
    manager = find_manager()
    packages = packages_for(lacking, manager) if manager else []
    if manager and packages:
        prefix = root_prefix(manager)
        if prefix is not None:
            say(f"installing {', '.join(packages)} with {manager.program}")
            if manager.refresh:
                call((*prefix, *manager.refresh))
            if not call((*prefix, *manager.install, *packages)):
                # One name that this release lacks must not keep the others out.
                for package in packages:
                    call((*prefix, *manager.install, package))
    still = missing(lacking)
    for need in still:
        say(
            f"{need.purpose}: missing {need.found_by.partition(':')[2]}"
            + (" (optional)" if need.optional else "")
        )
    if still and manager and packages_for(still, manager):
        say("please run:  " + install_line(manager, packages_for(still, manager)))
    elif still:
        say("please install these by hand; README.md names them for the systems we know")
    return all(need.optional for need in still)


def environment_python() -> Path:
    """The Python of ``.venv``."""
    return ENVIRONMENT / ("Scripts/python.exe" if sys.platform == "win32" else "bin/python")


def make_environment() -> None:
    """Make ``.venv``, or make it anew where its Python has gone or never had pip."""
    python = environment_python()
    works = python.exists() and call((str(python), "-m", "pip", "--version"), quiet=True)
    if not works:
        say("making the virtual environment .venv")
        venv.create(ENVIRONMENT, with_pip=True, clear=True, symlinks=sys.platform != "win32")


def requirement_of(name: str) -> str:
    """The requirement ``pyproject.toml`` states for a package, such as ``torch==2.13.0``."""
    project = tomllib.loads((HOME / "pyproject.toml").read_text("utf-8"))["project"]
    return next(entry for entry in project["dependencies"] if entry.startswith(name))


def install_python(profile: str) -> bool:
    """Install the Python packages of ``pyproject.toml`` and the project itself, in place."""
    pip = (str(environment_python()), "-m", "pip", "install", "--disable-pip-version-check")
    torch = requirement_of("torch")
    say(f"installing Python packages: {torch} first, the rest after it")
    return call((*pip, torch)) and call((*pip, "--editable", f"{HOME}{EXTRAS[profile]}"))


def stamp_file(profile: str) -> Path:
    """Where the scripts look whether a set-up is done."""
    return ENVIRONMENT / f".set-up-{profile}"


def write_stamps(profile: str, stamp: str) -> None:
    """Remember that ``profile`` is set up for what ``stamp`` describes; that for tests covers running."""
    for covered in {"run", profile}:
        stamp_file(covered).write_text(stamp + "\n", "utf-8")


def say(message: str) -> None:
    """Tell the person; on stderr, because stdout belongs to the command that follows."""
    print(f"tunesmith set-up: {message}", file=sys.stderr, flush=True)


def call(command: Sequence[str], *, quiet: bool = False) -> bool:
    """Run a command; True where it succeeds.

    On a terminal its output is seen as it comes; in a log only that of a command that failed.
    """
    shown = sys.stderr.isatty() and not quiet
    output = sys.stderr if shown else subprocess.PIPE
    environment = os.environ | {"DEBIAN_FRONTEND": "noninteractive"}
    try:
        done = subprocess.run(command, stdout=output, stderr=output, env=environment, check=False, text=True)
    except OSError as error:
        say(f"{command[0]}: {error}")
        return False
    if done.returncode and not shown and not quiet:
        print((done.stdout + done.stderr)[-LOG_TAIL:], file=sys.stderr)
    return done.returncode == 0


def main(arguments: Sequence[str] | None = None) -> int:
    """Set up; 0 where the program can start, 2 where something is missing that a person must bring."""
    parser = argparse.ArgumentParser(prog="core.bootstrap", description="Install what Tunesmith needs.")
    parser.add_argument("profile", choices=sorted(NEEDS))
    parser.add_argument("--stamp", default="", help="what the calling script compares at the next start")
    options = parser.parse_args(arguments)
    complete = install_system(options.profile)
    try:
        make_environment()
    except (OSError, subprocess.CalledProcessError) as error:
        say(f"cannot make .venv: {error}. Is Python's venv module installed?")
        return 2
    if not install_python(options.profile):
        say("pip could not install everything; its message is above. Mend that and start again.")
        return 2
    if complete:
        write_stamps(options.profile, options.stamp)
    return 0


if __name__ == "__main__":
    sys.exit(main())
