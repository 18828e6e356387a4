"""What Tunesmith leans on, looked at: system libraries, soundfonts, devices, graphics card, models, disk.

Each check is one function in `CHECKS` that returns a `Finding`; one that breaks is a finding too.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path

from core.errors import TunesmithError

LEAST_FREE_BYTES = 1 << 30


@dataclass(frozen=True, slots=True)
class Finding:
    """``found`` says what is there; ``mend``, where it is not empty, what a person can do about it."""

    ok: bool
    found: str
    mend: str = ""


def examine() -> dict[str, Finding]:
    """Every check's finding, by name."""
    findings = {}
    for name, check in CHECKS.items():
        try:
            findings[name] = check()
        except Exception as error:  # a broken driver must not hide what the other checks find
            reason = " ".join(str(error).split()) or type(error).__name__
            findings[name] = Finding(False, f"the check failed: {reason}", "")
    return findings


def system_libraries() -> Finding:
    """Libraries that pip does not bring."""
    from core.bootstrap import find_manager, install_line, missing, needs_for, packages_for

    lacking = missing(needs_for("run"))
    if not lacking:
        return Finding(True, "all there")
    manager = find_manager()
    packages = packages_for(lacking, manager) if manager else []
    line = f"run:  {install_line(manager, packages)}" if manager and packages else "install them by hand"
    names = ", ".join(need.found_by.partition(":")[2] for need in lacking)
    return Finding(all(need.optional for need in lacking), f"missing {names}", line)


def soundfonts() -> Finding:
    """Instruments to play with."""
    from core.sound.soundfont import default_soundfont, find_soundfonts

    fonts = find_soundfonts()
    best = default_soundfont()
    return Finding(True, f"{len(fonts)} found; {best} is used")


def audio_devices() -> Finding:
    """Something to hear with."""
    try:
        # In a process of its own: PortAudio aborts where ALSA's configuration is broken.
        with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
            outputs = pool.submit(output_names).result(timeout=20)
    except OSError as error:
        return Finding(False, f"PortAudio does not load: {error}", "install PortAudio (libportaudio2)")
    except BrokenProcessPool:
        return Finding(False, "PortAudio broke down while it looked", "check the system's ALSA configuration")
    if not outputs:
        return Finding(
            False, "no output device", "connect one, or start PulseAudio or PipeWire; rendering works without"
        )
    return Finding(True, ", ".join(outputs))


def output_names() -> list[str]:
    """The devices that can sound."""
    import sounddevice

    return [device["name"] for device in sounddevice.query_devices() if device["max_output_channels"]]


def midi_ports() -> Finding:
    """Keyboards to play on; not needed."""
    try:
        import mido

        inputs = mido.get_input_names()
    except (ImportError, OSError) as error:
        return Finding(True, f"not available ({error})", "for a MIDI keyboard: pip install python-rtmidi")
    return Finding(True, ", ".join(inputs) or "no MIDI keyboard connected")


def cuda() -> Finding:
    """A graphics card to train on; not needed."""
    import torch

    if torch.cuda.is_available():
        return Finding(True, f"{torch.cuda.get_device_name()}, torch {torch.__version__}")
    return Finding(True, f"none usable by torch {torch.__version__}; everything runs on the processor")


def models() -> Finding:
    """Weights that are whole."""
    from core.store.model_file import card_paths, load_model

    whole, errors = [], []
    for path in card_paths():
        try:
            whole.append(str(load_model(path)[1]["name"]))
        except TunesmithError as error:
            errors.append(str(error))
    if errors:
        return Finding(False, f"{len(whole)} whole, {len(errors)} damaged", "; ".join(errors))
    if not whole:
        return Finding(False, "none", "assets/models is empty; get the repository with its assets again")
    return Finding(True, f"{', '.join(whole)}: checksums right")


def maps() -> Finding:
    """That every kind of map can be drawn."""
    import numpy as np

    from core.explore.maps import PROJECTIONS, project

    points = np.random.default_rng(0).normal(size=(40, 8)).astype(np.float32)
    for name in PROJECTIONS:
        project(name, points)
    return Finding(True, f"{', '.join(row.title for row in PROJECTIONS.values())} can be drawn")


def free_disk() -> Finding:
    """Room for projects, backups and recordings."""
    from core.store.folders import user_folder

    folder: Path = user_folder("data")
    free = shutil.disk_usage(folder).free
    found = f"{free / 2**30:.1f} GiB free in {folder}"
    return Finding(free >= LEAST_FREE_BYTES, found, "" if free >= LEAST_FREE_BYTES else "free some space")


CHECKS: dict[str, Callable[[], Finding]] = {
    "system_libraries": system_libraries,
    "soundfonts": soundfonts,
    "audio_devices": audio_devices,
    "midi_ports": midi_ports,
    "cuda": cuda,
    "models": models,
    "maps": maps,
    "free_disk": free_disk,
}
