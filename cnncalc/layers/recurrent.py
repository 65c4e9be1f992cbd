"""Recurrent layers over steps x features, and the convolutional LSTM."""

from __future__ import annotations

from typing import ClassVar

from cnncalc.layers.base import Layer, as_steps
from cnncalc.layers.conv import FILTER_NAMES, Conv
from cnncalc.layers.fields import Choice, Count, Flag
from cnncalc.layers.fields.sizes import Pad, Sizes, each
from cnncalc.layers.views import Blur, View
from cnncalc.layers.window import KERNEL_NAMES, PAD_NAMES, STRIDE_NAMES
from cnncalc.problem import Problem
from cnncalc.product import Number, Product, Sum
from cnncalc.shape import Shape

UNIT_NAMES = "hidden_size output hidden num_units hidden_dim"


class Recurrent(Layer):
    """Base of the recurrent layers, with `gates` matrices of units x (features + units) per layer and direction."""

    families = ("recurrent",)

    gates: ClassVar[int] = 1

    units = Count("length of the state", also=UNIT_NAMES)
    returns = Choice(
        "output of every step, or only of the last one",
        "sequence last",
        "sequence",
        also="return_sequences output_mode",
    )
    bias = Choice(
        "bias vectors per gate: one (textbook, Keras), two (PyTorch, Keras' GRU with reset_after) or none",
        "single double none",
        "single",
        also="use_bias",
    )
    bidirectional = Flag(
        "add a second pass from the last step to the first, and concatenate the outputs", False, also="bidir"
    )
    layers = Count("number of stacked layers", 1, also="num_layers", most=1000)

    def _sequence(self, x: Shape) -> None:
        if len(x) != 2:
            raise Problem(
                "needs-sequence",
                f"{self.kind} needs steps x features, such as 100x300, but gets {x}",
                as_steps(x),
            )

    def _features(self, x: Shape) -> list[int]:
        """Return the number of features that each of the stacked layers gets."""
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
        weights: dict[str, Number] = {}
        units = ("units", self.units)
        for number, features in enumerate(self._features(xs[0])):
            weights[f"weight_ih_l{number}"] = self._both(units, ("features", features))
            weights[f"weight_hh_l{number}"] = self._both(units, units)
            if self.bias != "none":
                weights[f"bias_l{number}"] = self._both(("bias vectors", 2 if self.bias == "double" else 1), units)
        return weights

    def macs(self, *xs: Shape) -> Number:
        steps, units = ("steps", xs[0][0]), ("units", self.units)
        terms = [self._both(steps, units, ("features+units", f + self.units)) for f in self._features(xs[0])]
        return terms[0] if len(terms) == 1 else Sum(*terms)

    def windows(self, *xs: Shape) -> tuple[View, ...] | None:
        return None


class LSTM(Recurrent, kind="lstm"):
    """Long short-term memory, a recurrent layer with four gates.

    It has 4*(units*(units + features) + units) parameters with one bias vector per gate, as in Keras. PyTorch's
    `torch.nn.LSTM` has two: write `bias: double`. Hochreiter & Schmidhuber 1997; Keras 3, `LSTM`.

    >>> sum(LSTM(units=32).weights(Shape((10, 16))).values())
    6272
    """

    elsewhere = "LSTMCell CuDNNLSTM"
    example = "100x300 -> lstm: 256"
    gates = 4


class GRU(Recurrent, kind="gru"):
    """Gated recurrent unit, a recurrent layer with three gates.

    It has 3*(units*(units + features) + units) parameters with one bias vector per gate. PyTorch, and Keras with its default
    `reset_after`, have two: write `bias: double`. Cho et al. 2014; Keras 3, `GRU`.

    >>> sum(GRU(units=32, bias="double").weights(Shape((7, 10))).values())
    4224
    """

    elsewhere = "GRUCell CuDNNGRU"
    example = "100x300 -> gru: 256"
    gates = 3


class RNN(Recurrent, kind="rnn"):
    """Plain recurrent layer.

    It has units*(units + features) + units parameters with one bias vector, as in Keras. PyTorch's `torch.nn.RNN` has two:
    write `bias: double`. Elman 1990; Keras 3, `SimpleRNN`.

    >>> sum(RNN(units=32).weights(Shape((7, 10))).values())
    1376
    """

    elsewhere = "SimpleRNN RNNCell vanillarnn"
    example = "100x300 -> rnn: 256"


