"""The tree as a whole: its lint, its types, its top level, its packaging, and what README promises."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

HOME = Path(__file__).resolve().parent.parent
PROJECT = tomllib.loads((HOME / "pyproject.toml").read_text("utf-8"))

CHECKS = {
    "ruff check": ("ruff", "check", "."),
    "ruff format": ("ruff", "format", "--check", "."),
    "mypy": ("mypy",),
}

TOP_LEVEL = {
    *("core", "desktop", "assets", "soundfonts", "tests", "docs", ".ci"),
    *("run", "test", "run.ps1", "test.ps1", "build.spec", "pyproject.toml"),
    *("README.md", "LICENSE", "CONTRIBUTING.md", "CHANGELOG.md", ".gitignore", ".gitattributes"),
}

IMPORT_NAMES = {"PySide6-Essentials": "PySide6", "scikit-learn": "sklearn"}
"""Packages whose import name is not their own."""

FORBIDDEN_WORDS = ("/wo" + "rk/", "/t" + "mp/", "wheel" + "house")
"""Places on one machine; a program that names them works on no other."""


def tracked_files() -> list[Path]:
    listing = subprocess.run(["git", "ls-files", "-z"], cwd=HOME, capture_output=True, check=False)
    if listing.returncode:
        pytest.skip("not a git checkout")
    return [HOME / name for name in listing.stdout.decode().split("\0") if name]


@pytest.mark.parametrize("check", CHECKS)
def test_lint(check: str) -> None:
    answer = subprocess.run(
        [sys.executable, "-m", *CHECKS[check]], cwd=HOME, capture_output=True, text=True, check=False
    )
    assert answer.returncode == 0, answer.stdout[-4000:] + answer.stderr[-1000:]


def test_top_level_is_as_fixed() -> None:
    assert {path.relative_to(HOME).parts[0] for path in tracked_files()} <= TOP_LEVEL


def imported_packages() -> set[str]:
    names = set()
    for folder in ("core", "desktop"):
        for path in (HOME / folder).rglob("*.py"):
            for node in ast.walk(ast.parse(path.read_text("utf-8"))):
                if isinstance(node, ast.Import):
                    names |= {alias.name.split(".")[0] for alias in node.names}
                elif isinstance(node, ast.ImportFrom) and not node.level:
                    names.add((node.module or "").split(".")[0])
    return names


def required(requirements: list[str]) -> set[str]:
    names = {re.match(r"[\w-]+", entry).group() for entry in requirements}  # type: ignore[union-attr]
    return {IMPORT_NAMES.get(name, name) for name in names}


def test_every_dependency_is_imported() -> None:
    assert required(PROJECT["project"]["dependencies"]) - imported_packages() == set()


def test_every_import_is_a_dependency() -> None:
    optional = PROJECT["project"]["optional-dependencies"]
    known = required(PROJECT["project"]["dependencies"]) | required(optional["learn"])
    known |= {"core", "desktop", "shiboken6"} | set(sys.stdlib_module_names)
    assert imported_packages() - known == set()


def test_torch_is_pinned_exactly_and_pyside_below_the_leak() -> None:
    dependencies = PROJECT["project"]["dependencies"]
    assert [entry for entry in dependencies if re.fullmatch(r"torch==\d+\.\d+\.\d+", entry)]
    assert [entry for entry in dependencies if entry.startswith("PySide6-Essentials") and "<6.12" in entry]


def test_no_file_names_a_place_on_one_machine() -> None:
    wrong = []
    for path in tracked_files():
        if path.suffix in {".py", ".md", ".toml", ".spec", ".json", ".ps1", ""} and path.is_file():
            text = path.read_text("utf-8", errors="ignore")
            wrong += [f"{path.relative_to(HOME)}: {word}" for word in FORBIDDEN_WORDS if word in text]
    assert wrong == []


def test_no_pickle_and_no_unfinished_work() -> None:
    wrong = []
    for folder in ("core", "desktop"):
        for path in (HOME / folder).rglob("*.py"):
            text = path.read_text("utf-8")
            wrong += [f"{path}: {word}" for word in ("import pickle", "TODO", "FIXME") if word in text]
    assert wrong == []


def readme_links() -> list[str]:
    text = (HOME / "README.md").read_text("utf-8")
    return [link for link in re.findall(r"\]\(([^)#]+)", text) if "://" not in link]


@pytest.mark.parametrize("link", readme_links() if (HOME / "README.md").exists() else [])
def test_readme_links_exist(link: str) -> None:
    assert (HOME / link).exists()


def test_readme_names_only_commands_that_exist() -> None:
    from core import cli

    text = (HOME / "README.md").read_text("utf-8")
    named = set(re.findall(r"^\s*(?:\./run|tunesmith) ([a-z][a-z-]+)", text, re.MULTILINE))
    assert named, "README shows no command"
    for command in sorted(named):
        assert cli.main([command, "--help"]) == 0, command


def test_readme_example_in_python_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from core.song.midi_file import read_midi

    text = (HOME / "README.md").read_text("utf-8")
    (example,) = re.findall(r"```python\n(.*?)```", text, re.DOTALL)
    monkeypatch.chdir(tmp_path)
    exec(compile(example, "README.md", "exec"), {})
    song = read_midi(next(tmp_path.glob("*.mid")))
    assert len(song.notes) > 20
    assert (song.meters[0].numerator, song.meters[0].denominator) == (3, 4)


def test_readme_paths_exist() -> None:
    """Every file README points to in code type is there, so that a newcomer never looks in vain."""
    text = (HOME / "README.md").read_text("utf-8")
    named = re.findall(r"`((?:core|desktop|tests|docs|assets|soundfonts)/[\w./-]*)`", text)
    assert named
    assert [name for name in named if not (HOME / name).exists()] == []
