"""The protocol by which the flagship is judged: one list of figures, made by one command.

``python -m core.learn.protocol PACK OUT`` reads a packed data file and writes ``figures.json`` and ``figures.md`` into
the folder ``OUT``, with every piece that was composed as MIDI beside them. Composing hundreds of pieces takes hours on
a CPU: each piece and each figure is kept as it is made, and the same command goes on where it was stopped.

docs/evaluation.md says what every figure means, and what it has to reach.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from itertools import cycle, islice
from pathlib import Path
from typing import Any

import numpy as np

from core.compose import flagship
from core.compose.constraints import NOTES_A_BAR
from core.compose.encoding import DENSITIES, DRUMS, describe_part
from core.compose.request import Request
from core.compose.workpiece import POLYPHONY_CLASSES, new_sheet
from core.errors import TunesmithError
from core.learn.comparison import (
    EDGE,
    FACTS,
    FEWEST_NOTES,
    excerpts,
    facts,
    gap,
    inner_bars,
    key_of,
    overlap,
    real_facts,
    request_like,
    song_of,
    summary,
)
from core.learn.controls import Markov, with_shuffled_bars, with_shuffled_pitches
from core.learn.data import Example, load_pack
from core.learn.flagship import spread
from core.learn.held_out import held_out_losses, is_arranged, nats_of, network_of
from core.learn.report import markdown
from core.learn.style_check import check_styles, style_requests
from core.song.harmony import in_key_share, parse_key, pitched_notes
from core.song.midi_file import read_midi, write_midi
from core.song.notes import Song
from core.store.atomic import write_bytes_atomic
from core.store.model_file import ModelFile

Figures = dict[str, Any]
Rows = list[dict[str, float]]

POP_SET = "pop909"


@dataclass(frozen=True)
class Plan:
    """How much is measured.

    Attributes
    ----------
    samples : pieces of every kind that are composed, for each seed where there are several
    seeds : how often the pieces that are compared with real music are composed anew
    bars : their length; excerpts of real music that they are compared with have two `EDGE` less
    asked : pieces for every density and polyphony asked for
    each_style : pieces in every style
    held_out, training : pieces that losses are measured on, and that the dull baselines count
    preferences : pieces whose continuation is told from a shuffled one
    """

    samples: int = 200
    seeds: int = 3
    bars: int = 16
    asked: int = 20
    each_style: int = 7
    held_out: int = 300
    training: int = 4000
    preferences: int = 300

    @property
    def inner(self) -> int:
        """Bars of an excerpt, and of a composed piece without its edges."""
        return self.bars - 2 * EDGE


@dataclass
class Bench:
    """What is measured, on what, and what has been found so far.

    Attributes
    ----------
    model : the flagship's weights
    examples : encoded pieces with their splits
    folder : where pieces and figures are kept
    plain : weights of the plain LSTMs, by name
    """

    model: ModelFile
    examples: Sequence[Example]
    folder: Path
    plan: Plan = field(default_factory=Plan)
    plain: Mapping[str, Path] = field(default_factory=dict)
    progress: Callable[[str, float], None] = lambda name, share: None

    @cached_property
    def loaded(self) -> flagship.Loaded:
        network, card = network_of(self.model.path)
        return flagship.Loaded(network.eval(), card)

    @cached_property
    def test(self) -> list[Example]:
        """Held-out pieces that are long enough to be compared, in an order drawn once."""
        found = [
            e
            for e in self.examples
            if e.split == "test" and e.dataset != "groove" and len(e.piece.bar_steps) >= self.plan.bars
        ]
        if not found:
            raise TunesmithError(
                f"no held-out piece has {self.plan.bars} bars: there is nothing to compare with"
            )
        return [found[place] for place in np.random.default_rng(0).permutation(len(found))]

    @cached_property
    def asked(self) -> list[Example]:
        """The held-out pieces whose conditions are asked for."""
        return list(islice(cycle(self.test), self.plan.samples))

    def compose(
        self, name: str, requests: Sequence[Request], loaded: flagship.Loaded | None = None
    ) -> list[Song]:
        """The songs of some requests, each kept as MIDI when it is made."""
        songs = []
        for number, request in enumerate(requests):
            path = self.folder / name / f"{number:03d}.mid"
            if not path.is_file():
                path.parent.mkdir(parents=True, exist_ok=True)
                *_, last = flagship.compose_with(loaded or self.loaded, request)
                assert last.song is not None
                write_midi(last.song, path)
            songs.append(read_midi(path))
            self.progress(name, (number + 1) / len(requests))
        return songs


# ---- composed music beside real music -------------------------------------------------------------


def _facts_of(songs: Sequence[Song], requests: Sequence[Request]) -> Rows:
    pairs = zip(songs, requests, strict=True)
    return [facts(song, parse_key(request.key)) for song, request in pairs if len(song.notes) >= FEWEST_NOTES]


def _beside(ours: Rows, real: Rows) -> Figures:
    """Means with intervals, gaps between means, and overlapping areas."""
    return {
        "pieces": len(ours),
        "mean": summary(ours),
        "gap": {name: gap(ours, real, name) for name in FACTS},
        "overlap": {name: overlap(ours, real, name) for name in FACTS},
    }


def _requests(bench: Bench, asked: Sequence[Example], seed: int, **wishes: Any) -> list[Request]:
    """Requests for pieces whose inner bars are to be compared with excerpts."""
    return [
        request_like(example, bench.plan.bars, 10_000 * seed + number, **wishes)
        for number, example in enumerate(asked)
    ]


def _composed(bench: Bench, name: str, asked: Sequence[Example], seeds: int, **wishes: Any) -> Iterator[Rows]:
    for seed in range(seeds):
        requests = _requests(bench, asked, seed + 1, **wishes)
        songs = bench.compose(f"{name}-{seed}", requests)
        yield _facts_of([inner_bars(song) for song in songs], requests)


def _seeds_beside(runs: Sequence[Rows], real: Rows) -> Figures:
    """All seeds together, and what each gives alone."""
    figures = _beside([row for rows in runs for row in rows], real)
    alone = [_beside(rows, real) for rows in runs]
    return figures | {
        "overlap_of_seeds": [float(np.mean(list(found["overlap"].values()))) for found in alone],
        "gap_of_seeds": [found["gap"] for found in alone],
    }


def music(bench: Bench) -> Figures:
    """What is composed beside real held-out music, with the controls."""
    bars, asked = bench.plan.inner, bench.asked
    real = real_facts(asked, bars)
    half = bench.test[1::2][: bench.plan.samples] or bench.test
    shuffled, chained = [], []
    training = [e for e in bench.examples if e.split == "train"]
    markov = Markov(spread(training, bench.plan.training // 4)) if training else None
    for number, example in enumerate(asked):
        rng = np.random.default_rng(number)
        for cut in excerpts(example.piece, bars):
            mixed = with_shuffled_bars(with_shuffled_pitches(cut, 0, rng), 0, rng)
            shuffled.append(facts(song_of(mixed), key_of(cut)))
        made = markov.compose(example.piece, bars, number) if markov else None
        if made and len(made.events) >= bars + FEWEST_NOTES:
            chained.append(facts(song_of(made), key_of(made)))
    figures = {
        "real, held out": _beside(real, real),
        "real, one half beside the other": _beside(
            real_facts(half, bars), real_facts(bench.test[::2][: bench.plan.samples], bars) or real
        ),
        "shuffled": _beside(shuffled, real),
    }
    if chained:
        figures["Markov chain"] = _beside(chained, real)
    for name, path in bench.plain.items():
        network, _ = network_of(path)
        other = flagship.Loaded(network.eval(), bench.loaded.card)
        requests = _requests(bench, asked, 0, strictness=0.0)
        songs = bench.compose(f"composed-{name}", requests, other)
        rows = _facts_of([inner_bars(song) for song in songs], requests)
        figures[f"{name}, free"] = _beside(rows, real)
    free = list(_composed(bench, "composed-free", asked, 1, strictness=0.0))
    figures["flagship, free"] = _seeds_beside(free, real)
    figures["flagship"] = _seeds_beside(list(_composed(bench, "composed", asked, bench.plan.seeds)), real)
    return figures


def pop(bench: Bench) -> Figures:
    """Style "piano pop" beside held-out POP909."""
    held_out = [e for e in bench.test if e.dataset == POP_SET and not is_arranged(e)]
    if not held_out:
        return {}
    real = real_facts(held_out, bench.plan.inner, 3)
    asked = list(islice(cycle(held_out), bench.plan.samples))
    figures = _seeds_beside(list(_composed(bench, "pop", asked, bench.plan.seeds)), real)
    return figures | {"real": summary(real), "real_pieces": len(real)}


# ---- whether what was asked for is done -----------------------------------------------------------


def strictness(bench: Bench) -> Figures:
    """Share of the notes in the key asked for, at strictness 100."""
    requests = [
        request_like(example, bench.plan.bars, number, strictness=100.0)
        for number, example in enumerate(bench.asked)
    ]
    shares = [
        in_key_share(pitched_notes(song), parse_key(request.key))
        for song, request in zip(bench.compose("strict", requests), requests, strict=True)
        if len(pitched_notes(song))
    ]
    return {"pieces": len(shares), "mean": float(np.mean(shares)), "least": float(np.min(shares))}


def ending(bench: Bench) -> Figures:
    """Share of the pieces whose last note begins in the last bar asked for, and none ends after it."""
    lengths = (4, 8, bench.plan.bars, 2 * bench.plan.bars)
    kinds = list(islice(cycle(lengths), bench.plan.samples))
    requests = [
        request_like(example, bars, number)
        for number, (example, bars) in enumerate(zip(bench.asked, kinds, strict=True))
    ]
    right = [
        _ends_at(song, request.bars)
        for song, request in zip(bench.compose("endings", requests), requests, strict=True)
    ]
    return {"pieces": len(right), "bars": list(lengths), "share": float(np.mean(right))}


def _ends_at(song: Song, bars: int) -> bool:
    if not len(song.notes):
        return False
    return song.bars.bar_at(int(song.notes["onset"].max())) == bars - 1 and song.end_tick <= song.bars.start(
        bars
    )


def density(bench: Bench) -> Figures:
    """Whether every part, and the piece, has as many notes in a bar as the density asked for says."""
    found: Figures = {}
    parts: list[bool] = []
    near: list[bool] = []
    pieces: list[bool] = []
    for asked in np.linspace(0, 1, 5).tolist():
        requests = _like(bench, density=asked)
        obeyed: list[bool] = []
        close: list[bool] = []
        whole: list[bool] = []
        for song, request in zip(bench.compose(f"density-{asked:.2f}", requests), requests, strict=True):
            rows = new_sheet(
                request, bench.loaded.card.get("habits", {}), np.random.default_rng(request.seed)
            ).rows
            classes = np.array([row[3] for row in rows])
            got = _classes(song, request.bars)[: len(rows), 3].astype(int)
            known = classes < DENSITIES
            obeyed += (got == classes)[known].tolist()
            close += (np.abs(got - classes) <= 1)[known].tolist()
            whole.append(_near_total(song, request.bars, classes[known]))
        found[f"{asked:.2f}"] = {
            "parts": float(np.mean(obeyed)),
            "parts_within_one": float(np.mean(close)),
            "pieces": float(np.mean(whole)),
        }
        parts, near, pieces = parts + obeyed, near + close, pieces + whole
    return {
        "parts": float(np.mean(parts)),
        "parts_within_one": float(np.mean(near)),
        "pieces": float(np.mean(pieces)),
        "by_density": found,
    }


HALF_A_CLASS = 1.3
"""Factor between a density and the edge of its class."""


def _near_total(song: Song, bars: int, classes: np.ndarray) -> bool:
    wanted = sum(NOTES_A_BAR[number] for number in classes)
    return 1 / HALF_A_CLASS <= len(song.notes) / bars / wanted <= HALF_A_CLASS


def polyphony(bench: Bench) -> Figures:
    """Whether every pitched part begins as many notes together as were asked for."""
    found: Figures = {}
    obeyed: list[bool] = []
    for asked in range(1, 6):
        requests = _like(bench, polyphony=asked)
        here: list[bool] = []
        for song, request in zip(bench.compose(f"polyphony-{asked}", requests), requests, strict=True):
            rows = _classes(song, request.bars)
            played = rows[(rows[:, 0] != DRUMS) & (rows[:, 3] < DENSITIES)]
            here += (played[:, 2] == POLYPHONY_CLASSES[asked - 1]).tolist()
        found[str(asked)] = float(np.mean(here))
        obeyed += here
    return {"parts": float(np.mean(obeyed)), "by_polyphony": found}


def _like(bench: Bench, **wishes: Any) -> list[Request]:
    return [
        request_like(example, bench.plan.bars, number, **wishes)
        for number, example in enumerate(islice(cycle(bench.test), bench.plan.asked))
    ]


def _classes(song: Song, bars: int) -> np.ndarray:
    """Program, register, polyphony and density class of every track."""
    return np.array(
        [
            describe_part(track, song.notes[song.notes["track"] == number], bars)
            for number, track in enumerate(song.tracks)
        ]
    )


# ---- what the network thinks ----------------------------------------------------------------------


def held_out(bench: Bench) -> Figures:
    """Loss and accuracy on held-out music, beside the baselines."""
    return held_out_losses(
        bench.examples, bench.model.path, bench.plain, bench.plan.held_out, bench.plan.training
    )


DISORDERS = {"bars": with_shuffled_bars, "pitches": with_shuffled_pitches}


def preference(bench: Bench) -> Figures:
    """How often the second half of an excerpt is likelier as it stands than in disorder.

    Three kinds of disorder: its bars in another order, the pitches of every part changed about, and both, which is
    the shuffled control of `music`. Excerpts that stay the same are left out.
    """
    bars = bench.plan.bars
    network = bench.loaded.network
    wins: dict[str, list[bool]] = {"bars": [], "pitches": [], "both": []}
    for number, example in enumerate(bench.test[: bench.plan.preferences]):
        rng = np.random.default_rng(number)
        for cut in excerpts(example.piece, bars):
            real = nats_of(network, replace(example, piece=cut))
            others = {name: disorder(cut, bars // 2, rng) for name, disorder in DISORDERS.items()}
            others["both"] = with_shuffled_bars(others["pitches"], bars // 2, rng)
            for name, other in others.items():
                if not np.array_equal(other.events, cut.events):
                    wins[name].append(real < nats_of(network, replace(example, piece=other)))
        bench.progress("preference", (number + 1) / min(len(bench.test), bench.plan.preferences))
    return {
        name: {"pieces": len(won), "share": float(np.mean(won)) if won else 0.0} for name, won in wins.items()
    }


# ---- copies and styles ----------------------------------------------------------------------------


def originality(bench: Bench) -> Figures:
    """What composed pieces share with the training music, beside what real held-out pieces do."""
    from core.compose.originality import check

    requests = _requests(bench, bench.asked, 1)
    composed = [check(song) for song in bench.compose("composed-0", requests)]
    real = [
        check(song_of(cut)) for example in bench.asked for cut in excerpts(example.piece, bench.plan.bars)
    ]
    return {
        name: {
            "pieces": len(found),
            "with_a_telling_run": float(np.mean([one.longest_match_notes > 0 for one in found])),
            "longest_telling_run": max(one.longest_match_notes for one in found),
            "mean_share_copied": float(np.mean([one.share_copied for one in found])),
            "longest_run": max(one.longest_run_notes for one in found),
        }
        for name, found in (("composed", composed), ("real, held out", real))
    }


def styles(bench: Bench) -> Figures:
    """How often a classifier names the style asked for, beside how often it names that of real music."""
    asked = style_requests(bench.test, bench.plan.each_style, bench.plan.bars)
    if not any(asked.values()):
        return {}
    songs = {
        kind: bench.compose(f"styles-{kind}", [ask.request for ask in wishes])
        for kind, wishes in asked.items()
    }
    return check_styles(asked, songs, bench.test, bench.plan.bars)


# ---- all of it ------------------------------------------------------------------------------------

FIGURES: dict[str, Callable[[Bench], Figures]] = {
    "held_out": held_out,
    "preference": preference,
    "pop": pop,
    "strictness": strictness,
    "ending": ending,
    "density": density,
    "polyphony": polyphony,
    "music": music,
    "originality": originality,
    "styles": styles,
}
"""Every figure, in the order in which they are made: the quick ones first."""


def measure(bench: Bench, names: Sequence[str] = tuple(FIGURES)) -> Figures:
    """Every figure of ``names``; those that ``bench.folder`` has are not made again.

    Raises
    ------
    TunesmithError
        Where the folder has the figures of another model or another plan.
    """
    bench.folder.mkdir(parents=True, exist_ok=True)
    path = bench.folder / "figures.json"
    about = {"model_sha256": bench.model.card.get("sha256"), "plan": vars(bench.plan)}
    found: Figures = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {"about": about}
    if found["about"] != about:
        raise TunesmithError(f"{bench.folder} has the figures of another model or plan: name an empty folder")
    for name in names:
        if name in found:
            continue
        found[name] = FIGURES[name](bench)
        write_bytes_atomic(path, json.dumps(found, indent=1).encode())
        write_bytes_atomic(bench.folder / "figures.md", markdown(found).encode())
    return found


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure the installed flagship on a packed data file."""
    parser = argparse.ArgumentParser(prog="python -m core.learn.protocol", description=main.__doc__)
    parser.add_argument("pack", type=Path, help="packed data, as learn leaves it")
    parser.add_argument("out", type=Path, help="folder for pieces and figures")
    parser.add_argument("--plain", type=Path, nargs="*", default=(), help="model files of plain LSTMs")
    parser.add_argument("--only", nargs="*", choices=tuple(FIGURES), default=tuple(FIGURES))
    parser.add_argument("--samples", type=int, default=Plan.samples)
    parser.add_argument("--seeds", type=int, default=Plan.seeds)
    parser.add_argument("--bars", type=int, default=Plan.bars)
    options = parser.parse_args(arguments)
    plan = Plan(samples=options.samples, seeds=options.seeds, bars=options.bars)
    plain = {path.stem: path for path in options.plain}
    measure(Bench(flagship.model_file(), load_pack(options.pack), options.out, plan, plain), options.only)


if __name__ == "__main__":
    main()
