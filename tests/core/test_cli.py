"""What all commands share: JSON and nothing else, exit codes, one clear line for a mistake."""

import json
import os
import subprocess
import sys
import tomllib
from pathlib import Path
from types import ModuleType

import pytest

from core.cli import command_line
from core.cli.command import Answer, Command
from core.errors import Cancelled, TunesmithError
from core.version import VERSION

ROOT = Path(__file__).parents[2]

CONTRACT = {
    "studio": "--screenshot --size --panel",
    "compose": "--generator --style --composer --key --tempo --meter --bars --elements --seconds "
    "--instruments --density --strictness --repetition --temperature --top-p --variants --seed --out --wav --png",
    "continue": "--bars --out",
    "fill": "--bars --tracks --out",
    "vary": "--amount --out",
    "accompany": "--instruments --out",
    "originality": "",
    "convert": "",
    "render": "--soundfont --sample-rate --bits",
    "measure": "",
    "models": "",
    "learn": "--data --minutes --resume --device --out",
    "evaluate": "--data",
    "bench": "",
    "doctor": "",
}
"""Names that scripts rely on."""


def process(*words, **more):
    """The command line in a process of its own."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    return subprocess.run(
        [sys.executable, *words], capture_output=True, env=environment, check=False, timeout=120, **more
    )


@pytest.fixture
def with_command(monkeypatch):
    """Put a command named ``try`` into the table."""

    def add(run):
        row = Command("try", "try something", "try", run)
        monkeypatch.setattr(command_line, "COMMANDS", (*command_line.COMMANDS, row))

    return add


@pytest.mark.parametrize("name", CONTRACT)
def test_every_command_has_its_options_json_and_an_example(tunesmith, name):
    outcome = tunesmith(name, "--help")
    assert outcome.code == 0
    words = outcome.out.replace("]", " ").split()
    assert {*CONTRACT[name].split(), "--json"} <= set(words)
    assert f"example:\n  tunesmith {name}" in outcome.out


def test_the_help_lists_the_commands_and_hides_the_demonstration(tunesmith):
    outcome = tunesmith("--help")
    assert outcome.code == 0
    listed = {
        line.split()[0] for line in outcome.out.splitlines() if line.startswith("    ") and line.strip()
    }
    assert set(CONTRACT) <= listed
    assert "first-tune" not in outcome.out


@pytest.mark.parametrize("command", command_line.COMMANDS, ids=lambda command: command.name)
def test_every_example_is_understood(command):
    words = command.example.replace('"D minor"', "D_minor").split()
    assert command_line.build_parser().parse_args(words).run is command.run


def test_the_version_is_the_packages(tunesmith):
    outcome = tunesmith("--version")
    assert (outcome.code, outcome.out) == (0, f"tunesmith {VERSION}\n")
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text())
    assert settings["tool"]["setuptools"]["dynamic"]["version"] == {"attr": "core.version.VERSION"}


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["compse"], "there is no command 'compse'; did you mean compose?"),
        (["xyzzy"], "there is no command 'xyzzy'; there are studio, compose, "),
        (["compose"], "the following arguments are required: --out; see tunesmith compose --help"),
        (["measure"], "the following arguments are required: FILE.mid"),
        (["convert", "a.mid", "b.mid", "--fast"], "unrecognized arguments: --fast"),
        (["render", "a.mid", "a.wav", "--bits", "20"], "argument --bits: invalid choice: 20"),
        (["render", "a.mid", "a.wav", "--sample-rate", "1"], "give a whole number from 8000 to 96000"),
        (["render", "a.mid", "a.mp3"], "the name must end in .wav, .flac or .ogg"),
        (["render", "none.mid", "a.wav"], "none.mid"),
        (["convert", "a.mid", "b.xls"], "the name must end in .mid, .midi, .tunesmith"),
        (["convert", "a.mid", "no/b.mid"], "its folder does not exist; make the folder first"),
        (["studio", "--size", "3x"], "give the size as 1440x900, not '3x'"),
        (["evaluate", "nobody"], "there is no model 'nobody'"),
    ],
)  # fmt: skip
def test_a_mistake_is_one_clear_line_and_exit_2(tunesmith, words, told):
    outcome = tunesmith(*words)
    assert outcome.code == 2
    assert told in outcome.line
    assert outcome.out == ""
    assert told in tunesmith(*words, "--json").json["error"]


def test_our_fault_is_exit_1_with_a_trace_and_still_json(tunesmith, with_command):
    def run(options):
        raise ZeroDivisionError("oh")

    with_command(run)
    outcome = tunesmith("try", "--json")
    assert outcome.code == 1
    assert outcome.json["error"].endswith("ZeroDivisionError: oh")
    assert "Traceback" in outcome.err


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (TunesmithError("mend it"), 2),
        (FileNotFoundError(2, "No such file", "a.txt"), 2),
        (OSError("odd"), 1),
        (Cancelled(), 1),
        (KeyboardInterrupt(), 1),
        (MemoryError(), 1),
    ],
)
def test_every_error_has_its_exit_code(tunesmith, with_command, error, code):
    def run(options):
        raise error

    with_command(run)
    assert tunesmith("try").code == code
    assert tunesmith("try", "--json").json["error"]


def test_values_that_json_cannot_say_become_null_or_lists(tunesmith, with_command):
    import numpy as np

    values = {
        "a": np.float32(1.5),
        "b": np.arange(3),
        "c": float("nan"),
        "d": -np.inf,
        "e": Path("x"),
        4: (1,),
    }
    with_command(lambda options: Answer(values))
    expected = {"a": 1.5, "b": [0, 1, 2], "c": None, "d": None, "e": "x", "4": [1]}
    assert tunesmith("try", "--json").json == expected


def test_what_a_c_library_prints_does_not_reach_standard_output():
    script = (
        "import os, sys\n"
        "from core.cli import command_line as c\n"
        "from core.cli.command import Answer, Command\n"
        "def run(options):\n"
        "    os.write(1, b'from C')\n"
        "    print('from Python')\n"
        "    os.system('echo from a child')\n"
        "    return Answer({'x': 1})\n"
        "c.COMMANDS = (Command('try', 'try', 'try', run),)\n"
        "sys.exit(c.main(['try', '--json']))\n"
    )
    done = process("-c", script)
    assert done.stdout == b'{"x": 1}\n'
    assert all(words in done.stderr for words in (b"from C", b"from Python", b"from a child"))
    assert done.returncode == 0


@pytest.mark.skipif(sys.platform == "win32", reason="POSIX signals")
def test_a_polite_kill_leaves_no_unfinished_file(tmp_path):
    script = (
        "import os, signal, sys, time\n"
        "from core.cli import command_line as c\n"
        "from core.cli.command import Command\n"
        "from core.store.atomic import atomic_write\n"
        "def run(options):\n"
        "    with atomic_write('song.mid') as unfinished:\n"
        "        unfinished.write_bytes(b'half')\n"
        "        os.kill(os.getpid(), signal.SIGTERM)\n"
        "        time.sleep(20)\n"
        "c.COMMANDS = (Command('try', 'try', 'try', run),)\n"
        "sys.exit(c.main(['try']))\n"
    )
    done = process("-c", script, cwd=tmp_path)
    assert done.returncode == 1
    assert done.stderr == b"tunesmith: stopped; nothing was left half-written\n"
    assert list(tmp_path.iterdir()) == []


def test_the_help_needs_no_heavy_library():
    script = (
        "import sys\n"
        "from core.cli import main\n"
        "code = main(['--help'])\n"
        "heavy = {'numpy', 'torch', 'PySide6', 'safetensors', 'scipy', 'sounddevice'} & set(sys.modules)\n"
        "sys.exit(repr(heavy) if heavy else code)\n"
    )
    done = process("-c", script)
    assert done.returncode == 0, done.stderr


def test_a_reader_that_goes_away_is_no_fault():
    done = subprocess.run(
        f"{sys.executable} -m core.cli --help | head -1",
        shell=True, capture_output=True, text=True, check=False, env={**os.environ, "PYTHONPATH": str(ROOT)},
    )  # fmt: skip
    assert done.stdout.startswith("usage: tunesmith")
    assert "Traceback" not in done.stderr


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs Linux's full device")
def test_an_answer_that_cannot_be_written_is_no_success():
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(
            [sys.executable, "-m", "core.cli", "models", "--json"],
            stdout=full, stderr=subprocess.PIPE, text=True, check=False,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
        )  # fmt: skip
    assert done.returncode == 1
    assert done.stderr == "tunesmith: cannot write the answer: No space left on device\n"


def test_models_tells_what_the_cards_say(tunesmith, tmp_path):
    import numpy as np

    from core.store.model_file import save_model

    folder = tmp_path / "home" / "data" / "models"
    folder.mkdir(parents=True)
    card = {"room": "listen", "licence": "CC0", "trained_on": ["x"], "figures": {"accuracy": 0.5}}
    save_model(folder / "zz-tiny", {"w": np.zeros((2, 3), np.float32)}, card)
    entry = tunesmith("models", "--json").json["models"][-1]
    assert entry == {**card, "name": "zz-tiny", "parameters": 6, "bytes": entry["bytes"]}
    assert "zz-tiny" in tunesmith("models").out


def test_doctor_names_every_part_and_a_broken_check_hides_no_other(tunesmith, monkeypatch):
    from core import doctor

    def broken():
        raise OSError("driver\nmissing")

    monkeypatch.setitem(doctor.CHECKS, "cuda", broken)
    outcome = tunesmith("doctor", "--json")
    assert outcome.code == 0
    parts = {
        "system_libraries",
        "soundfonts",
        "audio_devices",
        "midi_ports",
        "cuda",
        "models",
        "maps",
        "free_disk",
    }
    assert set(outcome.json) == {"ok"} | parts
    assert outcome.json["cuda"] == {"ok": False, "found": "the check failed: driver missing", "mend": ""}
    assert outcome.json["ok"] is False
    assert outcome.json["soundfonts"]["ok"]
    assert outcome.json["free_disk"]["found"].count("GiB free in") == 1


def test_doctor_tells_of_a_damaged_model(monkeypatch, tmp_path):
    import numpy as np

    from core import doctor
    from core.store.model_file import save_model

    monkeypatch.setenv("TUNESMITH_HOME", str(tmp_path))
    folder = tmp_path / "data" / "models"
    folder.mkdir(parents=True)
    save_model(folder / "tiny", {"w": np.zeros(9, np.float32)}, {"room": "listen"})
    data = bytearray((folder / "tiny.safetensors").read_bytes())
    data[-1] ^= 1
    (folder / "tiny.safetensors").write_bytes(data)
    finding = doctor.models()
    assert not finding.ok
    assert "install the model again" in finding.mend


def test_bench_runs_what_a_folder_holds(tunesmith, tmp_path, monkeypatch):
    from core.cli import bench

    (tmp_path / "bench_sum.py").write_text(
        "def run():\n"
        "    return {'ours': 2.0, 'peer': 1.0, 'ratio': 2.0, 'unit': 'songs/s', 'runs': 3}\n"
        "BENCHMARKS = {'sum': run, 'other': run}\n"
    )
    (tmp_path / "bench_lost.py").write_text("import no_such_peer")
    monkeypatch.setattr(bench, "_folder", lambda: tmp_path)
    (result,) = tunesmith("bench", "sum", "--json").json["benchmarks"]
    assert result == {"name": "sum", "ours": 2.0, "peer": 1.0, "ratio": 2.0, "unit": "songs/s", "runs": 3}
    assert len(tunesmith("bench", "--json").json["benchmarks"]) == 2
    outcome = tunesmith("bench", "sun")
    assert outcome.code == 2
    assert "bench_lost.py is left out, it needs a peer that is not installed" in outcome.err
    assert "there is no benchmark 'sun'; there are sum" in outcome.err


@pytest.fixture
def learning(monkeypatch):
    """The room `core.learn` with one recipe that tells what it was asked for."""
    recipes, evaluate = ModuleType("core.learn.recipes"), ModuleType("core.learn.evaluate")

    def learn(*, data, minutes, resume, device, out, progress, cancelled):
        wish = {"data": data, "minutes": minutes, "resume": resume, "device": device, "out": out}
        progress(0.5)
        return {"wish": wish}

    recipes.RECIPES = {"flagship": learn}
    evaluate.evaluate = lambda model, data: {"nll": 1.25, "card": model.card["room"]}
    monkeypatch.setitem(sys.modules, "core.learn.recipes", recipes)
    monkeypatch.setitem(sys.modules, "core.learn.evaluate", evaluate)


def test_learn_hands_its_options_to_the_recipe(tunesmith, learning):
    words = ("--data", "d", "--minutes", "1.5", "--resume", "--device", "cpu", "--out", "o", "--json")
    answer = tunesmith("learn", "flagship", *words).json
    wish = {"data": "d", "minutes": 1.5, "resume": True, "device": "cpu", "out": "o"}
    assert answer == {"recipe": "flagship", "wish": wish}
    assert tunesmith("learn", "flagshp").line == "there is no recipe 'flagshp'; there are flagship"


def test_evaluate_hands_the_model_to_the_room_that_tests_it(tunesmith, learning, tmp_path):
    import numpy as np

    from core.store.model_file import save_model

    folder = tmp_path / "home" / "data" / "models"
    folder.mkdir(parents=True)
    save_model(folder / "zz-tiny", {"w": np.zeros(2, np.float32)}, {"room": "compose"})
    answer = tunesmith("evaluate", "zz-tiny", "--json").json
    assert answer == {"model": "zz-tiny", "figures": {"nll": 1.25, "card": "compose"}}


def test_json_is_one_object_for_a_process_of_its_own(tmp_path):
    done = process("-m", "core.cli", "models", "--json", cwd=tmp_path)
    assert done.returncode == 0
    assert isinstance(json.loads(done.stdout)["models"], list)
