"""Words of the format that several modules need, and the rules for names."""

from __future__ import annotations

KEYS = ("name", "description", "source", "input", "params", "defaults", "blocks", "layers", "outputs", "published")
RESERVED = ("prev", "input")  # values that every step can name, so that no step may have these names

RESIDUAL = ("main", "projection", "shortcut")  # keys of a residual
ATTRIBUTES = ("as", "from", "repeat", "when", "share", "trainable", "expect", "holds")
# words that other tools use for an attribute -> the attribute
ELSEWHERE = {
    "name": "as", "id": "as", "label": "as", "input": "from", "inputs": "from", "bottom": "from", "times": "repeat",
    "count": "repeat", "if": "when", "condition": "when", "shared": "share", "reuse": "share", "output": "expect",
    "output_shape": "expect", "requires_grad": "trainable",
}  # fmt: skip
# fields that other tools require and cnncalc derives from the layer above
IMPLIED = (
    "in_channels", "in_features", "input_channels", "in_dim", "input_dim", "num_features", "input_size", "input_shape",
    "in_planes", "C",
)  # fmt: skip

# rank of a step's input -> the `$names` of its axes, without the channels
IN_AXES = {1: ("in_steps",), 2: ("in_height", "in_width"), 3: ("in_depth", "in_height", "in_width")}
IN_NAMES = frozenset({"in_channels", *(name for names in IN_AXES.values() for name in names)})
COUNTER = "i"  # `$i` inside a `repeat:` is the number of the repetition, counted from 0

SHORT = {"gap": "globalavgpool", "gmp": "globalmaxpool", "bn": "batchnorm", "pool": "maxpool"}  # one-line form only
CURLY = "\u201c\u201d\u201e\u2018\u2019\u201a\u00ab\u00bb"  # quotation marks that word processors insert


def is_name(text: str) -> bool:
    """Return whether the text has only letters, digits, `_`, `-`, `+` and `/`, and begins with one of the first three.

    >>> is_name("1x1"), is_name("enc-1"), is_name("-x"), is_name("a.b")
    (True, True, False, False)
    """
    plain = text.translate({ord(sign): "_" for sign in "-+/"})
    return text.isascii() and text[:1] not in ("-", "+", "/") and ("_" + plain).isidentifier() and text != ""


def is_path(text: str) -> bool:
    """Return whether the text is names joined by dots, such as the path of a layer that PyTorch prints.

    >>> is_path("layer1.0.conv1"), is_path("relu"), is_path("a..b")
    (True, True, False)
    """
    return all(map(is_name, text.split(".")))


def is_parameter(text: str) -> bool:
    """Return whether the text is a letter or `_`, followed by letters, digits and `_`."""
    return text.isascii() and text.isidentifier()
