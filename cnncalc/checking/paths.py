"""The files that `check` is asked for: files, folders with everything below them, patterns."""

from __future__ import annotations

import glob
import os
from collections.abc import Iterator, Sequence

from cnncalc.readers import SUBMISSIONS

SUFFIXES = SUBMISSIONS
OWN = (".git", ".hg", ".svn")  # folders of version control, which nobody hands in
Found = tuple[str, str | None]  # a path, and "", why there is nothing to read, or None: its suffix is none of the above


def collect(paths: Sequence[str]) -> tuple[dict[str, str], list[str]]:
    """Every file once: in the order typed, folders and patterns sorted. `-` stays. And the files that are not looked at.

    A path that leads to no file stays too, with the reason: it is reported like a file that cannot be read.
    """
    found: dict[str, str] = {}
    unread: dict[str, None] = {}
    for path in paths:
        some = False
        for file, problem in [(path, "")] if path == "-" else _expanded(path):
            if problem is None:
                unread[file] = None
                continue
            some = True
            found.setdefault(file, problem)
        if not some:
            found.setdefault(path, f"no {', '.join(SUFFIXES[:-1])} or {SUFFIXES[-1]} files in it")
    return found, [file for file in unread if file not in found]


def _expanded(path: str) -> Iterator[Found]:
    if os.path.isdir(path) and not os.path.islink(path):
        yield from _below(path)
    elif os.path.lexists(path):
        yield path, ""
    elif glob.has_magic(path):
        for match in sorted(glob.glob(path, recursive=True)):
            file = _first_link(match, path)
            folder = os.path.isdir(file) and not os.path.islink(file)
            if not folder or file.lower().endswith(SUFFIXES):
                yield file, ""
            if folder:
                yield from _below(file)
    else:
        yield path, "there is no such file or folder"


def _first_link(match: str, pattern: str) -> str:
    """The first link on the way to a match, where the pattern led; the match itself where there is none."""
    parts = match.split(os.sep)
    typed = next(number for number, part in enumerate(pattern.split(os.sep)) if glob.has_magic(part))
    ways = [os.sep.join(parts[: number + 1]) for number in range(typed, len(parts))]
    return next((way for way in ways if os.path.islink(way)), match)


def _below(top: str) -> Iterator[Found]:
    """The files below a folder, with what could hide some: links to folders, folders named like files, locked folders."""
    waiting = [top]
    while waiting:
        folder = waiting.pop()
        try:
            with os.scandir(folder) as found:
                entries = sorted(found, key=lambda entry: entry.name)
        except OSError as error:
            yield folder, f"cannot read the folder: {error.strerror}"
            continue
        folders = [entry.path for entry in entries if entry.is_dir(follow_symlinks=False)]
        inside_own = not {*OWN}.isdisjoint(os.path.relpath(folder, top).split(os.sep))
        for entry in entries:
            if entry.name.lower().endswith(SUFFIXES) or (entry.is_symlink() and os.path.isdir(entry.path)):
                yield entry.path, ""
            elif not inside_own and not entry.is_dir(follow_symlinks=False):
                yield entry.path, None
        waiting += reversed(folders)
