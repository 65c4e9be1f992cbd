"""Read one member of a zip archive that may come from a stranger. Nothing is written to disk."""

from __future__ import annotations

import struct
import zipfile
import zlib
from collections.abc import Sequence
from typing import BinaryIO

from cnncalc.problem import Problem, Refused
from cnncalc.text import show

MOST_DIRECTORY = 4 * 2**20  # bytes of the list of files in an archive
# exceptions that zipfile raises for damaged archives
DAMAGE = (
    zipfile.BadZipFile, zlib.error, struct.error, EOFError, ValueError, IndexError, OverflowError, OSError,
    NotImplementedError, RuntimeError,
)  # fmt: skip


def refuse(path: str, what: str, help: str = "", code: str = "bad-file") -> Refused:
    """Return the error for a file. `what` follows its path."""
    return Refused([Problem(code, f"{show(path)} {what}", help)])


class Archive:
    """An open zip archive whose list of files has a bounded size.

    Raises:
        Refused: The list is too long or damaged, or a name occurs twice.
    """

    def __init__(self, file: BinaryIO, path: str, writer: str) -> None:
        """Read the list of files. `writer` is the program that writes such archives, for messages."""
        self.path = path
        self.writer = writer
        if _directory_bytes(file) > MOST_DIRECTORY:
            raise refuse(path, "lists too many files", code="too-large")
        try:
            self._zip = zipfile.ZipFile(file)
        except DAMAGE as error:
            raise self._damaged(error) from None
        self.names: Sequence[str] = self._zip.namelist()

    def read(self, name: str, most: int) -> bytes:
        """Return the bytes of a member, at most `most`.

        Raises:
            Refused: It occurs twice, is encrypted, damaged, too large or compressed in an unusual way.
        """
        if self.names.count(name) > 1:
            raise refuse(self.path, f"has two files named `{show(name)}`", "save the model again")
        try:
            info = self._zip.getinfo(name)
            if info.flag_bits & 1:
                raise refuse(self.path, "is encrypted")
            if info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
                raise refuse(self.path, f"uses a compression method that {self.writer} does not use")
            if info.file_size > most:
                what = f"has a `{show(name)}` of {info.file_size:,} bytes; at most {most:,} are read"
                raise refuse(self.path, what, code="too-large")
            with self._zip.open(info) as inside:
                data = inside.read(most + 1)
        except DAMAGE as error:
            raise self._damaged(error) from None
        if len(data) > most:
            raise refuse(self.path, f"has a `{show(name)}` of more than {most:,} bytes", code="too-large")
        return data

    def _damaged(self, error: BaseException) -> Refused:
        return refuse(self.path, f"is a damaged zip archive ({show(error)})", "save it again")


def _directory_bytes(file: BinaryIO) -> int:
    """Return the stated size of the archive's list of files, or 0 without an end record, which zipfile reports."""
    size = file.seek(0, 2)
    file.seek(max(size - 65_577, 0))
    tail = file.read(65_577)
    place = tail.rfind(b"PK\x05\x06")
    file.seek(0)
    if place < 0 or len(tail) < place + 16:
        return 0
    stated = int.from_bytes(tail[place + 12 : place + 16], "little")
    locator = tail[max(place - 20, 0) : place]
    if locator[:4] != b"PK\x06\x07":
        return stated
    # an archive of more than 4 GB has a second end record with larger numbers, and this points to it
    start = int.from_bytes(locator[8:16], "little")
    if start > size:
        return stated
    file.seek(start)
    record = file.read(48)
    file.seek(0)
    return int.from_bytes(record[40:48], "little") if record[:4] == b"PK\x06\x06" else stated
