"""Files as they were at a git revision. git only reads here: nothing is fetched, no hook, filter or pager is run."""

from __future__ import annotations

import os

from cnncalc.record import Record
from cnncalc.text import show


class NoHistory(Exception):
    """git cannot say; the text is why."""


class Past(Record):
    """The repository around a folder, at one commit; `unknown` says why there is none."""

    top: str = ""
    commit: str = ""
    unknown: str = ""

    def file(self, path: str, most: int) -> bytes | None:
        """The bytes of a file, or None where the commit has no such file.

        Raises:
            NoHistory: where git cannot say, the file lies outside, or is larger than `most` bytes.
        """
        if self.unknown:
            raise NoHistory(self.unknown)
        folder, name = os.path.split(os.path.abspath(path))
        inside = os.path.relpath(os.path.join(os.path.realpath(folder), name), self.top)
        if inside.startswith(os.pardir + os.sep) or os.path.isabs(inside):
            raise NoHistory(f"the file is outside of the git repository {show(self.top)}")
        return _blob(self.top, self.commit, inside.replace(os.sep, "/"), most)


def beside(path: str, revision: str, most: int) -> bytes:
    """A file of the repository that it lies in, at a revision.

    Raises:
        NoHistory: where git cannot say, there is no such file, or it is larger than `most` bytes.
    """
    data = past(os.path.dirname(path) or ".", revision).file(path, most)
    if data is None:
        raise NoHistory("that revision has no such file")
    return data


def past(folder: str, revision: str) -> Past:
    """The commit that a revision means in the repository around a folder."""
    try:
        status, top, said = _git(folder, "rev-parse", "--show-toplevel")
        if status:
            return Past(unknown=f"git says: {said}")
        status, commit, _ = _git(folder, "rev-parse", "--verify", "--quiet", f"{revision}^{{commit}}")
    except NoHistory as error:
        return Past(unknown=str(error))
    if status:
        return Past(
            unknown=f"the git repository has no revision `{show(revision)}`; a shallow clone must fetch it first"
        )
    return Past(os.path.realpath(os.fsdecode(top.removesuffix(b"\n"))), commit.decode("ascii").strip())


def _blob(top: str, commit: str, inside: str, most: int) -> bytes | None:
    status, listed, said = _git(top, "ls-tree", "-z", "-l", "--full-tree", commit, "--", inside)
    if status:
        raise NoHistory(f"git says: {said}")
    if not listed:
        return None
    mode, kind, name, size = listed.partition(b"\t")[0].split()
    if kind != b"blob" or mode == b"120000":
        raise NoHistory("it is no regular file at that revision")
    if not size.isdigit():
        raise NoHistory(
            "the git repository lacks the file's content at that revision; a partial clone must fetch it first"
        )
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
