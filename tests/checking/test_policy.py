"""A teacher's policy file: what it means, and that every mistake in it is refused at its place."""

from __future__ import annotations

import re
from typing import Any

import pytest

from cnncalc.analyses.budget import RULES, Finding, Limit, Measured, Policy, check, measure
from cnncalc.analyses.quantities import LIMITS
from cnncalc.analyses.totals import analyze
from cnncalc.checking.policy import BOUNDS, KEYS, bound, read_policy, shape
from cnncalc.layers.base import KINDS
from cnncalc.layers.lookup import families
from cnncalc.problem import Problem, Refused, Source
from cnncalc.shape import Shape
from tests.helpers import network_of

EXAMPLE = """\
cnncalc-policy: 1
input: 32x32x3
output: 10
limits:
  params: {max: 500k}
  macs: {max: 50M, level: warning}
  activation-memory: {max: 2MiB, batch: 1, dtype: float32}
  depth: {min: 4, max: 30}
  conv-layers: {min: 2}
receptive-field: {min: 44}
kinds: {forbid: [max pooling], require: [conv, batchnorm, dropout]}
points: {params: 5, output: 3, kinds: 2}
"""
SIZES = [name for name, quantity in LIMITS.items() if quantity.is_size]
COUNTS = [name for name, quantity in LIMITS.items() if not quantity.is_size]


def policy(body: str) -> Policy:
    """Return the policy with this body."""
    return read_policy(Source("p.yaml", f"cnncalc-policy: 1\n{body}"))


def refused(text: str) -> list[str]:
    """Return the place, code and message of every problem in a policy file."""
    with pytest.raises(Refused) as found:
        read_policy(Source("p.yaml", text))
    problems = found.value.problems
    assert all(problem.where is not None or problem.code == "empty-file" for problem in problems)
    return [
        f"{problem.where.line}:{problem.where.column} {problem.code} {problem.text}" if problem.where else problem.code
        for problem in problems
    ]


def test_the_example_of_the_documentation() -> None:
    """It contains every key once."""
    found = read_policy(Source("p.yaml", EXAMPLE))
    assert found == Policy(
        input=Shape((32, 32, 3)),
        output=Shape((10,)),
        limits=(
            Limit("params", most=500_000),
            Limit("macs", most=50_000_000, level="warning"),
            Limit("activation-memory", most=2 * 2**20, batch=1, dtype="float32"),
            Limit("depth", least=4, most=30),
            Limit("conv-layers", least=2),
            Limit("receptive-field", least=44),
        ),
        forbidden=("max pooling",),
        required=("conv", "batchnorm", "dropout"),
        points=(("params", 5), ("output", 3), ("kinds", 2)),
    )
    assert found.rules == (
        "sound", "input", "output", "params", "activation-memory", "macs", "depth", "conv-layers", "receptive-field",
        "kinds", "expect",
    )  # fmt: skip


def test_an_empty_policy_asks_for_nothing() -> None:
    """A file must still be valid, and its own `expect` must hold."""
    for body in ("", "limits: {}", "kinds: {}", "points: {}", "kinds: {forbid: []}"):
        assert policy(body) == Policy()
        assert policy(body).rules == ("sound", "expect")


@pytest.mark.parametrize("quantity", LIMITS)
def test_every_quantity_can_be_limited(quantity: str) -> None:
    """With a minimum, a maximum or as a warning; sizes for a batch and a dtype."""
    unit = " MiB" if quantity in SIZES else "k"
    factor = 2**20 if quantity in SIZES else 1000
    (limit,) = policy(f"limits: {{{quantity}: {{min: 1{unit}, max: 2{unit}, level: warning}}}}").limits
    assert limit == Limit(quantity, least=factor, most=2 * factor, level="warning")
    assert quantity in RULES
    if quantity in SIZES:
        (limit,) = policy(f"limits: {{{quantity}: {{max: 1 GB, batch: 64, dtype: float16}}}}").limits
        assert limit == Limit(quantity, most=10**9, batch=64, dtype="float16")


