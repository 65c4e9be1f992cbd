"""Files that somebody else may have written: opened here and nowhere else, and read from the handle that was checked."""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from typing import BinaryIO

from cnncalc.problem import Problem, Refused, Source
from cnncalc.readers.limits import TRUSTED, Limits
from cnncalc.text import show

_FLAGS = os.O_RDONLY
for _name in ("O_NONBLOCK", "O_NOCTTY", "O_BINARY"):  # where the system has them; a pipe without a writer never opens
    _FLAGS |= getattr(os, _name, 0)
_NO_LINKS = getattr(os, "O_NOFOLLOW", 0)


@contextmanager
def opened(path: str, *, links: bool = True) -> Iterator[BinaryIO]:
    """A regular file, open for reading; pipes, devices and folders are refused, and links too unless `links`.

    Whatever takes the place of the path afterwards, the bytes come from the file that was checked.

    Raises:
        Refused: `not-regular`.
        OSError: where it cannot be opened.
    """
    try:
        handle = os.open(path, _FLAGS if links else _FLAGS | _NO_LINKS)
    except ValueError as error:  # a path that no system takes
        raise OSError(errno.EINVAL, str(error), path) from None
    except OSError as error:
        if not links and (error.errno in (errno.ELOOP, errno.EMLINK) or os.path.islink(path)):
            raise _irregular(path, "a symbolic link", links) from None
        if error.errno == errno.ENXIO:
            raise _irregular(path, "a pipe or socket", links) from None
        raise
    mode = os.fstat(handle).st_mode
    if not stat.S_ISREG(mode):
        os.close(handle)
        raise _irregular(path, "a folder" if stat.S_ISDIR(mode) else "a pipe or device", links)
    with os.fdopen(handle, "rb") as file:
        yield file


def contents(file: BinaryIO, most: int) -> bytes:
    """The bytes of an open file, and at most one more than `most`, however it grows meanwhile."""
    size = os.fstat(file.fileno()).st_size
    data = file.read(min(size, most) + 1)  # not `most` at once: that much would be set aside for every small file
    while size < len(data) <= most:  # it has grown
        more = file.read(most + 1 - len(data))
        if not more:
            break
        data += more
    return data


def decode(data: bytes, path: str, limits: Limits = TRUSTED) -> Source:
    """Bytes as a source text.

    Raises:
        Refused: `too-large`, or `not-text` where they are not UTF-8.
    """
    if len(data) > limits.file_bytes:
        raise Refused(
            [
                Problem(
                    "too-large",
                    f"{show(path)} has more than {limits.file_bytes:,} bytes",
                    "split the network into blocks",
                )
            ]
        )
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        kind = "UTF-16" if data[:2] in (b"\xff\xfe", b"\xfe\xff") else "not UTF-8"
        raise Refused(
            [
                Problem(
                    "not-text",
                    f"{show(path)} is {kind} (byte {error.start + 1}, line {line})",
                    "save the file as UTF-8",
                )
            ]
        ) from None
    return Source(path, text.replace("\r\n", "\n").replace("\r", "\n"))


def text(path: str, limits: Limits = TRUSTED, *, links: bool = True) -> Source:
    """The text of a regular file.

    Raises:
        Refused: `not-regular`, `too-large` or `not-text`.
        OSError: where it cannot be read.
    """
    with opened(path, links=links) as file:
        return decode(contents(file, limits.file_bytes), path, limits)


def _irregular(path: str, what: str, links: bool) -> Refused:
    help = "name a file" if links else "submit the file itself"
    return Refused([Problem("not-regular", f"{show(path)} is {what}", help)])
