"""Peak memory compared with measurements, to the byte, and rules of the model that can be checked by hand."""

from __future__ import annotations

import json
import re
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from cnncalc.analyses.memory.optimizers import OPTIMIZERS
from cnncalc.analyses.memory.peak import Run, columns, fit, infer, train
from cnncalc.analyses.memory.plan import plan
from cnncalc.analyses.totals import analyze
from cnncalc.cli import cli
from cnncalc.cli.run import run
from cnncalc.layers.conv import Conv
from cnncalc.layers.dense import FC
from cnncalc.layers.operator import Operator, Unknown
from cnncalc.network import Builder, Network
from cnncalc.problem import Refused
from cnncalc.render.memory import parts_of
from cnncalc.shape import Shape
from tests.helpers import TESTS, network_of
from tests.memory_specs import SPECS

REFERENCE = json.loads((TESTS / "reference" / "memory.json").read_text())
RECORDS: list[dict[str, Any]] = REFERENCE["records"]
PHASES = {"fwd": "forward", "bwd": "backward", "opt": "optimizer"}
NAMES = {"sgd": "sgd", "momentum": "sgd_momentum", "adam": "adam"}


def highest(found: Run, phase: str) -> int:
    return max(moment.live for moment in found.moments if moment.phase == phase)


@pytest.mark.parametrize("record", RECORDS, ids=lambda record: f"{record['model']}-{record['batch']}")
def test_torchvision_to_the_byte(record: dict[str, Any]) -> None:
    net = network_of(SPECS[record["model"]])
    batch = record["batch"]
    for optimizer, name in NAMES.items():
        found = train(net, batch, optimizer=optimizer)
        assert not found.unknown
        measured = record["train"][name]
        assert found.peak.live == measured["peak_bytes"], optimizer
        assert found.peak.phase == PHASES[measured["peak_phase"]], optimizer
        assert highest(found, "forward") == measured["fwd_peak"]
        assert highest(found, "backward") == measured["bwd_peak"]
        assert found.saved == record["train"]["act_bytes_end_fwd"]
        assert found.fixed["parameters"] == record["params_bytes"]
        assert found.fixed["buffers"] == record["buffers_bytes"]
    assert infer(net, batch).peak.live == record["infer"]["peak_bytes"]
    assert infer(net, batch, least=True).peak.live <= record["infer"]["peak_bytes"]


SHELF = [  # torchvision 0.28's module of that name, for a batch of 8: the peak of a step with sgd, and what forward keeps
    ("convnext_tiny", 1_018_764_456, 868_494_120),
    ("efficientnet_b0", 736_131_360, 700_967_592),
    ("mobilenet_v3_large", 387_972_664, 348_256_328),
    ("mobilenet_v3_small", 147_812_248, 124_654_152),
    ("resnet50", 838_101_808, 682_735_624),
    ("shufflenet_v2_x1_0", 179_634_552, 158_391_512),
    ("densenet161", 2_074_389_392, 1_938_309_768),
    ("mobilenet_v2", 649_057_320, 621_029_128),
]


@pytest.mark.parametrize(("name", "peak", "saved"), SHELF)
def test_shipped_networks_to_the_byte(name: str, peak: int, saved: int) -> None:
    """Stochastic depth, in-place dropout and everything else that torchvision's modules do."""
    found = train(network_of_shelf(name), 8)
    assert (found.peak.live, found.saved, found.exact) == (peak, saved, True)


@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
@pytest.mark.parametrize("record", RECORDS, ids=lambda record: f"{record['model']}-{record['batch']}")
def test_mixed_precision_to_the_byte(record: dict[str, Any], dtype: str) -> None:
    net = network_of(SPECS[record["model"]])
    batch, measured = record["batch"], record["amp"][dtype]
    for optimizer in ("sgd", "adam"):
        found = train(net, batch, optimizer=optimizer, amp=dtype)
        assert not found.unknown
        assert found.peak.live == measured[optimizer]["peak_bytes"]
        assert highest(found, "forward") == measured[optimizer]["fwd_peak"]
        assert highest(found, "backward") == measured[optimizer]["bwd_peak"]
        assert found.saved == measured["end_of_forward"]
    if record["model"] != "googlenet":  # torchvision omits its auxiliary heads at inference
        eager = infer(net, batch, amp=dtype).peak.live
        # a method of DenseNet's layers holds a list of features, which an architecture cannot express
        least = measured["infer_peak"] * (0.99 if record["model"] == "densenet121" else 1)
        assert least <= eager <= measured["infer_peak"]
        assert infer(net, batch, least=True, amp=dtype).peak.live <= measured["infer_peak"]


