"""A network that foretells four-part chorales token by token.

A recurrent trunk walks over the eighths of a piece; at each sixteenth four small heads name the voices one
after another, from the trunk's state and from what sounds just then, each knowing the voices named before it
(a NADE, Larochelle and Murray 2011, over an LSTM, as the RNN-NADE of Boulanger-Lewandowski et al. 2012). By
the chain rule the chance of a piece is the product of its tokens' chances.

The four may be named in any order: a head serves whatever voices are named already. Each order is a way of
its own to write the chance of a step, and their mean is a proper chance too (`order_mixture`; Uria, Murray
and Larochelle 2014).

What a head says is transposable. A pitch's logit is a sum over frames of reference: where the pitch lies
above the voice's last pitch, above the piece's first bass note (as a pitch class), above each voice named
already, what followed the longest likeness in this piece and in the training pieces (`ChoraleLibrary`; as in
Khandelwal et al. 2020, but as a clue, not as a second opinion), and where it lies on the keyboard. "Stay where
you are" is thus one weight in any key.

Conventions
-----------
* A *step* is a sixteenth; a grid is [shape=(steps, 4)], the voices soprano, alto, tenor, bass.
* A *token* is the number of a pitch above `LOWEST`, or `REST`; `START` stands before the first step and is
  never foretold. A held note and a note struck again are the same token, as in the public data.
* What is known of step t (`Clues`) depends on steps before t only.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from itertools import combinations, permutations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional as F

Grid = NDArray[np.int64]

VOICES = ("soprano", "alto", "tenor", "bass")
LOWEST = 30
"""MIDI pitch of token 0; the data lie within 36 and 81, so that there is room to transpose."""
PITCHES = 60
REST = PITCHES
TOKENS = PITCHES + 1
START = TOKENS

MIDDLE = (69 - LOWEST, 65 - LOWEST, 57 - LOWEST, 50 - LOWEST)
"""From where each voice's first pitch is measured."""
LEAP = 12
"""Intervals are told apart up to an octave; beyond, only their direction is."""
INTERVALS = 2 * LEAP + 2
NO_INTERVAL = INTERVALS - 1
LONGEST_HOLD = 20
SPAN = 36
"""Widest interval between two voices that is told apart."""
LONGEST_MATCH = 20
"""Classes of a likeness' length: single steps below 4, then fours."""
KINDS = 4
"""Likenesses looked for: to all voices and to the soprano, in this piece; to the soprano and to all voices, in
the library."""
AHEAD = (1, 2, 4, 6, 8, 12, 16)
"""Steps past the next at which a likeness' soprano is told: the tune to come, if it is this tune."""
MEMORIES = (8, 64)
"""Steps after which what was heard counts for 1/e."""
_PITCH_CLASSES = 14
_REST_CLASS, _START_CLASS = 12, 13


@dataclass(frozen=True)
class Clues:
    """What is known before each step, all integers, [shape=(..., steps)] or with voices last.

    Attributes
    ----------
    last : token of each voice at the step before
    place : the voice's last pitch as a token, rests passed over
    held : steps for which the voice has kept its token, at most `LONGEST_HOLD`
    motion : interval by which the voice came to its pitch, as `interval_class` tells it
    root : pitch class (of tokens) of the first bass note; 12 where none has sounded
    phase : steps since the start
    then : tokens that followed the longest likenesses [shape=(..., steps, KINDS, 4)]
    match : classes of how long these likenesses are [shape=(..., steps, KINDS)]
    ahead : soprano tokens further on in the likenesses to the soprano, this piece's and the library's
        [shape=(..., steps, 2, len(AHEAD))]
    heard : share of voices that have lately been at each pitch class of tokens, by `MEMORIES`
        [shape=(..., steps, 2, 12)], real numbers
    """

    last: Tensor
    place: Tensor
    held: Tensor
    motion: Tensor
    root: Tensor
    phase: Tensor
    then: Tensor
    match: Tensor
    ahead: Tensor
    heard: Tensor

    def at(self, asked: Tensor) -> Clues:
        """The clues of the steps asked for [shape=(batch, steps)], one after another."""
        return Clues(*(getattr(self, field.name)[asked] for field in fields(Clues)))


