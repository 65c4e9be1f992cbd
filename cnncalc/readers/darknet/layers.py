"""Darknet's sections without state: convolutions, poolings, routes, shortcuts and detection heads."""

from __future__ import annotations

from cnncalc.layers import activation as act
from cnncalc.layers.base import Layer
from cnncalc.layers.conv import Conv, Local
from cnncalc.layers.dense import FC
from cnncalc.layers.merge import Add, Concat, Mul
from cnncalc.layers.norm import LRN, BatchNorm, Scale
from cnncalc.layers.pool import AdaptiveAvgPool, AvgPool, MaxPool
from cnncalc.layers.reshape import ChannelPad, PixelShuffle, PixelUnshuffle, Reshape, Slice, Upsample
from cnncalc.readers.darknet.base import ALIASES, SectionReader, Steps
from cnncalc.readers.darknet.cfg import LARGEST


class Sections(SectionReader):
    """One method for each kind of section. Each returns the index of the section's output value."""

    def convolutional(self) -> int:
        section = self.section
        filters = section.integer("filters", 1, 1)
        norm = self.norm()
        conv = self.window(1)(filters, 1, not norm)
        blur: Steps = []
        smooth = section.integer("antialiasing", 0)
        if smooth:  # a fixed blur, which has the stride instead of the convolution
            kernel, pad = (2, 0) if smooth == 2 else (3, 1)
            blur = [("blur", AvgPool(kernel=kernel, stride=conv.stride, pad=pad))]
            conv = self._without_stride(conv)
        steps = [("conv", conv), *norm, *self.activation(), *blur]
        first = len(self.builder.nodes)
        source = self.image()
        shift = len(self.builder.nodes) - first
        value = self.chain(source, steps)
        self.weighted[-1] = first + shift
        if "share_index" in section.options:
            self._share(first + shift, section.integer("share_index", 0, -LARGEST))
        return value

    def _without_stride(self, conv: Conv) -> Conv:
        return Conv(**{**conv.nondefault_fields, "stride": 1})

    def _share(self, first: int, index: int) -> None:
        self.output_of(index, "share_index")
        place = index + self.section.index if index < 0 else index
        owner = self.weighted[place]
        if owner is None:
            text = f"shares weights with layer {place}, which is not a convolution"
            raise self.section.problem("bad-value", text, "name a [convolutional] section", "share_index")
        nodes = self.builder.nodes
        for node in range(first, len(nodes)):
            twin = owner + node - first
            if node == first or nodes[node].kind == nodes[twin].kind == "batchnorm":
                self.builder.share(node, twin)

    def local(self) -> int:
        section = self.section
        size = section.integer("size", 1, 1)
        pad = size // 2 if section.integer("pad", 0) else 0
        if pad and size % 2 == 0:
            raise section.problem("bad-value", f"cannot pad a window of even size {size}", "use an odd size", "size")
        filters, stride = section.integer("filters", 1, 1), section.integer("stride", 1, 1)
        layer = Local(filters=filters, kernel=size, stride=stride, pad=pad)
        return self.chain(self.image(), [("local", layer), *self.activation()])

    def pool(self, kind: type[MaxPool] | type[AvgPool]) -> int:
        section = self.section
        strides = self.strides()
        size = section.integer("size", section.integer("stride", 1, 1), 1)
        total = section.integer("padding", size - 1)
        if section.integer("maxpool_depth", 0):
            raise section.problem("unknown-layer", "with `maxpool_depth` is not supported", option="maxpool_depth")
        before, after = total // 2, total - total // 2
        pad = before if before == after else {"top": before, "bottom": after, "left": before, "right": after}
        smooth = section.integer("antialiasing", 0)
        pool = kind(kernel=size, stride=1 if smooth else strides, pad=pad)
        if not smooth:
            return self.chain(self.image(), [("pool", pool)])
        kernel, edge = (2, 0) if smooth == 2 else (3, 1)
        return self.chain(self.image(), [("pool", pool), ("blur", AvgPool(kernel=kernel, stride=strides, pad=edge))])

    def maxpool(self) -> int:
        return self.pool(MaxPool)

    def local_avgpool(self) -> int:
        return self.pool(AvgPool)

    def avgpool(self) -> int:
        return self.chain(self.image(), [("pool", AdaptiveAvgPool(output=1))])

    def connected(self) -> int:
        units = self.section.integer("output", 1, 1)
        norm = self.norm()
        return self.chain(self.value, [("fc", FC(units=units, bias=not norm)), *norm, *self.activation()])

    def route(self) -> int:
        section = self.section
        values = [self.output_of(index, "layers") for index in section.integers("layers")]
        groups = section.integer("groups", 1, 1)
        group = section.integer("group_id", 0, most=groups - 1)
        if groups > 1:
            values = [self._group(number, value, groups, group, len(values) > 1) for number, value in enumerate(values)]
            if len(values) == 1:
                return values[0]
        if len(values) == 1:
            return self.add("", act.Identity(), values[0])
        if len({len(self.builder.shape(value)) for value in values}) > 1:
            values = [self._as_image(number, value) for number, value in enumerate(values)]
        return self.add("concat" if groups > 1 else "", Concat(), *values)

    def _as_image(self, number: int, value: int) -> int:
        shape = self.builder.shape(value)
        return value if len(shape) == 3 else self.add(f"image{number}", Reshape(to=(1, 1, shape.size)), value)

    def _group(self, number: int, value: int, groups: int, group: int, several: bool) -> int:
        channels = self.builder.shape(value)[-1]
        part, rest = divmod(channels, groups)
        if rest:
            text = f"cannot split {channels} channels into {groups} groups"
            raise self.section.problem("groups-do-not-divide", text, option="groups")
        layer = Slice(start=group * part, stop=(group + 1) * part)
        return self.add(f"part{number}" if several else "", layer, value)

    def shortcut(self) -> int:
        section = self.section
        others = [self.output_of(index, "from") for index in section.integers("from")]
        weighting = section.choice("weights_type", "none", ("none", "per_feature", "per_layer", "per_channel"))
        steps: list[tuple[str, Layer]] = []
        values = [self.value, *[self._match_shape(number, value) for number, value in enumerate(others)]]
        if weighting != "none":
            factor = Scale(per="channel" if weighting == "per_channel" else "layer")
            values = [self.add(f"weight{number}", factor, value) for number, value in enumerate(values)]
        steps = list(self.activation("linear"))
        block = len(self.builder.nodes) and (steps or weighting != "none" or values[1:] != others)
        total = self.add("add" if block else "", Add(), *values)
        for suffix, layer in steps:
            total = self.add(suffix, layer, total)
        return total

    def _match_shape(self, number: int, value: int) -> int:
        """Bring a value to the shape of the current one.

        Darknet adds only the channels that both have. Of a larger image it takes every second (third, ...) cell.
        """
        ours, theirs = self.builder.shape(self.value), self.builder.shape(value)
        if len(ours) != len(theirs):
            raise self.section.problem("shapes-differ", f"adds {theirs} to {ours}", option="from")
        if len(ours) == 3 and ours[:2] != theirs[:2]:
            step, rest = divmod(theirs[0], ours[0])
            if rest or step < 1 or theirs[1] != ours[1] * step:
                help = "make height and width equal, or make those of `from` the same multiple of them"
                raise self.section.problem("shapes-differ", f"adds {theirs} to {ours}", help, "from")
            value = self.add(f"rows{number}", Slice(stop=theirs[0], axis="height", step=step), value)
            value = self.add(f"columns{number}", Slice(stop=theirs[1], axis="width", step=step), value)
        if theirs[-1] > ours[-1]:
            return self.add(f"cut{number}", Slice(stop=ours[-1]), value)
        return self.add(f"zeros{number}", ChannelPad(to=ours[-1]), value) if theirs[-1] < ours[-1] else value

    def multiply(self) -> int:
        """Multiply the current value by an earlier one ([scale_channels] and [sam])."""
        source = self.section.integers("from")
        if len(source) != 1:
            raise self.section.problem(
                "bad-value", f"reads exactly one layer, but `from` names {len(source)}", option="from"
            )
        value = self.output_of(source[0], "from")
        ours, theirs = self.builder.shape(self.value), self.builder.shape(value)
        wide = self.section.integer("scale_wh", 0)
        fits = (
            ours[-1:] == theirs[-1:] and ours[:-1] == (1, 1)
            if not wide
            else ours[:2] == theirs[:2] and ours[2:] == (1,)
        )
        if ALIASES.get(self.section.word, self.section.word) == "sam":
            fits = ours == theirs
        if not fits:
            raise self.section.problem("shapes-differ", f"multiplies {theirs} by {ours}", option="from")
        steps = self.activation("linear")
        product = self.add("mul" if steps else "", Mul(), value, self.value)
        return self.add(steps[0][0], steps[0][1], product) if steps else product

    def upsample(self) -> int:
        return self.chain(self.image(), [("upsample", Upsample(factor=self.section.integer("stride", 2, 1)))])

    def reorg(self) -> int:
        factor = self.section.integer("stride", 1, 1, 1000)
        back = self.section.integer("reverse", 0)
        return self.chain(self.image(), [("reorg", (PixelShuffle if back else PixelUnshuffle)(factor=factor))])

    def crop(self) -> int:
        value = self.image()
        for axis, place in (("height", 0), ("width", 1)):
            length = self.builder.shape(value)[place]
            size = self.section.integer(f"crop_{axis}", 1, 1)
            if size > length:
                raise self.section.problem(
                    "bad-value", f"crops the {axis} to {size}, but it is only {length}", option=f"crop_{axis}"
                )
            start = (length - size) // 2
            value = self.add(axis, Slice(start=start, stop=start + size, axis=axis), value)
        return value

    def dropout(self) -> int:
        return self.chain(self.value, [("dropout", act.Dropout(rate=self.section.rate("probability", 0.2)))])

    def normalization(self) -> int:
        return self.chain(self.image(), [("lrn", LRN(size=self.section.integer("size", 5, 1)))])

    def batchnorm(self) -> int:
        return self.chain(self.image(), [("batchnorm", BatchNorm())])

    def activation_section(self) -> int:
        return self.chain(self.value, self.activation("linear"))

    def softmax(self) -> int:
        return self.chain(self.value, [("softmax", act.Softmax())])

    def pass_through(self) -> int:
        return self.chain(self.value, [])

    def head(self) -> int:
        """Check a detection head, whose input must have exactly the numbers that it outputs, as Darknet requires."""
        section = self.section
        shape = self.builder.shape(self.value)
        if section.word == "detection":
            side, boxes = section.integer("side", 7, 1), section.integer("num", 1, 1)
            classes, coords = section.integer("classes", 1), section.integer("coords", 1)
            wanted = side * side * ((1 + coords) * boxes + classes)
            formula = f"side*side*((1 + coords)*num + classes) = {side}*{side}*((1 + {coords})*{boxes} + {classes})"
            actual = shape.size
        else:
            boxes = section.integer("num", 1, 1)
            if section.word != "region":
                boxes = len(section.integers("mask")) if "mask" in section.options else boxes
            classes = section.integer("classes", 20)
            coords = section.integer("coords", 4) if section.word == "region" else 4
            coords = 8 if section.word == "Gaussian_yolo" else coords
            wanted = boxes * (classes + coords + 1)
            formula = f"{boxes}*({classes} classes + {coords} + 1)"
            actual = shape[-1]
        if wanted != actual:
            what = "numbers" if section.word == "detection" else "channels"
            text = f"needs {formula} = {wanted:,} {what}, but gets {shape}"
            raise section.problem(
                "sizes-differ", text, f"write `filters={wanted}` in the section above, or change `classes`"
            )
        return self.pass_through()
