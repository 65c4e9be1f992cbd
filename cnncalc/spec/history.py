"""Files as they were at a git revision. git only reads here: nothing is fetched, no hook, filter or pager is run."""

from __future__ import annotations

import os
from functools import cache

from cnncalc.text import show


class NoHistory(Exception):  # noqa: N818  # said in words, not an error of the program
    """git cannot say; the text is why."""


def here(path: str, revision: str, most: int) -> bytes | None:
    """A file of the repository around the current folder, at a revision; None where that revision has no such file.

    The current folder decides, not the file's own: a submission may bring a repository of its own.

    Raises:
        NoHistory: where git cannot say, the file lies outside, or is larger than `most` bytes.
    """
    top, commit, why = _commit(revision)
    if why:
        raise NoHistory(why)
    folder, name = os.path.split(os.path.abspath(path))
    inside = os.path.relpath(os.path.join(os.path.realpath(folder), name), top)
    if inside.startswith(os.pardir + os.sep) or os.path.isabs(inside):
        raise NoHistory(f"the file is outside of the git repository {show(top)}")
    return _blob(top, commit, inside.replace(os.sep, "/"), most)


def beside(path: str, revision: str, most: int) -> bytes:
    """A file of the repository that it lies in, at a revision.

    Raises:
        NoHistory: where git cannot say, there is no such file, or it is larger than `most` bytes.
    """
    folder, name = os.path.split(os.path.abspath(path))
    top, commit, why = _resolved(folder, revision)
    inside = "" if why else os.path.relpath(os.path.join(os.path.realpath(folder), name), top).replace(os.sep, "/")
    data = None if why else _blob(top, commit, inside, most)
    if data is None:
        raise NoHistory(why or f"there is no {show(inside, 200)} at {show(revision)}")
    return data


@cache
def _commit(revision: str) -> tuple[str, str, str]:
    return _resolved(".", revision)


def _resolved(folder: str, revision: str) -> tuple[str, str, str]:
    """The top folder of the repository and the commit that a revision means, or in the third place why there is none."""
    try:
        status, top, said = _git(folder, "rev-parse", "--show-toplevel")
        if status:
            return "", "", f"git says: {said}"
        status, commit, _ = _git(folder, "rev-parse", "--verify", "--quiet", f"{revision}^{{commit}}")
    except NoHistory as error:
        return "", "", str(error)
    if status:
        return "", "", f"the git repository has no revision `{show(revision)}`; a shallow clone must fetch it first"
    return os.path.realpath(os.fsdecode(top.removesuffix(b"\n"))), commit.decode("ascii").strip(), ""


def _blob(top: str, commit: str, inside: str, most: int) -> bytes | None:
    status, listed, said = _git(top, "ls-tree", "-z", "-l", "--full-tree", commit, "--", inside)
    if status:
        raise NoHistory(f"git says: {said}")
    if not listed:
        return None
    mode, kind, name, size = listed.partition(b"\t")[0].split()
    if kind != b"blob" or mode == b"120000":
        raise NoHistory("it is no regular file at that revision")
    if int(size) > most:
        raise NoHistory(f"it has more than {most:,} bytes at that revision")
    status, data, said = _git(top, "cat-file", "blob", name.decode("ascii"))
    if status:
        raise NoHistory(f"git says: {said}")
    return data


def _git(folder: str, *words: str) -> tuple[int, bytes, str]:
    """Exit status, output and first complaint of git, with everything switched off that a repository could run.

    Raises:
        NoHistory: where git cannot be started.
    """
    import subprocess

    switched_off = [
        "-c",
        "safe.bareRepository=explicit",
        "-c",
        "core.fsmonitor=false",
        "-c",
        f"core.hooksPath={os.devnull}",
    ]
    environment = {
        **os.environ,
        "GIT_ALLOW_PROTOCOL": "none",  # what is missing in a partial clone stays missing
        "GIT_NO_LAZY_FETCH": "1",
        "GIT_NO_REPLACE_OBJECTS": "1",
        "GIT_OPTIONAL_LOCKS": "0",
        "GIT_LITERAL_PATHSPECS": "1",
        "LC_ALL": "C",
    }
    try:
        done = subprocess.run(
            ["git", "--no-pager", "-C", folder, *switched_off, *words],
            capture_output=True,
            check=False,
            stdin=subprocess.DEVNULL,
            env=environment,
        )
    except OSError as error:
        raise NoHistory(f"git cannot be started: {error.strerror}") from None
    complaint = done.stderr.decode("utf-8", "replace").strip().split("\n")[0].removeprefix("fatal: ")
    return done.returncode, done.stdout, show(complaint, 200)
