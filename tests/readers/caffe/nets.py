"""Published networks as prototxt, written here from their tables, with the names that their authors gave the blobs."""

from __future__ import annotations

from collections.abc import Sequence

RGB = (10, 3, 224, 224)


class Net:
    """The text of one network, layer by layer."""

    def __init__(self, name: str, *dims: int) -> None:
        self.lines = [f'name: "{name}"', 'input: "data"', *(f"input_dim: {size}" for size in dims)]
        self.last = "data"

    def layer(self, type: str, name: str, fields: str = "", *, of: str | Sequence[str] = "", to: str = "") -> str:
        """Add a layer after the last one, or after `of`, and return the blob that it makes."""
        bottoms = [of] if isinstance(of, str) and of else list(of) or [self.last]
        self.last = to or name
        reads = " ".join(f'bottom: "{bottom}"' for bottom in bottoms)
        self.lines.append(f'layer {{ name: "{name}" type: "{type}" {reads} top: "{self.last}" {fields} }}')
        return self.last

    def conv(
        self, name: str, filters: int, kernel: int = 1, stride: int = 1, pad: int = 0, more: str = "", of: str = ""
    ) -> str:
        """Add a convolution."""
        sizes = f"num_output: {filters} kernel_size: {kernel} stride: {stride} pad: {pad} {more}"
        return self.layer("Convolution", name, f"convolution_param {{ {sizes} }}", of=of)

    def relu(self, name: str = "") -> str:
        """Add a ReLU that works in place."""
        return self.layer("ReLU", name or f"relu_{self.last}", to=self.last)

    def conv_relu(
        self, name: str, filters: int, kernel: int = 1, stride: int = 1, pad: int = 0, more: str = "", of: str = ""
    ) -> str:
        """Add a convolution and a ReLU."""
        self.conv(name, filters, kernel, stride, pad, more, of)
        return self.relu()

    def norm(self) -> str:
        """Add a BatchNorm and a Scale with an offset, both in place."""
        name = self.last
        self.layer("BatchNorm", f"bn_{name}", "batch_norm_param { use_global_stats: true }", to=name)
        return self.layer("Scale", f"scale_{name}", "scale_param { bias_term: true }", to=name)

    def pool(self, name: str, kernel: int, stride: int = 1, pad: int = 0, method: str = "MAX", of: str = "") -> str:
        """Add a pooling."""
        sizes = f"pool: {method} kernel_size: {kernel} stride: {stride} pad: {pad}"
        return self.layer("Pooling", name, f"pooling_param {{ {sizes} }}", of=of)

    def global_pool(self, name: str) -> str:
        """Add an average over all positions."""
        return self.layer("Pooling", name, "pooling_param { pool: AVE global_pooling: true }")

    def lrn(self, name: str) -> str:
        """Add a local response normalization."""
        return self.layer("LRN", name, "lrn_param { local_size: 5 alpha: 0.0001 beta: 0.75 }")

    def fc(self, name: str, units: int) -> str:
        """Add a fully connected layer."""
        return self.layer("InnerProduct", name, f"inner_product_param {{ num_output: {units} }}")

    def fc_relu(self, name: str, units: int) -> str:
        """Add a fully connected layer with ReLU and dropout."""
        self.fc(name, units)
        self.relu()
        return self.layer("Dropout", f"drop_{name}", "dropout_param { dropout_ratio: 0.5 }", to=name)

    def text(self) -> str:
        """Return the file."""
        return "\n".join(self.lines) + "\n"


def lenet() -> str:
    """LeNet of Caffe's MNIST example: Jia et al. 2014; 431,080 parameters."""
    net = Net("LeNet", 64, 1, 28, 28)
    net.conv("conv1", 20, 5)
    net.pool("pool1", 2, 2)
    net.conv("conv2", 50, 5)
    net.pool("pool2", 2, 2)
    net.fc("ip1", 500)
    net.relu("relu1")
    net.fc("ip2", 10)
    net.layer("Softmax", "prob")
    return net.text()