CONV = "input: 8x8x4\nlayers:\n  - conv: {filters: 4, kernel: 3, pad: 1}\n"


def test_every_part_by_hand() -> None:
    # a conv on the image keeps only the image, which exists anyway; the output is 8*8*4 = 256 numbers of 4 bytes
    net = network_of(CONV + "  - globalavgpool\n")
    params = 3 * 3 * 4 * 4 + 4
    found = train(net, 2)
    assert found.fixed == {"parameters": params * 4, "buffers": 0, "input": 2 * 256 * 4 + 2 * 8, "optimizer state": 0}
    # kept at the end of the forward: logits 2x4, their log-softmax 2x4, total weight and loss of 4 bytes
    assert found.saved == 2 * 4 * 4 * 2 + 8


def test_the_parts_add_up_to_the_peak() -> None:
    for text in (SPECS["resnet18"], SPECS["googlenet"], SPECS["mobilenet_v2"]):
        found = train(network_of(text), 3, optimizer="adam")
        for moment in found.moments:
            assert sum(size for _, size in parts_of(moment)) == moment.live
        assert found.moments[-1].phase == "optimizer"
        assert sum(found.saved_by_layer.values()) <= found.saved


@pytest.mark.parametrize(
    ("optimizer", "copies"),
    [("sgd", 0), ("momentum", 1), ("nesterov", 1), ("adagrad", 1), ("adadelta", 2), ("rmsprop", 1), ("rprop", 2), ("adam", 2),
     ("amsgrad", 3), ("adamw", 2), ("adamax", 2), ("nadam", 2), ("radam", 2), ("lion", 1), ("lamb", 2)],
)  # fmt: skip
def test_optimizer_state(optimizer: str, copies: int) -> None:
    found = train(network_of(CONV + "  - fc: 10\n"), optimizer=optimizer)
    assert found.fixed["optimizer state"] == copies * found.fixed["parameters"]
    assert OPTIMIZERS[optimizer].kept == copies


def test_adafactor_keeps_rows_and_columns() -> None:
    """Weights of 16 x 3 x 3 x 3 keep 16*3*3 + 16*3*3 numbers, and those of 10 x 1024 keep 10 + 1024. Biases are vectors."""
    found = train(
        network_of("input: 8x8x3\nlayers: [conv: {filters: 16, kernel: 3, pad: 1}, fc: 10]\n"), optimizer="adafactor"
    )
    assert found.fixed["optimizer state"] == 4 * (2 * 16 * 9 + 16 + 10 + 1024 + 10)
    assert found.unstated == ("the order of the parameters in the step of adafactor",)  # the peak is in its step here
    assert train(network_of("input: 8x8x3\nlayers: [scale]\n"), optimizer="adafactor").unstated[:1] == ("scale1",)


@pytest.mark.parametrize(
    ("kind", "free", "inplace"),
    [  # volumes of 8x8x4 kept by an activation after conv-batchnorm: out of place, in place
        ("relu", 2, 2),
        ("relu6", 3, 3),
        ("silu", 3, 3),
        ("hardswish", 3, 3),
        ("leakyrelu", 3, 2),
        ("elu", 3, 2),
    ],
)
def test_which_activations_save_memory_in_place(kind: str, free: int, inplace: int) -> None:
    """relu keeps its output in either case; relu6 and silu keep a copy when they work in place."""
    volume = 8 * 8 * 4 * 4
    text = CONV + f"  - batchnorm\n  - {kind}\n  - conv: {{filters: 4, kernel: 1}}\n  - globalavgpool\n"
    statistics = 2 * 4 * 4
    tail = 2 * 4 * 4 + 8
    for flag, volumes in ((False, free), (True, inplace)):
        found = train(network_of(text), inplace=flag)
        # the last conv's output is averaged, and nothing keeps it
        assert found.saved - statistics - tail == volumes * volume, flag


