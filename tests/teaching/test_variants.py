"""Variants of a network: different, equally hard, and the same ones for a seed everywhere."""

from __future__ import annotations

import pytest

from cnncalc.layers.window import Windowed
from cnncalc.loading import Spec, load
from cnncalc.network import Network
from cnncalc.teaching.variants import CHANNELS, NoVariants, variants
from tests.helpers import network_of
from tests.teaching.networks import exam

SHELF = ("lenet5", "alexnet", "vgg11", "cifar_resnet20", "mobilenet_v1", "squeezenet1_0", "unet", "stacked_lstm", "mlp")


def described(network: Network) -> list[str]:
    """Return the input and the fields of all layers."""
    return [
        str(network.nodes[0].output),
        *[node.layer.format_fields() for node in network.nodes if node.layer is not None],
    ]


def remainders(network: Network) -> list[list[bool]]:
    """Return which axes divide exactly, with the formula of the lecture."""
    found = []
    for node in network.nodes:
        layer, shapes = node.layer, network.shapes(node)
        if isinstance(layer, Windowed):
            windows = layer.windows(*shapes)
            found.append(
                [
                    (width - window.reach + window.before + window.after) % window.stride == 0
                    for window, width in zip(windows, shapes[0], strict=False)
                ]
            )
    return found


@pytest.mark.parametrize("name", SHELF)
def test_variants_are_different_and_equally_hard(name: str) -> None:
    """The same kinds, names and connections; the same sizes divide; all differ from each other and from the network."""
    network = load(Spec(name))
    found = variants(network, 8, 3)
    assert len({tuple(described(one)) for one in [network, *found]}) == 9
    for other in found:
        assert [(node.kind, node.name, node.inputs) for node in other.nodes] == [
            (node.kind, node.name, node.inputs) for node in network.nodes
        ]
        assert remainders(other) == remainders(network)
        for old, new in zip(network.nodes, other.nodes, strict=True):
            if old.layer is not None and new.layer is not None:
                for field in ("filters", "units"):
                    before, after = old.layer.nondefault_fields.get(field), new.layer.nondefault_fields.get(field)
                    if isinstance(before, int) and isinstance(after, int):
                        assert before <= 2 * after <= 4 * before
                        assert after in CHANNELS or after == before
                kept = [a == b for a, b in zip(old.output[:-1], network.shapes(old)[0][:-1], strict=False)]
                still = [a == b for a, b in zip(new.output[:-1], other.shapes(new)[0][:-1], strict=False)]
                assert kept == still or not isinstance(old.layer, Windowed)


def test_a_seed_gives_the_same_variants_everywhere() -> None:
    """These are written down, so that another version of Python cannot choose others unnoticed."""
    assert [described(one) for one in variants(exam(), 2, 7)] == [
        ["20x20x3", "filters 20, kernel 7, pad 3", "", "kernel 2", "filters 48, kernel 5", "", "kernel 2", "units 10"],
        ["16x16x3", "filters 20, kernel 3, pad 1", "", "kernel 2", "filters 24, kernel 5", "", "kernel 2", "units 10"],
    ]
    assert [described(one) for one in variants(exam(), 3, 7)][:2] == [described(one) for one in variants(exam(), 2, 7)]
    assert described(variants(exam(), 1, 8)[0]) != described(variants(exam(), 1, 7)[0])


def test_thirty_variants_of_a_small_network() -> None:
    found = variants(exam(), 30, 0)
    assert len({tuple(described(one)) for one in found}) == 30
    assert len({one.nodes[0].output for one in found}) > 5


@pytest.mark.parametrize(
    "text",
    ["input: 6x6x4\nlayers: [reshape: 36x4, flatten]", "input: 1x1x3\nlayers: [reshape: 3]"],
)
def test_a_network_without_variants(text: str) -> None:
    with pytest.raises(NoVariants, match="found no variant in which every size that divides exactly still does"):
        variants(network_of(text), 1, 0)


def test_shared_parameters_stay_shared() -> None:
    conv = "conv: {filters: 4, kernel: 3, pad: 1}"
    network = network_of(f"input: 8x8x4\nlayers: [{{{conv}, as: a}}, {{{conv}, share: a}}]\n")
    for other in variants(network, 3, 1):
        assert [node.shared for node in other.nodes] == [node.shared for node in network.nodes]
