"""Files from strangers, opened with care: regular files only, and never more bytes than a cap."""

from __future__ import annotations

import errno
import os
import stat
from typing import BinaryIO

from cnncalc.problem import Problem, Refused, Source
from cnncalc.spec.limits import TRUSTED
from cnncalc.spec.tree import decode
from cnncalc.text import show


def opened(path: str) -> BinaryIO:
    """A regular file, open for reading; a FIFO or device is refused without waiting for it.

    Raises:
        Refused: `not-regular`.
        OSError: where it cannot be opened.
    """
    handle = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0))
    mode = os.fstat(handle).st_mode
    if not stat.S_ISREG(mode):
        os.close(handle)
        if stat.S_ISDIR(mode):
            raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), path)
        raise Refused([Problem("not-regular", f"{show(path)} is not a regular file", "name a file")])
    return os.fdopen(handle, "rb")


def text(path: str, most: int = TRUSTED.file_bytes) -> Source:
    """The text of a file.

    Raises:
        Refused: `not-regular`, `too-large` or `not-text`.
        OSError: where it cannot be read.
    """
    with opened(path) as file:
        data = file.read(most + 1)
    if len(data) > most:
        problem = Problem("too-large", f"{show(path)} has more than {most:,} bytes", "is it the file that you mean?")
        raise Refused([problem])
    return decode(data, path)
