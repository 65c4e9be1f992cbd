"""The files to check: those named as paths, those in folders at any depth, and those that match patterns."""

from __future__ import annotations

import glob
import os
from collections.abc import Iterator, Sequence

from cnncalc.readers import SUBMISSIONS

SUFFIXES = SUBMISSIONS
ANY_SUFFIX = f"{', '.join(SUFFIXES[:-1])} or {SUFFIXES[-1]}"
OWN = (".git", ".hg", ".svn")  # folders of version control
Found = tuple[
    str, str | None
]  # a path, and "", or why there is nothing to read, or None if `check` does not read its suffix


def collect(paths: Sequence[str]) -> tuple[dict[str, str], list[str]]:
    """Every file once, in the order of the paths, sorted within folders and patterns; and the files to skip.

    The first result maps each file to "", or to the reason why there is nothing to read. `-` is kept.
    """
    files: dict[str, str] = {}
    unread: dict[str, None] = {}
    for path in paths:
        any_file = False
        for file, problem in [(path, "")] if path == "-" else _expand(path):
            if problem is None:
                unread[file] = None
                continue
            any_file = True
            files.setdefault(file, problem)
        if not any_file:
            files.setdefault(path, f"it contains no {ANY_SUFFIX} files")
    return files, [file for file in unread if file not in files]


def _expand(path: str) -> Iterator[Found]:
    if os.path.isdir(path) and not os.path.islink(path):
        yield from _walk(path)
    elif os.path.lexists(path):
        yield path, ""
    elif glob.has_magic(path):
        for match in sorted(glob.glob(path, recursive=True)):
            file = _first_link(match, path)
            folder = os.path.isdir(file) and not os.path.islink(file)
            if not folder or file.lower().endswith(SUFFIXES):
                yield file, ""
            if folder:
                yield from _walk(file)
    else:
        yield path, "there is no such file or folder"


def _first_link(match: str, pattern: str) -> str:
    """The first link in the part of a match that the pattern matched, or the match itself if it has no link."""
    parts = match.split(os.sep)
    typed = next(number for number, part in enumerate(pattern.split(os.sep)) if glob.has_magic(part))
    prefixes = [os.sep.join(parts[: number + 1]) for number in range(typed, len(parts))]
    return next((prefix for prefix in prefixes if os.path.islink(prefix)), match)


def _walk(top: str) -> Iterator[Found]:
    """The files in a folder at any depth, and what may hide files: links to folders, folders that are named like files, and
    folders that cannot be read."""
    waiting = [top]
    while waiting:
        folder = waiting.pop()
        try:
            with os.scandir(folder) as listing:
                entries = sorted(listing, key=lambda entry: entry.name)
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