@pytest.mark.parametrize(
    ("text", "number"),
    [("0", 0), ("7", 7), ("1,024", 1024), ("500k", 500_000), ("500K", 500_000), ("1.5M", 1_500_000),
     ("2G", 2 * 10**9), ("2B", 2 * 10**9),
     ("1T", 10**12), (" 5 ", 5)],
)  # fmt: skip
@pytest.mark.parametrize("quantity", COUNTS)
def test_counts(quantity: str, text: str, number: int) -> None:
    """Suffixes are powers of ten."""
    assert bound(quantity, text) == number


@pytest.mark.parametrize(
    ("text", "number"),
    [("0 B", 0), ("512B", 512), ("2kB", 2000), ("2 KiB", 2048), ("2MB", 2 * 10**6), ("2MiB", 2 * 2**20),
     ("1.5GiB", 3 * 2**29), ("1GB", 10**9),
     ("1TB", 10**12), ("0.5 kB", 500), ("6G", 6 * 10**9), ("64Mi", 2**26), ("1.5k", 1500)],
)  # fmt: skip
@pytest.mark.parametrize("quantity", SIZES)
def test_sizes(quantity: str, text: str, number: int) -> None:
    """Units are decimal or binary."""
    assert bound(quantity, text) == number


@pytest.mark.parametrize("text", ["2", "2,000"])
@pytest.mark.parametrize("quantity", SIZES)
def test_a_size_needs_its_unit(quantity: str, text: str) -> None:
    """A bare million could be in any unit."""
    with pytest.raises(Problem, match="needs a unit"):
        bound(quantity, text)


NUMBERS = [
    "", "1,5M", "0,5k", "12,34", "1234,567", ",5", "5,", "010", "00", "x", "-1", "+1", "1.5", "1e3", "1e400",
    ".inf", "-.inf", ".nan", "nan", "inf", "0x10", "1_000", "1:30", "1/2", "true", "null", "~", "9" * 25,
    "9" * 4300, "٣", "５", "1 000", "1kk", "k", "1.", ".5k", "1..5k", "$n", "2*3", "2016-01-01", "1k\n",
]  # fmt: skip


@pytest.mark.parametrize("text", NUMBERS)
def test_invalid_limits(text: str) -> None:
    """Neither a count nor a size. Values that YAML would convert stay text and are refused."""
    if text == "1k\n":
        assert bound("params", text) == 1000  # surrounding blanks are accepted
        return
    for quantity in ("params", "activation-memory"):
        with pytest.raises(Problem) as found:
            bound(quantity, text)
        assert found.value.code == "bad-value"
    quoted = f'"{text}"'
    for body in (f"limits: {{params: {{max: {quoted}}}}}", f"receptive-field: {{min: {quoted}}}"):
        assert refused(f"cnncalc-policy: 1\n{body}\n")[0].split()[1] == (
            "too-large" if len(text) > 1000 else "bad-value"
        )


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("10", (10,)),
        ("1x1x1000", (1, 1, 1000)),
        ("3x224x224", (3, 224, 224)),
        ("2x3", (2, 3)),
        ("4x4x4x4", (4, 4, 4, 4)),
        (" 7 ", (7,)),
    ],
)
def test_shapes(text: str, found: tuple[int, ...]) -> None:
    """A policy can require any shape, even one that would be ambiguous as the input of a network."""
    assert shape(text) == Shape(found)
    assert policy(f"output: {text}\ninput: '{text}'") == Policy(input=Shape(found), output=Shape(found))


@pytest.mark.parametrize(
    "text", ["", "x", "0", "0x3", "3x", "x3", "-3", "1.5", "1x1x1x1x1", "10000001", "1e3", "true", "[3]", "3×3", "3,3"]
)
def test_invalid_shapes(text: str) -> None:
    """It is refused at its place."""
    with pytest.raises(Problem, match="is not a shape"):
        shape(text)
    assert refused(f'cnncalc-policy: 1\noutput: "{text}"\n')[0].startswith("2:9 bad-value")


