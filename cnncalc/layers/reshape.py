"""Layers without parameters that move, cut, repeat or add cells."""

from __future__ import annotations

from cnncalc.layers.base import Layer
from cnncalc.layers.fields import Choice, Count, Name
from cnncalc.layers.fields.sizes import Axes, Pad, Sizes, To, each
from cnncalc.layers.merge import axis_number
from cnncalc.layers.operations import AS_IT_COMES, FULL, NEW, Op, view_operations
from cnncalc.layers.sized_like import SizedLike
from cnncalc.layers.views import Crop, Mixed, Moved, Resample, View, only_units_move, reshape_views, resize_views
from cnncalc.layers.window import room_for, sides, spatial, split
from cnncalc.problem import Problem
from cnncalc.shape import Shape, Window
from cnncalc.text import plural

MODES = "nearest linear bilinear bicubic trilinear area"
RANK = {"linear": 1, "bilinear": 2, "bicubic": 2, "trilinear": 3}


class Flatten(Layer, kind="flatten"):
    """All numbers of the input as one vector. `fc` flattens its input itself.

    >>> Flatten().out(Shape((7, 7, 512)))
    (25088,)
    """

    elsewhere = "view ravel squeeze"
    example = "7x7x512 -> flatten"
    in_place = True

    def out(self, *xs: Shape) -> Shape:
        return Shape((xs[0].size,))

    def windows(self, *xs: Shape) -> tuple[View, ...] | None:
        return reshape_views(xs[0], Shape((xs[0].size,)))

    def operations(self, training: bool, *xs: Shape) -> list[Op] | None:
        return view_operations(xs[0].size)


class Reshape(Layer, kind="reshape"):
    """The same numbers in another shape.

    >>> Reshape(to=(196, 768)).out(Shape((14, 14, 768)))
    (196, 768)
    """

    elsewhere = "unflatten resize_as target_shape"
    example = "14x14x768 -> reshape: 196x768"
    in_place = True

    to = To("new shape", also="shape target_shape target size")

    def out(self, *xs: Shape) -> Shape:
        to = Shape(self.to)
        if to.size != xs[0].size:
            raise Problem(
                "sizes-differ",
                f"reshape: {xs[0]} has {xs[0].size:,} numbers, but {to} has {to.size:,}",
                f"choose a shape with {xs[0].size:,} numbers",
                field="to",
            )
        return to

    def windows(self, *xs: Shape) -> tuple[View, ...] | None:
        return reshape_views(xs[0], Shape(self.to))

    def operations(self, training: bool, *xs: Shape) -> list[Op] | None:
        return view_operations(xs[0].size)


class Permute(Layer, kind="permute"):
    """The axes in another order. They are counted from 0 as they are printed.

    >>> Permute(axes=(1, 0)).out(Shape((100, 300)))
    (300, 100)
    """

    elsewhere = "transpose swapaxes movedim"
    example = "100x300 -> permute: 1x0"
    in_place = True

    axes = Axes("new order of the axes, counted from 0", also="dims order perm")

    def out(self, *xs: Shape) -> Shape:
        if len(self.axes) != len(xs[0]):
            raise Problem(
                "bad-value",
                f"permute lists {len(self.axes)} axes, but {xs[0]} has {len(xs[0])}",
                f"list every axis from 0 to {len(xs[0]) - 1} once",
                field="axes",
            )
        return Shape(xs[0][axis] for axis in self.axes)

    def windows(self, *xs: Shape) -> tuple[View, ...] | None:
        *places, channels = self.axes
        if list(self.axes) == sorted(self.axes):
            return ()
        if channels == len(places):
            return (Moved(tuple(places)),)
        return reshape_views(xs[0], self.out(xs[0])) if only_units_move(xs[0], self.axes) else (Mixed(),)

    def operations(self, training: bool, *xs: Shape) -> list[Op] | None:
        return view_operations(xs[0].size)


