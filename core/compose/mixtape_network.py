"""MixTape's network, and two ways of reading with it: windows read anew, and a state carried on.

After R. Kumar, A. Mishra and Y. Chhabra, "Application of Recurrent Neural Networks paired with LSTM - Music
Generation" (section VI.A and table V). It is trained with torch's LSTM; for composing, `Reader` steps the
same weights many times faster.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

HIDDEN = 512
LAYERS = 3
DENSE = 256
DROPOUT = 0.3


class MixTapeNetwork(nn.Module):
    """LSTM(512) - dropout - LSTM(512) - dropout - LSTM(512) - Dense(256) - dropout - Dense(n_vocab).

    Like Keras it has one bias a gate: torch's second bias stays zero and is not trained. The dense layer has
    no activation, as in the paper's summary.

    Parameters
    ----------
    n_vocab : how many elements there are; an input is an element's index divided by it
    hidden, dense : layer sizes, where a test wants a small one
    """

    def __init__(self, n_vocab: int, hidden: int = HIDDEN, dense: int = DENSE) -> None:
        super().__init__()
        self.n_vocab = n_vocab
        self.lstm = nn.LSTM(1, hidden, LAYERS, dropout=DROPOUT, batch_first=True)
        self.dense = nn.Linear(hidden, dense)
        self.dropout = nn.Dropout(DROPOUT)
        self.out = nn.Linear(dense, n_vocab)
        for layer in range(LAYERS):
            second: Tensor = getattr(self.lstm, f"bias_hh_l{layer}")
            second.requires_grad_(False)
            nn.init.zeros_(second)

    def forward(self, elements: Tensor) -> Tensor:
        """Indices [batch, time] -> logits [batch, time, n_vocab] of the element after each."""
        hidden, _ = self.lstm((elements / self.n_vocab).unsqueeze(-1))
        logits: Tensor = self.out(self.dropout(self.dense(hidden)))
        return logits

    def weights(self) -> dict[str, Tensor]:
        """The trained parameters by name, 5,434,057 numbers at 201 elements."""
        return {name: value.detach() for name, value in self.named_parameters() if value.requires_grad}


def network_from(weights: dict[str, Tensor]) -> MixTapeNetwork:
    """The network that ``weights`` belong to, in evaluation mode."""
    dense, hidden = weights["dense.weight"].shape
    network = MixTapeNetwork(len(weights["out.bias"]), hidden, dense)
    network.load_state_dict(weights, strict=False)
    return network.eval()


class Reader:
    """Reads one element at a time in several independent states at once.

    Parameters
    ----------
    network : in evaluation mode
    count : states, all with nothing read
    """

    @torch.inference_mode()
    def __init__(self, network: MixTapeNetwork, count: int) -> None:
        weights, hidden = network.weights(), network.lstm.hidden_size
        self._network = network
        self._scalar = weights["lstm.weight_ih_l0"][:, 0] / network.n_vocab
        # A layer's input and its own last output lie side by side, so that one product serves both; turned
        # round once, which products of many rows read faster.
        self._weights = [weights["lstm.weight_hh_l0"].T.contiguous()] + [
            torch.cat([weights[f"lstm.weight_ih_l{i}"], weights[f"lstm.weight_hh_l{i}"]], 1).T.contiguous()
            for i in range(1, LAYERS)
        ]
        self._biases = [weights[f"lstm.bias_ih_l{i}"] for i in range(LAYERS)]
        self._h = torch.zeros(LAYERS, count, hidden)
        self._c = torch.zeros(LAYERS, count, hidden)

    @torch.inference_mode()
    def read(self, element: int, states: slice = slice(None)) -> None:
        """Step ``states`` by one element."""
        h, c = self._h[:, states], self._c[:, states]
        bias, inputs = self._biases[0] + self._scalar * element, h[0]
        for i in range(LAYERS):
            if i:
                bias, inputs = self._biases[i], torch.cat([h[i - 1], h[i]], 1)
            _cell(torch.addmm(bias, inputs, self._weights[i]), h[i], c[i])

    @torch.inference_mode()
    def logits(self, state: int) -> Tensor:
        """Of the element after all that ``state`` has read [shape=(n_vocab,)]."""
        out: Tensor = self._network.out(self._network.dense(self._h[-1, state]))
        return out

    @torch.inference_mode()
    def drop(self, count: int) -> None:
        """Forget the first ``count`` states; as many with nothing read come after the others."""
        for states in (self._h, self._c):
            kept = states[:, count:].clone()
            states.zero_()
            states[:, : kept.shape[1]] = kept


def _cell(gates: Tensor, h: Tensor, c: Tensor) -> None:
    """One LSTM cell in place, its gates in torch's order: input, forget, cell, output."""
    i, f, g, o = gates.chunk(4, 1)
    c.mul_(f.sigmoid_()).addcmul_(i.sigmoid_(), g.tanh_())
    torch.mul(o.sigmoid_(), c.tanh(), out=h)


class Windows:
    """What the network says after the last ``length`` elements, each time read anew from no state.

    Reading every window by itself takes ``length`` small steps an element. But ``length`` windows that begin
    one element apart all read the same next element, so they step together, as one product of matrices: the
    same sums, several times as fast.

    Parameters
    ----------
    network : in evaluation mode
    length : elements that `push` must be given before `logits` can be asked
    count : how many elements will be foretold; windows that would be whole only later are not begun
    """

    def __init__(self, network: MixTapeNetwork, length: int, count: int) -> None:
        self._reader = Reader(network, 2 * length)
        self._length = length
        self._to_begin = count
        self._read = 0
        self._oldest = self._newest = 0

    def push(self, element: int) -> None:
        """Move the window on by one element."""
        if self._read >= self._length:
            self._oldest += 1
        if self._to_begin:
            if self._newest == 2 * self._length:
                self._reader.drop(self._oldest)
                self._newest -= self._oldest
                self._oldest = 0
            self._to_begin -= 1
            self._newest += 1
        self._reader.read(element, slice(self._oldest, self._newest))
        self._read += 1

    def logits(self) -> Tensor:
        """Of the element after the window [shape=(n_vocab,)]."""
        return self._reader.logits(self._oldest)


class Carried:
    """What the network says after all that it has read, its state carried on from element to element."""

    def __init__(self, network: MixTapeNetwork) -> None:
        self._reader = Reader(network, 1)

    def push(self, element: int) -> None:
        """Read one element."""
        self._reader.read(element)

    def logits(self) -> Tensor:
        """Of the element after them [shape=(n_vocab,)]."""
        return self._reader.logits(0)