def tokens_of(grid: Grid) -> Grid:
    """MIDI pitches, -1 for a rest, as tokens.

    Raises
    ------
    ValueError
        If a pitch lies outside the vocabulary.
    """
    tokens = np.where(grid < 0, REST, grid - LOWEST)
    if tokens.min() < 0 or (grid - LOWEST).max() >= PITCHES:
        raise ValueError(f"pitches from {LOWEST} to {LOWEST + PITCHES - 1} can be foretold")
    return tokens


def interval_class(interval: Tensor) -> Tensor:
    """Semitones up or down as classes 0 to 2 `LEAP`; unison is `LEAP`."""
    return interval.clamp(-LEAP, LEAP) + LEAP


def clues_of(tokens: Grid, library: ChoraleLibrary | None = None, own: int | None = None) -> Clues:
    """What is known before each step of one piece [shape=(steps, 4)].

    ``own`` is the piece's number if it is in the library itself, where it is then passed over.
    """
    steps = len(tokens)
    last = np.vstack([np.full((1, 4), START), tokens[:-1]])
    step = np.arange(steps)[:, None]
    sounds = last < REST
    place = np.vstack([[MIDDLE], last[1:]])
    place = np.take_along_axis(place, _latest(sounds | (step == 0)), 0)
    leap = np.diff(place, axis=0, prepend=[MIDDLE])
    latest = _latest((leap != 0) & (step > 1))
    motion = np.clip(np.take_along_axis(leap, latest, 0), -LEAP, LEAP) + LEAP
    motion[latest == 0] = NO_INTERVAL
    changed = np.vstack([np.ones((1, 4), bool), last[1:] != last[:-1]])
    held = np.minimum(step - _latest(changed) + 1, LONGEST_HOLD) * (step > 0)
    sounding = np.flatnonzero(tokens[:, 3] < REST)
    first_bass = sounding[0] if len(sounding) else steps
    root = np.full(steps, 12)
    root[first_bass + 1 :] = tokens[first_bass, 3] % 12 if len(sounding) else 12
    here = _own_likenesses(tokens)
    there: tuple[Grid, Grid, Grid] = np.full_like(here[0], START), here[1] * 0, np.full_like(here[2], START)
    if library is not None:
        there = library.likenesses(tokens, own)
    then, lengths, ahead = (np.concatenate((here[i], there[i]), 1) for i in range(3))
    match = np.where(lengths < 4, lengths, np.minimum(3 + lengths // 4, LONGEST_MATCH))
    columns = (last, place, held, motion, root, np.arange(steps), then, match, ahead, _heard(tokens))
    return Clues(*(torch.from_numpy(np.ascontiguousarray(column)) for column in columns))


def _heard(tokens: Grid) -> NDArray[np.float32]:
    sounding = (tokens[..., None] % 12 == np.arange(12)) & (tokens < REST)[..., None]
    share = sounding.mean(1)
    heard = np.zeros((len(tokens), len(MEMORIES), 12), np.float32)
    for kind, memory in enumerate(MEMORIES):
        fade = np.exp(-1 / memory)
        for step in range(1, len(tokens)):
            heard[step, kind] = fade * heard[step - 1, kind] + (1 - fade) * share[step - 1]
    return heard


def _latest(marked: NDArray[np.bool_]) -> Grid:
    """For each step and voice the latest step so far that is marked, 0 where none is."""
    return np.maximum.accumulate(np.where(marked, np.arange(len(marked))[:, None], 0))


def _likenesses(tokens: Grid) -> tuple[Grid, Grid]:
    """For each step the step that followed the longest earlier run equal to the run just heard, or -1,
    and the length of that run. Among equals the latest; a run may not merely be a note held on.
    """
    steps = len(tokens)
    source, length = np.full(steps, -1), np.zeros(steps, np.int64)
    changes = np.concatenate([[True], (tokens[1:] != tokens[:-1]).any(1)])
    onset = np.maximum.accumulate(np.where(changes, np.arange(steps), 0))
    runs = np.zeros(steps + 1, np.int64)
    for t in range(1, steps):
        equal = (tokens[:t] == tokens[t - 1]).all(1)
        runs[1 : t + 1] = np.where(equal, runs[:t] + 1, 0)
        candidates = runs[1 : onset[t - 1] + 1]
        if len(candidates) and candidates.max() > 0:
            best = len(candidates) - 1 - int(np.argmax(candidates[::-1]))
            source[t], length[t] = best + 1, candidates[best]
    return source, length


def _own_likenesses(tokens: Grid) -> tuple[Grid, Grid, Grid]:
    """What followed earlier likenesses to all voices and to the soprano, their lengths, and the tune further on."""
    steps = np.arange(len(tokens))
    found = [_likenesses(tokens), _likenesses(tokens[:, :1])]
    then = np.stack([np.where((source < 0)[:, None], START, tokens[source]) for source, _ in found], 1)
    further = found[1][0][:, None] + np.array(AHEAD)
    heard = (further < steps[:, None]) & (found[1][0] >= 0)[:, None]
    ahead = np.where(heard, tokens[np.where(heard, further, 0), 0], START)
    return then, np.stack([length for _, length in found], 1), ahead[:, None]


class ChoraleLibrary:
    """The training pieces, to be searched in any transposition for what a piece has just sounded like."""

    def __init__(self, pieces: Sequence[Grid]) -> None:
        self.tokens = np.concatenate(pieces)
        self.number = np.repeat(np.arange(len(pieces)), [len(piece) for piece in pieces])
        steps = [self._steps(piece) for piece in pieces]
        self._melody = np.concatenate([melody for melody, _ in steps])
        self._chords = np.concatenate([chords for _, chords in steps])
        self._goes_on = np.append(self.number[1:] == self.number[:-1], False)

    @staticmethod
    def _steps(tokens: Grid) -> tuple[Grid, Grid]:
        """Each step as one number that transposing leaves alone: of the soprano, and of all voices.

        Beginnings are like each other and nothing else, so that a likeness never reaches over an end.
        """
        soprano = tokens[:, 0]
        melody = np.append(1000, np.diff(soprano))
        melody[1:][(soprano[1:] == REST) | (soprano[:-1] == REST)] = 500
        melody[1:][(soprano[1:] == REST) & (soprano[:-1] == REST)] = 501
        below = np.where(tokens[:, 1:] == REST, 200, tokens[:, 1:] - soprano[:, None] + 64)
        chords = (melody + 100) * 2**24 + below @ np.array([2**16, 2**8, 1])
        return melody, chords

    def likenesses(self, tokens: Grid, own: int | None = None) -> tuple[Grid, Grid, Grid]:
        """For each step what followed the longest likeness of the soprano, and of all voices, to the steps
        heard before it: tokens in this piece's key [shape=(steps, 2, 4)], lengths [shape=(steps, 2)], and the
        tune further on [shape=(steps, 1, len(AHEAD))]. Among equals the likeness that the other measure finds
        longer.
        """
        steps = len(tokens)
        melody, chords = self._steps(tokens)
        usable = self._goes_on if own is None else self._goes_on & (self.number != own)
        runs = [np.zeros(len(self.tokens) + 1, np.int32) for _ in range(2)]
        sources, lengths = np.full((steps, 2), -1), np.zeros((steps, 2), np.int64)
        for step in range(1, steps):
            for run, known, new in zip(runs, (self._melody, self._chords), (melody, chords)):
                run[1:] = (run[:-1] + 1) * (known == new[step - 1])
            tune, all_voices = (run[1:] * usable for run in runs)
            for kind, (first, second) in enumerate(((tune, all_voices), (all_voices, tune))):
                best = int(np.argmax(first * 1024 + np.minimum(second, 1023)))
                if first[best] > 0:
                    sources[step, kind], lengths[step, kind] = best + 1, first[best]
        sources[1:][tokens[:-1, 0] == REST] = -1
        lengths[sources < 0] = 0
        shift = np.append(0, tokens[:-1, 0])[:, None] - self.tokens[sources - 1, 0]
        shift[self.tokens[sources - 1, 0] == REST] = START
        then = self._moved(self.tokens[sources], shift[..., None])
        further = sources[:, :1] + np.array(AHEAD)
        within = np.minimum(further, len(self.tokens) - 1)
        there = (self.number[within] == self.number[sources[:, :1]]) & (further == within)
        ahead = np.where(there, self._moved(self.tokens[within, 0], shift[:, :1]), START)
        then[sources < 0] = START
        ahead[sources[:, 0] < 0] = START
        return then, lengths, ahead[:, None]

    @staticmethod
    def _moved(tokens: Grid, shift: Grid) -> Grid:
        moved = tokens + shift
        inside = (moved >= 0) & (moved < PITCHES)
        return np.where(tokens == REST, REST, np.where(inside, moved, START))


def transposed(clues: Clues, semitones: int) -> Clues:
    """The clues of the same piece, higher or lower."""

    def move(tokens: Tensor) -> Tensor:
        return torch.where(tokens < REST, (tokens + semitones).clamp(0, PITCHES - 1), tokens)

    root = torch.where(clues.root < 12, (clues.root + semitones) % 12, clues.root)
    place = torch.where(clues.last == START, clues.place, clues.place + semitones)
    return replace(
        clues,
        last=move(clues.last),
        place=place,
        root=root,
        then=move(clues.then),
        ahead=move(clues.ahead),
        heard=clues.heard.roll(semitones, -1),
    )


def stacked(pieces: list[Clues]) -> Clues:
    """Clues of several pieces as one batch, the short ones filled up with their first step's."""
    steps = max(len(piece.phase) for piece in pieces)

    def stack(columns: list[Tensor]) -> Tensor:
        return torch.stack([torch.cat([c, c[:1].expand(steps - len(c), *c.shape[1:])]) for c in columns])

    return Clues(*(stack([getattr(piece, field.name) for piece in pieces]) for field in fields(Clues)))


@dataclass(frozen=True)
class Shape:
    """Sizes and regularisation of a `ChoraleNetwork`.

    Attributes
    ----------
    hidden, layers : of the LSTM
    head : units of a voice's head
    order : in which the voices are named unless told otherwise, as places in `VOICES`
    input_dropout, dropout : of the trunk; one mask for all steps (Gal and Ghahramani 2016)
    head_dropout : within the heads
    """

    hidden: int = 256
    layers: int = 2
    head: int = 192
    order: tuple[int, ...] = (0, 3, 1, 2)
    input_dropout: float = 0.4
    dropout: float = 0.6
    head_dropout: float = 0.5


class ChoraleNetwork(nn.Module):
    """Logits of every voice's token at every step."""

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        self.shape = shape

        def tables(count: int, classes: int, size: int) -> nn.ModuleList:
            return nn.ModuleList(nn.Embedding(classes, size) for _ in range(count))

        self.class_tables = tables(4, _PITCH_CLASSES, 12)
        self.last_tables = tables(4, TOKENS + 1, 12)
        self.held_tables = tables(4, LONGEST_HOLD + 1, 6)
        self.motion_tables = tables(4, INTERVALS, 6)
        self.then_tables = tables(4 * KINDS, INTERVALS, 6)
        self.match_tables = tables(KINDS, LONGEST_MATCH + 1, 6)
        self.ahead_tables = tables(2 * len(AHEAD), INTERVALS, 5)
        self.phase_tables = nn.ModuleList(nn.Embedding(n, 8) for n in (16, 12, 32))
        size = 4 * (12 + 12 + 6 + 6) + 4 * KINDS * 6 + KINDS * 6 + 3 * 8 + 12 * len(MEMORIES)
        size += 2 * len(AHEAD) * 5
        sizes = [size] + [shape.hidden] * shape.layers
        self.trunk = nn.ModuleList(nn.LSTM(a, b, batch_first=True) for a, b in zip(sizes, sizes[1:]))
        self.to_heads = nn.Linear(shape.hidden + size, 4 * shape.head)
        self.named_classes = tables(12, _PITCH_CLASSES, 12)
        self.named_motions = tables(12, INTERVALS, 8)
        self.named_intervals = tables(12, 2 * SPAN + 2, 12)
        self.named = nn.ModuleList(nn.Linear(32 + KINDS, shape.head) for _ in range(12))
        frames = TOKENS + (4 * LEAP + 1) + 12 + KINDS + len(MEMORIES)
        self.outputs = nn.ModuleList(nn.Linear(shape.head, frames) for _ in range(4))
        self.vertical = nn.ModuleList(nn.Linear(shape.head, 2 * SPAN + 1) for _ in range(12))
        for output in (*self.outputs, *self.vertical):
            nn.init.normal_(output.weight, std=0.02)
            nn.init.zeros_(output.bias)

    def forward(
        self, clues: Clues, tokens: Tensor, asked: Tensor, order: Sequence[int] | None = None
    ) -> Tensor:
        """Logits [shape=(asked, 4, TOKENS)], voices in the order of `VOICES`.

        The logits of a voice depend on the clues of its step and earlier ones, and on this step's ``tokens``
        [shape=(batch, steps, 4)] of the voices before it in ``order``, or ``shape.order``. Only the steps
        ``asked`` for [shape=(batch, steps)] are answered.
        """
        heads = self._heads(clues, tokens, asked)
        order = order or self.shape.order
        logits = {voice: heads.logits(voice, order[:turn]) for turn, voice in enumerate(order)}
        return torch.stack([logits[voice] for voice in range(4)], -2)

    def every_way(self, clues: Clues, tokens: Tensor, asked: Tensor) -> Tensor:
        """Logarithms of the chances of the right tokens after every set of other voices.

        [shape=(asked, 4, 16)]: voice, and the voices named before as the sum of 2**voice; 0 where a voice
        would be named before itself.
        """
        heads = self._heads(clues, tokens, asked)
        right = tokens[asked]
        chances = torch.zeros(len(right), 4, 16)
        for voice in range(4):
            others = [other for other in range(4) if other != voice]
            for before in (c for count in range(4) for c in combinations(others, count)):
                said = heads.logits(voice, before).float().log_softmax(-1)
                chances[:, voice, _set(before)] = said.gather(-1, right[:, voice, None])[:, 0]
        return chances

    def _heads(self, clues: Clues, tokens: Tensor, asked: Tensor) -> _Heads:
        known = self._known(clues)
        state = self._walk(known[:, ::2]).repeat_interleave(2, 1)[:, : known.shape[1]]
        near = self._drop(known, self.shape.input_dropout)
        hidden = self.to_heads(torch.cat([state, near], -1)[asked]).chunk(4, -1)
        masks = [self._mask(len(known), self.shape.head, self.shape.head_dropout) for _ in VOICES]
        piece = asked.nonzero()[:, 0]
        return _Heads(self, hidden, [mask[piece] for mask in masks], clues.at(asked), tokens[asked])

    def _known(self, clues: Clues) -> Tensor:
        parts = [table(clues.match[..., i]) for i, table in enumerate(self.match_tables)]
        phases = (clues.phase % 16, clues.phase % 12, (clues.phase // 16).clamp(max=31))
        parts += [table(phase) for table, phase in zip(self.phase_tables, phases)]
        above = (torch.arange(12) + clues.root[..., None]) % 12
        parts += [4 * clues.heard[..., kind, :].gather(-1, above) for kind in range(len(MEMORIES))]
        classes = _relative_class(clues.last, clues.root[..., None])
        then = interval_class(clues.then - clues.place[..., None, :])
        then = torch.where(clues.then < REST, then, NO_INTERVAL)
        for voice in range(4):
            parts += [
                self.class_tables[voice](classes[..., voice]),
                self.last_tables[voice](clues.last[..., voice]),
                self.held_tables[voice](clues.held[..., voice]),
                self.motion_tables[voice](clues.motion[..., voice]),
            ]
            parts += [self.then_tables[4 * k + voice](then[..., k, voice]) for k in range(KINDS)]
        ahead = interval_class(clues.ahead - clues.place[..., None, None, 0])
        ahead = torch.where(clues.ahead < REST, ahead, NO_INTERVAL).flatten(-2)
        parts += [table(ahead[..., i]) for i, table in enumerate(self.ahead_tables)]
        return torch.cat(parts, -1)

    def _walk(self, known: Tensor) -> Tensor:
        state = self._drop(known, self.shape.input_dropout)
        for layer in self.trunk:
            state = self._drop(layer(state)[0], self.shape.dropout)
        return state

    def _drop(self, states: Tensor, share: float) -> Tensor:
        return states * self._mask(len(states), states.shape[-1], share)[:, None]

    def _mask(self, pieces: int, units: int, share: float) -> Tensor:
        """One choice of units for all steps of a piece; all of them when not learning."""
        if not self.training or share == 0:
            return torch.ones(1, 1).expand(pieces, units)
        return (torch.rand(pieces, units) >= share) / (1 - share)


@dataclass(frozen=True)
class _Heads:
    """The four heads of a network before the steps asked for; each can speak more than once."""

    network: ChoraleNetwork
    hidden: Sequence[Tensor]
    masks: Sequence[Tensor]
    clues: Clues
    tokens: Tensor

    def logits(self, voice: int, before: Sequence[int]) -> Tensor:
        """What the voice's head says of every token when the voices ``before`` are named."""
        network, clues = self.network, self.clues
        hidden, place = self.hidden[voice], clues.place[..., voice]
        rows = {other: 3 * voice + other - (other > voice) for other in before}
        for other, row in rows.items():
            token = self.tokens[..., other]
            sounds = token < REST
            motion = interval_class(token - clues.place[..., other])
            interval = (token - place).clamp(-SPAN, SPAN) + SPAN
            told = [
                network.named_classes[row](_relative_class(token, clues.root)),
                network.named_motions[row](torch.where(sounds, motion, NO_INTERVAL)),
                network.named_intervals[row](torch.where(sounds, interval, 2 * SPAN + 1)),
                (token[..., None] == clues.then[..., other]).float(),
            ]
            hidden = hidden + network.named[row](torch.cat(told, -1))
        hidden = F.gelu(hidden) * self.masks[voice]
        logits = _pitched(network.outputs[voice](hidden), voice, clues)
        for other, row in rows.items():
            token = self.tokens[..., other, None]
            interval = (torch.arange(PITCHES) - token).clamp(-SPAN, SPAN) + SPAN
            said = network.vertical[row](hidden).gather(-1, interval) * (token < REST)
            logits = logits + F.pad(said, (0, TOKENS - PITCHES))
        return logits


def _relative_class(tokens: Tensor, root: Tensor) -> Tensor:
    known = torch.where(root < 12, (tokens - root) % 12, _START_CLASS)
    return torch.where(tokens == REST, _REST_CLASS, torch.where(tokens == START, _START_CLASS, known))


def _pitched(frames: Tensor, voice: int, clues: Clues) -> Tensor:
    """What is said in each frame of reference but those of other voices, added up for every token."""
    pitches = torch.arange(PITCHES)
    absolute, near, tonal, copied, heard = frames.split([TOKENS, 4 * LEAP + 1, 12, KINDS, len(MEMORIES)], -1)
    place, root = clues.place[..., voice, None], clues.root[..., None]
    logits = absolute[..., :PITCHES] + near.gather(
        -1, (pitches - place).clamp(-2 * LEAP, 2 * LEAP) + 2 * LEAP
    )
    logits = logits + tonal.gather(-1, (pitches - root) % 12) * (root < 12)
    for kind in range(KINDS):
        logits = logits + copied[..., kind, None] * (pitches == clues.then[..., kind, voice, None])
    for kind in range(len(MEMORIES)):
        often = (clues.heard[..., kind, :] + 0.01).log()[..., pitches % 12]
        logits = logits + heard[..., kind, None] * often
    return torch.cat([logits, absolute[..., PITCHES:]], -1)


def _set(voices: Sequence[int]) -> int:
    return sum(1 << voice for voice in voices)


def order_mixture(chances: Tensor) -> Tensor:
    """Logarithm of a step's chance [shape=(...)], the mean over all orders of naming its voices.

    ``chances`` [shape=(..., 4, 16)] as `ChoraleNetwork.every_way` gives them. In each order the product of
    the four is a chance over all outcomes of the step, so that their mean is one too.
    """
    orders = list(permutations(range(4)))
    ways = [
        sum((chances[..., voice, _set(order[:turn])] for turn, voice in enumerate(order)), torch.zeros(()))
        for order in orders
    ]
    return torch.logsumexp(torch.stack(ways), 0) - np.log(len(orders))


def token_nats(
    network: ChoraleNetwork,
    clues: Clues,
    tokens: Tensor,
    asked: Tensor,
    order: Sequence[int] | None = None,
) -> Tensor:
    """Negative log-likelihood in nats of every token of the steps asked for [shape=(asked, 4)]."""
    logits, right = network(clues, tokens, asked, order), tokens[asked]
    return F.cross_entropy(logits.flatten(0, 1).float(), right.flatten(), reduction="none").view_as(right)
