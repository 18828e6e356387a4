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

from core.compose import originality, personal
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
        "candidates", "longest_copy", "personal", "first_bar", "tracks", "locked", "amount",
    )
)  # fmt: skip

ATTEMPTS = 6
"""Times that a piece is written anew because it copied too much."""

ENDLESS_BARS = 4096
"""Bars of a stream: hours."""

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
    return loaded_from(model_file())


def loaded_from(model: ModelFile) -> Loaded:
    """The network of any model file of the flagship's kind.

    Raises
    ------
    TunesmithError
        If its weights are missing or damaged.
    """
    import torch

    from core.compose.network import network_from_card

    tensors, card = model.load()
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
    """Load the network and what it learnt from, and run it once, so that the first note comes at once."""
    for _ in compose(Request(bars=1, instruments=("piano",), strictness=0)):
        pass


def compose(request: Request, *, cancelled: Callable[[], bool] = lambda: False) -> Iterator[Update]:
    """Compose as ``request`` says; see `core.compose.registry.compose`."""
    yield from compose_with(load(), request, cancelled=cancelled)


def compose_with(
    loaded: Loaded, request: Request, *, cancelled: Callable[[], bool] = lambda: False
) -> Iterator[Update]:
    """Compose with a network of one's own instead of the installed one."""
    for _, update in _composed(loaded, [request], cancelled):
        yield update


def compose_variants(
    request: Request, count: int, *, cancelled: Callable[[], bool] = lambda: False
) -> Iterator[tuple[int, Update]]:
    """Compose ``count`` pieces side by side; see `core.compose.registry.compose_variants`."""
    wishes = [replace(request, seed=(request.seed + index) % 2**32) for index in range(count)]
    yield from _composed(load(), wishes, cancelled)


def stream(request: Request, *, cancelled: Callable[[], bool] = lambda: False) -> Iterator[Update]:
    """Compose on and on, bar after bar, without an end."""
    loaded = load()
    writer = _writer(loaded, replace(request, bars=ENDLESS_BARS))
    for _, update in _written(loaded, [writer], cancelled):
        if not update.done:
            yield replace(update, progress=0.0)


def _composed(
    loaded: Loaded, requests: Sequence[Request], cancelled: Callable[[], bool]
) -> Iterator[tuple[int, Update]]:
    """Compose pieces side by side. Of several drafts the best is told; one that copies too much is written anew.

    Raises
    ------
    TunesmithError
        Where every draft copies more than was allowed.
    """
    waiting = dict(enumerate(requests))
    for attempt in range(ATTEMPTS):
        drafts = [
            (index, _writer(loaded, wish, attempt * wish.candidates + draft))
            for index, wish in waiting.items()
            for draft in range(wish.candidates)
        ]
        for place, update in _written(loaded, [writer for _, writer in drafts], cancelled):
            index, writer = drafts[place]
            alone = requests[index].candidates == 1
            if alone and (not update.done or not _copies_too_much(writer)):
                yield index, update
            elif not alone and update.song is None:
                yield index, Update(update.progress, update.notes[:0])
            if alone and update.done and not _copies_too_much(writer):
                del waiting[index]
        for index in list(waiting):
            group = [writer for own, writer in drafts if own == index and not _copies_too_much(writer)]
            if group:
                best = max(group, key=_quality)
                yield index, best.frame
                yield index, Update(1.0, best.notes())
                yield index, Update(1.0, best.notes()[:0], song=best.song, done=True)
                del waiting[index]
        if not waiting:
            return
    raise TunesmithError(
        f"each of {ATTEMPTS} drafts shares more notes in a row with the music learnt from than the limit allows; "
        "raise the limit, or ask for another seed"
    )


def _copies_too_much(writer: Writer) -> bool:
    """Whether the new notes share a longer run with the training music than was allowed."""
    limit = writer.request.longest_copy
    if limit is None or not writer.made:
        return False
    if writer.longest_copy is None:
        run = originality.longest_match(writer.work.song.with_notes(writer.notes()))
        writer.longest_copy = len(run) if run else 0
    return writer.longest_copy > limit


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
    settings = [_setting(loaded, writer.request, writer.work) for writer in writers]
    yield from write(writers, Steppers(loaded.network, settings), cancelled=cancelled)


def _setting(loaded: Loaded, request: Request, work: Workpiece) -> Setting:
    """What the network is told before the first event."""
    from core.compose.stepper import Setting

    style = STYLES.index(request.style) if request.style in STYLES else len(STYLES)
    composer = COMPOSERS.index(request.composer) if request.composer in COMPOSERS else len(COMPOSERS)
    own = personal.load(request.personal, loaded.card.get("sha256")) if request.personal else None
    if own:
        # A personal style was tuned with both left open, and says both.
        style, composer = len(STYLES), len(COMPOSERS)
    wish = (style, composer, int(work.key.is_minor), tempo_class(request.tempo), 1)
    return Setting(
        wish, work.rows, work.given, work.bar_steps,
        manner=own.wish if own else None, hidden=own.h if own else None, cell=own.c if own else None,
    )  # fmt: skip


def _quality(writer: Writer) -> tuple[bool, float]:
    bars = writer.work.last - writer.work.first
    sounds = writer.silent_bars <= MOST_SILENT * bars and len(writer.made) > 0
    return sounds, writer.log_likelihood / max(1, len(writer.made))
