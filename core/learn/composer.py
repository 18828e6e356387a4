"""From a folder of songs to a composer of the flagship's kind: the data packed, trained, and made a model file."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import torch

from core.errors import TunesmithError
from core.learn.data import corpus_rows, encode_corpus, licences, load_pack, save_pack
from core.learn.flagship import Plan, train
from core.learn.index import across_splits, changed, index_of, read_index, sha256, write_index
from core.learn.shipping import LICENCE, data_credits, ship
from core.learn.together import join_others, leave_others
from core.learn.workers import Workers
from core.store.atomic import write_bytes_atomic
from core.store.folders import user_folder

Report = Callable[[float], None]


def learn_composer(
    name: str,
    sizes: Mapping[str, Any],
    *,
    data: Path | None,
    minutes: float | None = None,
    resume: bool = False,
    device: str = "auto",
    out: Path | None = None,
    workers: Workers = None,
    patience: int | None = None,
    progress: Report = lambda _: None,
    cancelled: Callable[[], bool] = lambda: False,
) -> dict[str, Any]:
    """Train a composer of the flagship's kind. The model file it leaves in ``out`` takes the shipped
    one's place when it is put among the user's models.

    Parameters
    ----------
    name : of the model file
    sizes : fields of `core.learn.flagship.Plan` that differ from its defaults
    data : folder of MIDI files, with a ``manifest.csv`` or without
    minutes : how long to train, 20 unless told
    resume : go on from what ``out`` holds
    device : "auto", "cpu" or "cuda"
    out : folder for the packed data and their index, checkpoints, log, learning curves and the model
    workers : what prepares the data, see `core.learn.workers`
    patience : end after so many checks in a row without a lower held-out loss; never unless told

    Returns
    -------
    dict
        The card's figures, and the ``model`` file; nothing in all but the first of the processes of a torchrun.
    """
    if data is None or not data.is_dir():
        raise TunesmithError("say where the training data are: --data FOLDER, a folder of MIDI files")
    out = out or user_folder("data") / "learning" / name
    out.mkdir(parents=True, exist_ok=True)
    if device == "auto":
        device = "cuda" if torch.cuda.is_available() else "cpu"
    plan = Plan(minutes=minutes or 20.0, **sizes)
    if patience:
        plan = replace(plan, patience=patience, check_minutes=min(plan.check_minutes, plan.minutes / CHECKS))
    log = out / "log.jsonl"

    def report(figures: dict[str, float]) -> None:
        with log.open("a", encoding="utf-8") as lines:
            lines.write(json.dumps(figures) + "\n")
        progress(0.3 + 0.7 * min(1.0, figures["minutes"] / plan.minutes))

    rank, together = join_others(device)
    try:
        learnt_from: dict[str, Any] = {}
        if rank == 0:
            learnt_from = prepared(data, out, resume, workers, lambda share: progress(0.3 * share))
        if together:
            torch.distributed.barrier()
        examples = load_pack(out / PACK)
        if not any(example.split == "train" for example in examples):
            raise TunesmithError(
                f"{data} has no song that could be learnt from: bars of up to eight beats are needed"
            )
        train(examples, out, plan, device=device, resume=resume, report=report, cancelled=cancelled)
    finally:
        leave_others()
    if rank:
        return {}
    last = json.loads(log.read_text(encoding="utf-8").splitlines()[-1])
    figures = {key: value for key, value in last.items() if key.startswith("valid_")}
    about = {
        "figures": figures,
        "licence": LICENCE,
        "trained_on": data_credits(examples, licences(data)),
        "data": learnt_from,
    }
    ship(out, examples, out / name, about)
    told = {"model": str(out / f"{name}.safetensors"), "minutes": last["minutes"]}
    if find_spec("matplotlib"):
        from core.learn.curves import draw_curves

        told["curve"] = str(draw_curves(log, out / "curve.png", f"Learning curves of {name}"))
    return figures | told


PACK, INDEX, LOCK = "pack.npz", "pack.index.csv", "pack.json"
"""In the folder of a training: the packed data, the index of their files, and the checksums of both."""

CHECKS = 12
"""A training that may end early is checked at least so often: fewer would tell it too late."""


def prepared(
    data: Path, out: Path, resume: bool, workers: Workers, progress: Report = lambda _: None
) -> dict[str, Any]:
    """See that ``out`` holds the packed data: packs them, or finds that they are still those begun with.

    Returns
    -------
    dict
        What the card says of the data: checksums of the pack and its index, files, and how many held-out
        files are copies of training files

    Raises
    ------
    TunesmithError
        If a training is to be resumed and its data have changed.
    """
    pack, index, lock = out / PACK, out / INDEX, out / LOCK
    if resume and pack.is_file() and lock.is_file():
        known: dict[str, Any] = json.loads(lock.read_text(encoding="utf-8"))
        if sha256(pack) != known["pack_sha256"] or sha256(index) != known["index_sha256"]:
            raise TunesmithError(
                f"{pack} or its index is not what this training began with (checksum): "
                "begin anew without --resume"
            )
        other = changed(data, read_index(index))
        if other:
            raise TunesmithError(
                f"{len(other)} files of {data} have changed since this training began ({other[0]} is one): "
                "bring them back, or begin anew without --resume"
            )
        return known
    if not (resume and pack.is_file()):  # a pack without checksums comes from an older version
        for old in (lock, out / "log.jsonl"):
            old.unlink(missing_ok=True)
        save_pack(pack, encode_corpus(data, workers=workers, progress=progress))
    entries = index_of(data, corpus_rows(data))
    known = {
        "pack_sha256": sha256(pack),
        "index_sha256": write_index(index, entries),
        "files": len(entries),
        "held_out_copies": len(across_splits(entries)),
    }
    write_bytes_atomic(lock, json.dumps(known, indent=1).encode() + b"\n")
    return known
