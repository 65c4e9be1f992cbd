"""The files that `check` is asked for: files, folders with everything below them, patterns."""

from __future__ import annotations

import glob
import os
from collections.abc import Iterator, Sequence

from cnncalc.cli.run import Failed
from cnncalc.text import show

SUFFIXES = (".yaml", ".yml")


def collect(paths: Sequence[str]) -> list[str]:
    """Every file once: in the order typed, folders and patterns sorted. `-` stays.

    Raises:
        Failed: where a path does not exist, a folder cannot be read, or nothing is found.
    """
    found: dict[str, None] = {}
    for path in paths:
        here = [path] if path == "-" else list(_expanded(path))
        if not here:
            raise Failed(f"no {' or '.join(SUFFIXES)} files in {show(path, 200)}")
        found.update(dict.fromkeys(here))
    if not found:
        raise Failed("no files to check")
    return list(found)


def _expanded(path: str) -> Iterator[str]:
    if os.path.isdir(path) and not os.path.islink(path):
        yield from _below(path)
    elif os.path.lexists(path):
        yield path
    elif glob.has_magic(path):
        for match in sorted(glob.glob(path, recursive=True)):
            if not os.path.isdir(match) or os.path.islink(match):
                yield match
    else:
        raise Failed(f"there is no file or folder {show(path, 200)}")


def _below(folder: str) -> Iterator[str]:
    def refuse(error: OSError) -> None:
        raise Failed(f"cannot read the folder {show(error.filename, 200)}: {error.strerror}")

    for here, folders, files in os.walk(folder, onerror=refuse):
        folders.sort()
        for name in sorted(files):
            if name.lower().endswith(SUFFIXES):
                yield os.path.join(here, name)
