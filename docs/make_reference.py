"""Write docs/python-reference.md from the docstrings of the public API.

Run it after a docstring has changed: `python docs/make_reference.py`. A test compares the file with what this writes.
"""

from __future__ import annotations

import inspect
import re
import sys
from collections.abc import Iterator
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent))
import cnncalc

FILE = Path(__file__).with_name("python-reference.md")
HEAD = """\
# Reference of the Python API

Written by `docs/make_reference.py` from the docstrings. [python.md](python.md) explains how the parts go together.

"""
HEADING = re.compile(r"^([A-Z][A-Za-z ]+)\n-{3,}$", re.MULTILINE)


def reference() -> str:
    """Return the text of the whole page."""
    names = [name for name in cnncalc.__all__ if name != "__version__"]
    index = ", ".join(f"[`{name}`](#{name.lower()})" for name in names)
    return HEAD + index + "\n" + "".join("\n".join(["", *_lines(name, getattr(cnncalc, name)), ""]) for name in names)


def _lines(name: str, value: object) -> Iterator[str]:
    """Yield the lines about one public name."""
    yield f"## {name}"
    if not inspect.isclass(value):
        yield from ["", "```py", f"cnncalc.{name}{_signature(value)}", "```", "", _text(value)]
        return
    yield from ["", _text(value)]
    for attribute, member in _members(value):
        if isinstance(member, property):
            yield from ["", f"**`.{attribute}`**", "", _text(member)]
        elif attribute == "__getitem__":
            yield from ["", "**`[name]`**", "", _text(member)]
        else:
            function = getattr(member, "__func__", member)
            yield from ["", f"**`.{attribute}{_signature(function)}`**", "", _text(function)]


def _members(kind: type) -> Iterator[tuple[str, object]]:
    """Yield the public members that the API itself defines, in the order of their definition."""
    own = [part for part in kind.__mro__ if part.__module__.startswith("cnncalc.api.")]
    seen: set[str] = set()
    for part in own:
        for name, member in vars(part).items():
            shown = name == "__getitem__" or not name.startswith("_")
            if not shown or name in seen or not (callable(member) or isinstance(member, (property, classmethod))):
                continue
            if inspect.getdoc(member):
                seen.add(name)
                yield name, member


def _signature(function: object) -> str:
    """Return the signature with types as they are written, without `self` and `cls`."""
    signature = inspect.signature(function)  # type: ignore[arg-type]
    parts: list[str] = []
    for one in signature.parameters.values():
        if one.name in ("self", "cls"):
            continue
        if one.kind is one.KEYWORD_ONLY and "*" not in parts:
            parts.append("*")
        mark = {one.VAR_POSITIONAL: "*", one.VAR_KEYWORD: "**"}.get(one.kind, "")
        typed = "" if one.annotation is one.empty else f": {one.annotation}"
        parts.append(f"{mark}{one.name}{typed}" + ("" if one.default is one.empty else f" = {one.default!r}"))
    result = signature.return_annotation
    return f"({', '.join(parts)})" + ("" if result is signature.empty else f" -> {result}")


def _text(value: object) -> str:
    """Return a docstring as Markdown: sections in bold, examples as code, and parameters as a list."""
    text = inspect.getdoc(value) or ""
    text = HEADING.sub(r"**\1**\n", text)
    lines: list[str] = []
    code = False
    for line in text.split("\n"):
        if line.startswith(">>>") and not code:
            lines.append("```python")
            code = True
        elif code and not line:
            lines.append("```")
            code = False
        item = re.match(r"^([\w, *]+?)( : .*)?$", line) if not code else None
        after = lines[-1] if lines else ""
        if item and (item[2] or after == "" or after.startswith("  ")) and line and not line.startswith("**"):
            lines.append(f"* `{item[1]}`{item[2] or ''}")
        else:
            lines.append(line)
    return "\n".join([*lines, *(["```"] if code else [])])


if __name__ == "__main__":
    FILE.write_text(reference(), encoding="utf-8")
