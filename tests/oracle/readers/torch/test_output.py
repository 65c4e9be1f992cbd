"""However a model prints, only the result goes to standard output."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.helpers import environment

pytest.importorskip("torch")

NOISY = """
import atexit, ctypes, os, subprocess, sys, threading
import torch
from torch import nn

print("noise 1")
sys.__stdout__.write("noise 2\\n")
os.write(1, b"noise 3\\n")
subprocess.run(["echo", "noise 4"])
libc = ctypes.CDLL(None)
libc.puts(b"noise 5")
libc.printf(b"noise 6\\n")
atexit.register(print, "noise 7")
atexit.register(os.write, 1, b"noise 8\\n")
late = sys.stdout

class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.layer = nn.Linear(8, 3)
        libc.printf(b"noise 9\\n")

    def forward(self, x):
        print("noise 10", file=late)
        os.write(1, b"noise 11\\n")
        return self.layer(x)
"""


@pytest.mark.parametrize("command", ["analyze", "memory"])
def test_json_stays_json(command: str, tmp_path: Path) -> None:
    (tmp_path / "noisy.py").write_text(NOISY, encoding="utf-8")
    words = [sys.executable, "-m", "cnncalc", command, "torch:noisy:Net", "--input", "8", "--format", "json"]
    done = subprocess.run(words, cwd=tmp_path, env=environment(), capture_output=True, check=False, encoding="utf-8")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["name"] == "Net"
    for number in range(1, 12):
        assert f"noise {number}\n" in done.stderr


def test_where_standard_error_is_closed(tmp_path: Path) -> None:
    (tmp_path / "noisy.py").write_text(NOISY, encoding="utf-8")
    line = f"{sys.executable} -m cnncalc analyze torch:noisy:Net --input 8 --get params 2>&-"
    done = subprocess.run(["sh", "-c", line], cwd=tmp_path, env=environment(), capture_output=True, check=False)
    assert done.stdout == b"27\n"
