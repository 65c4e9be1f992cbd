"""Helpers of many tests: a network from text, the result of a command, processes that find the program, and git."""

from __future__ import annotations

import json
import os
import struct
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from cnncalc.network import Network
from cnncalc.problem import Source
from cnncalc.readers.yaml.reader import read

TESTS = Path(__file__).resolve().parent
ROOT = TESTS.parent
PATHS = [str(ROOT), *[os.path.abspath(path) for path in sys.path if path]]
KEPT = ("PATH", "HOME", "TMPDIR", "LD_LIBRARY_PATH", "SYSTEMROOT")


class Ended(NamedTuple):
    """The result of a command."""

    status: int
    out: str
    err: str

    @property
    def lines(self) -> list[str]:
        """The lines of standard output."""
        return self.out.splitlines()

    @property
    def data(self) -> Any:
        """Standard output as JSON."""
        return json.loads(self.out)


def network_of(text: str) -> Network:
    """Return the network of a specification."""
    return read(Source("net.yaml", text))


def environment(**more: str) -> dict[str, str]:
    """Return the environment of a process that finds the program and its dependencies, but nothing in the current folder."""
    kept = {name: os.environ[name] for name in KEPT if name in os.environ}
    return {**kept, "PYTHONPATH": os.pathsep.join(PATHS), "PYTHONUTF8": "1", **more}


def git(folder: Path, *words: str) -> str:
    """Return the output of git in a folder, without the user's configuration and with a fixed author."""
    env = {
        **os.environ, "GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_SYSTEM": os.devnull, "HOME": str(folder),
        **{f"GIT_{who}_{what}": f"a@{what}" for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")},
    }  # fmt: skip
    words = ("git", "-c", "init.defaultBranch=main", *words)
    done = subprocess.run(words, cwd=folder, env=env, capture_output=True, check=True, encoding="utf-8")
    return done.stdout.strip()


def run_on_terminal(
    words: Sequence[str], columns: int, env: Mapping[str, str], cwd: Path | None = None, *, silent: bool = False
) -> bytes:
    """Run a process on a terminal with this many columns and return what it prints there, including escapes.

    With `silent`, standard error is not the terminal, and nothing may be written to it.
    """
    import fcntl
    import pty
    import termios

    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
    errors = subprocess.PIPE if silent else theirs
    printed = b""
    with subprocess.Popen(words, stdin=theirs, stdout=theirs, stderr=errors, env=env, cwd=cwd) as running:
        os.close(theirs)
        while True:
            try:
                part = os.read(ours, 65536)
            except OSError:  # on Linux, the other side is closed
                break
            if not part:
                break
            printed += part
        os.close(ours)
        assert running.stderr is None or running.stderr.read() == b""
        assert running.wait() == 0
    return printed
