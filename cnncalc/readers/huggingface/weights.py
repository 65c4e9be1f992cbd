"""Headers of safetensors files: the name, type and shape of every tensor. The numbers are never read.

A file begins with the length of its header in 8 bytes, and the header is JSON. A model in several files has an index that
maps tensors to files. Source: the format description at https://github.com/huggingface/safetensors.
"""

from __future__ import annotations

import os
from typing import Any, BinaryIO

from cnncalc.problem import Refused
from cnncalc.readers.files import contents, decode, opened
from cnncalc.readers.huggingface.config import parse_mapping, refused, spell
from cnncalc.readers.limits import TRUSTED
from cnncalc.record import Record
from cnncalc.text import quoted, show

FILE = "model.safetensors"
INDEX = "model.safetensors.index.json"
MOST_HEADER = 16 * 2**20  # bytes of one header; 1,000 tensors take about 100,000
MOST_FILES = 1000
MOST_TENSORS = 1_000_000
MOST_AXES = 64
BITS = {
    "BOOL": 8, "F4": 4, "F6_E2M3": 6, "F6_E3M2": 6, "U8": 8, "I8": 8, "F8_E5M2": 8, "F8_E4M3": 8, "F8_E8M0": 8, "U16": 16,
    "I16": 16, "F16": 16, "BF16": 16, "U32": 32, "I32": 32, "F32": 32, "F64": 64, "U64": 64, "I64": 64, "C64": 64,
    "F8_E5M2FNUZ": 8, "F8_E4M3FNUZ": 8,
}  # fmt: skip


class Tensor(Record):
    """One tensor of a checkpoint. `dtype` is empty and `shape` is None if the file that holds it is missing."""

    name: str
    dtype: str = ""
    shape: tuple[int, ...] | None = None

    @property
    def size(self) -> int | None:
        """The number of its elements, or None if its shape is unknown."""
        if self.shape is None:
            return None
        size = 1
        for length in self.shape:
            size *= length
        return size

    def __str__(self) -> str:
        shape = "" if self.shape is None else f" {'x'.join(map(str, self.shape)) or 'scalar'}"
        return f"{show(self.name)}{shape}"


class Checkpoint(Record):
    """The tensors of a model, the path of the file or index that lists them, and the files that are missing."""

    path: str
    tensors: tuple[Tensor, ...]
    missing: tuple[str, ...] = ()


def find(folder: str) -> Checkpoint | None:
    """Return the tensors of the safetensors files in a folder, or None if it has neither a file nor an index.

    Raises:
        Refused: A header is damaged, or exceeds a limit.
        OSError: A file cannot be read.
    """
    path = os.path.join(folder, FILE)
    if os.path.isfile(path):
        return Checkpoint(path, tuple(header(path)))
    index = os.path.join(folder, INDEX)
    return _sharded(folder, index) if os.path.isfile(index) else None


def _sharded(folder: str, index: str) -> Checkpoint:
    with opened(index) as file:
        text = decode(contents(file, TRUSTED.file_bytes), index).text
    files = parse_mapping(text, index, TRUSTED.file_bytes, "index of a model").get("weight_map")
    if not isinstance(files, dict) or not all(type(name) is str for name in files.values()):
        raise refused(index, "has no `weight_map` from tensors to files")
    names = sorted(set(files.values()))
    if len(names) > MOST_FILES:
        raise refused(index, f"names {len(names):,} files; at most {MOST_FILES:,} are read", code="too-large")
    tensors: dict[str, Tensor] = {}
    missing = []
    for name in names:
        if name in (".", "..") or "/" in name or "\\" in name or "\0" in name:
            raise refused(index, f"names the file {spell(name)}, which is not in its folder")
        path = os.path.join(folder, name)
        if not os.path.isfile(path):
            missing.append(name)
            continue
        tensors.update((tensor.name, tensor) for tensor in header(path))
        if len(tensors) > MOST_TENSORS:
            raise refused(index, f"lists more than {MOST_TENSORS:,} tensors", code="too-large")
    for name, file_name in files.items():
        if name not in tensors:
            if file_name not in missing:
                raise refused(index, f"maps the tensor {spell(name)} to {show(file_name)}, which does not have it")
            tensors[name] = Tensor(name)
    return Checkpoint(index, tuple(tensors.values()), tuple(missing))


def header(path: str) -> list[Tensor]:
    """Return the tensors that the header of a file lists.

    Raises:
        Refused: The header is damaged, or exceeds a limit.
        OSError: The file cannot be read.
    """
    with opened(path) as file:
        return _read_header(file, path)


def _read_header(file: BinaryIO, path: str) -> list[Tensor]:
    start = file.read(8)
    if start == b"version ":
        raise refused(path, "is a pointer of Git LFS", "fetch the file with `git lfs pull`")
    size = os.fstat(file.fileno()).st_size
    length = int.from_bytes(start, "little")
    if len(start) < 8 or not 2 <= length <= size - 8:
        what = (
            f"is cut off: its header has {length:,} bytes, and the file {size:,}" if len(start) == 8 else "is cut off"
        )
        raise refused(path, what, "download it again")
    if length > MOST_HEADER:
        raise refused(path, f"has a header of {length:,} bytes; at most {MOST_HEADER:,} are read", code="too-large")
    text = decode(file.read(length), path).text
    entries = parse_mapping(text, path, MOST_HEADER, "header of a safetensors file")
    data = size - 8 - length
    return [_tensor(name, entry, data, path) for name, entry in entries.items() if name != "__metadata__"]


def _tensor(name: str, entry: Any, data: int, path: str) -> Tensor:
    if not isinstance(entry, dict):
        raise refused(path, f"describes the tensor {spell(name)} by {spell(entry)}")
    dtype, shape, offsets = entry.get("dtype"), entry.get("shape"), entry.get("data_offsets")
    if type(dtype) is not str or dtype not in BITS:
        raise refused(
            path, f"gives the tensor {spell(name)} the type {spell(dtype)}", f"types are {quoted(BITS, 'and')}"
        )
    if (
        type(shape) is not list
        or len(shape) > MOST_AXES
        or not all(type(length) is int and 0 <= length < 2**63 for length in shape)
    ):
        raise refused(path, f"gives the tensor {spell(name)} the shape {spell(shape)}")
    tensor = Tensor(name, dtype, tuple(shape))
    if type(offsets) is not list or len(offsets) != 2 or not all(type(place) is int for place in offsets):
        raise refused(path, f"does not state where the tensor {spell(name)} begins and ends")
    first, end = offsets
    size = tensor.size
    assert size is not None
    if not 0 <= first <= end <= data or (end - first) * 8 != -(-size * BITS[dtype] // 8) * 8:
        shown = "x".join(map(str, shape)) if len(shape) <= 8 and max(shape, default=0) < 10**15 else "its shape"
        text = f"gives the tensor {spell(name)} the bytes {spell(first)} to {spell(end)} of {data:,}"
        raise refused(path, f"{text}, which do not fit {shown} in {dtype}", "download it again")
    return tensor


def unreadable(error: Refused | OSError) -> str:
    """Return the reason why a checkpoint cannot be read, for a sentence."""
    return error.problems[0].text if isinstance(error, Refused) else str(error.strerror)
