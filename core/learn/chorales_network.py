"""A network that foretells four-part chorales token by token.

A recurrent trunk walks over the eighths of a piece; at each sixteenth four small heads name the voices one
after another, from the trunk's state and from what sounds just then, each knowing the voices named before it
(a NADE, Larochelle and Murray 2011, over an LSTM, as the RNN-NADE of Boulanger-Lewandowski et al. 2012). By
the chain rule the chance of a piece is the product of its tokens' chances.

What a head says is transposable. A pitch's logit is a sum over frames of reference: where the pitch lies
above the voice's last pitch, above the piece's first bass note (as a pitch class), above each voice named
already, and where it lies on the keyboard. "Stay where you are" is thus one weight in any key.

Conventions
-----------
* A *step* is a sixteenth; a grid is [shape=(steps, 4)], the voices soprano, alto, tenor, bass.
* A *token* is the number of a pitch above `LOWEST`, or `REST`; `START` stands before the first step and is
  never foretold. A held note and a note struck again are the same token, as in the public data.
* What is known of step t (`Clues`) depends on steps before t only.
"""

from __future__ import annotations

from dataclasses import dataclass, fields, replace

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
LONGEST_MATCH = 7
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
    then : tokens that followed the longest earlier likeness to all voices, and to the soprano alone
        [shape=(..., steps, 2, 4)]
    match : how long these likenesses are, in doublings of a step [shape=(..., steps, 2)]
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


def clues_of(tokens: Grid) -> Clues:
    """What is known before each step of one piece [shape=(steps, 4)]."""
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
    likeness = [_likenesses(tokens), _likenesses(tokens[:, :1])]
    then = np.stack([np.where((s < 0)[:, None], START, tokens[s]) for s, _ in likeness], 1)
    doublings = np.log2(np.stack([length for _, length in likeness], 1) + 1).astype(np.int64)
    match = np.minimum(doublings, LONGEST_MATCH)
    columns = (last, place, held, motion, root, np.arange(steps), then, match, _heard(tokens))
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


def transposed(clues: Clues, semitones: int) -> Clues:
    """The clues of the same piece, higher or lower."""

    def move(tokens: Tensor) -> Tensor:
        return torch.where(tokens < REST, tokens + semitones, tokens)

    root = torch.where(clues.root < 12, (clues.root + semitones) % 12, clues.root)
    place = torch.where(clues.last == START, clues.place, clues.place + semitones)
    return replace(
        clues,
        last=move(clues.last),
        place=place,
        root=root,
        then=move(clues.then),
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
    order : in which the voices are named, as places in `VOICES`
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
        self.then_tables = tables(8, INTERVALS, 6)
        self.match_tables = tables(2, LONGEST_MATCH + 1, 6)
        self.phase_tables = nn.ModuleList(nn.Embedding(n, 8) for n in (16, 12, 32))
        size = 4 * (12 + 12 + 6 + 6) + 8 * 6 + 2 * 6 + 3 * 8 + 12 * len(MEMORIES)
        sizes = [size] + [shape.hidden] * shape.layers
        self.trunk = nn.ModuleList(nn.LSTM(a, b, batch_first=True) for a, b in zip(sizes, sizes[1:]))
        self.to_heads = nn.Linear(shape.hidden + size, 4 * shape.head)
        self.named_classes = tables(12, _PITCH_CLASSES, 12)
        self.named_motions = tables(12, INTERVALS, 8)
        self.named_intervals = tables(12, 2 * SPAN + 2, 12)
        self.named = nn.ModuleList(nn.Linear(32 * n, shape.head) for n in (1, 2, 3))
        frames = TOKENS + (4 * LEAP + 1) + 12 + 2 + len(MEMORIES)
        outputs = [nn.Linear(shape.head, frames + n * (2 * SPAN + 1)) for n in range(4)]
        for output in outputs:
            nn.init.normal_(output.weight, std=0.02)
            nn.init.zeros_(output.bias)
        self.outputs = nn.ModuleList(outputs)

    def forward(self, clues: Clues, tokens: Tensor, asked: Tensor) -> Tensor:
        """Logits [shape=(asked, 4, TOKENS)], voices in the order of `VOICES`.

        The logits of a voice depend on the clues of its step and earlier ones, and on this step's ``tokens``
        [shape=(batch, steps, 4)] of the voices before it in ``shape.order``. Only the steps ``asked`` for
        [shape=(batch, steps)] are answered.
        """
        known = self._known(clues)
        state = self._walk(known[:, ::2]).repeat_interleave(2, 1)[:, : known.shape[1]]
        near = self._drop(known, self.shape.input_dropout)
        shared = self.to_heads(torch.cat([state, near], -1)[asked]).chunk(4, -1)
        clues, tokens = clues.at(asked), tokens[asked]
        piece = asked.nonzero()[:, 0]
        logits: list[Tensor | None] = [None] * 4
        for turn, voice in enumerate(self.shape.order):
            logits[voice] = self._head(turn, shared[turn], clues, tokens, piece)
        return torch.stack([voice for voice in logits if voice is not None], -2)

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
                self.then_tables[voice](then[..., 0, voice]),
                self.then_tables[4 + voice](then[..., 1, voice]),
            ]
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

    def _head(self, turn: int, hidden: Tensor, clues: Clues, tokens: Tensor, piece: Tensor) -> Tensor:
        voice = self.shape.order[turn]
        place = clues.place[..., voice]
        before = self.shape.order[:turn]
        row = turn * (turn - 1) // 2
        if before:
            told = []
            for i, other in enumerate(before, row):
                token = tokens[..., other]
                sounds = token < REST
                motion = interval_class(token - clues.place[..., other])
                interval = (token - place).clamp(-SPAN, SPAN) + SPAN
                told += [
                    self.named_classes[i](_relative_class(token, clues.root)),
                    self.named_motions[i](torch.where(sounds, motion, NO_INTERVAL)),
                    self.named_intervals[i](torch.where(sounds, interval, 2 * SPAN + 1)),
                ]
            hidden = hidden + self.named[turn - 1](torch.cat(told, -1))
        hidden = (
            F.gelu(hidden) * self._mask(int(piece[-1]) + 1, hidden.shape[-1], self.shape.head_dropout)[piece]
        )
        frames = self.outputs[turn](hidden)
        return _pitched(frames, voice, clues, [tokens[..., other] for other in before])