def alexnet(norm_first: bool) -> str:
    """AlexNet with groups (Krizhevsky et al. 2012, norm before pooling), or CaffeNet, which pools first."""
    net = Net("AlexNet", 10, 3, 227, 227)
    for number, (filters, kernel, stride, pad, group) in enumerate(((96, 11, 4, 0, 1), (256, 5, 1, 2, 2)), 1):
        net.conv_relu(f"conv{number}", filters, kernel, stride, pad, f"group: {group}")
        steps = (lambda n=number: net.lrn(f"norm{n}"), lambda n=number: net.pool(f"pool{n}", 3, 2))
        for step in steps if norm_first else steps[::-1]:
            step()
    for number, filters, group in ((3, 384, 1), (4, 384, 2), (5, 256, 2)):
        net.conv_relu(f"conv{number}", filters, 3, 1, 1, f"group: {group}")
    net.pool("pool5", 3, 2)
    net.fc_relu("fc6", 4096)
    net.fc_relu("fc7", 4096)
    net.fc("fc8", 1000)
    net.layer("Softmax", "prob")
    return net.text()


def vgg(depths: Sequence[int]) -> str:
    """VGG with so many convolutions in each stage: Simonyan & Zisserman 2014, table 1."""
    net = Net("VGG", *RGB)
    for stage, (depth, filters) in enumerate(zip(depths, (64, 128, 256, 512, 512), strict=True), 1):
        for number in range(1, depth + 1):
            net.conv_relu(f"conv{stage}_{number}", filters, 3, 1, 1)
        net.pool(f"pool{stage}", 2, 2)
    net.fc_relu("fc6", 4096)
    net.fc_relu("fc7", 4096)
    net.fc("fc8", 1000)
    net.layer("Softmax", "prob")
    return net.text()


INCEPTION = {  # Szegedy et al. 2014, table 1: #1x1, #3x3 reduce, #3x3, #5x5 reduce, #5x5, pool proj
    "3a": (64, 96, 128, 16, 32, 32), "3b": (128, 128, 192, 32, 96, 64), "4a": (192, 96, 208, 16, 48, 64),
    "4b": (160, 112, 224, 24, 64, 64), "4c": (128, 128, 256, 24, 64, 64), "4d": (112, 144, 288, 32, 64, 64),
    "4e": (256, 160, 320, 32, 128, 128), "5a": (256, 160, 320, 32, 128, 128), "5b": (384, 192, 384, 48, 128, 128),
}  # fmt: skip


def googlenet() -> str:
    """GoogLeNet without its auxiliary classifiers."""
    net = Net("GoogLeNet", *RGB)
    net.conv_relu("conv1/7x7_s2", 64, 7, 2, 3)
    net.pool("pool1/3x3_s2", 3, 2)
    net.lrn("pool1/norm1")
    net.conv_relu("conv2/3x3_reduce", 64)
    net.conv_relu("conv2/3x3", 192, 3, 1, 1)
    net.lrn("conv2/norm2")
    net.pool("pool2/3x3_s2", 3, 2)
    for name, (one, less3, three, less5, five, pooled) in INCEPTION.items():
        block, start = f"inception_{name}", net.last
        ends = [net.conv_relu(f"{block}/1x1", one, of=start)]
        net.conv_relu(f"{block}/3x3_reduce", less3, of=start)
        ends.append(net.conv_relu(f"{block}/3x3", three, 3, 1, 1))
        net.conv_relu(f"{block}/5x5_reduce", less5, of=start)
        ends.append(net.conv_relu(f"{block}/5x5", five, 5, 1, 2))
        net.pool(f"{block}/pool", 3, 1, 1, of=start)
        ends.append(net.conv_relu(f"{block}/pool_proj", pooled))
        net.layer("Concat", f"{block}/output", of=ends)
        if name in ("3b", "4e"):
            net.pool(f"pool{name[0]}/3x3_s2", 3, 2)
    net.pool("pool5/7x7_s1", 7, 1, method="AVE")
    net.layer("Dropout", "pool5/drop", "dropout_param { dropout_ratio: 0.4 }", to=net.last)
    net.fc("loss3/classifier", 1000)
    net.layer("Softmax", "prob")
    return net.text()


