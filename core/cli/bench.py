"""The command that measures our speed beside a peer's.

A benchmark is a function without arguments in ``tests/bench/bench_*.py``, listed in that module's
``BENCHMARKS`` (name -> function). It returns ``ours`` and ``peer`` in ``unit``, their ``ratio`` (above 1
where ours is better) and the number of ``runs``.
"""

from __future__ import annotations

import argparse
import importlib.util
from collections.abc import Callable
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from core.cli.command import Answer, Command, option, print_error
from core.errors import TunesmithError

Benchmark = Callable[[], dict[str, Any]]
FIELDS = ("ours", "peer", "ratio", "unit", "runs")


def run_bench(options: argparse.Namespace) -> Answer:
    """Run the benchmarks named, or all."""
    known = find_benchmarks(_folder())
    for name in options.names:
        if name not in known:
            close = get_close_matches(name, known, n=3, cutoff=0.4) or sorted(known)
            raise TunesmithError(f"there is no benchmark {name!r}; there are {', '.join(close)}")
    results = []
    for name in options.names or sorted(known):
        print_error(f"measuring {name}")
        try:
            results.append({"name": name, **known[name]()})
        except TunesmithError as error:
            if name in options.names:
                raise
            print_error(f"{name} is left out: {error}")
    lines = [
        f"{result['name']:32} {result['ours']:10.4g} beside {result['peer']:10.4g} {result['unit']}"
        f"  ratio {result['ratio']:.2f} ({result['runs']} runs)"
        for result in results
    ]
    return Answer({"benchmarks": results}, lines)


def find_benchmarks(folder: Path) -> dict[str, Benchmark]:
    """Name -> function of every benchmark in ``folder``."""
    found: dict[str, Benchmark] = {}
    for path in sorted(folder.glob("bench_*.py")):
        spec = importlib.util.spec_from_file_location(f"tests.bench.{path.stem}", path)
        if spec and spec.loader:
            module = importlib.util.module_from_spec(spec)
            try:
                spec.loader.exec_module(module)
            except ImportError as error:
                print_error(f"{path.name} is left out, it needs a peer that is not installed: {error}")
                continue
            found |= getattr(module, "BENCHMARKS", {})
    return found


def _folder() -> Path:
    from core.store.folders import checkout_folder

    root = checkout_folder()
    if root is None or not (root / "tests" / "bench").is_dir():
        raise TunesmithError(
            "the benchmarks are not installed; run tunesmith bench from a copy of the repository"
        )
    return root / "tests" / "bench"


COMMANDS = (
    Command(
        "bench",
        "measure our speed beside a peer's",
        "bench --json",
        run_bench,
        (option("names", nargs="*", metavar="NAME", help="which benchmarks; all unless told"),),
    ),
)
