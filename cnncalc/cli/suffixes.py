"""Suffixes of output files. A suffix that belongs to another format is an error, so that no file has the wrong format."""

from __future__ import annotations

import os
from collections.abc import Sequence

import click

from cnncalc.text import quoted, show

PLAIN = (".txt", ".text", ".log", ".out")
# format -> its suffixes; formats that are missing here are plain text
OF_FORMAT = {
    "json": (".json",), "csv": (".csv",), "markdown": (".md", ".markdown"), "latex": (".tex",), "junit": (".xml",),
    "sarif": (".sarif", ".json"), "gitlab": (".json",), "gradescope": (".json",), "svg": (".svg",), "torch": (".py",),
    "keras": (".py",), "onnx": (".onnx",), "mermaid": (".mmd", ".mermaid"), "dot": (".dot", ".gv"),
    "yaml": (".yaml", ".yml"), "html": (".html", ".htm"), "tex": (".tex", ".tikz"), "pdf": (".pdf",), "png": (".png",),
}  # fmt: skip
BINARY = ("onnx",)
PICTURES = ("svg", "tex", "pdf", "png")
# suffixes of formats that cnncalc does not write
FOREIGN = (
    ".jpg", ".jpeg", ".gif", ".webp", ".bmp", ".tif", ".tiff", ".svgz", ".eps", ".ps", ".xls",
    ".xlsx", ".ods", ".doc", ".docx", ".odt", ".rst", ".tsv", ".toml", ".ini", ".cfg", ".keras", ".h5", ".hdf5", ".pt", ".pth",
    ".pt2", ".pb", ".tflite", ".safetensors", ".prototxt", ".caffemodel", ".npy", ".npz", ".pkl", ".zip", ".gz", ".ipynb",
)  # fmt: skip
NAMES = {"text": "plain text", "yaml": "YAML", "json": "JSON", "svg": "SVG"}  # of formats that no option selects
KNOWN = {*PLAIN, *FOREIGN}.union(*OF_FORMAT.values())


def check_suffix(
    file: str | None,
    form: str,
    choices: Sequence[str] = (),
    *,
    option: str = "-o",
    chooser: str = "--format",
    writers: bool = False,
) -> None:
    """Refuse an output file whose suffix belongs to another format than `form`.

    `choices` are the formats that the option `chooser` offers. Unknown suffixes are accepted. With `writers`, the error names
    the command that writes the network itself in such a file.

    Raises:
        click.BadParameter: Naming the formats or suffixes to use.
    """
    suffix = os.path.splitext(file or "")[1].lower()
    plain = form not in BINARY and form != "svg"
    fitting = (*OF_FORMAT.get(form, ()), *(PLAIN if plain else ()))
    if suffix not in KNOWN or suffix in fitting:
        return
    others = [choice for choice in choices if suffix in OF_FORMAT.get(choice, PLAIN)]
    end = quoted((*OF_FORMAT.get(form, ()), *(PLAIN[:1] if plain else ())))
    ways = [f"use {chooser} {' or '.join(others)}"] if others else []
    if writers and suffix in OF_FORMAT["yaml"]:
        ways.append("write the network with `cnncalc import`")
    elif writers and suffix in (*OF_FORMAT["torch"], *OF_FORMAT["onnx"]):
        ways.append("write the network with `cnncalc export`")
    help = ", or ".join([*ways, f"end the name in {end}"])
    what = f"{chooser} {form} does not write that" if form in choices else f"the output is {NAMES[form]}"
    text = f"`{show(file)}` ends in `{suffix}`, but {what}: {help}"
    raise click.BadParameter(text, param_hint=option)


def picture_format(file: str) -> str | None:
    """Return the format of a picture by the suffix of its file; None for a suffix that means nothing.

    Raises:
        click.BadParameter: If the suffix belongs to another format.
    """
    suffix = os.path.splitext(file)[1].lower()
    form = next((form for form in PICTURES if suffix in OF_FORMAT[form]), None)
    if form is None and suffix in KNOWN:
        text = f"`{show(file)}` ends in `{suffix}`, but pictures are SVG, TikZ, PDF or PNG"
        names = quoted(OF_FORMAT[form][0] for form in PICTURES)
        raise click.BadParameter(f"{text}: end the name in {names}", param_hint="-o")
    return form