def test_max_pooling_keeps_eight_byte_indices() -> None:
    with_max = train(
        network_of(CONV + "  - relu\n  - maxpool: 2\n  - conv: {filters: 4, kernel: 1}\n  - globalavgpool\n")
    )
    with_mean = train(
        network_of(CONV + "  - relu\n  - avgpool: 2\n  - conv: {filters: 4, kernel: 1}\n  - globalavgpool\n")
    )
    assert with_max.saved - with_mean.saved == 4 * 4 * 4 * 8


def test_dropout_keeps_a_mask_of_bytes_and_nothing_at_inference() -> None:
    text = "input: 100\nlayers: [fc: 50, dropout: 0.5, fc: 10]\n"
    without = "input: 100\nlayers: [fc: 50, fc: 10]\n"
    assert train(network_of(text)).saved - train(network_of(without)).saved == 50
    assert infer(network_of(text)).peak.live == infer(network_of(without)).peak.live


@pytest.mark.parametrize(
    ("fields", "peak"),
    [
        ("", 472_376),
        (", channels: true", 439_736),
        (", channels: true, alpha: true", 439_736),
        (", alpha: true", 570_680),
    ],
)
def test_dropout_of_channels_keeps_a_factor_per_channel_and_alpha_dropout_one_per_number(
    fields: str, peak: int
) -> None:
    """PyTorch 2.13: Dropout, Dropout2d, FeatureAlphaDropout and AlphaDropout (tests/oracle/readers/torch/test_memory.py)."""
    text = (
        f"input: 32x32x3\ndefaults: {{conv: {{kernel: 3, pad: 1}}}}\nlayers: [conv: 16, dropout: {{rate: 0.5{fields}}}, "
        "conv: 16, globalavgpool, fc: 10]\n"
    )
    found = train(network_of(text), 2)
    assert (found.peak.live, found.exact) == (peak, True)


def test_shared_weights_have_one_gradient() -> None:
    text = "input: 16\nlayers:\n  - {fc: 16, as: a}\n  - relu\n  - {fc: 16, share: a}\n  - fc: 4\n"
    found = train(network_of(text))
    params = 16 * 16 + 16 + 16 * 4 + 4
    assert found.fixed["parameters"] == params * 4
    last = dict(found.moments[-1].parts)
    assert last["gradients"] == params * 4


def test_dead_branches_keep_nothing() -> None:
    dead = "input: 8x8x4\nlayers:\n  - {conv: {filters: 4, kernel: 1}, as: a}\n  - {conv: {filters: 64, kernel: 1}, as: dead}\n"
    text = dead + "  - {globalavgpool: {}, from: a, as: out}\noutputs: out\n".replace(
        "globalavgpool: {}", "seq: [globalavgpool]"
    )
    plain = "input: 8x8x4\nlayers: [conv: {filters: 4, kernel: 1}, globalavgpool]\n"
    assert train(network_of(text)).saved == train(network_of(plain)).saved


def test_half_precision_halves_all_but_statistics_and_indices() -> None:
    text = CONV + "  - batchnorm\n  - relu\n  - maxpool: 2\n  - fc: 3\n"
    full, half = train(network_of(text), dtype="float32"), train(network_of(text), dtype="bfloat16")
    fixed = 2 * 4 * 4 + 4 * 4 * 4 * 8  # statistics and indices
    assert (full.saved - fixed) == 2 * (half.saved - fixed)


def test_fit_is_the_last_batch_that_fits() -> None:
    net = network_of(SPECS["resnet18"])
    size = 10 * 10**9
    for amp, checkpoint in (("", ()), ("bfloat16", ()), ("", ["Block"]), ("float16", ["Block"])):
        work = plan(net, True, checkpoint=checkpoint, amp=amp)
        found = fit(net, size, work, optimizer="adam")
        low, high = (
            train(net, found.batch + more, optimizer="adam", checkpoint=checkpoint, amp=amp).peak.live
            for more in (0, 1)
        )
        assert low <= size < high
        assert found.first.live == train(net, 1, optimizer="adam", checkpoint=checkpoint, amp=amp).peak.live
        batch = fit(net, size, plan(net, False, amp=amp)).batch
        assert infer(net, batch, amp=amp).peak.live <= size < infer(net, batch + 1, amp=amp).peak.live
    assert fit(net, 1000, plan(net, True)).batch == 0