# body after the first line -> place, code and the beginning of the sentence of each problem
BAD = {
    "limit: {params: {max: 5}}": ["2:1 unknown-field a policy has no key `limit`"],
    "limits: 5": ["2:9 bad-value `limits` must be a mapping"],
    "limits: [params]": ["2:9 bad-value `limits` must be a mapping"],
    "limits: {params: 5}": ["2:18 bad-value `params` must be a mapping"],
    "limits: {params: {}}": ["2:18 bad-policy params has neither `min` nor `max`"],
    "limits: {params: {level: error}}": ["2:18 bad-policy params has neither `min` nor `max`"],
    "limits: {params: {max: [5]}}": ["2:24 bad-value `max` must be one value"],
    "limits: {params: {max: 5, max: 6}}": ["2:27 duplicate-key `max` is written twice"],
    "limits: {params: {max: 5}, \"params\": {max: 6}}": ["2:28 duplicate-key `params` is written twice"],
    "limits: {params: {min: 6, max: 5}}": ["2:18 bad-policy params: min 6 is above max 5"],
    "limits: {params: {maximum: 5}}": ["2:19 unknown-field a limit has no key `maximum`"],
    "limits: {parameters: {max: 5}}": ["2:10 unknown-field there is no limit named `parameters`"],
    "limits: {Params: {max: 5}}": ["2:10 unknown-field there is no limit named `Params`"],
    "limits: {pаrams: {max: 5}}": ["2:10 unknown-field there is no limit named `pаrams`"],  # a Cyrillic letter
    "limits: {params: {max: 5, level: fatal}}": ["2:34 bad-value params: `level` must be `error` or `warning`"],
    "limits: {params: {max: 5, level: [error]}}": ["2:34 bad-value `level` must be one value"],
    "limits: {params: {max: 5, batch: 2}}": ["2:34 bad-value params: `batch` must be"],
    "limits: {params: {max: 5, dtype: float16}}": ["2:34 bad-value params: `dtype` must be"],
    "limits: {params: {max: 5, optimizer: adam}}": ["2:38 bad-value params: `optimizer` must be"],
    "limits: {macs: {max: 5, count: all}}": ["2:32 bad-value macs: `count` must be"],
    "limits: {params: {max: 5, count: some}}": ["2:34 bad-value params: `count` must be"],
    "limits: {activation-memory: {max: 5}}": ["2:35 bad-value activation-memory needs a unit"],
    "limits: {activation-memory: {max: 5B, batch: 0}}": ["2:46 bad-value activation-memory: `batch` must be"],
    "limits: {activation-memory: {max: 5B, batch: 1.5}}": ["2:46 bad-value activation-memory: `batch` must be"],
    "limits: {activation-memory: {max: 5B, batch: -1}}": ["2:46 bad-value activation-memory: `batch` must be"],
    "limits: {activation-memory: {max: 5B, dtype: float12}}": ["2:46 bad-value activation-memory: `dtype` must be"],
    "limits: {inference-memory: {max: 5B, optimizer: adam}}": ["2:49 bad-value inference-memory: `optimizer` must be"],
    "limits: {params: {max: 5, amp: float16}}": ["2:32 bad-value params: `amp` must be"],
    "limits: {training-memory: {max: 5B, amp: float32}}": ["2:42 bad-value training-memory: `amp` must be"],
    "limits: {training-memory: {max: 5B, amp: float16, dtype: float16}}": ["2:27 bad-policy training-memory: `amp` keeps"],
    "limits: {training-memory: {max: 5B, dtype: int8}}": ["2:44 bad-value training-memory: `dtype` must be"],
    "receptive-field: 44": ["2:18 bad-value `receptive-field` must be a mapping"],
    "receptive-field: {min: 1}\nlimits: {receptive-field: {min: 2}}": ["2:1 bad-policy receptive-field is limited twice"],
    "input: [32, 32, 3]": ["2:8 bad-value a shape is written 32x32x3; got a list"],
    "output: {height: 3}": ["2:9 bad-value a shape is written 32x32x3; got a mapping"],
    "kinds: [conv]": ["2:8 bad-value `kinds` must be a mapping"],
    "kinds: {allow: [conv]}": ["2:9 unknown-field `kinds` has no key `allow`"],
    "kinds: {forbid: [rlu]}": ["2:18 unknown-layer no layer named `rlu`"],
    "kinds: {require: rlu}": ["2:18 unknown-layer no layer named `rlu`"],
    "kinds: {require: [[conv]]}": ["2:19 bad-value a kind is a word; got a list"],
    "kinds: {require: [conv, {relu: }]}": ["2:25 bad-value a kind is a word; got a mapping"],
    "points: 5": ["2:9 bad-value `points` must be a mapping"],
    "points: {parms: 5}": ["2:10 unknown-field there is no rule named `parms`"],
    "points: {params: 5}": ["2:9 bad-policy `points` has `params`, but the policy has no such rule"],
    "points: {growth: 5}": ["2:9 bad-policy `points` has `growth`, but the policy has no such rule"],
    "points: {sound: many}": ["2:17 bad-value points must be a whole number"],
    "points: {sound: -1}": ["2:17 bad-value points must be a whole number"],
    "points: {sound: 1.5}": ["2:17 bad-value points must be a whole number"],
    "points: {sound: true}": ["2:17 bad-value points must be a whole number"],
    "points: {sound: [1]}": ["2:17 bad-value points must be a whole number"],
    "points: {sound: 99999999}": ["2:17 bad-value points must be a whole number"],
    "cnncalc-policy: 1": ["2:1 duplicate-key `cnncalc-policy` is written twice"],
    "limits: &a {params: {max: 5}}": ["2:9 no-anchors"],
    "limits: !!map {params: {max: 5}}": ["2:9 no-tags"],
    "---\nlimits: {}": ["2:1 second-document"],
    "limits: {params: {max: 5}": ["bad-yaml"],
    "\tlimits: {}": ["2:1 no-tabs"],
    "limits: {parms: {max: 5}, macs: {max: x}}\npoints: {a: 1}\nfoo: 1": [  # all at once
        "4:1 unknown-field", "2:10 unknown-field", "2:39 bad-value", "3:10 unknown-field",
    ],
}  # fmt: skip