def resnet50() -> str:
    """ResNet-50: He et al. 2015, table 1, with the stride in the first 1x1 convolution."""
    net = Net("ResNet-50", *RGB)
    plain = "bias_term: false"
    net.conv("conv1", 64, 7, 2, 3, plain)
    net.norm()
    net.relu("conv1_relu")
    net.pool("pool1", 3, 2)
    for stage, (depth, width) in enumerate(((3, 64), (4, 128), (6, 256), (3, 512)), 2):
        for number in range(depth):
            block, start = f"res{stage}{'abcdef'[number]}", net.last
            stride = 2 if stage > 2 and number == 0 else 1
            shortcut = start
            if number == 0:
                net.conv(f"{block}_branch1", 4 * width, 1, stride, 0, plain, of=start)
                shortcut = net.norm()
            for letter, filters, kernel, step in (("a", width, 1, stride), ("b", width, 3, 1), ("c", 4 * width, 1, 1)):
                net.conv(
                    f"{block}_branch2{letter}",
                    filters,
                    kernel,
                    step,
                    kernel // 2,
                    plain,
                    of=start if letter == "a" else "",
                )
                net.norm()
                if letter != "c":
                    net.relu()
            net.layer("Eltwise", block, of=[shortcut, net.last])
            net.relu()
    net.pool("pool5", 7, 1, method="AVE")
    net.fc("fc1000", 1000)
    net.layer("Softmax", "prob")
    return net.text()


def squeezenet() -> str:
    """SqueezeNet 1.0: Iandola et al. 2016, table 1."""
    net = Net("SqueezeNet", 10, 3, 227, 227)
    net.conv_relu("conv1", 96, 7, 2)
    net.pool("pool1", 3, 2)
    for number, (squeeze, expand) in enumerate(
        ((16, 64), (16, 64), (32, 128), (32, 128), (48, 192), (48, 192), (64, 256), (64, 256)), 2
    ):
        start = net.conv_relu(f"fire{number}/squeeze1x1", squeeze)
        ends = [net.conv_relu(f"fire{number}/expand1x1", expand, of=start)]
        ends.append(net.conv_relu(f"fire{number}/expand3x3", expand, 3, 1, 1, of=start))
        net.layer("Concat", f"fire{number}/concat", of=ends)
        if number in (4, 8):
            net.pool(f"pool{number}", 3, 2)
    net.layer("Dropout", "drop9", "dropout_param { dropout_ratio: 0.5 }", to=net.last)
    net.conv_relu("conv10", 1000)
    net.global_pool("pool10")
    net.layer("Softmax", "prob")
    return net.text()


def mobilenet() -> str:
    """MobileNet of width 1: Howard et al. 2017, table 1."""
    net = Net("MobileNet", *RGB)
    plain = "bias_term: false"

    def block(name: str, filters: int, kernel: int, stride: int, group: int = 1) -> None:
        net.conv(name, filters, kernel, stride, kernel // 2, f"{plain} group: {group}")
        net.norm()
        net.relu()

    block("conv1", 32, 3, 2)
    width = 32
    table = [(64, 1), (128, 2), (128, 1), (256, 2), (256, 1), (512, 2), *[(512, 1)] * 5, (1024, 2), (1024, 1)]
    for number, (filters, stride) in enumerate(table, 2):
        block(f"conv{number}/dw", width, 3, stride, width)
        block(f"conv{number}/sep", filters, 1, 1)
        width = filters
    net.global_pool("pool6")
    net.conv("fc7", 1000)
    net.layer("Softmax", "prob")
    return net.text()


NETS = {
    "lenet": lenet, "alexnet": lambda: alexnet(True), "caffenet": lambda: alexnet(False), "vgg16": lambda: vgg((2, 2, 3, 3, 3)),
    "vgg19": lambda: vgg((2, 2, 4, 4, 4)), "googlenet": googlenet, "resnet50": resnet50, "squeezenet": squeezenet,
    "mobilenet": mobilenet,
}  # fmt: skip
