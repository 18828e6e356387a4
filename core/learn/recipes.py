"""What can be trained, by name: each recipe goes from a folder of data to a model file with its card."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

from core.errors import TunesmithError
from core.learn.originality_index import learn_originality_index
from core.store.folders import user_folder

Report = Callable[[float], None]


def composer(
    name: str,
    sizes: Mapping[str, Any],
    *,
    data: Path | None,
    minutes: float | None = None,
    resume: bool = False,
    device: str = "auto",
    out: Path | None = None,
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
    out : folder for the packed data, checkpoints and the model

    Returns
    -------
    dict
        The card's figures, and the ``model`` file.
    """
    import torch

    from core.learn.data import encode_corpus, licences, load_pack, save_pack
    from core.learn.flagship import Plan, join_others, train
    from core.learn.shipping import data_credits, ship

    if data is None or not data.is_dir():
        raise TunesmithError("say where the training data are: --data FOLDER, a folder of MIDI files")
    out = out or user_folder("data") / "learning" / name
    out.mkdir(parents=True, exist_ok=True)
    pack = out / "pack.npz"
    if device == "auto":
        device = "cuda" if torch.cuda.is_available() else "cpu"
    rank, together = join_others(device)
    if rank == 0 and not (resume and pack.is_file()):
        save_pack(pack, encode_corpus(data, progress=lambda share: progress(0.3 * share)))
    if together:
        torch.distributed.barrier()
    examples = load_pack(pack)
    if not any(example.split == "train" for example in examples):
        raise TunesmithError(
            f"{data} has no song that could be learnt from: bars of up to eight beats are needed"
        )
    plan = Plan(minutes=minutes or 20.0, **sizes)
    log = out / "log.jsonl"

    def report(figures: dict[str, float]) -> None:
        with log.open("a", encoding="utf-8") as lines:
            lines.write(json.dumps(figures) + "\n")
        progress(0.3 + 0.7 * min(1.0, figures["minutes"] / plan.minutes))

    train(examples, out, plan, device=device, resume=resume, report=report, cancelled=cancelled)
    if rank:
        return {}
    last = json.loads(log.read_text(encoding="utf-8").splitlines()[-1])
    figures = {key: value for key, value in last.items() if key.startswith("valid_")}
    about = {"figures": figures, "trained_on": data_credits(examples, licences(data))}
    ship(out, examples, out / name, about)
    return figures | {"model": str(out / f"{name}.safetensors"), "minutes": last["minutes"]}


def chorales(**options: Any) -> dict[str, Any]:
    """The chorale benchmark; see `core.learn.chorales_report.learn_chorales`, which needs torch."""
    from core.learn.chorales_report import learn_chorales

    return learn_chorales(**options)


RECIPES: dict[str, Callable[..., dict[str, Any]]] = {
    "flagship": partial(composer, "flagship", {}),
    # The baseline: Magenta's size, and nothing but the events to go by.
    "plain-lstm": partial(composer, "plain-lstm", {"hidden": 128, "plain": True}),
    "originality-index": learn_originality_index,
    "chorales": chorales,
}