@pytest.mark.parametrize("body", BAD)
def test_invalid_policies(body: str) -> None:
    """Every problem is reported at its place."""
    found = refused(f"cnncalc-policy: 1\n{body}\n")
    assert len(found) == len(BAD[body]), found
    for line, said in zip(found, BAD[body], strict=True):
        assert said in line if said == "bad-yaml" else line.startswith(said)


@pytest.mark.parametrize(
    "text",
    ["", "# nothing\n", "5\n", "[cnncalc-policy: 1]\n", "limits: {params: {max: 5}}\n", "cnncalc-policy: 2\n",
     "cnncalc-policy: 1.0\n",
     "cnncalc-policy: [1]\n", "cnncalc-policy:\n", "cnncalc_policy: 1\n", "cnncalc-policy: one\n",
     "name: x\ninput: 3\nlayers: [relu]\n"],
)  # fmt: skip
def test_a_policy_states_its_format(text: str) -> None:
    """A file of another kind or version is refused as a whole."""
    found = refused(text)
    assert any("bad-policy" in line or "empty-file" in line for line in found), found


def test_every_key_of_a_policy_is_tried_above() -> None:
    """The tables of this file are complete."""
    tried = EXAMPLE + "\n".join(BAD)
    for word in (*KEYS, *BOUNDS):
        assert re.search(rf"\b{word}: ", tried), word


# -- a policy against a network ----------------------------------------------------------------------------------------


def findings(text: str, asked: Policy) -> list[Finding]:
    """Return what is found in a network."""
    return check(analyze(network_of(text)), asked)[1]


def test_an_unknown_figure_never_holds() -> None:
    """It does not even pass a limit without bounds."""
    for limit in (Limit("params"), Limit("params", most=10**30), Limit("params", least=0)):
        assert not Measured(limit, None).holds
        assert Measured(limit, 5).holds


