"""Set-up: the table of needs, what is missing, the line to type, and the stamp for a fast second start."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from core import bootstrap
from core.bootstrap import MANAGERS, NEEDS, PROBES, Need

APT = MANAGERS[0]
HOME = Path(__file__).resolve().parent.parent


@pytest.mark.parametrize("need", bootstrap.needs_for("test"), ids=lambda need: need.found_by)
def test_every_need_says_why_how_it_is_found_and_what_debian_calls_it(need: Need) -> None:
    kind, _, name = need.found_by.partition(":")
    assert need.purpose
    assert need.apt
    assert kind in PROBES
    assert name
    assert bootstrap.is_met(need) in {True, False}


def test_no_need_is_listed_twice() -> None:
    names = [need.found_by for need in bootstrap.needs_for("test")]
    assert len(names) == len(set(names))


def test_what_is_found_is_not_missing() -> None:
    here = Need("a shell", "program:bash", "bash", "bash", "bash", "")
    nowhere = Need("nothing", "program:no-such-program", "no-such-package", "", "", "")
    no_library = Need("nothing", "lib:libnosuch.so.9", "libnosuch9", "", "", "")
    assert bootstrap.missing([here, nowhere, no_library]) == [nowhere, no_library]


def test_only_the_soundfont_is_optional() -> None:
    assert [need.found_by for need in NEEDS["run"] if need.optional] == ["file:soundfont"]


def test_packages_are_named_once_and_in_order() -> None:
    needs = [Need("a", "lib:x", "one", "", "", ""), Need("b", "lib:y", "two", "", "", "")] * 2
    assert bootstrap.packages_for(needs, APT) == ["one", "two"]


def test_the_line_to_type_refreshes_first() -> None:
    assert bootstrap.install_line(APT, ["libegl1"]) == (
        "sudo apt-get update && sudo apt-get install -y --no-install-recommends libegl1"
    )


def test_brew_wants_no_root() -> None:
    assert bootstrap.install_line(MANAGERS[-1], ["fluid-synth"]) == "brew install fluid-synth"


def test_where_nothing_may_be_installed_the_exact_line_is_printed(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    need = Need("playing", "lib:libnosuch.so.9", "libnosuch9", "", "", "")
    monkeypatch.setattr(bootstrap, "needs_for", lambda profile: (need,))
    monkeypatch.setattr(bootstrap, "find_manager", lambda: APT)
    monkeypatch.setattr(bootstrap, "root_prefix", lambda manager: None)
    assert bootstrap.install_system("run") is False
    assert (
        "sudo apt-get update && sudo apt-get install -y --no-install-recommends libnosuch9"
        in capsys.readouterr().err
    )


def test_a_name_the_release_lacks_does_not_keep_the_others_out(monkeypatch: pytest.MonkeyPatch) -> None:
    needs = tuple(Need("x", f"lib:libnosuch{n}.so", f"libnosuch{n}", "", "", "") for n in range(2))
    calls: list[tuple[str, ...]] = []

    def call(command: tuple[str, ...], *, quiet: bool = False) -> bool:
        calls.append(tuple(command))
        return False

    monkeypatch.setattr(bootstrap, "needs_for", lambda profile: needs)
    monkeypatch.setattr(bootstrap, "find_manager", lambda: APT)
    monkeypatch.setattr(bootstrap, "root_prefix", lambda manager: ())
    monkeypatch.setattr(bootstrap, "call", call)
    bootstrap.install_system("run")
    assert [command[-1] for command in calls[2:]] == ["libnosuch0", "libnosuch1"]


def test_optional_needs_do_not_stop_the_set_up(monkeypatch: pytest.MonkeyPatch) -> None:
    need = Need("a better font (optional)", "lib:libnosuch.so.9", "", "", "", "")
    monkeypatch.setattr(bootstrap, "needs_for", lambda profile: (need,))
    assert bootstrap.install_system("run") is True


def test_the_stamp_of_the_tests_covers_running(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(bootstrap, "ENVIRONMENT", tmp_path)
    bootstrap.write_stamps("test", "here 123")
    assert bootstrap.stamp_file("run").read_text() == bootstrap.stamp_file("test").read_text() == "here 123\n"


def test_torch_is_read_from_pyproject() -> None:
    assert bootstrap.requirement_of("torch").startswith("torch==")


@pytest.fixture
def small_tree(tmp_path: Path) -> Path:
    """A tree whose set-up only writes the stamp, and whose program only echoes: the scripts, no downloads."""
    for name in ("run", "test"):
        shutil.copy(HOME / name, tmp_path / name)
    (tmp_path / "pyproject.toml").write_text("one")
    (tmp_path / "core").mkdir()
    (tmp_path / "core" / "__init__.py").touch()
    (tmp_path / "core" / "bootstrap.py").write_text(
        "import sys, pathlib\n"
        "binary = pathlib.Path('.venv/bin'); binary.mkdir(parents=True, exist_ok=True)\n"
        "for name in ('tunesmith', 'python'):\n"
        "    (binary / name).write_text('#!/bin/sh\\necho ' + name + ' \"$@\"\\n'); (binary / name).chmod(0o755)\n"
        "pathlib.Path('.venv/.set-up-' + sys.argv[1]).write_text(sys.argv[3] + '\\n')\n"
        "print('set up', file=sys.stderr)\n"
    )
    return tmp_path


def start(
    tree: Path, *arguments: str, script: str = "run", **environment: str
) -> subprocess.CompletedProcess[str]:
    clean = {name: value for name, value in os.environ.items() if name not in {"DISPLAY", "WAYLAND_DISPLAY"}}
    return subprocess.run(
        [str(tree / script), *arguments], env=clean | environment, capture_output=True, text=True, check=False
    )


@pytest.mark.skipif(sys.platform == "win32", reason="bash scripts")
class TestScripts:
    def test_first_start_sets_up_and_second_does_not(self, small_tree: Path) -> None:
        first, second = start(small_tree, "models", "--json"), start(small_tree, "models", "--json")
        assert (first.stdout, first.stderr) == ("tunesmith models --json\n", "set up\n")
        assert (second.stdout, second.stderr) == ("tunesmith models --json\n", "")

    @pytest.mark.parametrize("file", ["pyproject.toml", "core/bootstrap.py"])
    def test_a_changed_file_sets_up_again(self, small_tree: Path, file: str) -> None:
        start(small_tree, "models")
        with (small_tree / file).open("a") as handle:
            handle.write("\n#")
        assert start(small_tree, "models").stderr == "set up\n"

    def test_a_moved_tree_sets_up_again(self, small_tree: Path) -> None:
        start(small_tree, "models")
        moved = small_tree.parent / "moved"
        small_tree.rename(moved)
        assert start(moved, "models").stderr == "set up\n"

    def test_no_arguments_mean_the_studio_or_without_a_screen_the_demonstration(
        self, small_tree: Path
    ) -> None:
        assert start(small_tree).stdout == "tunesmith first-tune\n"
        assert start(small_tree, DISPLAY=":7").stdout == "tunesmith studio\n"
        assert start(small_tree, WAYLAND_DISPLAY="wayland-0").stdout == "tunesmith studio\n"

    def test_arguments_with_spaces_stay_whole(self, small_tree: Path) -> None:
        answer = start(small_tree, "compose", "--key", "D minor")
        assert answer.stdout == "tunesmith compose --key D minor\n"

    def test_set_up_only_starts_nothing(self, small_tree: Path) -> None:
        answer = start(small_tree, "--set-up-only")
        assert (answer.stdout, answer.stderr, answer.returncode) == ("", "set up\n", 0)

    def test_test_passes_its_arguments_to_pytest(self, small_tree: Path) -> None:
        assert (
            start(small_tree, "-x", "tests/core", script="test").stdout == "python -m pytest -x tests/core\n"
        )
