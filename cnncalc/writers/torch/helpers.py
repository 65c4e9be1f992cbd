"""Classes that exported source contains because torch.nn does not have them."""

from __future__ import annotations

_RECURRENT = '''class OneBias{0}(OneBias, nn.{0}):
    """nn.{0} with one bias vector per gate."""
'''
HELPERS = {
    "Local": '''class Local(nn.Module):
    """A convolution with different filters at every position of the output."""

    def __init__(
        self, channels: int, filters: int, kernel: tuple[int, ...], stride: tuple[int, ...], places: tuple[int, ...],
        bias: bool = True,
    ) -> None:
        super().__init__()
        self.windows, self.places = list(zip(kernel, stride)), places
        count, cells = torch.Size(places).numel(), channels * torch.Size(kernel).numel()
        self.weight = nn.Parameter(0.02 * torch.randn(count, cells, filters))
        self.bias = nn.Parameter(torch.zeros(filters, *places)) if bias else None

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        rank = len(self.places)
        for axis, (kernel, stride) in enumerate(self.windows):
            x = x.unfold(axis + 2, kernel, stride)
        order = (*range(2, rank + 2), 0, 1, *range(rank + 2, 2 * rank + 2))
        x = x.permute(order).flatten(rank + 1).flatten(0, rank - 1)  # places x N x cells under the window
        x = torch.bmm(x, self.weight).permute(1, 2, 0).unflatten(2, self.places)
        return x if self.bias is None else x + self.bias
''',
    "Standardize": '''class Standardize(nn.Module):
    """Normalization by precomputed mean and variance; the tensor has `axes` axes after the channels."""

    def __init__(self, channels: int, axes: int = 0) -> None:
        super().__init__()
        self.shape = (channels, *[1] * axes)
        self.register_buffer("mean", torch.zeros(channels))
        self.register_buffer("variance", torch.ones(channels))
        self.register_buffer("count", torch.zeros(()))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return (x - self.mean.view(self.shape)) / self.variance.view(self.shape).sqrt().clamp_min(1e-7)
''',
    "ConvLSTM": '''class ConvLSTM(nn.Module):
    """An LSTM with convolutions as its products, over frames of `axes` axes: N x channels x steps x height x width."""

    def __init__(
        self, axes: int, channels: int, filters: int, kernel: int | tuple[int, ...], stride: int | tuple[int, ...] = 1,
        pads: tuple[int, ...] = (0, 0), dilation: int | tuple[int, ...] = 1, bias: bool = True, last: bool = False,
    ) -> None:
        super().__init__()
        conv = (nn.Conv1d, nn.Conv2d, nn.Conv3d)[axes - 1]
        self.pads, self.last = pads, last
        self.ih = conv(channels, 4 * filters, kernel, stride=stride, dilation=dilation, bias=bias)
        self.hh = conv(filters, 4 * filters, kernel, padding="same", bias=False)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        h, c, states = None, None, []
        for frame in x.unbind(2):
            gates = self.ih(F.pad(frame, self.pads))
            if h is None:
                h = c = torch.zeros_like(gates[:, : gates.shape[1] // 4])
            i, f, g, o = (gates + self.hh(h)).chunk(4, 1)
            c = f.sigmoid() * c + i.sigmoid() * g.tanh()
            h = o.sigmoid() * c.tanh()
            states.append(h)
        return h if self.last else torch.stack(states, 2)
''',
    "Positional": '''class Positional(nn.Module):
    """A learned table that is added to the input."""

    def __init__(self, *lengths: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(0.02 * torch.randn(lengths))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x + self.weight
''',
    "ClassToken": '''class ClassToken(nn.Module):
    """A learned token before a sequence."""

    def __init__(self, features: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(1, 1, features))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return torch.cat((self.weight.expand(x.shape[0], -1, -1), x), dim=1)
''',
    "Scale": '''class Scale(nn.Module):
    """One learned factor per channel, and an offset if `bias`; the tensor has `axes` axes after the channels."""

    def __init__(self, channels: int, axes: int = 0, bias: bool = False) -> None:
        super().__init__()
        self.shape = (channels, *[1] * axes)
        self.weight = nn.Parameter(torch.ones(channels))
        self.bias = nn.Parameter(torch.zeros(channels)) if bias else None

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = x * self.weight.view(self.shape)
        return x if self.bias is None else x + self.bias.view(self.shape)
''',
    "ElementPReLU": '''class ElementPReLU(nn.Module):
    """A leaky ReLU with a learned slope for every element."""

    def __init__(self, *lengths: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.full(lengths, 0.25))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return torch.where(x >= 0, x, x * self.weight)
''',
    "DropPath": '''class DropPath(nn.Module):
    """Stochastic depth: in training, the branch of an example is dropped at random."""

    def __init__(self, rate: float) -> None:
        super().__init__()
        self.rate = rate

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        if not self.training or self.rate == 0:
            return x
        kept = torch.rand(x.shape[0], *[1] * (x.dim() - 1), device=x.device) >= self.rate
        return x * kept / max(1 - self.rate, 1e-12)
''',
    "OneBias": '''class OneBias:
    """One bias vector per gate, as in textbooks and Keras: the second one of torch.nn is zero and not a parameter."""

    def __init__(self, *args: int, **kwargs: bool) -> None:
        super().__init__(*args, **kwargs)
        for name in [name for name in self._flat_weights_names if name.startswith("bias_hh")]:
            zeros = torch.zeros_like(getattr(self, name).detach())
            delattr(self, name)
            self.register_buffer(name, zeros, persistent=False)
        self._flat_weights = [getattr(self, name) for name in self._flat_weights_names]
''',
    **{f"OneBias{name}": _RECURRENT.format(name) for name in ("LSTM", "GRU", "RNN")},
}