@pytest.mark.parametrize("actual", [-1, 0, 4, 5, 6, 7, 8, 10**30])
def test_bounds_are_inclusive(actual: int) -> None:
    """5 to 7 accepts 5 and 7."""
    assert Measured(Limit("params", least=5, most=7), actual).holds == (5 <= actual <= 7)
    assert Measured(Limit("params", least=5), actual).holds == (actual >= 5)
    assert Measured(Limit("params", most=7), actual).holds == (actual <= 7)


def test_every_quantity_is_measured() -> None:
    """On a network that has all of them, every quantity of the table has a figure."""
    analysis = analyze(network_of("input: 8x8x3\nlayers: [{conv: {filters: 4, kernel: 3}}, batchnorm, {fc: 10}]"))
    for quantity in LIMITS:
        assert measure(analysis, Limit(quantity)).actual, quantity


def test_the_order_of_findings_is_that_of_the_rules() -> None:
    """It does not depend on the order in the policy."""
    asked = policy("kinds: {require: [lstm]}\nlimits: {macs: {max: 1}, params: {max: 1}}\noutput: 3\ninput: 9x9x3")
    found = findings("input: 8x8x3\nlayers: [{fc: 10, expect: 3}]", asked)
    assert [finding.rule for finding in found] == ["input", "output", "params", "macs", "kinds", "expect"]


def test_several_inputs_and_outputs() -> None:
    """A policy requires one, so two are wrong even if the first one matches."""
    two = "input: {a: 8, b: 8}\nlayers: [{add: [a, b], as: x}, {fc: 3, as: y}]\noutputs: [x, y]"
    for asked in (Policy(input=Shape((8,))), Policy(output=Shape((8,))), Policy(output=Shape((3,)))):
        assert [finding.rule for finding in findings(two, asked)] == [asked.rules[1]]
    one = "input: {a: 8}\nlayers: [{fc: 3}]"
    assert findings(one, Policy(input=Shape((8,)), output=Shape((3,)))) == []


@pytest.mark.parametrize(
    ("layers", "kinds"),
    [("{conv: {filters: 1, kernel: 3}}", {"conv"}), ("{depthwise: 3}", {"depthwise"}), ("globalmaxpool", {"globalmaxpool"}),
     ("{residual: [relu]}", {"relu", "add"}), ("{concat: [prev, [sigmoid]]}", {"concat", "sigmoid"}), ("swish", {"silu"})],
)  # fmt: skip
def test_kinds_are_those_that_are_built(layers: str, kinds: set[str]) -> None:
    """Merges and layers inside blocks count, too. Another name of a kind means the same kind."""
    text = f"input: 8x8x3\nlayers: [{layers}]"
    for kind in kinds:
        assert findings(text, Policy(forbidden=(kind,)))
        assert not findings(text, Policy(required=(kind,)))
    assert findings(text, Policy(required=("lstm",)))
    assert not findings(text, Policy(forbidden=("lstm",)))


def test_another_name_of_a_kind_in_a_policy() -> None:
    """`swish` is `silu`."""
    assert policy("kinds: {forbid: [swish], require: [silu]}").forbidden == ("silu",)


def example(quantity: str) -> Any:
    """Return a limit that nothing satisfies."""
    return Limit(quantity, most=0)


@pytest.mark.parametrize("quantity", [name for name in LIMITS if name != "receptive-field"])
def test_advice_names_the_heaviest(quantity: str) -> None:
    """It states the excess and where most of it is."""
    text = "input: 32x32x3\nlayers: [{conv: {filters: 4, kernel: 3, pad: 1}}, {fc: {units: 10}, as: heavy}]"
    (finding,) = findings(text, Policy(limits=(example(quantity),)))
    assert finding.actual is not None
    assert finding.help.startswith(f"over by {finding.actual:,}")
    if quantity in ("params", "weights"):
        # (32*32 - 1)*4*10 weights fewer
        assert finding.help.endswith("are in heavy; a global average pooling before it saves 40,920")


# -- families of kinds -------------------------------------------------------------------------------------------------

