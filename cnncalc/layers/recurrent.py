"""Recurrent layers over steps x features."""

from __future__ import annotations

from typing import ClassVar

from cnncalc.layers.base import Layer, View, as_steps
from cnncalc.layers.fields import Choice, Count, Flag
from cnncalc.problem import Problem
from cnncalc.product import Count as Number
from cnncalc.product import Product, Sum
from cnncalc.shape import Shape

UNIT_NAMES = "hidden_size output hidden num_units hidden_dim"


class Recurrent(Layer):
    """What recurrent layers share; `gates` matrices of units x (features + units) per layer and direction."""

    families = ("recurrent",)

    gates: ClassVar[int] = 1

    units = Count("length of the state", also=UNIT_NAMES)
    returns = Choice(
        "every step's output or only the last", "sequence last", "sequence", also="return_sequences output_mode"
    )
    bias = Choice(
        "bias vectors per gate: one (textbook, Keras), two (PyTorch, Keras GRU with reset_after) or none",
        "single double none",
        "single",
        also="use_bias",
    )
    bidirectional = Flag("a second pass from the end, outputs joined", False, also="bidir")
    layers = Count("layers on top of each other", 1, also="num_layers", most=1000)

    def _sequence(self, x: Shape) -> None:
        if len(x) != 2:
            raise Problem(
                "needs-sequence",
                f"{self.kind} reads steps x features, such as 100x300, but gets {x}",
                as_steps(x),
            )

    def _features(self, x: Shape) -> list[int]:
        """Features entering each of the layers."""
        wide = self.units * (2 if self.bidirectional else 1)
        return [x[-1]] + [wide] * (self.layers - 1)

    def out(self, *xs: Shape) -> Shape:
        x = xs[0]
        self._sequence(x)
        wide = self.units * (2 if self.bidirectional else 1)
        return Shape((x[0], wide) if self.returns == "sequence" else (wide,))

    def _both(self, *factors: tuple[str, int]) -> Product:
        directions = [("directions", 2)] if self.bidirectional else []
        gates = [("gates", self.gates)] if self.gates > 1 else []
        return Product(*directions, *gates, *factors)

    def weights(self, *xs: Shape) -> dict[str, Number]:
        found: dict[str, Number] = {}
        units = ("units", self.units)
        for number, features in enumerate(self._features(xs[0])):
            found[f"weight_ih_l{number}"] = self._both(units, ("features", features))
            found[f"weight_hh_l{number}"] = self._both(units, units)
            if self.bias != "none":
                found[f"bias_l{number}"] = self._both(("bias vectors", 2 if self.bias == "double" else 1), units)
        return found

    def macs(self, *xs: Shape) -> Number:
        steps, units = ("steps", xs[0][0]), ("units", self.units)
        terms = [self._both(steps, units, ("features+units", f + self.units)) for f in self._features(xs[0])]
        return terms[0] if len(terms) == 1 else Sum(*terms)

    def windows(self, *xs: Shape) -> tuple[View, ...] | None:
        return None


class LSTM(Recurrent, kind="lstm"):
    """Long short-term memory: four gates, 4*(units*(units + features) + units) parameters with a single bias.

    Hochreiter & Schmidhuber 1997; Keras 3, `LSTM`; PyTorch 2, `torch.nn.LSTM` has two bias vectors (`bias: double`).

    >>> sum(LSTM(units=32).weights(Shape((10, 16))).values())
    6272
    """

    elsewhere = "LSTMCell CuDNNLSTM"
    example = "100x300 -> lstm: 256"
    gates = 4


class GRU(Recurrent, kind="gru"):
    """Gated recurrent unit: three gates, 3*(units*(units + features) + units) parameters with a single bias.

    Cho et al. 2014; Keras 3, `GRU` (whose default `reset_after` and PyTorch have `bias: double`).

    >>> sum(GRU(units=32, bias="double").weights(Shape((7, 10))).values())
    4224
    """

    elsewhere = "GRUCell CuDNNGRU"
    example = "100x300 -> gru: 256"
    gates = 3


class RNN(Recurrent, kind="rnn"):
    """Plain recurrent layer: units*(units + features) + units parameters with a single bias.

    Elman 1990; Keras 3, `SimpleRNN`; PyTorch 2, `torch.nn.RNN` has two bias vectors (`bias: double`).

    >>> sum(RNN(units=32).weights(Shape((7, 10))).values())
    1376
    """

    elsewhere = "SimpleRNN RNNCell vanillarnn"
    example = "100x300 -> rnn: 256"
