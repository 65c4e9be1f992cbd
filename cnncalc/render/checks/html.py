"""The report as one page: summary, histograms, leaderboard, a table with filters, and what to tell each student.

The page loads nothing and runs only its own script, which sorts and filters the table and copies messages. Every number and
message is readable without it.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from cnncalc import __version__
from cnncalc.analyses.budget import Finding, Measured
from cnncalc.analyses.quantities import LIMITS
from cnncalc.render.checks import histogram
from cnncalc.render.checks.dialect import (
    PASSED,
    advice_text,
    describe_rule,
    describe_unread,
    earned,
    findings_of,
    first_finding,
    names,
    outcome,
    shared_folder,
    verdict,
    worth,
)
from cnncalc.render.checks.leaderboard import order, places
from cnncalc.render.checks.report import Entry, Report
from cnncalc.render.html.assets import STYLE, style
from cnncalc.render.html.document import document
from cnncalc.render.html.elements import Html, element, joined, opening, safe
from cnncalc.text import plural, visible

FOLDER = Path(__file__).parent
WORDS = {"passed": "pass", "failed": "fail", "error": "error", "unreadable": "error"}
MARKS = {"pass": "", "warning": "\u26a0 ", "fail": "\u2717 ", "not known": "? "}
LONG = 200  # characters of a name


def render(report: Report) -> str:
    """Return the whole page, ASCII only, with other characters as references."""
    script = (FOLDER / "page.js").read_text(encoding="ascii")
    sheet = style("html", STYLE) + "\n" + (FOLDER / "page.css").read_text(encoding="ascii")
    folder = visible(shared_folder(report))
    shown = [name.removeprefix(f"{folder}/") for name in names(report)]
    sections = [
        _summary(report, folder),
        _rules(report),
        _histograms(report),
        _leaderboard(report, shown),
        _table(report, shown),
        _messages(report, shown),
        _unread(report),
    ]
    foot = element("footer", f"Written by cnncalc {__version__}. Limits are inclusive.")
    title = f"cnncalc check: {plural(len(report.entries), 'file')}"
    return document(title, joined([element("main", joined(sections, "\n")), foot], "\n"), sheet, [script])


def _section(title: str, name: str, *content: Html) -> Html:
    return element(
        "section", element("h2", title, id=f"{name}-title"), *content, id=name, aria_labelledby=f"{name}-title"
    )


def _wide(table: Html, label: str) -> Html:
    """Return a table that scrolls by itself where it is wider than the page."""
    return element("div", table, class_="scroll", tabindex="0", role="region", aria_label=f"table: {label}")


def _summary(report: Report, folder: str) -> Html:
    total = len(report.entries)
    counts = [("pass", report.count("passed")), ("fail", report.count("failed")), ("error", report.errors)]
    texts = [("files", total), ("passed", counts[0][1]), ("failed", counts[1][1]), ("errors", counts[2][1])]
    kinds = ("", "pass", "fail", "error")
    tiles = [
        element("div", element("dd", f"{count:,}"), element("dt", word), class_=f"tile {kind}".rstrip())
        for (word, count), kind in zip(texts, kinds, strict=True)
    ]
    bar = [
        element("span", class_=word, style=f"flex-grow:{count}", title=f"{word}: {count:,}")
        for word, count in counts
        if count
    ]
    return joined(
        [
            element("h1", "Check report"),
            element("p", "Files in ", element("b", safe(folder, LONG)), class_="dim") if folder else Html(),
            element("dl", *tiles, class_="tiles"),
            element("div", *bar, class_="parts", aria_hidden="true"),
        ],
        "\n",
    )


def _rules(report: Report) -> Html:
    """What is required, and how many files meet it."""
    points = worth(report)
    titles = ["rule", "requirement", "pass", "warning", "fail", "not known", *(["points"] if points else [])]
    rows = []
    for rule in report.rules:
        outcomes = [outcome(report, entry, rule) for entry in report.entries]
        cells = [element("th", rule, scope="row"), element("td", safe(describe_rule(report, rule), 500))]
        cells += [_number(outcomes.count(word)) for word in titles[2:6]]
        cells += [_number(points.get(rule, 0))] if points else []
        rows.append(element("tr", *cells))
    heads = [element("th", title, scope="col", class_=None if place < 2 else "n") for place, title in enumerate(titles)]
    table = element("table", element("thead", element("tr", *heads)), element("tbody", joined(rows, "\n")))
    return _section("Rules", "rules", _wide(table, "rules"))


def _number(number: int | None, *before: Html, kind: str = "") -> Html:
    text = "?" if number is None else f"{number:,}"
    zero = "zero" if number == 0 else ""
    return element("td", *before, text, class_=" ".join(filter(None, ("n", zero, kind))))


def _histograms(report: Report) -> Html:
    """One figure for every limit: how many files are where."""
    figures = []
    for limit in report.policy.limits:
        if limit.quantity not in report.rules:
            continue
        measured = [one for entry in report.entries for one in entry.measured if one.limit == limit]
        bars = histogram.bars(measured)
        if bars:
            figures.append(_histogram(report, measured, bars))
    if not figures:
        return Html()
    return _section("Figures", "figures", element("div", joined(figures, "\n"), class_="figures"))


def _histogram(report: Report, measured: Sequence[Measured], found: Sequence[histogram.Bar]) -> Html:
    limit = measured[0].limit
    what = describe_rule(report, limit.quantity)
    unknown = sum(one.actual is None for one in measured)
    missing = len(report.entries) - len(measured) + unknown
    rows = [
        element("tr", _number(bar.least), _number(bar.most), _number(bar.inside), _number(bar.outside)) for bar in found
    ]
    heads = [element("th", word, scope="col", class_="n") for word in ("from", "to", "within", "outside")]
    table = element("table", element("thead", element("tr", *heads)), element("tbody", *rows))
    drawing = Html(histogram.svg(measured, found, str(safe(f"number of files by {LIMITS[limit.quantity].noun}"))))
    parts = [element("h3", safe(what, 500)), drawing]
    if missing:
        parts.append(element("p", f"{plural(missing, 'file')} without a figure", class_="dim"))
    parts.append(element("details", element("summary", "as a table"), _wide(table, f"histogram of {limit.quantity}")))
    return element("figure", joined(parts, "\n"))


def _leaderboard(report: Report, shown: Sequence[str]) -> Html:
    if not report.leaderboard:
        return Html()
    quantity = LIMITS[report.leaderboard]
    rows = [
        element(
            "tr",
            element("td", "" if place.rank is None else f"{place.rank:,}", class_="n"),
            element("th", _link(place.entry, shown[place.entry]), scope="row"),
            _number(place.figure),
        )
        for place in places(report)
    ]
    words = ("rank", "submission", quantity.noun + (" (bytes)" if quantity.is_size else ""))
    heads = [element("th", word, scope="col", class_=None if word == "submission" else "n") for word in words]
    table = element("table", element("thead", element("tr", *heads)), element("tbody", joined(rows, "\n")))
    what = element("p", f"The files that pass, {order(report.leaderboard)}.", class_="dim")
    content = _wide(table, "leaderboard") if rows else element("p", "No file passes.")
    return _section("Leaderboard", "leaderboard", what, content)


def _link(number: int, name: str) -> Html:
    return element("a", safe(name, LONG), href=f"#file-{number + 1}")


def _table(report: Report, shown: Sequence[str]) -> Html:
    """Every file with the outcome of every rule."""
    limits = {limit.quantity: limit for limit in report.policy.limits if limit.quantity in report.rules}
    others = [rule for rule in report.rules if rule not in limits]
    most = worth(report)
    heads = [("submission", ""), ("status", "")]
    heads += [("points", "n")] if most else []
    heads += [(name + (" (bytes)" if LIMITS[name].is_size else ""), "n") for name in limits]
    heads += [(rule, "") for rule in others]
    heads += [("first finding", "words")]  # not printed, because the messages follow
    rows = []
    for number, (name, entry) in enumerate(zip(shown, report.entries, strict=True)):
        status = WORDS[entry.status]
        cells = [
            element("th", _link(number, name), scope="row"),
            element(
                "td", element("span", status, class_=f"pill {status}"), data_value=str(list(WORDS).index(entry.status))
            ),
        ]
        cells += [_number(sum(earned(report, entry, rule) for rule in most))] if most else []
        cells += [_figure(report, entry, rule) for rule in limits]
        for rule in others:
            word = outcome(report, entry, rule)
            cells.append(element("td", MARKS[word] + word, class_=_kind(word)))
        first = first_finding(entry)
        cells.append(element("td", safe(first.message, LONG) if first is not None else Html(), class_="words"))
        broken = [rule for rule in report.rules if outcome(report, entry, rule) != "pass"]
        rows.append(element("tr", *cells, data_status=status, data_broken=" ".join(broken)))
    titles = [element("th", title, scope="col", class_=kind or None) for title, kind in heads]
    table = element(
        "table", element("thead", element("tr", *titles)), element("tbody", joined(rows, "\n")), class_="files"
    )
    return _section("Submissions", "files", _filters(report), _wide(table, "submissions"))


def _kind(word: str) -> str | None:
    return {"pass": "zero", "warning": "note", "fail": "bad"}.get(word, "dim")


def _figure(report: Report, entry: Entry, rule: str) -> Html:
    """The cell of a limit: the figure, marked if it is outside of the limit, and nothing if there is no network."""
    measured = next((one for one in entry.measured if one.limit.quantity == rule), None)
    if measured is None:
        return element("td", "", class_="n")
    word = outcome(report, entry, rule)
    if word == "pass":
        return _number(measured.actual)
    mark = element("span", MARKS[word], class_="mark", title=word)
    return _number(measured.actual, mark, kind=_kind(word) or "")


def _filters(report: Report) -> Html:
    """The controls of the table. They are hidden until the script runs."""
    statuses = [element("option", word, value=word) for word in dict.fromkeys(WORDS.values())]
    rules = [element("option", rule, value=rule) for rule in report.rules]
    every = element("option", "all", value="")
    return element(
        "form",
        element("label", "Search ", opening("input", type="search", name="text", autocomplete="off")),
        element("label", "Status ", element("select", every, *statuses, name="status")),
        element("label", "Does not pass ", element("select", every, *rules, name="rule")),
        element("output", f"{plural(len(report.entries), 'file')}", name="count"),
        class_="filters",
        hidden=True,
    )


def _messages(report: Report, shown: Sequence[str]) -> Html:
    """What to tell each student, as text that can be copied into a mail."""
    blocks = [
        _message(report, number, name, entry)
        for number, (name, entry) in enumerate(zip(shown, report.entries, strict=True))
    ]
    return _section("What to tell each student", "messages", *blocks)


def _message(report: Report, number: int, name: str, entry: Entry) -> Html:
    status = WORDS[entry.status]
    verdicts = {
        "passed": "Your network meets every requirement.",
        "failed": "Your network does not meet every requirement.",
        "error": "Your file could not be read as a network.",
        "unreadable": "Your file could not be checked.",
    }
    parts = [element("p", verdicts[entry.status])]
    most = worth(report)
    if most:
        points = {rule: earned(report, entry, rule) for rule in most}
        lost = [f"{rule} {points[rule]:,} of {most[rule]:,}" for rule in most if points[rule] < most[rule]]
        text = f"Points: {sum(points.values()):,} of {sum(most.values()):,}" + (f" ({', '.join(lost)})" if lost else "")
        parts.append(element("p", text + "."))
    if entry.findings:
        parts.append(element("ul", *[_finding(finding) for finding in entry.findings]))
    if entry.advice is not None:
        text = safe(f"Advice: {advice_text(entry.advice)}.", 2000)
        parts.append(element("p", text, element("span", safe(f" Effect: {entry.advice.effect}"), class_="dim")))
    kept = [
        str(one)
        for rule in report.rules
        if verdict(entry, rule) == PASSED and not findings_of(report, entry, rule)
        for one in entry.measured
        if one.limit.quantity == rule
    ]
    if kept:
        parts.append(element("p", f"Within the limits: {'; '.join(kept)}.", class_="dim"))
    title = element("h3", element("span", status, class_=f"pill {status}"), " ", safe(name, LONG))
    text = element("div", joined(parts, "\n"), class_="text")
    return element("article", title, text, id=f"file-{number + 1}", data_status=status)


def _finding(finding: Finding) -> Html:
    level = "warning: " if finding.level == "warning" else ""
    parts = [element("span", _place(finding), class_="dim")] if finding.line is not None else []
    parts += [Html(level), safe(finding.message, 2000), Html(" "), element("code", f"[{finding.code}]")]
    if finding.help:
        parts.append(element("div", safe(finding.help, 4000), class_="help"))
    return element("li", *parts)


def _place(finding: Finding) -> str:
    column = f", column {finding.column:,}" if finding.column is not None else ""
    return f"line {finding.line:,}{column}: "


def _unread(report: Report) -> Html:
    if not report.unread:
        return Html()
    return _section("Files not looked at", "unread", element("p", safe(describe_unread(report), 4000)))
