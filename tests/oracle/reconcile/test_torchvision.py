"""torchvision's models, read as modules, against what the tools were seen to print for them (tests/reconcile)."""

from __future__ import annotations

import json
from typing import Any

import pytest

# torchvision comes with one build of PyTorch and cannot be imported beside another, so that no extra installs it
try:
    from torchvision import models
except (ImportError, RuntimeError) as error:
    pytest.skip(f"torchvision, whose models these tests read, cannot be imported: {error}", allow_module_level=True)

import cnncalc
from cnncalc.reconcile import reconcile
from tests.helpers import ROOT
from tests.reconcile.test_reconcile import MEASURED

PRINTED = json.loads((ROOT / "tests" / "reconcile" / "tool_counts.json").read_text(encoding="utf-8"))["networks"]


@pytest.mark.usefixtures("one_thread")
@pytest.mark.parametrize("name", PRINTED)
def test_the_tools_print_what_they_were_seen_to_print(name: str) -> None:
    """All six counts of all networks. Swin multiplies by `matmul`, which cannot be told from `@`."""
    more: dict[str, Any] = {"init_weights": False} if name == "googlenet" else {}
    network = cnncalc.from_torch(getattr(models, name)(weights=None, **more), (3, 224, 224))
    written = {"matmul": "function"}
    found = {key: reconcile(network, [tool], written=written).results[0].value for key, tool in MEASURED.items()}
    assert found == PRINTED[name]
