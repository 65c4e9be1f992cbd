"""Reports of `check`, one format per module.

To add a report format, write `checks/NAME.py` with a function `render(report: Report) -> str` that returns the whole text,
and add it to `FORMATS` here. `dialect.py` has what the formats share: names of files, sentences, verdicts, fingerprints.
"""

from __future__ import annotations

from collections.abc import Callable

from cnncalc.render.checks.report import Entry, Report

__all__ = ["ADVISING", "FORMATS", "NAMELESS", "RANKING", "Entry", "Report", "render"]


def _text(report: Report) -> str:
    from cnncalc.render.checks.text import render as make

    return make(report)


def _json(report: Report) -> str:
    from cnncalc.render.checks.json import render as make

    return make(report)


def _csv(report: Report) -> str:
    from cnncalc.render.checks.csv import render as make

    return make(report)


def _html(report: Report) -> str:
    from cnncalc.render.checks.html import render as make

    return make(report)


def _junit(report: Report) -> str:
    from cnncalc.render.checks.junit import render as make

    return make(report)


def _sarif(report: Report) -> str:
    from cnncalc.render.checks.sarif import render as make

    return make(report)


def _github(report: Report) -> str:
    from cnncalc.render.checks.github import render as make

    return make(report)


def _gitlab(report: Report) -> str:
    from cnncalc.render.checks.gitlab import render as make

    return make(report)


def _gradescope(report: Report) -> str:
    from cnncalc.render.checks.gradescope import render as make

    return make(report)


# each function imports its module when it is called, so that a run pays for one format only
FORMATS: dict[str, Callable[[Report], str]] = {
    "text": _text,
    "json": _json,
    "csv": _csv,
    "html": _html,
    "junit": _junit,
    "sarif": _sarif,
    "github": _github,
    "gitlab": _gitlab,
    "gradescope": _gradescope,
}


def render(form: str, report: Report) -> str:
    """Return the report in a format."""
    return FORMATS[form](report)


# formats that may leave out the names of files; the others are for programs that find the files by their names
ADVISING = ("text", "github", "json", "html")  # those that show a change that would bring a file within its limits
NAMELESS = ("text", "json", "csv", "html")
# formats that have a leaderboard
RANKING = (*NAMELESS, "gradescope")
