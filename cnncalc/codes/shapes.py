"""Codes about shapes that do not fit."""

from __future__ import annotations

from cnncalc.codes.page import Code

CODES = {
    "ambiguous-input": Code(
        "The input shape could mean channels x height x width, as in PyTorch, or height x width x channels, as in "
        "Keras. cnncalc uses height x width x channels and does not guess.",
        "input: [3, 224, 224]\nlayers:\n  - fc: 10\n",
        "input: 224x224x3\nlayers:\n  - fc: 10\n",
    ),
    "groups-do-not-divide": Code(
        "Channels, filters or features cannot be split evenly into the given number of groups or heads.",
        "input: 32x32x3\nlayers:\n  - conv: {filters: 6, kernel: 3, groups: 2}\n",
        "input: 32x32x3\nlayers:\n  - conv: {filters: 6, kernel: 3, groups: 3}\n",
    ),
    "needs-image": Code(
        "The layer needs an image, a sequence or a volume, but its input is a vector or has more axes than the "
        "layer supports. `fc`, `flatten` and global pooling produce a vector.",
        """\
input: 32x32x3
layers:
  - fc: 100
  - conv: {filters: 6, kernel: 3}
""",
        """\
input: 32x32x3
layers:
  - conv: {filters: 6, kernel: 3}
  - fc: 100
""",
    ),
    "needs-sequence": Code(
        "The layer needs a sequence of steps x features, such as 100x300, but its input has a different kind of shape.",
        "input: 14x14x768\nlayers:\n  - attention: 12\n",
        """\
input: 14x14x768
layers:
  - reshape: 196x768
  - attention: 12
""",
    ),
    "pad-too-large": Code(
        "The padding is larger than the layer allows. A pooling window must not cover only padding. Padding that "
        "mirrors the input or wraps around it cannot use more cells than the input has.",
        "input: 32x32x1\nlayers:\n  - maxpool: {kernel: 2, pad: 2}\n",
        "input: 32x32x1\nlayers:\n  - maxpool: {kernel: 2, pad: 1}\n",
    ),
    "shapes-differ": Code(
        "The shapes of values that are combined do not match. `add` and `residual` need the same size on every "
        "axis. `concat` needs the same size on every axis except the one it joins.",
        """\
input: 32x32x16
layers:
  - residual:
      - conv: {filters: 32, kernel: 3, pad: 1, stride: 2}
      - batchnorm
""",
        """\
input: 32x32x16
layers:
  - residual:
      main:
        - conv: {filters: 32, kernel: 3, pad: 1, stride: 2}
        - batchnorm
      projection:
        - conv: {filters: 32, kernel: 1, stride: 2}
""",
    ),
    "shares-differ": Code(
        "A step with `share` does not match the step whose weights it reuses. Both must have the same kinds of "
        "layers, with weights of the same shapes.",
        """\
input: 32x32x3
layers:
  - {conv: {filters: 8, kernel: 3}, as: first}
  - {conv: {filters: 8, kernel: 3}, share: first}
""",
        """\
input: 32x32x8
layers:
  - {conv: {filters: 8, kernel: 3}, as: first}
  - {conv: {filters: 8, kernel: 3}, share: first}
""",
    ),
    "sizes-differ": Code(
        "The new shape of a `reshape` does not hold as many numbers as its input. Reshaping only rearranges numbers.",
        "input: 14x14x768\nlayers:\n  - reshape: 196x512\n",
        "input: 14x14x768\nlayers:\n  - reshape: 196x768\n",
    ),
    "window-does-not-fit": Code(
        "The window of a convolution or pooling is larger than its padded input, so (W - F + 2P)/S + 1 is less "
        "than 1. Often, earlier layers have made the image smaller than expected.",
        """\
input: 8x8x3
layers:
  - conv: {filters: 6, kernel: 5}
  - conv: {filters: 6, kernel: 5}
""",
        """\
input: 8x8x3
layers:
  - conv: {filters: 6, kernel: 5, pad: 2}
  - conv: {filters: 6, kernel: 5}
""",
    ),
}
