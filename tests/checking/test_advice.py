"""`check` shows a file that is over a limit the first change that would bring it within, with bounded work."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

import cnncalc
from cnncalc.advice import first
from cnncalc.analyses.budget import Limit, Policy
from tests.helpers import ROOT, Ended, environment

LENET = str(ROOT / "architectures" / "lenet5.yaml")
NARROW = "input: 8x8x3\nlayers:\n  - conv: {filters: 16, kernel: 3}\n  - relu\n  - fc: 40\n  - fc: 10\n"


def test_the_advice_keeps_its_promise() -> None:
    """The change has the promised figures, and the policy then passes."""
    [entry] = cnncalc.check(LENET, limits={"params": "30k"}).entries
    advice = entry.advice
    assert advice is not None
    assert (advice.rewrite, advice.place, advice.lines) == ("groups-4", "C5", (13,))
    assert advice.figures == (("params", 61_706, 25_706),)
    network = cnncalc.load(LENET)
    same = [
        one for one in network.advise({"params": "30k"}).advice if (one.rewrite.name, one.place) == ("groups-4", "C5")
    ]
    assert same[0].after["params"] == 25_706


@pytest.mark.parametrize("name", ["alexnet", "vgg11", "squeezenet1_1", "mlperf_tiny_kws", "mobilenet_v2", "unet"])
def test_it_is_as_harmless_as_the_first_of_advise(name: str) -> None:
    """For a limit on one figure, `advise` begins with a change that harms as little."""
    network = cnncalc.load(name)
    params = network.analyze().totals.params
    limit = params * 7 // 10
    [entry] = network.check(limits={"params": limit}).entries
    assert entry.advice is not None
    best = [one for one in network.advise({"params": limit}).advice if one.meets]
    harm = {one.rewrite.name: one.rewrite.harm for one in best}
    assert harm[entry.advice.rewrite] == best[0].rewrite.harm


def test_the_rest_of_the_policy_must_hold(tmp_path: Path) -> None:
    """A change that breaks another rule is no advice, and neither is one for a file that is under a minimum."""
    file = tmp_path / "net.yaml"
    file.write_text(NARROW)
    free = cnncalc.check(file, limits={"params": "15k"}).entries[0].advice
    assert free is not None
    assert free.rewrite == "merged-linear"
    least = Policy(limits=(Limit("params", most=15_000), Limit("depth", least=3)))
    kept = cnncalc.check(file, least).entries[0].advice
    assert kept is not None
    assert kept.rewrite != "merged-linear"
    assert cnncalc.check(file, Policy(limits=(Limit("params", least=10**6),))).entries[0].advice is None
    assert cnncalc.check(file, limits={"params": "1"}).entries[0].advice is None
    assert cnncalc.check(file, limits={"params": "15k"}, advice=False).entries[0].advice is None


def test_texts(ended: Callable[..., Ended]) -> None:
    words = ("check", LENET, "--max-params", "30k")
    done = ended(*words)
    assert done.status == 1
    assert (
        "  advice: split the channels of convolutions into 4 groups, in C5 (line 13): params 61,706 -> 25,706"
        in done.lines
    )
    data = json.loads(ended(*words, "--format", "json").out)["files"][0]["advice"]
    assert (data["rewrite"], data["before"], data["after"]) == ("groups-4", {"params": 61_706}, {"params": 25_706})
    page = ended(*words, "--format", "html").out
    assert (
        "Advice: split the channels of convolutions into 4 groups, in C5 (line 13): params 61,706 -&gt; 25,706." in page
    )
    assert "advice" not in ended("check", LENET, "--max-params", "1M").out
    assert "advice: split" in ended(*words, "--format", "github").out
    assert "advice" not in ended(*words, "--format", "junit").out
    assert "advice: split" in ended(*words, "--anonymous").out


def test_files_that_pass_import_nothing() -> None:
    """Only a file over a limit pays for advice."""
    code = (
        "import sys, cnncalc; report = cnncalc.check(sys.argv[1], limits={'params': sys.argv[2]});"
        "print(any(name.startswith('cnncalc.advice') for name in sys.modules))"
    )
    for limit, loaded in (("1M", "False"), ("1k", "True")):
        run = [sys.executable, "-c", code, LENET, limit]
        done = subprocess.run(run, env=environment(), capture_output=True, text=True, check=True)
        assert done.stdout.strip() == loaded


def test_work_is_bounded(tmp_path: Path) -> None:
    """Large files get no advice, and files just below that size take well under a second."""
    file = tmp_path / "long.yaml"
    for repeat, least in ((199, True), (300, False)):
        steps = (
            "[conv: {filters: 8, kernel: 3, pad: 1}, batchnorm, relu, maxpool: {kernel: 3, stride: 1, pad: 1}, relu]"
        )
        file.write_text(f"input: 16x16x8\nlayers:\n  - {{seq: {steps}, repeat: {repeat}}}\n")
        start = time.process_time()
        [entry] = cnncalc.check(file, limits={"params": "100", "training-memory": "1kB"}).entries
        assert entry.status == "failed"
        assert (len(cnncalc.load(file).nodes) <= first.MOST_LAYERS) is least
        assert time.process_time() - start < 6  # measured: 0.5 s; other processes slow it down


def test_names_stay_text(tmp_path: Path) -> None:
    """Names of layers in models come from strangers; those in files cannot have such characters."""
    advice = first.Suggestion("width-50", "a\x1b[31m::error", "narrow", "less", (("params", 2, 1),))
    from cnncalc.render.checks.dialect import advice_text

    assert "\x1b" not in advice_text(advice)
