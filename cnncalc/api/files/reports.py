"""Reports about networks in one file: what `cnncalc report` writes."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from cnncalc.api.memory import measure_memory, parse_setting
from cnncalc.record import Record
from cnncalc.reports import report
from cnncalc.text import quoted, show

if TYPE_CHECKING:
    from cnncalc.api.network import Network

FORMATS = {"html": (".html", ".htm"), "markdown": (".md", ".markdown")}  # with the suffixes of their files


class Report(Record):
    """A report about a network, or about several and how they compare. `Network.report` makes it.

    Attributes
    ----------
    networks : tuple of cnncalc.reports.report.Report
        The analysis, the memory and the picture of each network.
    """

    networks: tuple[report.Report, ...]

    @property
    def pictures(self) -> tuple[str, ...]:
        """The picture of each network as SVG, light or dark according to the reader's setting."""
        return tuple(network.svg() for network in self.networks)

    def to_html(self) -> str:
        """Return one page that loads nothing from elsewhere."""
        from cnncalc.reports.page import report_page

        return report_page(self.networks)

    def to_markdown(self, pictures: Sequence[str] = ()) -> str:
        """Return the report as Markdown for GitHub and similar sites.

        Parameters
        ----------
        pictures : sequence of str
            Paths or URLs of the pictures, one for each network. By default there are no pictures.
        """
        from cnncalc.reports.markdown import report_markdown

        return report_markdown(self.networks, pictures)

    def files(self, path: str | os.PathLike[str], format: str = "") -> dict[str, str]:
        """Return the files that make up the report, with their text. The first one is `path`.

        The pictures of Markdown are separate files next to it: `net.md` and `net.svg`.

        Raises
        ------
        ValueError
            If neither `format` nor the suffix of the path is a format of reports.
        """
        main = os.fspath(path)
        stem, suffix = os.path.splitext(main)
        form = format or next((form for form, suffixes in FORMATS.items() if suffix.lower() in suffixes), "")
        if form not in FORMATS:
            raise ValueError(
                f"`{show(main)}` is neither a page nor Markdown: end it in {quoted(sum(FORMATS.values(), ()))}"
            )
        if form == "html":
            return {main: self.to_html()}
        numbers = [""] if len(self.networks) == 1 else [f"-{number}" for number in range(1, len(self.networks) + 1)]
        names = [f"{stem}{number}.svg" for number in numbers]
        text = self.to_markdown([os.path.basename(name) for name in names])
        return {main: text, **dict(zip(names, self.pictures, strict=True))}

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the report to a file: a page if its name ends in `.html`, or Markdown with pictures next to it for `.md`.

        Raises
        ------
        ValueError
            If it has another suffix.
        OSError
            If a file cannot be written.
        """
        for file, text in self.files(path).items():
            with open(file, "w", encoding="utf-8", newline="\n") as stream:
                stream.write(text)

    def __str__(self) -> str:
        return self.to_markdown()

    def __repr__(self) -> str:
        return f"<Report about {quoted((one.analysis.network.title for one in self.networks), 'and')}>"


def make_report(
    networks: Sequence[Network],
    batch: int = 1,
    dtype: str = "float32",
    optimizer: str = "sgd",
    limits: Mapping[str, int | str] | None = None,
) -> Report:
    """Calculate what a report shows about these networks, with advice for each that exceeds one of the `limits`.

    Raises
    ------
    CnncalcError
        If a limit is not a number.
    ValueError
        If a setting is not one of the choices.
    """
    mode = "infer" if dtype == "int8" else "both"
    setting, _, _ = parse_setting(batch=batch, dtype=dtype, optimizer=optimizer, mode=mode)
    advising = "infer" if mode == "infer" else "train"
    reports = []
    for network in networks:
        advised = None
        if limits:
            advised = network.advise(limits, batch=batch, dtype=dtype, optimizer=optimizer, mode=advising)
        reports.append(report.report_of(network.analyze(batch, dtype), measure_memory(network, setting), advised))
    return Report(tuple(reports))
