"""Extract the graph from an archive of torch.export, checking limits before using memory.

PyTorch 2.5 to 2.7 write `serialized_exported_program.json`. Later versions write a folder with `models/model.json`, and
`data/weights/model_weights_config.json`, which states which parameters share their numbers. Nothing else is read: weights
and constants are not needed, and sample inputs are a pickle, which could execute code.
"""

from __future__ import annotations

import json
import re
from typing import Any, BinaryIO

from cnncalc.problem import Problem, Refused
from cnncalc.readers.archives import Archive, refuse
from cnncalc.readers.limits import Limits
from cnncalc.text import quoted, show

LARGEST = 16 * 2**20  # bytes of the JSON in a stranger's file; ViT-L takes 2 MB
OLD = "serialized_exported_program.json"
_MODEL = re.compile(r"([^/]+)/models/([^/]+)\.json")
_RESAVE = "save the model with `torch.export.save(torch.export.export(model, args), 'model.pt2')`"


class Contents:
    """The parts of an archive: the exported program, and the file that holds each parameter (empty if not stated)."""

    def __init__(self, program: Any, weights: dict[str, str]) -> None:
        self.program = program
        self.weights = weights


def load(file: BinaryIO, path: str, limits: Limits) -> Contents:
    """Return the contents of an open archive.

    Raises:
        Refused: It is not an archive of torch.export, or exceeds a limit.
    """
    most = max(LARGEST, 4 * limits.file_bytes)
    start = file.read(4)
    file.seek(0)
    if start[:2] != b"PK":
        raise refuse(path, "is not a zip archive, as files of torch.export are", _RESAVE)
    archive = Archive(file, path, "torch.export")
    if OLD in archive.names:
        return Contents(_parse(archive.read(OLD, most), path, OLD), {})
    models = [match for name in archive.names if (match := _MODEL.fullmatch(name)) is not None]
    if not models:
        raise _not_exported(archive, path)
    chosen = next((match for match in models if match[2] == "model"), models[0])
    if len(set(models)) > 1 and len(models) > 1 and chosen[2] != "model":
        names = [match[2] for match in models]
        raise refuse(path, f"has {len(names):,} models, {quoted(names, 'and', 6)}", "save one model in each file")
    config = f"{chosen[1]}/data/weights/{chosen[2]}_weights_config.json"
    weights: dict[str, str] = {}
    if config in archive.names:
        stated = _parse(archive.read(config, most), path, config)
        inner = stated.get("config") if isinstance(stated, dict) else None
        for name, row in inner.items() if isinstance(inner, dict) else ():
            if isinstance(row, dict) and isinstance(row.get("path_name"), str) and not _is_on_meta(row):
                weights[name] = row["path_name"]
    return Contents(_parse(archive.read(chosen[0], most), path, chosen[0]), weights)


def _is_on_meta(row: dict[str, Any]) -> bool:
    """Return whether a parameter has no numbers. Such parameters share one file, whether they are tied or not."""
    meta = row.get("tensor_meta")
    device = meta.get("device") if isinstance(meta, dict) else None
    return isinstance(device, dict) and device.get("type") == "meta"


def _not_exported(archive: Archive, path: str) -> Refused:
    if any(name.endswith("/data.pkl") for name in archive.names):
        what = "was written by `torch.save` or `torch.jit.save`, which store Python objects"
        return refuse(path, what, _RESAVE)
    if any("/data/aotinductor/" in name for name in archive.names):
        return refuse(path, "contains only compiled code, without the graph", _RESAVE)
    return refuse(path, f"has neither `models/model.json` nor `{OLD}`, so torch.export did not write it", _RESAVE)


def _parse(data: bytes, path: str, name: str) -> Any:
    """Parse the JSON of a member.

    Raises:
        Refused: It is not valid JSON, or nested too deeply.
    """
    place = f"`{show(name)}` in {show(path)}"
    try:
        return json.loads(data)
    except UnicodeDecodeError:
        raise Refused([Problem("not-text", f"{place} is not UTF-8", "save the model again")]) from None
    except json.JSONDecodeError as error:
        text = f"{place} is not valid JSON: {error.msg} (line {error.lineno}, column {error.colno})"
        raise Refused([Problem("bad-file", text, "save the model again")]) from None
    except RecursionError:
        raise Refused([Problem("too-large", f"{place} is nested too deeply", "save the model again")]) from None
    except ValueError:
        text = f"{place} contains a number with too many digits"
        raise Refused([Problem("too-large", text, "save the model again")]) from None
