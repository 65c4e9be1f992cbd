"""torchvision's networks as specifications with exactly the nesting of their modules, including in-place flags.

A block or named group corresponds to a module of torchvision, because a module holds its inputs until it returns.
"""

from __future__ import annotations

A = [64, 0, 128, 0, 256, 256, 0, 512, 512, 0, 512, 512, 0]
B = [64, 64, 0, 128, 128, 0, 256, 256, 0, 512, 512, 0, 512, 512, 0]
D = [64, 64, 0, 128, 128, 0, 256, 256, 256, 0, 512, 512, 512, 0, 512, 512, 512, 0]
E = [64, 64, 0, 128, 128, 0, 256, 256, 256, 256, 0, 512, 512, 512, 512, 0, 512, 512, 512, 512, 0]


def vgg(stages: list[int], norm: bool) -> str:
    """Return a VGG; 0 is a pooling."""
    steps = []
    for filters in stages:
        steps.append(f"conv: {filters}" if filters else "maxpool: 2")
        if filters:
            steps += ["batchnorm", "relu"] if norm else ["relu"]
    return (
        "input: 224x224x3\ndefaults: {relu: {inplace: true}, conv: {kernel: 3, pad: 1}}\nlayers:\n"
        f"  - {{as: features, seq: [{', '.join(steps)}]}}\n"
        "  - adaptiveavgpool: 7\n  - flatten\n"
        "  - {as: classifier, seq: [fc: 4096, relu, dropout: 0.5, fc: 4096, relu, dropout: 0.5, fc: 1000]}\n"
    )


ALEXNET = """
input: 224x224x3
defaults: {relu: {inplace: true}, maxpool: {kernel: 3, stride: 2}}
layers:
  - as: features
    seq:
      - seq: [conv: {filters: 64, kernel: 11, stride: 4, pad: 2}, relu, maxpool: 3]
      - seq: [conv: {filters: 192, kernel: 5, pad: 2}, relu, maxpool: 3]
      - seq: [conv: {filters: 384, kernel: 3, pad: 1}, relu]
      - {seq: [conv: {filters: 256, kernel: 3, pad: 1}, relu], repeat: 2}
      - maxpool: 3
  - adaptiveavgpool: 6
  - flatten
  - {as: classifier, seq: [dropout: 0.5, fc: 4096, relu, dropout: 0.5, fc: 4096, relu, fc: 1000]}
"""

SQUEEZENET = """
input: 224x224x3
defaults: {relu: {inplace: true}, maxpool: {kernel: 3, stride: 2, ceil: true}}
blocks:
  Fire(s, e):
    - seq: [conv: {filters: $s, kernel: 1}, relu]
    - concat: [[conv: {filters: $e, kernel: 1}, relu], [conv: {filters: $e, kernel: 3, pad: 1}, relu]]
layers:
  - as: features
    seq:
      - seq: [conv: {filters: 96, kernel: 7, stride: 2}, relu, maxpool: 3]
      - seq: [Fire: [16, 64], Fire: [16, 64], Fire: [32, 128], maxpool: 3]
      - seq: [Fire: [32, 128], Fire: [48, 192], Fire: [48, 192], Fire: [64, 256], maxpool: 3]
      - Fire: [64, 256]
  - {as: classifier, seq: [dropout: 0.5, conv: {filters: 1000, kernel: 1}, relu, globalavgpool]}
"""


def resnet(block: str, counts: list[int]) -> str:
    """Return a ResNet of Basic or Bottleneck blocks."""
    paths = {
        "Basic": "conv: {filters: $w, kernel: 3, stride: $s, pad: 1}, batchnorm, relu, "
        "conv: {filters: $w, kernel: 3, pad: 1}, batchnorm",
        "Bottleneck": "conv: {filters: $w, kernel: 1}, batchnorm, relu, "
        "conv: {filters: $w, kernel: 3, stride: $s, pad: 1}, batchnorm, relu, conv: {filters: 4*$w, kernel: 1}, batchnorm",
    }
    wide = "$w" if block == "Basic" else "4*$w"
    stages = ""
    for number, count in enumerate(counts):
        width, stride = 64 * 2**number, 1 if number == 0 else 2
        stages += f"  - {{as: layer{number + 1}, seq: [Block: [{width}, {stride}], {{Block: {width}, repeat: {count - 1}}}]}}\n"
    return f"""
input: 224x224x3
defaults: {{conv: {{bias: false}}, relu: {{inplace: true}}, add: {{inplace: true}}}}
blocks:
  Block(w, s=1):
    - residual:
        main: [{paths[block]}]
        projection: [conv: {{filters: {wide}, kernel: 1, stride: $s}}, batchnorm]
    - relu
layers:
  - seq: [conv: {{filters: 64, kernel: 7, stride: 2, pad: 3}}, batchnorm, relu, maxpool: {{kernel: 3, stride: 2, pad: 1}}]
{stages}  - globalavgpool
  - fc: 1000
"""


