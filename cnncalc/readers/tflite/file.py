"""Open a TFLite file without loading its weights, and recognize what is not one."""

from __future__ import annotations

from typing import BinaryIO

from cnncalc.problem import Problem, Refused
from cnncalc.readers.files import FileBytes
from cnncalc.readers.tflite.flatbuffer import Damaged, Flatbuffer, Source
from cnncalc.text import show

IDENTIFIER = b"TFL3"
PAGE = 65_536
MOST_PAGES = 64  # kept at once
_KNOWN = {
    b"PK\x03\x04": ("it is a zip archive", "unpack it: a MediaPipe `.task` file contains `.tflite` files"),
    b"version ": ("it is a Git LFS pointer, not the model itself", "run `git lfs pull`"),
    b"\x89HDF": ("it is an HDF5 file", "convert it with `tf.lite.TFLiteConverter`"),
}


def bad_model(text: str, help: str = "") -> Refused:
    """Return the error for a file that is not a valid TFLite model."""
    return Refused([Problem("bad-model", text, help)])


class Held:
    """Bytes in memory."""

    def __init__(self, data: bytes) -> None:
        self._data = data

    def __len__(self) -> int:
        return len(self._data)

    def take(self, start: int, length: int) -> bytes:
        """Return these bytes."""
        return self._data[start : start + length]


class Pages(FileBytes):
    """A file that is read page by page, as needed."""

    def __init__(self, handle: int) -> None:
        super().__init__(handle)
        self._pages: dict[int, bytes] = {}

    def take(self, start: int, length: int) -> bytes:
        """Return these bytes.

        Raises:
            Refused: `bad-model` if the file became shorter.
        """
        number, place = divmod(start, PAGE)
        if place + length <= PAGE:
            page = self._pages.get(number) or self._load(number)
            part = page[place : place + length]
        else:
            part = self.read(start, length)
        if len(part) < length:
            raise bad_model("the file became shorter while cnncalc read it", "copy it again")
        return part

    def _load(self, number: int) -> bytes:
        if len(self._pages) >= MOST_PAGES:
            self._pages.clear()
        page = self._pages[number] = self.read(number * PAGE, min(PAGE, self._size - number * PAGE))
        return page


def source_of(data: bytes | BinaryIO) -> Source:
    """Return the bytes or the open file as a source."""
    return Held(data) if isinstance(data, bytes) else Pages(data.fileno())


def flatbuffer_of(source: Source, most: int) -> Flatbuffer:
    """Return the flatbuffer in a TFLite file, of which at most `most` bytes are read.

    Raises:
        Refused: `empty-file`, or `bad-model` if the file is something else.
    """
    if len(source) == 0:
        raise Refused([Problem("empty-file", "the file is empty", "convert or copy the model again")])
    start = source.take(0, min(8, len(source)))
    for known, (what, help) in _KNOWN.items():
        if start.startswith(known):
            raise bad_model(f"this is not a TFLite model: {what}", help)
    if start[4:] != IDENTIFIER:
        what = f"bytes 5 to 8 are `{show(start[4:].decode('latin-1'))}`, not `TFL3`"
        help = "pass a file that `tf.lite.TFLiteConverter` or `litert_torch.convert` wrote"
        raise bad_model(f"this is not a TFLite model: {what}", help)
    return Flatbuffer(source, most)


def damaged(error: Damaged) -> Refused:
    """Return the error for a file that is cut off or damaged."""
    return bad_model(f"the file ends early or is damaged: {error}", "copy or download it again")
