"""S2's autoencoders: their layers are the paper's, and the divergence is that of the formula."""

import pytest
import torch
from torch import nn

from core.explore.autoencoders import Autoencoder, drawn

SIZES = {"chroma": 12 * 431, "mfcc": 13 * 431, "mel": 64 * 431}


def widths(layers: nn.Module) -> list[int]:
    return [layer.out_features for layer in layers.modules() if isinstance(layer, nn.Linear)]


@pytest.mark.parametrize("inputs", SIZES.values(), ids=SIZES)
@pytest.mark.parametrize("variational", [False, True])
def test_layers_are_those_of_the_paper(inputs: int, variational: bool) -> None:
    with torch.device("meta"):
        network = Autoencoder(inputs, variational)
    assert widths(network.encoder) == [1024, 512, 256, 128, 80 if variational else 40]
    assert widths(network.decoder) == [128, 256, 512, 1024, inputs]
    assert not isinstance(network.encoder[-1], nn.ReLU), "the encoder's last layer is linear"
    assert isinstance(network.decoder[-1], nn.Tanh)


def test_what_comes_out_lies_between_minus_one_and_one() -> None:
    torch.manual_seed(0)
    network = Autoencoder(60, dimensions=40)
    x = torch.rand(7, 60) * 2 - 1
    code = network.encode(x)
    assert code.shape == (7, 40)
    assert network.decoder(code * 1000).abs().max() <= 1


def test_the_embedding_of_a_variational_one_is_the_mean_and_no_draw() -> None:
    network = Autoencoder(60, variational=True)
    x = torch.rand(3, 60)
    assert torch.equal(network.encode(x), network.encode(x))
    assert torch.equal(network.encode(x), network.encoder(x)[:, :40])


def test_divergence_is_nothing_at_the_prior_and_grows_away_from_it() -> None:
    assert drawn(torch.zeros(2, 8))[1].tolist() == [0, 0]
    away = torch.cat([torch.full((1, 4), 2.0), torch.zeros(1, 4)], 1)
    assert drawn(away)[1].item() == pytest.approx(4 * 2.0**2 / 2)


def test_draws_have_the_mean_and_spread_that_they_are_told() -> None:
    torch.manual_seed(0)
    code = torch.tensor([3.0, 0.25]).log().repeat(20000, 1)
    code = torch.cat([torch.ones(20000, 2), code], 1)
    draws = drawn(code)[0]
    assert draws.mean(0).tolist() == pytest.approx([1, 1], abs=0.05)
    assert draws.var(0).tolist() == pytest.approx([3.0, 0.25], rel=0.05)