class Slice(Layer, kind="slice"):
    """A part of the input along one axis, from `start` up to but not including `stop`.

    >>> Slice(stop=58).out(Shape((28, 28, 116)))
    (28, 28, 58)
    """

    elsewhere = "narrow chunk split StridedSlice"
    example = "28x28x116 -> slice: 58"
    in_place = True

    stop = Count("first cell after the part", also="end ends")
    start = Count("first cell of the part", 0, also="starts begin", least=0)
    axis = Choice("axis to cut", "channels steps height width depth", "channels", also="dim axes")
    step = Count("distance between the cells that are taken", 1, also="steps")

    def out(self, *xs: Shape) -> Shape:
        axis = axis_number(self.axis, xs[0])
        length = xs[0][axis]
        if not self.start < self.stop <= length:
            raise Problem(
                "bad-value",
                f"slice from {self.start} to {self.stop} is not within the {length} cells of the axis {self.axis}",
                f"choose a stop of at most {length}, and a start below the stop",
                field="stop",
            )
        return Shape((*xs[0][:axis], -(-(self.stop - self.start) // self.step), *xs[0][axis + 1 :]))

    def windows(self, *xs: Shape) -> tuple[View, ...] | None:
        if self.axis == "channels":
            return ()
        cut = xs[0].axes.index(self.axis)
        return tuple(Crop(self.start, self.step) if axis == cut else Crop(0) for axis in range(xs[0].rank))

    def operations(self, training: bool, *xs: Shape) -> list[Op] | None:
        return [Op([0], self.out(xs[0]).size, [NEW], alias=0)]


class ChannelShuffle(Layer, kind="channelshuffle"):
    """The channels of all groups, interleaved. Zhang et al. 2017, ShuffleNet; PyTorch 2, `torch.nn.ChannelShuffle`.

    >>> ChannelShuffle(groups=2).out(Shape((28, 28, 116)))
    (28, 28, 116)
    """

    elsewhere = "channel_shuffle shuffle"
    example = "28x28x116 -> channelshuffle: 2"

    groups = Count("number of groups into which the channels are split", also="group")

    def out(self, *xs: Shape) -> Shape:
        spatial(self, xs[0])
        split(self, self.groups, xs[0][-1], "channels")
        return xs[0]

    def operations(self, training: bool, *xs: Shape) -> list[Op] | None:
        return [Op([0], self.out(xs[0]).size, [NEW])]


class PixelShuffle(Layer, kind="pixelshuffle"):
    """Rearrangement of channels into space: H x W x C becomes rH x rW x C/r^2. Shi et al. 2016.

    PyTorch 2, `torch.nn.PixelShuffle`.

    >>> PixelShuffle(factor=2).out(Shape((28, 28, 64)))
    (56, 56, 16)
    """

    elsewhere = "depth_to_space DepthToSpace subpixel"
    example = "28x28x64 -> pixelshuffle: 2"

    factor = Count("factor r by which height and width grow", also="upscale_factor block_size", most=1000)

    def out(self, *xs: Shape) -> Shape:
        x, r = xs[0], self.factor
        if len(x) != 3:
            raise Problem("needs-image", f"pixelshuffle needs height x width x channels, but gets {x}")
        if x[2] % (r * r):
            raise Problem(
                "groups-do-not-divide",
                f"pixelshuffle: {x[2]} channels cannot be split into {r}*{r} = {r * r} groups: "
                f"{x[2]} = {r * r}*{x[2] // (r * r)} + {x[2] % (r * r)}",
                f"choose a factor whose square divides {x[2]}",
                field="factor",
            )
        return Shape((x[0] * r, x[1] * r, x[2] // (r * r)))

    def windows(self, *xs: Shape) -> tuple[View, ...] | None:
        return (Resample(self.factor, 1), Resample(self.factor, 1))

    def operations(self, training: bool, *xs: Shape) -> list[Op] | None:
        return [Op([0], self.out(xs[0]).size, [NEW])]


class PixelUnshuffle(Layer, kind="pixelunshuffle"):
    """Rearrangement of space into channels: H x W x C becomes H/r x W/r x C*r^2. It is the opposite of `pixelshuffle`.

    Redmon & Farhadi 2016, the passthrough layer of YOLOv2 (Darknet, `[reorg]`); PyTorch 2, `torch.nn.PixelUnshuffle`.

    >>> PixelUnshuffle(factor=2).out(Shape((26, 26, 64)))
    (13, 13, 256)
    """

    elsewhere = "reorg space_to_depth SpaceToDepth"
    example = "26x26x64 -> pixelunshuffle: 2"

    factor = Count("factor r by which height and width shrink", also="downscale_factor block_size", most=1000)

    def out(self, *xs: Shape) -> Shape:
        x, r = xs[0], self.factor
        if len(x) != 3:
            raise Problem("needs-image", f"pixelunshuffle needs height x width x channels, but gets {x}")
        for axis, width in zip(x.axes, x, strict=False):
            if width % r:
                raise Problem(
                    "groups-do-not-divide",
                    f"pixelunshuffle: the {axis} {width} cannot be split into blocks of {r}: "
                    f"{width} = {r}*{width // r} + {width % r}",
                    f"choose a factor that divides {width}",
                    field="factor",
                )
        return Shape((x[0] // r, x[1] // r, x[2] * r * r))

    def windows(self, *xs: Shape) -> tuple[View, ...] | None:
        return (Window(self.factor, self.factor),) * 2

    def operations(self, training: bool, *xs: Shape) -> list[Op] | None:
        return [Op([0], xs[0].size, [NEW])]


class Padding(SizedLike, kind="pad"):
    """Padding around the input, with zeros or with mirrored, repeated or wrapped cells. PyTorch 2, `torch.nn.functional.pad`.

    With `like` it pads the input to the size of another value, half on each side. An odd cell goes after the input.

    >>> Padding(by=2).out(Shape((28, 28, 1)))
    (32, 32, 1)
    >>> Padding(like="skip").sides(Shape((44, 44, 8)), Shape((45, 47, 8)))
    ((0, 1), (1, 2))
    """

    elsewhere = (
        "ZeroPadding2D ZeroPadding1D ZeroPadding3D ZeroPad2d ReflectionPad2d ReplicationPad2d ConstantPad2d "
        "CircularPad2d pad_to pad_like"
    )
    example = "28x28x1 -> pad: 2"
    size_fields = ("by",)

    by = Pad("number of cells to add: one number, one per axis, or sides", None, also="padding pad pads P", words="")
    mode = Choice("values of the new cells", "zeros reflect replicate circular", "zeros", also="padding_mode")

    def sides(self, *xs: Shape) -> tuple[tuple[int, int], ...]:
        """Return the number of cells added before and after every spatial axis.

        Raises:
            Problem: `pad-too-large` if there are too few cells to mirror, or `bad-value` if the input is larger than `like`.
        """
        x = xs[0]
        spatial(self, x)
        wanted = self.reference_size(*xs)
        if wanted is None:
            pads = sides(self, self.by, x)
        else:
            more = [length - width for length, width in zip(wanted, x, strict=False)]
            if min(more) < 0:
                text = f"pad: {x} is larger than `{self.like}`, which is {xs[1]}"
                raise Problem("bad-value", text, f"write `crop: {self.like}` to make it smaller", field="like")
            pads = tuple((cells // 2, cells - cells // 2) for cells in more)
        room_for(self, self.mode, pads, x)
        return pads

    def out(self, *xs: Shape) -> Shape:
        pads = self.sides(*xs)
        return Shape((*[a + width + b for (a, b), width in zip(pads, xs[0], strict=False)], xs[0][-1]))

    def windows(self, *xs: Shape) -> tuple[View, ...] | None:
        return tuple(Crop(-before) for before, _ in self.sides(*xs))

    def operations(self, training: bool, *xs: Shape) -> list[Op] | None:
        if self.mode == "circular":
            return None
        return [Op([0], self.out(*xs).size, [NEW], saves=[] if self.mode == "zeros" else [0])]


class CropLike(Layer, kind="crop"):
    """Center crop of the input to the size of another value. Ronneberger et al. 2015, U-Net.

    >>> CropLike(like="up").out(Shape((64, 64, 512)), Shape((56, 56, 512)))
    (56, 56, 512)
    """

    elsewhere = "center_crop CenterCrop Cropping2D Cropping1D"
    example = "64x64x512 -> seq: [{maxpool: 2, as: half}, {crop: half, from: input}]"
    inputs = 2
    reference_inputs = 1
    in_place = True

    like = Name("earlier value whose height and width the output takes", also="to size reference")

    def out(self, *xs: Shape) -> Shape:
        x, like = xs
        if len(x) != len(like) or any(a > b for a, b in zip(like[:-1], x, strict=False)):
            raise Problem(
                "window-does-not-fit",
                f"crop: {x} cannot be cropped to the size of {like}",
                "crop the larger value to the smaller one",
                field="like",
            )
        return Shape((*like[:-1], x[-1]))

    def windows(self, *xs: Shape) -> tuple[View, ...] | None:
        return tuple(Crop((a - b) // 2) for a, b in zip(xs[0][:-1], xs[1][:-1], strict=True))

    def operations(self, training: bool, *xs: Shape) -> list[Op] | None:
        if xs[0].rank != 2:
            return None
        rows = xs[1][0] * xs[0][1] * xs[0][2]
        return [Op([0, 1], rows, [NEW, ""], alias=0), Op([2], self.out(*xs).size, [NEW], alias=0)]


class ChannelPad(Layer, kind="channelpad"):
    """Padding with channels of zeros, up to `to` channels. He et al. 2015, shortcut option A.

    >>> ChannelPad(to=32).out(Shape((16, 16, 16)))
    (16, 16, 32)
    """

    elsewhere = "pad_channels"
    example = "16x16x16 -> channelpad: 32"

    to = Count("number of channels of the output", also="channels filters")

    def out(self, *xs: Shape) -> Shape:
        if self.to < xs[0][-1]:
            raise Problem(
                "bad-value",
                f"channelpad to {self.to} channels, but the input already has {xs[0][-1]}",
                "use `slice:` to drop channels",
                field="to",
            )
        return Shape((*xs[0][:-1], self.to))

    def operations(self, training: bool, *xs: Shape) -> list[Op] | None:
        return [Op([0], self.out(xs[0]).size, [NEW])]


def _mode(layer: Layer, mode: str, x: Shape) -> None:
    rank = spatial(layer, x)
    if RANK.get(mode, rank) != rank:
        fits = next((word for word, axes in RANK.items() if axes == rank), "nearest")
        raise Problem(
            "bad-value",
            f"{layer.kind}: mode {mode} is for {plural(RANK[mode], 'spatial axis', 'spatial axes')}, but {x} has {rank}",
            f"use `{fits}`",
            field="mode",
        )


def resize_operations(mode: str, out: Shape) -> list[Op]:
    """Return the memory operation of a resizing.

    In mode `area` it is an adaptive average pooling, which saves its input and is not cast.
    """
    area = mode == "area" and out.size > out.channels
    return [Op([0], out.size, [NEW], saves=[0] if area else [], casts=AS_IT_COMES if mode == "area" else FULL)]


class Upsample(SizedLike, kind="upsample"):
    """Upsampling of every spatial axis by `factor`, or to the length of another value. No parameters.

    PyTorch 2, `torch.nn.Upsample(scale_factor)`, and `torch.nn.functional.interpolate(size)` for `like`.

    >>> Upsample(factor=2).out(Shape((13, 13, 256)))
    (26, 26, 256)
    """

    elsewhere = "UpSampling2D UpSampling1D UpSampling3D UpsamplingNearest2d UpsamplingBilinear2d"
    example = "13x13x256 -> upsample: 2"
    size_fields = ("factor",)

    factor = Sizes("factor by which every axis grows", None, also="scale_factor scale size scales stride")
    mode = Choice("interpolation of the new cells", MODES, "nearest", also="interpolation")

    def out(self, *xs: Shape) -> Shape:
        x = xs[0]
        _mode(self, self.mode, x)
        lengths = self.reference_size(*xs)
        if lengths is None:
            factors = each(self.factor, x, "factor")
            lengths = tuple(factor * width for factor, width in zip(factors, x, strict=False))
        elif any(length < width for length, width in zip(lengths, x, strict=False)):
            text = f"upsample: {x} is larger than `{self.like}`, which is {xs[1]}"
            raise Problem("bad-value", text, f"write `resize: {{like: {self.like}}}` to make it smaller", field="like")
        return Shape((*lengths, x[-1]))

    def windows(self, *xs: Shape) -> tuple[View, ...] | None:
        return resize_views(self.mode, xs[0], self.out(*xs))

    def operations(self, training: bool, *xs: Shape) -> list[Op] | None:
        return resize_operations(self.mode, self.out(*xs))


class Resize(SizedLike, kind="resize"):
    """Resizing of every spatial axis to a given length, or to that of another value. No parameters.

    PyTorch 2, `torch.nn.functional.interpolate(size)`.

    >>> Resize(to=(64, 48)).out(Shape((13, 13, 256)))
    (64, 48, 256)
    """

    elsewhere = "interpolate Resizing resize_bilinear resize_like"
    example = "13x13x256 -> resize: {to: 52x52, mode: bilinear}"
    size_fields = ("to",)

    to = To("new lengths: `52` or `52x52`", None, also="size output_size target", axes=True)
    mode = Choice("interpolation of the new cells", MODES, "nearest", also="interpolation")

    def out(self, *xs: Shape) -> Shape:
        x = xs[0]
        _mode(self, self.mode, x)
        lengths = self.reference_size(*xs)
        if lengths is None:
            lengths = each(self.to[0] if len(self.to) == 1 else self.to, x, "to")
        return Shape((*lengths, x[-1]))

    def windows(self, *xs: Shape) -> tuple[View, ...] | None:
        return resize_views(self.mode, xs[0], self.out(*xs))

    def operations(self, training: bool, *xs: Shape) -> list[Op] | None:
        return resize_operations(self.mode, self.out(*xs))