class ConvLSTM(Layer, kind="convlstm"):
    """LSTM over images: each of its four gates is a convolution of the frame plus one of the state, which keeps its size.

    The input is steps x height x width x channels, or steps x width x channels. Every spatial axis of a frame becomes
    (W - F + 2P)/S + 1, and the channels become K. It has 4*F*F*C*K + 4*F*F*K*K weights and 4*K biases.
    Shi et al. 2015; Keras 3, `ConvLSTM2D`.

    >>> layer, video = ConvLSTM(filters=40, kernel=3, pad="same"), Shape((12, 40, 40, 1))
    >>> layer.out(video), sum(layer.weights(video).values()), int(layer.macs(video))
    ((12, 40, 40, 40), 59200, 1133568000)
    """

    families = ("recurrent", "convolution")

    elsewhere = "ConvLSTM2D ConvLSTM1D ConvLSTM3D conv_lstm"
    example = "12x40x40x1 -> convlstm: {filters: 40, kernel: 3, pad: same}"

    filters = Count("number of filters K", also=FILTER_NAMES)
    kernel = Sizes("window size F over a frame", also=KERNEL_NAMES)
    stride = Sizes("step S of the window over the frame", 1, also=STRIDE_NAMES)
    pad = Pad("zero padding P around a frame: a number, `same`, `valid`, or sides", 0, also=PAD_NAMES)
    dilation = Sizes("distance between the cells of the window", 1, also="dilations rate dilation_rate")
    returns = Choice(
        "state after every step, or only after the last one", "sequence last", "sequence", also="return_sequences"
    )
    bias = Flag("one bias per filter and gate", True, also="use_bias")

    def of_frame(self) -> Conv:
        """Return the convolution of a frame for all four gates.

        Raises:
            Problem: `bad-value` if a field does not suit a convolution.
        """
        return Conv(
            filters=4 * self.filters,
            kernel=self.kernel,
            stride=self.stride,
            pad=self.pad,
            dilation=self.dilation,
            bias=self.bias,
        )

    def frame(self, x: Shape) -> Shape:
        """Return the shape of one step.

        Raises:
            Problem: `needs-sequence`.
        """
        if not 3 <= len(x) <= 5:
            raise Problem(
                "needs-sequence",
                f"{self.kind} needs steps x height x width x channels, such as 12x40x40x1, but gets {x}",
                "put a `reshape:` to steps of frames before it",
            )
        return Shape(x[1:])

    def out(self, *xs: Shape) -> Shape:
        places = self.of_frame().lengths(self.frame(xs[0]))
        return Shape((*([xs[0][0]] if self.returns == "sequence" else []), *places, self.filters))

    def _window(self, x: Shape) -> list[tuple[str, int]]:
        return [("F", length) for length in each(self.kernel, self.frame(x), "kernel")]

    def weights(self, *xs: Shape) -> dict[str, Number]:
        window, gates = self._window(xs[0]), ("4K", 4 * self.filters)
        weights: dict[str, Number] = {
            "weight_ih": Product(*window, ("C", xs[0][-1]), gates),
            "weight_hh": Product(*window, ("K", self.filters), gates),
        }
        return {**weights, **({"bias": Product(gates)} if self.bias else {})}

    def macs(self, *xs: Shape) -> Number:
        x = xs[0]
        places = [("out", length) for length in self.of_frame().lengths(self.frame(x))]
        wide = ("C+K", x[-1] + self.filters)
        return Product(("steps", x[0]), *places, *self._window(x), wide, ("4K", 4 * self.filters))

    def windows(self, *xs: Shape) -> tuple[View, ...] | None:
        """Return None if the state reaches the whole frame within the steps, at (F - 1)/2 cells per step."""
        x, frame = xs[0], self.frame(xs[0])
        places = zip(each(self.kernel, frame, "kernel"), self.of_frame().lengths(frame), strict=True)
        everywhere = all((kernel - 1) // 2 * (x[0] - 1) >= length - 1 for kernel, length in places)
        return None if everywhere else (Blur(),)

    def notes(self, *xs: Shape) -> list[tuple[str, str]]:
        return self.of_frame().notes(self.frame(xs[0]))