def _relative_class(tokens: Tensor, root: Tensor) -> Tensor:
    known = torch.where(root < 12, (tokens - root) % 12, _START_CLASS)
    return torch.where(tokens == REST, _REST_CLASS, torch.where(tokens == START, _START_CLASS, known))


def _pitched(frames: Tensor, voice: int, clues: Clues, named: list[Tensor]) -> Tensor:
    """What is said in each frame of reference, added up for every token."""
    pitches = torch.arange(PITCHES)
    absolute, near, tonal, copied, heard, vertical = frames.split(
        [TOKENS, 4 * LEAP + 1, 12, 2, len(MEMORIES), len(named) * (2 * SPAN + 1)], -1
    )
    place, root = clues.place[..., voice, None], clues.root[..., None]
    logits = absolute[..., :PITCHES] + near.gather(
        -1, (pitches - place).clamp(-2 * LEAP, 2 * LEAP) + 2 * LEAP
    )
    logits = logits + tonal.gather(-1, (pitches - root) % 12) * (root < 12)
    for kind in (0, 1):
        logits = logits + copied[..., kind, None] * (pitches == clues.then[..., kind, voice, None])
    for kind in range(len(MEMORIES)):
        often = (clues.heard[..., kind, :] + 0.01).log()[..., pitches % 12]
        logits = logits + heard[..., kind, None] * often
    if named:
        for token, chunk in zip(named, vertical.chunk(len(named), -1)):
            interval = (pitches - token[..., None]).clamp(-SPAN, SPAN) + SPAN
            logits = logits + chunk.gather(-1, interval) * (token < REST)[..., None]
    return torch.cat([logits, absolute[..., PITCHES:]], -1)


def token_nats(network: ChoraleNetwork, clues: Clues, tokens: Tensor, asked: Tensor) -> Tensor:
    """Negative log-likelihood in nats of every token of the steps asked for [shape=(asked, 4)]."""
    logits, right = network(clues, tokens, asked), tokens[asked]
    return F.cross_entropy(logits.flatten(0, 1).float(), right.flatten(), reduction="none").view_as(right)
