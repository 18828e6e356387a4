"""The house's rules about who may import whom, read from the source itself.

desktop -> core
core:  cli -> learn -> explore -> {compose, listen} -> {song, sound, store};  errors and a few others are free to all
"""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

HOME = Path(__file__).resolve().parent.parent
FLOOR = {
    "errors": 0,
    "version": 0,
    "bootstrap": 0,
    "torch_libraries": 0,
    "song": 1,
    "sound": 1,
    "store": 1,
    "compose": 2,
    "listen": 2,
    "song_picture": 2,
    "explore": 3,  # a map is drawn of what was heard and of what can be written
    "learn": 4,
    "doctor": 4,
    "cli": 5,
    "frozen": 6,
}
"""A room may import from rooms on lower floors."""

SIDE_STEPS = {("sound", "song"), ("store", "song")}
"""Sound plays songs and the store keeps them; the song knows neither."""

FREE_TO_ALL = {("core", "store", "atomic"), ("core", "store", "folders")}
"""Writing a file whole or not at all, and where files lie: below every room, and no room of their own."""

HEAVY = (
    "torch",
    "librosa",
    "sounddevice",
    "soundfile",
    "fluidsynth",
    "scipy",
    "sklearn",
    "matplotlib",
    "numba",
)

SOURCES = sorted(path for folder in ("core", "desktop") for path in (HOME / folder).rglob("*.py"))


def room(parts: tuple[str, ...]) -> str:
    """``core/song/notes.py`` or ``core.song.notes`` is in ``song``; ``core/doctor.py`` is a room of its own."""
    return parts[1].removesuffix(".py") if len(parts) > 1 else ""


def imports(path: Path) -> Iterator[tuple[int, str, str]]:
    """Line, module and imported name ("" for a module) of every import in a file, wherever it stands."""
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield node.lineno, alias.name, ""
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            if node.level:
                package = path.relative_to(HOME).parts[: -node.level]
                base = ".".join((*package, base)).rstrip(".")
            for alias in node.names:
                yield node.lineno, base, alias.name


def ours() -> Iterator[tuple[Path, int, tuple[str, ...], str]]:
    """Imports of core and desktop, each with the file they stand in."""
    for path in SOURCES:
        for line, module, name in imports(path):
            parts = tuple(module.split("."))
            if parts[0] in {"core", "desktop"}:
                if len(parts) == 1 and name:
                    parts = (*parts, name)
                yield path, line, parts, name


def place(path: Path, line: int) -> str:
    return f"{path.relative_to(HOME)}:{line}"


def test_every_room_has_a_floor() -> None:
    rooms = {
        room(path.relative_to(HOME).parts) for path in SOURCES if path.parts[-2:] != ("core", "__init__.py")
    }
    core = {room(p.relative_to(HOME).parts) for p in SOURCES if p.relative_to(HOME).parts[0] == "core"}
    assert rooms, "no sources found"
    assert core - {"__init__", "__main__"} <= set(FLOOR)


def test_core_imports_neither_qt_nor_the_desktop() -> None:
    # The command line opens the studio, so it alone may name the desktop, inside the function that does.
    wrong = [
        place(path, line)
        for path in SOURCES
        for line, module, _ in imports(path)
        if path.relative_to(HOME).parts[0] == "core"
        and (
            module.split(".")[0] in {"PySide6", "shiboken6", "PyQt6"}
            or (module.split(".")[0] == "desktop" and room(path.relative_to(HOME).parts) != "cli")
        )
    ]
    assert wrong == []


def test_arrows_point_down() -> None:
    wrong = []
    for path, line, target, name in ours():
        source = path.relative_to(HOME).parts
        if source[0] != "core" or target[0] != "core" or len(target) < 2:
            continue
        here, there = room(source), room(target)
        if here == there or here not in FLOOR or (here, there) in SIDE_STEPS:
            continue
        if target[:3] in FREE_TO_ALL or (*target, name)[:3] in FREE_TO_ALL:
            continue
        if FLOOR[there] >= FLOOR[here]:
            wrong.append(f"{place(path, line)}: {here} -> {there}")
    assert wrong == []


def test_what_is_free_to_all_stands_on_nothing() -> None:
    for parts in FREE_TO_ALL:
        path = HOME.joinpath(*parts).with_suffix(".py")
        targets = {target[:2] for source, _, target, _ in ours() if source == path}
        assert targets <= {("core",), ("core", "errors")}, parts


def test_no_private_names_across_rooms() -> None:
    wrong = []
    for path, line, target, name in ours():
        source = path.relative_to(HOME).parts
        same = source[0] == target[0] and room(source) == room(target)
        private = [part for part in (*target[1:], name) if part.startswith("_") and not part.startswith("__")]
        if private and not same:
            wrong.append(f"{place(path, line)}: {'.'.join(target)} {name}")
    assert wrong == []


def test_no_circle_among_modules() -> None:
    """Imports at module level, file by file, have an order."""
    names = {
        ".".join(path.relative_to(HOME).with_suffix("").parts).removesuffix(".__init__"): path
        for path in SOURCES
    }
    edges: dict[str, set[str]] = {}
    for module, path in names.items():
        top = [
            node
            for node in ast.parse(path.read_text("utf-8")).body
            if isinstance(node, ast.ImportFrom | ast.Import)
        ]
        found = set()
        for node in top:
            if isinstance(node, ast.Import):
                found |= {alias.name for alias in node.names}
            elif not node.level:
                found |= {f"{node.module}.{alias.name}" for alias in node.names} | {node.module or ""}
        edges[module] = {target for target in found if target in names and target != module}
    finished: set[str] = set()

    def visit(module: str, way: tuple[str, ...]) -> None:
        assert module not in way, "circle: " + " -> ".join((*way[way.index(module) :], module))
        if module not in finished:
            for target in sorted(edges[module]):
                # A package's __init__ is loaded before its modules anyway.
                if not module.startswith(target + "."):
                    visit(target, (*way, module))
            finished.add(module)

    for module in names:
        visit(module, ())


@pytest.mark.parametrize("module", ["core.cli", "desktop.app"])
def test_starting_loads_nothing_heavy(module: str) -> None:
    """The window opens and ``--help`` answers before any network or audio library is loaded."""
    program = f"import sys, {module}; print([name for name in {HEAVY!r} if name in sys.modules])"
    answer = subprocess.run(
        [sys.executable, "-c", program], cwd=HOME, capture_output=True, text=True, check=False
    )
    assert answer.returncode == 0, answer.stderr
    assert answer.stdout.strip() == "[]"