FAMILIES = {
    "max pooling": {"maxpool", "globalmaxpool", "adaptivemaxpool"},
    "average pooling": {"avgpool", "globalavgpool", "adaptiveavgpool"},
    "convolution": {"conv", "depthwise", "convtranspose", "local", "separableconv", "convlstm"},
    "fully connected": {"fc", "linear"},
    "normalization": {"batchnorm", "layernorm", "groupnorm", "instancenorm", "rmsnorm", "lrn"},
    "activation": {"relu", "leakyrelu", "gelu", "silu", "sigmoid", "tanh", "softmax", "glu", "maxout", "square"},
    "dropout": {"dropout"},
    "recurrent": {"lstm", "gru", "rnn", "convlstm"},
    "attention": {"attention", "attend"},
}
FAMILIES["pooling"] = FAMILIES["max pooling"] | FAMILIES["average pooling"]
# a new kind has the families of its base class; kinds without a family are listed, so that none is forgotten
OF_NO_FAMILY = {
    "droppath", "identity", "dot", "embedding", "positional", "classtoken", "add", "mul", "sub", "average", "maximum",
    "minimum", "concat", "scale", "flatten", "reshape", "permute", "slice", "channelshuffle", "pixelshuffle",
    "pixelunshuffle", "pad", "crop", "channelpad", "upsample", "resize", "operator",
    "neg", "complement", "maxunpool",
}  # fmt: skip


def test_every_kind_has_its_families() -> None:
    """Every family has the kinds above."""
    found = families()
    assert found.keys() == FAMILIES.keys()
    for family, kinds in FAMILIES.items():
        assert kinds <= set(found[family])
    assert {layer.kind for layer in KINDS.values() if not layer.families} <= OF_NO_FAMILY


POOLED = "input: 8x8x3\nlayers: [{{conv: {{filters: 4, kernel: 3}}}}, {}, fc: 10]"


@pytest.mark.parametrize(
    "step", ["maxpool: 2", "globalmaxpool: ", "adaptivemaxpool: 2", "avgpool: 2", "globalavgpool: "]
)
@pytest.mark.parametrize("family", ["max pooling", "average pooling", "pooling"])
def test_a_family_is_forbidden_and_required(family: str, step: str) -> None:
    """Any of its kinds counts. The finding names the kind, the family and the layer."""
    text = POOLED.format(f"{{{step}}}")
    kind = step.partition(":")[0]
    member = kind in FAMILIES[family]
    found = findings(text, policy(f"kinds: {{forbid: [{family}]}}"))
    assert [(finding.code, finding.message) for finding in found] == (
        [("forbidden-kind", f"`{kind}` ({family}) is not allowed; the first is {kind}1")] if member else []
    )
    found = findings(text, policy(f"kinds: {{require: {family}}}"))
    assert [finding.code for finding in found] == ([] if member else ["missing-kind"])


def test_a_word_that_is_kind_and_family_is_the_family() -> None:
    """`attention` also forbids its parts."""
    text = "input: 9x4\nlayers: [{linear: 4, as: q}, {attend: [q, q, q]}]"
    assert [one.code for one in findings(text, policy("kinds: {forbid: attention}"))] == ["forbidden-kind"]


@pytest.mark.parametrize(
    ("forbid", "said"),
    [
        ("[maxpool]", "the policy forbids `maxpool`, but not `globalmaxpool` or `adaptivemaxpool`"),
        ("[maxpool, globalmaxpool]", "the policy forbids `maxpool`, but not `adaptivemaxpool`"),
        ("[fc]", "the policy forbids `fc`, but not `linear`"),
        ("[max pooling]", ""),
        ("[maxpool, pooling]", ""),
        ("[lstm, gru, rnn, convlstm]", ""),
        ("[dropout, attention]", ""),
        ("[flatten]", ""),
    ],
)
def test_one_of_a_family(forbid: str, said: str) -> None:
    """If an equivalent kind is not forbidden, the warning names it and the word for all of them."""
    found = policy(f"kinds: {{forbid: {forbid}}}").warnings
    assert [one.text for one in found][:1] == ([said] if said else [])
    assert all(one.level == "warning" and one.help for one in found)
    assert policy("kinds: {require: [maxpool]}").warnings == ()
