"""Adversarially learned inference: the published networks layer by layer, and the game itself on a toy."""

from dataclasses import replace

import pytest
import torch
from torch import nn

from core.explore.ali import (
    LATENTS,
    Discriminator,
    encoder,
    generator,
    small_encoder,
    small_generator,
    small_judge,
)
from core.learn.embeddings import adversarial, stable

TABLE_5_ENCODER = [(5, 1, 32), (4, 2, 64), (4, 1, 128), (4, 2, 256), (4, 1, 512), (1, 1, 512)]
TABLE_5_DECODER = [(4, 1, 256), (4, 2, 128), (4, 1, 64), (4, 2, 32), (5, 1, 32), (1, 1, 32), (1, 1, 1)]
TABLE_6 = [(5, 1, 32), (4, 2, 64), (4, 1, 128), (4, 2, 256), (4, 1, 512)]


def layers(network: nn.Module, kind: type) -> list[tuple[int, int, int]]:
    found = [layer for layer in network.modules() if isinstance(layer, kind)]
    return [(layer.kernel_size[0], layer.stride[0], layer.out_channels) for layer in found]


@pytest.mark.parametrize("dimensions", LATENTS)
def test_published_networks_are_those_of_tables_5_and_6(dimensions: int) -> None:
    with torch.device("meta"):
        sees, draws, judges = encoder(dimensions), generator(dimensions), Discriminator(dimensions)
    assert layers(sees, nn.Conv2d) == [*TABLE_5_ENCODER, (1, 1, 2 * dimensions)]
    assert layers(draws, nn.ConvTranspose2d) == TABLE_5_DECODER
    assert layers(judges.x, nn.Conv2d) == TABLE_6
    assert [layer.out_features for layer in judges.z.modules() if isinstance(layer, nn.Linear)] == [512, 512]
    joint = [layer for layer in judges.joint.modules() if isinstance(layer, nn.Linear)]
    assert [(layer.in_features, layer.out_features) for layer in joint] == [
        (1024, 1024),
        (1024, 1024),
        (1024, 1),
    ]
    assert {layer.negative_slope for layer in sees.modules() if isinstance(layer, nn.LeakyReLU)} == {0.01}
    assert {layer.p for layer in judges.modules() if isinstance(layer, nn.Dropout)} == {0.2}
    assert not any(isinstance(layer, nn.BatchNorm2d) for layer in judges.modules())


def test_published_networks_take_crops_of_32_by_32() -> None:
    x, z = torch.rand(2, 1, 32, 32), torch.randn(2, 40)
    assert encoder(40)(x).shape == (2, 80)
    drawn = generator(40)(z)
    assert drawn.shape == (2, 1, 32, 32)
    assert drawn.min() >= 0
    assert drawn.max() <= 1
    assert Discriminator(40)(x, z).shape == (2,)


def test_small_networks_take_crops_of_64_by_32() -> None:
    x, z = torch.rand(2, 1, 64, 32), torch.randn(2, 40)
    assert small_encoder(40)(x).shape == (2, 80)
    assert small_generator(40)(z).shape == x.shape
    assert small_judge(40)(x, z).shape == (2,)


class Idle:
    """An optimiser that leaves the gradients to be looked at."""

    def zero_grad(self) -> None:
        pass

    def step(self) -> None:
        pass


def test_one_look_gives_both_sides_their_slopes() -> None:
    """The other side's gradient, got by weighing the discriminator's, is that of its own loss."""
    torch.manual_seed(0)
    sides = adversarial.Adversaries(encoder(8), generator(8), Discriminator(8))
    for layer in sides.discriminator.modules():
        if isinstance(layer, nn.Dropout):
            layer.p = 0
    x, z = torch.rand(3, 1, 32, 32), torch.randn(3, 8)
    torch.manual_seed(1)
    adversarial.step(sides, [Idle()], x, z)  # type: ignore[list-item] # as little of an optimiser as is needed
    quick = {
        name: value.grad.clone()
        for name, value in sides.generator.named_parameters()
        if value.grad is not None
    }
    sides.generator.zero_grad()
    torch.manual_seed(1)
    with torch.autocast("cpu", torch.bfloat16):
        made = sides.discriminator(sides.generator(z).float(), z).float()
    nn.functional.softplus(-made).mean().backward()
    for name, value in sides.generator.named_parameters():
        assert value.grad is not None
        torch.testing.assert_close(quick[name], value.grad, rtol=0.02, atol=1e-5)


def test_the_first_gate_opens() -> None:
    """A normal distribution: z comes back from E(G(z)), and what is drawn is spread as the data are."""
    found = stable.line_gate(replace(stable.POINTS, steps=200, batch=128))
    assert found["latent_correlation"] > 0.95
    assert found["correlation"] > 0.95
    assert found["mean"] == pytest.approx(0.5, abs=0.2)
    assert found["deviation"] == pytest.approx(0.7, abs=0.25)


def test_points_of_the_grid_lie_on_25_modes() -> None:
    points = stable.grid_points(5000, torch.Generator().manual_seed(0))
    nearest = (points / stable.GAP).round()
    assert len(torch.unique(nearest, dim=0)) == 25
    assert (points - nearest * stable.GAP).std().item() == pytest.approx(stable.WIDTH, rel=0.05)
