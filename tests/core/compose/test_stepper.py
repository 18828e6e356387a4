"""Stepping gives the very logits that the whole network gives on the same piece."""

import pytest
import torch

from core.compose.encoding import BAR
from core.compose.given import Given
from core.compose.network import Network, Shape
from core.compose.state import State
from core.compose.stepper import Setting, Stepper, Steppers
from core.learn.batches import (
    DrawGiven,
    around_regions,
    scattered_notes,
    some_parts,
    whole_pieces,
)
from core.learn.data import Example
from core.learn.objective import to_tensors
from tests.core.compose.test_state import some_piece

torch.set_num_threads(1)


@pytest.mark.parametrize(
    ("infill", "draw"),
    [(0, None), (8, None), (8, around_regions), (8, some_parts), (8, scattered_notes)],
)
def test_stepping_equals_the_whole_network(infill: int, draw: DrawGiven | None) -> None:
    torch.manual_seed(0)
    network = Network(Shape(hidden=48, layers=2, styles=4, composers=3, dropout=0.0, infill=infill)).eval()
    piece = some_piece(3)
    _, batch = next(whole_pieces([Example(piece, 1, 2, "", "", "test")], steps=0, draw=draw))
    marks = batch.columns["next_is_given"][0, : len(piece.events)] == 1
    given = Given(piece.events[marks], batch.open_parts[0]) if draw else None
    x = to_tensors(batch.columns, torch.device("cpu"))
    wish, classes = torch.from_numpy(batch.wish), torch.from_numpy(batch.parts)
    with torch.inference_mode():
        parts = network.parts(classes)
        read = None
        if infill:
            rows, may_open = torch.from_numpy(batch.given_rows), torch.from_numpy(batch.open_parts).float()
            read = network.given.read(rows, may_open, torch.from_numpy(batch.bars), parts)
        h, _ = network.trunk(network.inputs(x, network.conditions(wish), parts, read))
        h = h[0]
        state = State(len(piece.bar_steps), int(piece.bar_steps[0]), given)
        setting = Setting(batch.wish[0].tolist(), piece.parts.tolist(), given, piece.bar_steps)
        stepper = Stepper(network, (), (), int8=False, setting=setting)
        for index, event in enumerate(piece.events):
            stepper.step(state)
            at = slice(index, index + 1)
            if event["time"] == BAR:
                bar = int(event["bar"])
                copy, chords = int(piece.copies[bar]), [int(c) for c in piece.chords[bar]]
                assert torch.allclose(stepper.copy_logits(), network.copy_logits(h[at])[0], atol=1e-4)
                second = network.second_chord_logits(h[at], torch.tensor([copy]), torch.tensor(chords[:1]))[0]
                assert torch.allclose(stepper.second_chord_logits(copy, chords[0]), second, atol=1e-4)
                state.begin_bar(int(piece.bar_steps[bar]), copy, (chords[0], chords[1]))
                continue
            time, part, pitch, duration, velocity = (
                int(event[name]) for name in ("time", "part", "pitch", "duration", "velocity")
            )
            echo = state.echo(time, part)
            row = {name: values[0, at] for name, values in x.items()}
            vector = parts[0, part][None]
            wanted = (
                network.time_logits(h[at])[0],
                network.part_logits(h[at], row["next_time"], parts, row["silence"])[0, : len(piece.parts)],
                network.pitch_logits(
                    h[at],
                    row["next_time"],
                    vector,
                    row["last_pitch"],
                    row["echo_pitch"],
                    row["chroma"],
                    row["chord_then"],
                    row["to_come"] if infill else None,
                )[0],
                network.duration_logits(
                    h[at],
                    row["next_time"],
                    vector,
                    row["next_pitch"],
                    row["echo_duration"],
                    row["last_duration"],
                )[0],
                network.velocity_logits(
                    h[at],
                    row["next_time"],
                    vector,
                    row["next_pitch"],
                    row["next_duration"],
                    row["last_velocity"],
                )[0],
            )
            given = (
                stepper.time_logits(),
                stepper.part_logits(time, state.silence(time, len(piece.parts))),
                stepper.pitch_logits(time, part, echo),
                stepper.duration_logits(time, part, pitch, echo),
                stepper.velocity_logits(time, part, pitch, duration, echo),
            )
            for ours, theirs in zip(given, wanted, strict=True):
                assert torch.allclose(ours, theirs, atol=1e-4)
            state.add_note(time, part, pitch, duration, velocity)


def test_pieces_side_by_side_say_what_each_says_alone() -> None:
    torch.manual_seed(0)
    network = Network(Shape(hidden=48, layers=2, styles=4, composers=3, dropout=0.0)).eval()
    settings = [
        Setting((1, 2, 0, 5, 1), [(0, 9, 1, 2), (33, 5, 0, 3)]),
        Setting((2, 0, 1, 9, 1), [(24, 9, 1, 2)]),
    ]
    together = Steppers(network, settings, int8=False)
    states = [State(4, 48), State(4, 48)]
    alone = [Steppers(network, [setting], int8=False) for setting in settings]

    def step(pieces: list[int]) -> None:
        together.step(pieces, [states[piece] for piece in pieces])
        for piece in pieces:
            alone[piece].step((0,), (states[piece],))

    step([0, 1])
    for state in states:
        state.begin_bar(48, 0, (0, 7))
    step([0, 1])
    states[0].add_note(12, 0, 64, 11, 9)
    step([0])
    states[1].add_note(0, 0, 60, 5, 9)
    step([1])
    echoes = [state.echo(24, 0) for state in states]
    both = together.logits("pitch", (0, 1), [(24, 0, echo) for echo in echoes])
    for piece, logits in enumerate(both):
        own = alone[piece].logits("pitch", (0,), [(24, 0, echoes[piece])])[0]
        assert torch.allclose(logits, own, atol=1e-5)
