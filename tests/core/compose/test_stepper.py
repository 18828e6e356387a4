"""Stepping gives the very logits that the whole network gives on the same piece."""

import pytest

torch = pytest.importorskip("torch")

from core.compose.encoding import BAR  # noqa: E402
from core.compose.network import Network, Shape  # noqa: E402
from core.compose.state import State  # noqa: E402
from core.compose.stepper import Stepper  # noqa: E402
from core.learn.batches import whole_pieces  # noqa: E402
from core.learn.data import Example  # noqa: E402
from core.learn.objective import to_tensors  # noqa: E402
from tests.core.compose.test_state import some_piece  # noqa: E402


def test_stepping_equals_the_whole_network() -> None:
    torch.manual_seed(0)
    network = Network(Shape(hidden=48, layers=2, styles=4, composers=3, dropout=0.0)).eval()
    piece = some_piece(3)
    _, batch = next(whole_pieces([Example(piece, 1, 2, "", "", "test")], steps=0))
    x = to_tensors(batch.columns, torch.device("cpu"))
    wish, classes = torch.from_numpy(batch.wish), torch.from_numpy(batch.parts)
    with torch.inference_mode():
        parts = network.parts(classes)
        h, _ = network.trunk(network.inputs(x, network.conditions(wish), parts))
        h = h[0]
        state = State(len(piece.bar_steps), int(piece.bar_steps[0]))
        stepper = Stepper(network, batch.wish[0].tolist(), piece.parts.tolist(), int8=False)
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