def test_checkpointing_lowers_the_peak_and_changes_no_gradient() -> None:
    net = network_of(SPECS["resnet50"])
    plain, again = train(net, 8), train(net, 8, checkpoint=["Block"])
    assert again.peak.live < plain.peak.live
    assert again.saved < plain.saved
    assert dict(again.moments[-1].parts)["gradients"] == dict(plain.moments[-1].parts)["gradients"]


def test_a_layer_without_a_rule_makes_a_lower_bound() -> None:
    net = network_of("input: 10x4\nlayers: [lstm: 8, fc: 2]\n")
    assert not train(net).exact
    assert not infer(net).exact
    assert columns(analyze(net)).unruled == ("lstm1",)


def test_command(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    picture = tmp_path / "t.svg"
    assert run(cli, ["memory", "resnet18", "--batch", "8", "--fit", "10GB", "--timeline", "--plot", str(picture)]) == 0
    shown = capsys.readouterr().out
    for words in (
        "training peak",
        "inference peak",
        "minimum",
        "saved for backward",
        "training in 10.0 GB: batch",
        "^ peak",
    ):
        assert words in shown
    assert run(cli, ["memory", "resnet18", "--batch", "8", "--format", "json"]) == 0
    data = json.loads(capsys.readouterr().out)
    assert data["format"] == "cnncalc.memory/1"
    drawn = picture.read_text()
    assert f"{data['training']['peak_bytes']:,} bytes" in drawn
    assert drawn.count("<title>") == 1 + len(train(network_of_shelf("resnet18"), 8).moments)


def network_of_shelf(name: str) -> Network:
    from cnncalc.loading import Spec, load

    return load(Spec(name))


def test_json_contract(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(cli, ["memory", "alexnet", "--format", "json", "--fit", "24GiB"]) == 0
    data = json.loads(capsys.readouterr().out)
    assert {"name", "batch", "dtype", "optimizer", "inference", "training", "fit"} <= set(data)
    both = {"params_bytes", "buffers_bytes", "input_bytes", "peak_bytes", "peak_at", "exact"}
    assert both | {"peak_activation_bytes", "minimum_bytes"} <= set(data["inference"])
    assert both | {"gradients_bytes", "optimizer_bytes", "saved_bytes", "peak_phase"} <= set(data["training"])
    assert set(data["fit"]) == {
        "size_bytes", "inference_batch", "inference_minimum_batch", "training_batch", "exact"
    }  # fmt: skip
    assert data["fit"]["size_bytes"] == 24 * 2**30
    part = data["inference"]
    assert (
        part["peak_bytes"]
        == part["params_bytes"] + part["buffers_bytes"] + part["input_bytes"] + part["peak_activation_bytes"]
    )


SIDED = {
    "any": ("input: 20x20x3", "[conv: {filters: 4, kernel: 3, stride: 2}, relu, maxpool: 2, fc: 5]"),
    "multiples": (
        "input: 8x8x3",
        "[{concat: [prev, [maxpool: 8, upsample: 8]]}, conv: {filters: 2, kernel: 1}, globalavgpool]",
    ),
    "sequences": ("input: 30x4", "[conv: {filters: 3, kernel: 3}, globalavgpool, fc: 2]"),
    "odd sides": ("input: 9x5x3", "[conv: {filters: 4, kernel: 3}, relu, globalavgpool]"),
}


@pytest.mark.parametrize("name", SIDED)
def test_the_largest_input_within_a_size(name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The result is compared with every side, one by one. Sides that do not suit the network are skipped."""
    head, layers = SIDED[name]
    rank, channels = head.count("x"), head.rpartition("x")[2]
    spec = tmp_path / "net.yaml"
    spec.write_text(f"{head}\nlayers: {layers}\n")
    sizes = {}
    for side in range(1, 120):
        with suppress(Refused):
            net = network_of(f"input: {'x'.join([str(side)] * rank)}x{channels}\nlayers: {layers}\n")
            sizes[side] = (train(net, 2).peak.live, infer(net, 2).peak.live, infer(net, 2, least=True).peak.live)
    for limit in (max(sizes[max(sizes)]) // 3, sizes[min(sizes)][0], 10):
        assert run(cli, ["memory", str(spec), "--batch", "2", "--fit-input", f"{limit}B", "--format", "json"]) == 0
        found = json.loads(capsys.readouterr().out)["fit_input"]
        assert found["size_bytes"] == limit
        assert found["exact"] is False  # a file does not say how long a program holds its values
        for place, key in enumerate(("training_input", "inference_input", "inference_minimum_input")):
            within = [side for side, peaks in sizes.items() if peaks[place] <= limit]
            assert found[key] == ([*[max(within)] * rank, int(channels)] if within else None)


def test_the_text_of_fit_input(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    spec = tmp_path / "net.yaml"
    spec.write_text("input: {left: 8x8x3, right: 10}\nlayers: [{fc: 10, from: left}, {add: [prev, right]}]\n")
    assert run(cli, ["memory", str(spec), "--fit-input", "1MB"]) == 2
    assert "--fit-input is only for networks with one input, and this one has 2" in capsys.readouterr().err
    assert run(cli, ["memory", "-e", "784 -> FC-10", "--fit-input", "1MB"]) == 2
    assert "for images and sequences, and the input is 784" in capsys.readouterr().err
    assert run(cli, ["memory", "lenet5", "--fit-input", "2 bananas"]) == 2
    assert "--fit-input: `2 bananas` is not a size" in capsys.readouterr().err
    assert run(cli, ["memory", "lenet5", "--fit-input", "10M", "--fit", "10M", "--batch", "4"]) == 0
    shown = capsys.readouterr().out
    assert "training in 10.0 MB: batch " in shown
    assert re.search(r"training in 10\.0 MB at batch 4: input (\d+)x\1x1\n", shown)
    assert re.search(
        r"inference in 10\.0 MB at batch 4: input (\d+)x\1x1 \(estimated\); (\d+)x\2x1 with every value", shown
    )
    assert run(cli, ["memory", "lenet5", "--fit-input", "1kB", "--mode", "infer"]) == 0
    assert "inference in 1.00 kB at batch 1: no input fits" in capsys.readouterr().out


WIDE = "input: 8x8x4\nlayers: [conv: {filters: 64, kernel: 1}, maxpool: 8, flatten, fc: 2]\n"


def test_assumptions_about_the_program_are_stated(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """An architecture does not say how long values are held, so only the minimum is exact."""
    assumed = "each block holds its inputs until it returns"
    spec = tmp_path / "net.yaml"
    spec.write_text(
        "input: 8x8x4\nblocks:\n  Wide: [conv: {filters: 9, kernel: 1}, conv: {filters: 9, kernel: 1}]\n"
        "layers: [conv: {filters: 8, kernel: 1}, Wide, maxpool: 8, flatten, fc: 2]\n"
    )
    assert run(cli, ["memory", str(spec), "--format", "json", "--fit", "100kB"]) == 0
    data = json.loads(capsys.readouterr().out)
    part, step = data["inference"], data["training"]
    assert (part["exact"], part["assumes"], part["minimum_exact"]) == (False, assumed, True)
    assert (step["exact"], step["assumes"], step["minimum_exact"]) == (True, None, True)
    assert step["minimum_bytes"] == step["peak_bytes"]
    assert part["peak_bytes"] - part["minimum_bytes"] == 8 * 8 * 8 * 4  # the input of Wide
    assert data["fit"]["inference_minimum_batch"] > data["fit"]["inference_batch"]
    assert run(cli, ["memory", str(spec), "--fit", "100kB"]) == 0
    shown = capsys.readouterr().out
    assert f"inference peak  estimated {part['peak_bytes']:,} bytes" in shown
    assert f"assumes that {assumed}" in shown
    assert f"minimum         {part['minimum_bytes']:,} bytes" in shown
    most = data["fit"]["inference_minimum_batch"]
    assert f"(estimated); batch {most:,} with every value freed after its last use" in shown
    policy = tmp_path / "policy.yaml"
    for size, status in ((part["minimum_bytes"], 0), (part["minimum_bytes"] - 1, 1)):
        policy.write_text(f"cnncalc-policy: 1\nlimits: {{inference-memory: {{max: {size}B}}}}\n")
        assert run(cli, ["check", str(spec), "--policy", str(policy)]) == status
        capsys.readouterr()


def test_a_training_peak_in_forward_is_an_estimate(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Values held by a program can raise the peak only before forward has returned."""
    net = network_of(WIDE)
    found, least = train(net, 4), train(net, 4, least=True)
    assert found.peak.phase == "backward"
    assert found.exact
    assert found.peak.live == least.peak.live
    spec = tmp_path / "net.yaml"
    spec.write_text(
        "input: 8x8x4\nblocks:\n  Pool: [avgpool: 2, avgpool: 2, avgpool: 2]\n"
        "layers: [upsample: 4, upsample: 4, Pool, globalavgpool, fc: 2]\n"
    )
    assert run(cli, ["memory", str(spec), "--format", "json", "--mode", "train"]) == 0
    step = json.loads(capsys.readouterr().out)["training"]
    assert (step["peak_phase"], step["exact"], step["minimum_exact"]) == ("forward", False, True)
    assert step["minimum_bytes"] <= step["peak_bytes"]
    assert run(cli, ["memory", str(spec), "--mode", "train"]) == 0
    shown = capsys.readouterr().out
    assert "training peak   estimated " in shown
    assert f"minimum         {step['minimum_bytes']:,} bytes" in shown


UNRULED = {
    "recurrent": ("input: 10x4\nlayers: [lstm: 8, fc: 2]\n", []),
    "attention": ("input: 10x8\nlayers: [attention: 2, fc: 2]\n", []),
    "attention under autocast": ("input: 10x8\nlayers: [linear: 8, attention: 2, fc: 2]\n", ["--amp"]),
}


@pytest.mark.parametrize("name", UNRULED)
def test_lower_bounds_are_marked_in_every_output(name: str, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    text, options = UNRULED[name]
    spec, picture = tmp_path / "net.yaml", tmp_path / "t.svg"
    spec.write_text(text)

    def shown(*arguments: str, status: int = 0) -> str:
        assert run(cli, [*arguments]) == status
        return capsys.readouterr().out

    table = shown("memory", str(spec), *options, "--timeline", "--plot", str(picture), "--fit", "1MB")
    for line in table.splitlines():
        if " bytes = " in line:
            assert "at least" in line, line
        if "in 1.00 MB: batch" in line:
            assert line.endswith("at most (a layer has no memory rule)")
    assert "^ peak (at least)" in table
    assert "note: no memory rule for" in table
    assert f"{shown('memory', str(spec), *options, '--fit', '10B').count('peak is at least')}" == "2"
    drawn = picture.read_text()
    assert ">peak at least " in drawn
    assert drawn.count(": at least ") == drawn.count("<title>") - 1 > 0
    data = json.loads(shown("memory", str(spec), *options, "--format", "json", "--fit", "1MB"))
    assert data["training"]["exact"] is data["inference"]["exact"] is data["fit"]["exact"] is False
    for kind in ("training-memory", "inference-memory"):
        limit = f"{kind}: {{max: 1GB{', amp: float16' if options else ''}}}"
        (tmp_path / "policy.yaml").write_text(f"cnncalc-policy: 1\nlimits: {{{limit}}}\n")
        told = shown("check", str(spec), "--policy", str(tmp_path / "policy.yaml"), status=1)
        assert f"{kind.replace('-', ' ')} ? <= 1,000,000,000 bytes" in told
    if not options:
        for form in ("table", "csv", "markdown", "latex"):
            assert ">= " in shown("analyze", str(spec), "--columns", "saved,live", "--format", form).replace(
                "\\textgreater{}=", ">="
            )


def test_operators_of_other_formats_make_a_lower_bound() -> None:
    builder = Builder()
    image = builder.input("input", Shape((8, 8, 4)))
    first = builder.add(Conv(filters=4, kernel=1), [image], "conv")
    strange = builder.add(Unknown("deformconv", Shape((8, 8, 4))), [first, first], "strange")
    net = builder.finish([builder.add(FC(units=3), [strange], "fc")])
    for found in (train(net), infer(net), train(net, amp="float16")):
        assert found.unknown == ("strange",)
        assert not found.exact


def test_what_works_in_place_may_cost_nothing() -> None:
    """A lower bound also holds for an operator that is a view."""

    def peak(in_place: bool) -> int:
        builder = Builder()
        image = builder.input("input", Shape((64, 64, 1)))
        view = builder.add(Operator("view", Shape((64, 64, 1)), in_place=in_place), [image], "view")
        return infer(builder.finish([view])).peak.live

    assert peak(in_place=False) - peak(in_place=True) == 64 * 64 * 4


def test_mixed_precision_by_hand() -> None:
    """Two convolutions on a volume of 8x8x4, which use every rule of autocast."""
    volume, first, second = 8 * 8 * 4, 3 * 3 * 4 * 4, 4 * 4
    text = CONV + "  - relu\n  - conv: {filters: 4, kernel: 1, bias: false}\n  - globalavgpool\n"
    found = train(network_of(text), amp="bfloat16")
    assert found.fixed["parameters"] == 4 * (first + 4 + second)  # float32 stays
    assert dict(found.moments[-1].parts)["gradients"] == 4 * (first + 4 + second)
    # kept: the image, relu's output and both weights in 16 bits; of the loss, logits and log-softmax in 16 bits,
    # a copy in float32, and two numbers
    assert found.saved == 2 * (2 * volume + first + second) + 4 * (2 + 2 + 4) + 8
    last = [moment for moment in found.moments if moment.phase == "forward"][-1]
    assert dict(last.parts)["16-bit weights"] == 2 * (first + 4 + second)  # the bias too, until autocast ends
    upsampled = train(network_of(text.replace("  - relu", "  - upsample: 2")), amp="bfloat16")
    # in float32, from a copy that nothing keeps; the second convolution keeps a 16-bit copy of that
    assert upsampled.saved - found.saved == 2 * 3 * volume


def test_memory_columns_need_a_type_to_train_in(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(cli, ["analyze", "lenet5", "--columns", "saved", "--dtype", "int8"]) == 2
    assert "training, which int8 cannot be used for" in capsys.readouterr().err


def test_mixed_precision_on_the_command_line(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    def data(*arguments: str) -> Any:
        assert run(cli, ["memory", "resnet18", "--batch", "8", *arguments, "--format", "json"]) == 0
        return json.loads(capsys.readouterr().out)

    plain, mixed, again = data(), data("--amp"), data("--amp", "bfloat16", "--checkpoint", "conv2_x")
    assert (plain["amp"], mixed["amp"], again["amp"]) == (None, "float16", "bfloat16")
    assert (mixed["dtype"], again["checkpoint"]) == ("float32", ["conv2_x"])
    for part in ("training", "inference"):
        assert mixed[part]["params_bytes"] == plain[part]["params_bytes"]
    peaks = [found["training"]["peak_bytes"] for found in (again, mixed, plain)]
    assert peaks == sorted(peaks)
    assert "16-bit weights" in mixed["training"]["at_peak"]
    assert run(cli, ["memory", "resnet18", "--batch", "8", "--amp", "--timeline"]) == 0
    shown = capsys.readouterr().out
    assert "batch 8, float32 with autocast to float16" in shown
    assert f"{mixed['training']['peak_bytes']:,} bytes" in shown
    picture = tmp_path / "t.svg"
    assert run(cli, ["memory", "resnet18", "--batch", "8", "--amp", "--optimizer", "adam", "--plot", str(picture)]) == 0
    drawn = picture.read_text()
    highest = max(int(size.replace(",", "")) for size in re.findall(r": ([\d,]+) bytes</title>", drawn))
    assert f"peak {highest:,} bytes at" in drawn
    assert f"{highest:,} bytes" in capsys.readouterr().out
    assert ">16-bit weights<" in drawn


@pytest.mark.parametrize(
    "arguments",
    [
        ["--fit", "10"],
        ["--fit", "lots"],
        ["--checkpoint", "Nothing"],
        ["--dtype", "int8"],
        ["--optimizer", "lyon"],
        ["--amp", "int8"],
        ["--amp", "float16", "--dtype", "float64"],
        ["--checkpoint", "", "--amp"],
        ["--checkpoint", "conv1", "--mode", "infer"],
    ],
)
def test_bad_arguments(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert run(cli, ["memory", "lenet5", *arguments]) == 2
    assert capsys.readouterr().out == ""
