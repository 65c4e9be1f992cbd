"""`cnncalc draw`: the options of the graph view."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Run = Callable[..., Any]


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("draw vgg16 --view volumes --depth 1", "--depth is only for the graph view: remove --view volumes"),
        ("draw vgg16 --view memory --horizontal", "--horizontal is only for the graph view: remove --view memory"),
        ("draw vgg16 --view volumes --against vgg11", "--against is only for the graph view: remove --view volumes"),
        ("draw vgg16 --view memory --color-by macs", "--color-by is not for the memory view: remove one of the two"),
        ("draw vgg16 --against vgg11 --color-by macs", "--against has colours for what changed: remove --color-by"),
        ("draw vgg16 --layer Stage1.conv1 --depth 1", "--layer is a picture of its own: remove --depth"),
        ("draw vgg16 --receptive-field Stage1.conv1 --against vgg11", "is a picture of its own: remove --against"),
        ("draw vgg16 --color-by flops", "'flops' is not one of"),
        ("draw vgg16 --depth -1", "-1 is not in the range"),
        ("draw vgg16 --against vgg99", "vgg99"),
    ],
)
def test_what_is_refused(line: str, message: str, ended: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Exit status 2, one message, and no file."""
    monkeypatch.chdir(tmp_path)
    done = ended(*line.split(), "-o", "a.svg")
    assert done.status == 2
    assert message in " ".join(done.err.split())
    assert not (tmp_path / "a.svg").exists()


@pytest.mark.parametrize(
    ("line", "text"),
    [
        ("resnet18 --depth 0", ">conv2_x 64<"),
        ("resnet18 --view graph --show params", ">37.0K params each<"),
        ("vgg16 --color-by params", ">74 %<"),
        ("vgg16 --view graph --color-by params", ">74 %<"),
        ("vgg16 --color-by stage", ">output size<"),
        ("resnet18 --horizontal", ">conv2_x<"),
        ("vgg13 --against vgg11", ">+ 3×3 conv, 64<"),
        ("vgg11 --set Stage1.conv1.filters=32 --against vgg11", ">≠ 3×3 conv, 32<"),
    ],
)
def test_options_change_the_picture(line: str, text: str, ended: Run) -> None:
    done = ended("draw", *line.split())
    assert (done.status, done.err.replace("note: set Stage1.conv1.filters = 32 (was 64)\n", "")) == (0, "")
    assert text in done.out


def test_horizontal_is_wider(ended: Run) -> None:
    def width(out: str) -> float:
        return float(out.split('width="')[1].split("pt", maxsplit=1)[0])

    down, across = ended("draw", "resnet18", "--view", "graph").out, ended("draw", "resnet18", "--horizontal").out
    assert width(across) > width(down)
