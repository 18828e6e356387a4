"""The flagship composer: loads the network, puts the song on the bench, and lets writers write.

`core.compose.workpiece` says what is to be written, `core.compose.writing` writes it. Several drafts or
variants are written side by side, which costs little more than one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from core.compose.encoding import tempo_class
from core.compose.request import Request, Update
from core.compose.styles import COMPOSERS, STYLES
from core.compose.workpiece import Workpiece, new_sheet, song_on_the_bench
from core.compose.writing import Writer, write
from core.errors import TunesmithError
from core.store.model_file import ModelFile, find_models

if TYPE_CHECKING:
    from core.compose.network import Network
    from core.compose.stepper import Setting

NAME = "flagship"

TASKS = ("new", "continue", "fill", "vary", "accompany")

CONDITIONS = frozenset(
    (
        "style", "composer", "key", "tempo", "meter", "bars", "instruments", "density", "polyphony", "register",
        "note_length", "chords", "strictness", "repetition", "temperature", "rhythm_temperature", "top_p",
        "candidates", "first_bar", "tracks", "locked", "amount",
    )
)  # fmt: skip

MOST_SILENT = 0.5
"""A draft with a larger share of silent bars is not kept where there is another."""


@dataclass(frozen=True)
class Loaded:
    """The network in memory, where it runs, and what its card says."""

    network: Network
    card: dict[str, Any]


def model_file() -> ModelFile:
    """The shipped weights, or those that the user trained.

    Raises
    ------
    TunesmithError
        If there are none.
    """
    files = {model.name: model for model in find_models("compose")}
    if NAME not in files:
        raise TunesmithError(
            "the flagship's weights are missing; install Tunesmith again, or run: tunesmith learn flagship"
        )
    return files[NAME]


@lru_cache(maxsize=1)
def load() -> Loaded:
    """The network of `model_file`.

    Raises
    ------
    TunesmithError
        If there are no weights or they are damaged.
    """
    import torch

    from core.compose.network import network_from_card

    tensors, card = model_file().load()
    network = network_from_card(card)
    weights = {name: torch.from_numpy(array) for name, array in unpacked(tensors).items()}
    network.load_state_dict(weights)
    # One sequence is a chain of small products: more threads only wait for each other.
    torch.set_num_threads(1)
    device = "cuda" if torch.cuda.is_available() else "cpu"
    return Loaded(network.to(device).eval(), card)


def unpacked(tensors: dict[str, NDArray[Any]]) -> dict[str, NDArray[np.float32]]:
    """float32 weights from a shipped file: int8 with a scale a row, or half precision."""
    return {
        name: (
            array.astype(np.float32) * tensors[f"{name}.scale"]
            if f"{name}.scale" in tensors
            else array.astype(np.float32)
        )
        for name, array in tensors.items()
        if not name.endswith(".scale")
    }


def warm_up() -> None:
    """Load the network and run it once, so that the first note comes at once."""
    for _ in compose(Request(bars=1, instruments=("piano",), strictness=0)):
        pass


def compose(request: Request, *, cancelled: Callable[[], bool] = lambda: False) -> Iterator[Update]:
    """Compose as ``request`` says; see `core.compose.registry.compose`."""
    yield from compose_with(load(), request, cancelled=cancelled)


def compose_with(
    loaded: Loaded, request: Request, *, cancelled: Callable[[], bool] = lambda: False
) -> Iterator[Update]:
    """Compose with a network of one's own instead of the installed one."""
    if request.candidates > 1:
        yield from _best_of(loaded, request, cancelled)
        return
    for _, update in _written(loaded, [_writer(loaded, request)], cancelled):
        yield update


def compose_variants(
    request: Request, count: int, *, cancelled: Callable[[], bool] = lambda: False
) -> Iterator[tuple[int, Update]]:
    """Compose ``count`` pieces side by side, with seeds counted up from the request's.

    Yields
    ------
    (which piece, its news)
    """
    wishes = [replace(request, seed=(request.seed + index) % 2**32) for index in range(count)]
    if request.candidates > 1:
        for index, wish in enumerate(wishes):
            for update in compose(wish, cancelled=cancelled):
                yield index, update
        return
    loaded = load()
    yield from _written(loaded, [_writer(loaded, wish) for wish in wishes], cancelled)


def _writer(loaded: Loaded, request: Request, draft: int = 0) -> Writer:
    rng = np.random.default_rng((request.seed, draft) if draft else request.seed)
    bench = new_sheet if request.task == "new" else song_on_the_bench
    work = bench(request, loaded.card.get("habits", {}), rng)
    if work.given is not None and not loaded.network.shape.infill:
        raise TunesmithError(
            f"the installed flagship network cannot {request.task}: it was trained to go forward only"
        )
    return Writer(request, work, rng)


def _written(
    loaded: Loaded, writers: Sequence[Writer], cancelled: Callable[[], bool]
) -> Iterator[tuple[int, Update]]:
    from core.compose.stepper import Steppers

    for place, writer in enumerate(writers):
        yield place, writer.frame
    settings = [_setting(writer.request, writer.work) for writer in writers]
    yield from write(writers, Steppers(loaded.network, settings), cancelled=cancelled)


def _setting(request: Request, work: Workpiece) -> Setting:
    """What the network is told before the first event."""
    from core.compose.stepper import Setting

    style = STYLES.index(request.style) if request.style in STYLES else len(STYLES)
    composer = COMPOSERS.index(request.composer) if request.composer in COMPOSERS else len(COMPOSERS)
    wish = (style, composer, int(work.key.is_minor), tempo_class(request.tempo), 1)
    return Setting(wish, work.rows, work.given, work.bar_steps)


def _best_of(loaded: Loaded, request: Request, cancelled: Callable[[], bool]) -> Iterator[Update]:
    """Several drafts, of which the likeliest that is not mostly silent is told."""
    writers = [_writer(loaded, request, draft) for draft in range(request.candidates)]
    yield writers[0].frame
    progress = [0.0] * len(writers)
    for place, update in _written(loaded, writers, cancelled):
        progress[place] = update.progress
        yield Update(sum(progress) / len(progress), update.notes[:0])
    best = max(writers, key=_quality)
    yield replace(best.frame, progress=1.0)
    yield Update(1.0, best.notes())
    yield Update(1.0, best.notes()[:0], song=best.song, done=True)


def _quality(writer: Writer) -> tuple[bool, float]:
    bars = writer.work.last - writer.work.first
    sounds = writer.silent_bars <= MOST_SILENT * bars and len(writer.made) > 0
    return sounds, writer.log_likelihood / max(1, len(writer.made))
