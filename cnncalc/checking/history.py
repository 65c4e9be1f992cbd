"""Files at a git revision. git only reads: it fetches nothing and runs no hook, filter or pager."""

from __future__ import annotations

import os

from cnncalc.record import Record
from cnncalc.text import show


class NoHistory(Exception):
    """git cannot provide a file or revision; the text is the reason."""


class Commit(Record):
    """The repository that contains a folder, at one commit. If there is none, `unknown` is the reason."""

    top: str = ""
    commit: str = ""
    unknown: str = ""

    def file(self, path: str, most: int) -> bytes | None:
        """The bytes of a file, or None if the commit has no such file.

        Raises:
            NoHistory: If git fails, the file is outside the repository, or is larger than `most` bytes.
        """
        if self.unknown:
            raise NoHistory(self.unknown)
        folder, name = os.path.split(os.path.abspath(path))
        inside = os.path.relpath(os.path.join(os.path.realpath(folder), name), self.top)
        if inside.startswith(os.pardir + os.sep) or os.path.isabs(inside):
            raise NoHistory(f"the file is outside the git repository {show(self.top)}")
        return _blob(self.top, self.commit, inside.replace(os.sep, "/"), most)


def read_at(path: str, revision: str, most: int) -> bytes:
    """The bytes of a file at a revision of the repository that contains it.

    Raises:
        NoHistory: If git fails, there is no such file, or it is larger than `most` bytes.
    """
    data = find_commit(os.path.dirname(path) or ".", revision).file(path, most)
    if data is None:
        raise NoHistory("that revision has no such file")
    return data


def find_commit(folder: str, revision: str) -> Commit:
    """The commit of a revision in the repository that contains a folder."""
    try:
        status, top, complaint = _git(folder, "rev-parse", "--show-toplevel")
        if status:
            return Commit(unknown=f"git reports: {complaint}")
        status, commit, _ = _git(folder, "rev-parse", "--verify", "--quiet", f"{revision}^{{commit}}")
    except NoHistory as error:
        return Commit(unknown=str(error))
    if status:
        return Commit(
            unknown=f"the git repository has no revision `{show(revision)}`; in a shallow clone, fetch it first"
        )
    return Commit(os.path.realpath(os.fsdecode(top.removesuffix(b"\n"))), commit.decode("ascii").strip())


def _blob(top: str, commit: str, inside: str, most: int) -> bytes | None:
    status, listed, complaint = _git(top, "ls-tree", "-z", "-l", "--full-tree", commit, "--", inside)
    if status:
        raise NoHistory(f"git reports: {complaint}")
    if not listed:
        return None
    mode, kind, name, size = listed.partition(b"\t")[0].split()
    if kind != b"blob" or mode == b"120000":
        raise NoHistory("it is not a regular file at that revision")
    if not size.isdigit():
        raise NoHistory(
            "the git repository does not contain the file's content at that revision; in a partial clone, fetch it first"
        )
    if int(size) > most:
        raise NoHistory(f"it is larger than {most:,} bytes at that revision")
    status, data, complaint = _git(top, "cat-file", "blob", name.decode("ascii"))
    if status:
        raise NoHistory(f"git reports: {complaint}")
    return data


def _git(folder: str, *words: str) -> tuple[int, bytes, str]:
    """Run git with all repository-controlled commands disabled.

    Returns its exit status, its output and the first line of its error messages.

    Raises:
        NoHistory: If git cannot be started.
    """
    import subprocess

    disabled = [
        "-c",
        "safe.bareRepository=explicit",
        "-c",
        "core.fsmonitor=false",
        "-c",
        f"core.hooksPath={os.devnull}",
    ]
    environment = {
        **os.environ,
        "GIT_ALLOW_PROTOCOL": "none",  # do not fetch what a partial clone does not contain
        "GIT_NO_LAZY_FETCH": "1",
        "GIT_NO_REPLACE_OBJECTS": "1",
        "GIT_OPTIONAL_LOCKS": "0",
        "GIT_LITERAL_PATHSPECS": "1",
        "LC_ALL": "C",
    }
    try:
        done = subprocess.run(
            ["git", "--no-pager", "-C", folder, *disabled, *words],
            capture_output=True,
            check=False,
            stdin=subprocess.DEVNULL,
            env=environment,
        )
    except OSError as error:
        raise NoHistory(f"cannot start git: {error.strerror}") from None
    complaint = done.stderr.decode("utf-8", "replace").strip().split("\n")[0].removeprefix("fatal: ")
    return done.returncode, done.stdout, show(complaint, 200)
