"""Base of the layers that slide a window: padding on every side, one window per spatial axis, notes on rounding."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from cnncalc.layers.base import Layer, divisors
from cnncalc.layers.fields.sizes import SIDES, each
from cnncalc.problem import Problem
from cnncalc.shape import Shape, Window
from cnncalc.text import plural, quoted, show

KERNEL_NAMES = "kernel_size kernel_shape kernel_h ksize pool_size window filter_size F size"
STRIDE_NAMES = "strides S step subsample"
PAD_NAMES = "padding pads P border_mode"


def spatial(layer: Layer, x: Shape) -> int:
    """Return the number of spatial axes of the input of a windowed layer.

    Raises:
        Problem: `needs-image` for a vector, or for more than three spatial axes.
    """
    if 1 <= len(x) - 1 <= 3:
        return len(x) - 1
    if len(x) == 1:
        raise Problem(
            "needs-image",
            f"{layer.kind} slides a window over an image or a sequence, but gets a vector of {x[0]}",
            "move it before the layer that turns its input into a vector, or put a `reshape:` between the two",
        )
    raise Problem("needs-image", f"{layer.kind} works on one to three spatial axes, but gets {x}")


def sides(layer: Layer, pad: int | str | tuple[int, ...] | dict[str, int], x: Shape) -> tuple[tuple[int, int], ...]:
    """Return the padding before and after every spatial axis, for any padding except `same`."""
    rank = len(x) - 1
    if type(pad) is int:
        return ((pad, pad),) * rank
    if isinstance(pad, dict):
        pads = [[0, 0] for _ in range(rank)]
        for side, cells in pad.items():
            axis, end = SIDES[side]
            if -axis > rank or ((side in ("start", "end")) is not (rank == 1) and side not in ("left", "right")):
                order = ("front", "back", "top", "bottom", "left", "right")
                names = ("start", "end") if rank == 1 else [name for name in order if -SIDES[name][0] <= rank]
                its = quoted(names, "and")
                raise Problem(
                    "bad-value", f"an input of {x} has no {show(side)} side", f"its sides are {its}", field="pad"
                )
            pads[axis][end] = cells
        return tuple((before, after) for before, after in pads)
    assert not isinstance(pad, str)
    return tuple((cells, cells) for cells in each(pad, x, "pad"))


def room_for(layer: Layer, mode: str, pads: Sequence[tuple[int, int]], x: Shape) -> None:
    """Check that an input is large enough for its padding to mirror it or wrap around.

    Raises:
        Problem: `pad-too-large`.
    """
    for (before, after), width in zip(pads, x, strict=False):
        most = {"reflect": width - 1, "circular": width}.get(mode, max(before, after))
        if max(before, after) > most:
            verb = "mirrored" if mode == "reflect" else "wrapped around"
            raise Problem(
                "pad-too-large",
                f"{layer.kind}: {max(before, after)} cells cannot be {verb} from an axis of length {width}",
                f"pad by at most {most}",
                field="by" if "by" in layer.fields else "pad",
            )


def same(width: int, reach: int, stride: int) -> tuple[int, int]:
    """Return the zeros before and after an axis that make its output ceil(W/S), an odd one after (TensorFlow, "SAME").

    >>> same(224, 3, 2)
    (0, 1)
    """
    total = max((-(-width // stride) - 1) * stride + reach - width, 0)
    return total // 2, total - total // 2


class Windowed(Layer):
    """Base of convolutions and poolings, with one window per spatial axis."""

    kernel: Any
    stride: Any
    pad: Any
    dilation: Any = 1
    ceil: Any = False
    mode: Any = "zeros"

    def windows(self, *xs: Shape) -> tuple[Window, ...]:
        """Return one window per spatial axis, with the padding as numbers.

        Raises:
            Problem: `needs-image`, or `bad-value` if a field has another number of axes.
        """
        key = ("windows", xs[0])
        windows: tuple[Window, ...] | None = self.cache.get(key)
        if windows is None:
            windows = self.cache[key] = self._windows(xs[0])
        return windows

    def _windows(self, x: Shape) -> tuple[Window, ...]:
        rank = spatial(self, x)
        kernel, stride, pad, dilation, ceil = (
            self.kernel,
            self.stride or self.kernel,
            self.pad,
            self.dilation,
            self.ceil,
        )
        if type(kernel) is type(stride) is type(pad) is type(dilation) is int:
            windows = (Window(kernel, stride, pad, pad, dilation, ceil),) * rank
        else:
            kernels, strides = each(kernel, x, "kernel"), each(stride, x, "stride")
            dilations = each(dilation, x, "dilation")
            if pad == "same":
                pads = tuple(same(x[i], dilations[i] * (kernels[i] - 1) + 1, strides[i]) for i in range(rank))
            elif pad == "causal":
                if rank != 1:
                    raise Problem(
                        "bad-value",
                        f"{self.kind}: `pad: causal` is for sequences, but the input is {x}",
                        "name the sides, as in `pad: {top: 2, bottom: 0}`",
                        field="pad",
                    )
                pads = ((dilations[0] * (kernels[0] - 1), 0),)
            else:
                pads = sides(self, pad, x)
            windows = tuple(Window(kernels[i], strides[i], *pads[i], dilations[i], ceil) for i in range(rank))
        if self.mode != "zeros":
            room_for(self, self.mode, [(window.before, window.after) for window in windows], x)
        return windows

    def lengths(self, x: Shape) -> list[int]:
        """Return the spatial lengths of the output."""
        key = ("lengths", x)
        lengths: list[int] | None = self.cache.get(key)
        if lengths is None:
            windows = self.windows(x)
            lengths = self.cache[key] = [window.out(width) for window, width in zip(windows, x, strict=False)]
        return lengths

    def notes(self, *xs: Shape) -> list[tuple[str, str]]:
        x = xs[0]
        left = [window.remainder(width) for window, width in zip(self.windows(x), x, strict=False)]
        if self.pad != "same" and not any(left):
            return []
        axes_of: dict[str, tuple[str, list[str]]] = {}
        for window, width, axis in zip(self.windows(x), x, x.axes, strict=False):
            for code, sentence in _window_notes(window, width, self.pad == "same"):
                axes_of.setdefault(sentence, (code, []))[1].append(axis)
        return [(code, f"{' and '.join(axes)}: {sentence}") for sentence, (code, axes) in axes_of.items()]


def _window_notes(window: Window, width: int, by_same: bool) -> list[tuple[str, str]]:
    left = window.remainder(width)
    notes = []
    if by_same and window.before != window.after:
        notes.append(
            ("uneven-padding", f"`same` adds {window.before} before and {window.after} after, as in TensorFlow")
        )
    if left > 0:
        unread = max(left - window.after, 0)
        cells = "cell of the input is" if unread == 1 else f"{unread} cells of the input are"
        rest = f"the last {cells} not read" if unread else "only padding is not read"
        notes.append(
            (
                "rounded-down",
                f"{window.numbers(width)} = {window.quotient(width)}, rounded down to {window.out(width)}; {rest}",
            )
        )
    elif left < 0:
        notes.append(
            (
                "rounded-up",
                f"{window.numbers(width)} = {window.quotient(width)}, rounded up to {window.out(width)}; "
                f"the last window extends {plural(-left, 'cell')} beyond the padded input",
            )
        )
    return notes


def split(layer: Layer, groups: int, channels: int, what: str) -> int:
    """Return the number of channels in each group.

    Raises:
        Problem: `groups-do-not-divide`.
    """
    each_group, rest = divmod(channels, groups)
    if rest:
        raise Problem(
            "groups-do-not-divide",
            f"{layer.kind}: {channels} {what} cannot be split into {groups} groups: "
            f"{channels} = {groups}*{each_group} + {rest}",
            divisors(channels, groups, what, "groups"),
            field="groups",
        )
    return each_group