GOOGLENET = """
input: 224x224x3
defaults:
  conv: {bias: false}
  relu: {inplace: true}
  maxpool: {ceil: true}
blocks:
  Conv(f, k=1, s=1): [conv: {filters: $f, kernel: $k, stride: $s, pad: $k // 2}, batchnorm, relu]
  Inception(a, b, c, d, e, f):
    - concat:
        - [Conv: $a]
        - [Conv: $b, Conv: [$c, 3]]
        - [Conv: $d, Conv: [$e, 3]]
        - [maxpool: {kernel: 3, stride: 1, pad: 1}, Conv: $f]
  Aux: [adaptiveavgpool: 4, Conv: 128, flatten, fc: 1024, relu, dropout: 0.7, fc: 1000]
layers:
  - seq: [Conv: [64, 7, 2], maxpool: {kernel: 3, stride: 2}, Conv: 64, Conv: [192, 3], maxpool: {kernel: 3, stride: 2}]
  - Inception: [64, 96, 128, 16, 32, 32]
  - Inception: [128, 128, 192, 32, 96, 64]
  - maxpool: {kernel: 3, stride: 2}
  - {Inception: [192, 96, 208, 16, 48, 64], as: a4}
  - {Aux: [], as: aux1}
  - {Inception: [160, 112, 224, 24, 64, 64], from: a4}
  - Inception: [128, 128, 256, 24, 64, 64]
  - {Inception: [112, 144, 288, 32, 64, 64], as: d4}
  - {Aux: [], as: aux2}
  - {Inception: [256, 160, 320, 32, 128, 128], from: d4}
  - maxpool: {kernel: 2, stride: 2}
  - Inception: [256, 160, 320, 32, 128, 128]
  - Inception: [384, 192, 384, 48, 128, 128]
  - seq: [globalavgpool, dropout: 0.2]
  - {fc: 1000, as: logits}
outputs: [logits, aux2, aux1]
"""

MOBILENET = """
input: 224x224x3
defaults: {conv: {bias: false}, depthwise: {bias: false}, relu6: {inplace: true}}
blocks:
  ConvBN(f, k=1, s=1): [conv: {filters: $f, kernel: $k, stride: $s, pad: $k // 2}, batchnorm, relu6]
  Depth(s): [depthwise: {kernel: 3, stride: $s, pad: 1}, batchnorm, relu6]
  Inverted(t, c, s):
    - residual:
        main:
          - as: conv
            seq: [{ConvBN: $t*$in_channels, when: $t != 1}, Depth: $s, conv: {filters: $c, kernel: 1}, batchnorm]
        projection: none
layers:
  - as: features
    seq:
      - ConvBN: [32, 3, 2]
      - Inverted: [1, 16, 1]
      - seq: [Inverted: [6, 24, 2], Inverted: [6, 24, 1]]
      - seq: [Inverted: [6, 32, 2], {Inverted: [6, 32, 1], repeat: 2}]
      - seq: [Inverted: [6, 64, 2], {Inverted: [6, 64, 1], repeat: 3}]
      - {Inverted: [6, 96, 1], repeat: 3}
      - seq: [Inverted: [6, 160, 2], {Inverted: [6, 160, 1], repeat: 2}]
      - Inverted: [6, 320, 1]
      - ConvBN: 1280
  - globalavgpool
  - {as: classifier, seq: [dropout: 0.2, fc: 1000]}
"""


def densenet(counts: list[int]) -> str:
    """Return a DenseNet with growth 32. Every layer concatenates all features above it, which a list keeps alive."""
    lines = [
        "input: 224x224x3",
        "defaults: {conv: {bias: false}, relu: {inplace: true}}",
        "blocks:",
        "  Transition: [batchnorm, relu, conv: {filters: $in_channels / 2, kernel: 1}, avgpool: 2]",
        "layers:",
        "  - as: features",
        "    seq:",
        "      - seq: [conv: {filters: 64, kernel: 7, stride: 2, pad: 3}, batchnorm, relu]",
        "      - {maxpool: {kernel: 3, stride: 2, pad: 1}, as: b0f0}",
    ]
    for block, count in enumerate(counts):
        lines += [f"      - as: dense{block}", "        seq:"]
        names = [f"b{block}f0"]
        for layer in range(1, count + 1):
            joined = f"concat: [{', '.join(names)}]" if len(names) > 1 else f"identity: {{}}, from: {names[0]}"
            # a method of the module holds the joined features until its convolution is done
            inner = "{as: bn_function" + f"{block}_{layer}, seq: [batchnorm, relu, conv: {{filters: 128, kernel: 1}}]}}"
            outer = "seq: [batchnorm, relu, conv: {filters: 32, kernel: 3, pad: 1}]"
            names.append(f"b{block}f{layer}")
            lines.append(f"          - {{as: {names[-1]}, seq: [{{{joined}}}, {inner}, {outer}]}}")
        lines.append(f"          - concat: [{', '.join(names)}]")
        if block + 1 < len(counts):
            lines.append(f"      - {{Transition: [], as: b{block + 1}f0}}")
    return "\n".join([*lines, "      - batchnorm", "  - relu", "  - globalavgpool", "  - fc: 1000", ""])


SPECS = {
    "alexnet": ALEXNET,
    "densenet121": densenet([6, 12, 24, 16]),
    "googlenet": GOOGLENET,
    "mobilenet_v2": MOBILENET,
    "resnet18": resnet("Basic", [2, 2, 2, 2]),
    "resnet50": resnet("Bottleneck", [3, 4, 6, 3]),
    "squeezenet1_0": SQUEEZENET,
    **{
        name + ("_bn" if norm else ""): vgg(stages, norm)
        for name, stages in (("vgg11", A), ("vgg13", B), ("vgg16", D), ("vgg19", E))
        for norm in (False, True)
    },
}
