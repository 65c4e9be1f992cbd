"""Open input files, which may come from strangers. Nothing else opens them, and they are read from the checked handle."""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from io import FileIO
from typing import BinaryIO

from cnncalc.problem import Problem, Refused, Source
from cnncalc.readers.limits import TRUSTED, Limits
from cnncalc.text import show

_FLAGS = os.O_RDONLY
# those of these flags that the system has; without O_NONBLOCK, opening a pipe that has no writer blocks forever
for _name in ("O_NONBLOCK", "O_NOCTTY", "O_BINARY"):
    _FLAGS |= getattr(os, _name, 0)
_NO_LINKS = getattr(os, "O_NOFOLLOW", 0)


class FileBytes:
    """The bytes of an open file by their place. Unlike a memory map, they are safe to read if the file shrinks meanwhile."""

    def __init__(self, handle: int) -> None:
        self._file = FileIO(handle, closefd=False)
        self._size = os.fstat(handle).st_size

    def __len__(self) -> int:
        return self._size

    def read(self, start: int, length: int) -> bytes:
        """Return these bytes, and fewer if the file has become shorter."""
        self._file.seek(start)
        data = bytearray()
        while len(data) < length:
            more = self._file.read(length - len(data))
            if not more:
                break
            data += more
        return bytes(data)


@contextmanager
def opened(path: str, *, links: bool = True) -> Iterator[BinaryIO]:
    """Open a regular file for reading. Pipes, devices and folders are refused, and symbolic links unless `links` is true.

    The bytes come from the file that was checked, even if another file replaces it in the meantime.

    Raises:
        Refused: `not-regular`.
        OSError: The file cannot be opened.
    """
    try:
        handle = os.open(path, _FLAGS if links else _FLAGS | _NO_LINKS)
    except ValueError as error:  # a path that no system accepts
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
    """Return the bytes of an open file, at most `most` + 1 even if the file grows while it is read."""
    size = os.fstat(file.fileno()).st_size
    data = file.read(min(size, most) + 1)  # reading `most` would allocate that much for each small file
    while size < len(data) <= most:  # the file has grown
        more = file.read(most + 1 - len(data))
        if not more:
            break
        data += more
    return data


def decode(data: bytes, path: str, limits: Limits = TRUSTED) -> Source:
    """Decode bytes into source text.

    Raises:
        Refused: `too-large`, or `not-text` if they are not UTF-8.
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
    """Return the text of a regular file.

    Raises:
        Refused: `not-regular`, `too-large` or `not-text`.
        OSError: The file cannot be read.
    """
    with opened(path, links=links) as file:
        return decode(contents(file, limits.file_bytes), path, limits)


def _irregular(path: str, what: str, links: bool) -> Refused:
    help = "name a file" if links else "submit the file itself"
    return Refused([Problem("not-regular", f"{show(path)} is {what}", help)])
