"""The reports for a whole class, `csv` and `html`: every number is that of the JSON, and names do no harm."""

from __future__ import annotations

import base64
import csv
import hashlib
import io
import json
import os
import random
import re
from contextlib import redirect_stderr, redirect_stdout
from functools import cache
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from cnncalc.analyses.budget import Limit, Measured
from cnncalc.analyses.quantities import LIMITS
from cnncalc.cli import cli
from cnncalc.cli.run import run
from cnncalc.render.checks import NAMELESS
from cnncalc.render.checks.csv import MARK, harmless
from cnncalc.render.checks.histogram import bars
from tests.helpers import ROOT, Ended
from tests.render.test_checks import FOLDER, POLICY


def ended(*words: str | Path, cwd: Path = ROOT) -> Ended:
    """How `cnncalc check` ends in a folder, within this process."""
    before = os.getcwd()
    os.chdir(cwd)
    try:
        with redirect_stdout(io.StringIO()) as out, redirect_stderr(io.StringIO()) as err:
            status = run(cli, ["check", *map(str, words)])
    finally:
        os.chdir(before)
    return Ended(status, out.getvalue(), err.getvalue())


def checked(*words: str | Path, cwd: Path = ROOT, status: int) -> str:
    """What it prints, with the exit status that it must have."""
    done = ended(*words, cwd=cwd)
    assert done.status == status, done
    return done.out


VOID = {"meta", "input", "link", "br", "img"}


class Element:
    """An element of a page: its tag, attributes, and what is in it."""

    def __init__(self, tag: str, attributes: dict[str, str | None]) -> None:
        self.tag = tag
        self.attributes = attributes
        self.children: list[Element | str] = []

    def text(self) -> str:
        return "".join(child if isinstance(child, str) else child.text() for child in self.children)

    def all(self, tag: str, **attributes: str) -> list[Element]:
        found = []
        for child in self.children:
            if isinstance(child, Element):
                if child.tag == tag and all(child.attributes.get(name) == value for name, value in attributes.items()):
                    found.append(child)
                found += child.all(tag, **attributes)
        return found

    def one(self, tag: str, **attributes: str) -> Element:
        [found] = self.all(tag, **attributes)
        return found


class Page(HTMLParser):
    """Reads a page into elements. A tag that is not closed in its place is an error."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open = [Element("", {})]
        self.feed(text)
        self.close()
        assert len(self.open) == 1

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        element = Element(tag, dict(attrs))
        self.open[-1].children.append(element)
        if tag not in VOID:
            self.open.append(element)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.open[-1].children.append(Element(tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop().tag == tag

    def handle_data(self, data: str) -> None:
        self.open[-1].children.append(data)


def page_of(text: str) -> Element:
    return Page(text).open[0]


def rows_of(table: Element) -> list[dict[str, str]]:
    """The rows of a table, with the titles as keys."""
    head, *rows = table.all("tr")
    titles = [cell.text() for cell in head.all("th")]
    return [
        dict(zip(titles, [cell.text() for cell in row.children if isinstance(cell, Element)], strict=True))
        for row in rows
    ]


def number(text: str) -> int | None:
    """The figure of a cell without its mark; None if it is not known."""
    digits = text.lstrip("\u26a0\u2717 ").replace(",", "")
    return None if digits == "?" else int(digits)


@cache
def report(form: str) -> str:
    return checked(FOLDER, "--policy", POLICY, "--leaderboard", "params", "--format", form, status=1)


@cache
def data() -> Any:
    return json.loads(report("json"))


@cache
def page() -> Element:
    return page_of(report("html"))


def with_unit(rule: str) -> str:
    return rule + (" (bytes)" if rule in LIMITS and LIMITS[rule].is_size else "")


# html ----------------------------------------------------------------------------------------------------------------


def test_the_page_counts_what_the_json_counts() -> None:
    tiles = page().one("dl").all("div")
    shown = {tile.one("dt").text(): number(tile.one("dd").text()) for tile in tiles}
    assert shown == {name: count for name, count in data()["summary"].items() if name != "unread"}


def test_every_rule_of_the_page() -> None:
    rows = rows_of(page().one("section", id="rules").one("table"))
    assert [row["rule"] for row in rows] == data()["policy"]["rules"]
    for row in rows:
        results = [file["results"][row["rule"]] for file in data()["files"]]
        for word in ("pass", "warning", "fail", "not known"):
            assert number(row[word]) == results.count(word)
        assert number(row["points"]) == data()["policy"]["points"].get(row["rule"], 0)
    for limit in data()["policy"]["limits"]:  # the requirement names both bounds
        text = next(row["requirement"] for row in rows if row["rule"] == limit["quantity"])
        assert f"at least {limit['min']:,}" in text
        assert f"at most {limit['max']:,}" in text


def test_every_figure_of_the_page() -> None:
    table = page().one("table", **{"class": "files"})
    rows = rows_of(table)
    assert len(rows) == len(data()["files"]) == 40
    limits = [limit["quantity"] for limit in data()["policy"]["limits"]]
    for row, file in zip(rows, data()["files"], strict=True):
        assert row["submission"] == Path(file["path"]).name
        assert row["status"] == {"passed": "pass", "failed": "fail", "error": "error"}[file["status"]]
        assert number(row["points"]) == sum(file["points"].values())
        for rule, result in file["results"].items():
            cell = row[with_unit(rule)]
            if rule not in limits:
                assert cell.lstrip("\u26a0\u2717? ") == result
            elif file["metrics"] is None:
                assert cell == ""
            else:
                assert number(cell) == file["measured"][rule]
                assert (cell[0] in "\u26a0\u2717") is (result != "pass")
        messages = [finding["message"] for finding in file["findings"]]
        errors = [finding["message"] for finding in file["findings"] if finding["level"] == "error"]
        assert row["first finding"] == ([*errors, *messages, ""][0])


def test_every_histogram_counts_every_figure() -> None:
    figures = page().one("section", id="figures").all("figure")
    limits = data()["policy"]["limits"]
    assert len(figures) == len(limits)
    for figure, limit in zip(figures, limits, strict=True):
        rows = [{word: number(cell) or 0 for word, cell in row.items()} for row in rows_of(figure.one("table"))]
        actual = [file["measured"].get(limit["quantity"]) for file in data()["files"]]
        known = [value for value in actual if value is not None]
        for row in rows:
            here = [value for value in known if row["from"] <= value <= row["to"]]
            inside = [value for value in here if limit["min"] <= value <= limit["max"]]
            assert (row["within"], row["outside"]) == (len(inside), len(here) - len(inside))
        assert sum(row["within"] + row["outside"] for row in rows) == len(known)
        assert f"{len(actual) - len(known)} files without a figure" in figure.text()
        drawn = [title.text() for title in figure.one("svg").all("title")]
        assert sum(int(title.rpartition(": ")[2]) for title in drawn) == len(known)
        labels = [text.text() for text in figure.one("svg").all("text", **{"class": "limit"})]
        assert f"at most {limit['max']:,}" in labels or max(known) < limit["max"]


def test_the_leaderboard_of_the_page() -> None:
    rows = rows_of(page().one("section", id="leaderboard").one("table"))
    places = data()["leaderboard"]["places"]
    assert [(number(row["rank"]), row["submission"], number(row["params"])) for row in rows] == [
        (place["rank"], Path(place["path"]).name, place["figure"]) for place in places
    ]
    passed = {file["path"]: file["measured"]["params"] for file in data()["files"] if file["status"] == "passed"}
    assert {place["path"]: place["figure"] for place in places} == passed
    assert [place["figure"] for place in places] == sorted(passed.values())
    for place in places:  # as in sports: equal figures share a rank
        assert place["rank"] == 1 + sum(figure < place["figure"] for figure in passed.values())


def test_what_to_tell_each_student() -> None:
    articles = page().one("section", id="messages").all("article")
    for article, file in zip(articles, data()["files"], strict=True):
        text = article.text()
        for finding in file["findings"]:
            assert finding["message"] in text
            assert finding["help"] in text
            assert f"[{finding['code']}]" in text
            assert finding["line"] is None or f"line {finding['line']}" in text
        assert f"Points: {sum(file['points'].values())} of 14" in text
        for rule, figure in file["measured"].items():
            if file["results"][rule] == "pass":
                assert f"{LIMITS[rule].noun} {figure:,} " in text.replace(" with buffers", "")
    links = [a.attributes["href"] for a in page().one("table", **{"class": "files"}).all("a")]
    assert links == [f"#{article.attributes['id']}" for article in articles]


def test_the_page_loads_nothing_and_allows_only_its_own_script() -> None:
    text = report("html")
    script = page().one("script")
    digest = base64.b64encode(hashlib.sha256(script.text().encode()).digest()).decode()
    [policy] = [meta.attributes["content"] for meta in page().all("meta") if "http-equiv" in meta.attributes]
    assert policy == (
        f"default-src 'none'; style-src 'unsafe-inline'; script-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'"
    )
    assert "http:" not in text
    assert "https:" not in text
    assert "url(" not in text
    assert "@import" not in text
    assert page().one("form").attributes["hidden"] is None  # shown by the script


HOSTILE = [
    "<script>document.title=1<",
    "<img src=x onerror=document.title=2>",
    "'\" onload=document.title=3 x=",
    "&lt;script&gt;",
    "]]><!--",
    "</title><style>*{display:none}".replace("/", "|"),
    '=HYPERLINK("x","y")',
    "=1+1",
    "+1",
    "-1",
    "@SUM(A1)",
    "a;=1+1",
    "javascript:document.title=4",
]


def hostile_class(folder: Path) -> list[str]:
    """Files with names that mean harm; their names in order."""
    bodies = [(ROOT / FOLDER / f"{name}.yaml").read_bytes() for name in ("bad-output", "unsound-hostile", "good-plain")]
    for index, name in enumerate(HOSTILE):
        (folder / f"{name}.yaml").write_bytes(bodies[index % 3])
    (folder / "own.yaml").write_text(
        "name: <script>document.title=5</script>\ninput: 8x8x3\nlayers:\n  - <img src=x onerror=document.title=6>\n"
    )
    (folder / "x<img src=y onerror=document.title=7>.py").write_text("")
    return [*(f"{name}.yaml" for name in HOSTILE), "own.yaml"]


@pytest.mark.skipif(not hasattr(Path, "is_mount"), reason="such names exist on POSIX only")
def test_hostile_names_are_text(tmp_path: Path) -> None:
    """The page has the elements of a harmless one, and every name as text."""
    names = hostile_class(tmp_path)
    tree = page_of(checked(".", "--policy", ROOT / POLICY, "--format", "html", cwd=tmp_path, status=1))

    def kinds(element: Element) -> set[tuple[str, ...]]:
        found = {(element.tag, *sorted(element.attributes))}
        for child in element.children:
            found |= kinds(child) if isinstance(child, Element) else set()
        return found

    assert kinds(tree) <= kinds(page()) | {("section", "aria-labelledby", "id")}
    rows = rows_of(tree.one("table", **{"class": "files"}))
    assert sorted(row["submission"] for row in rows) == sorted(names)
    assert "x<img src=y onerror=document.title=7>.py" in tree.one("section", id="unread").text()
    assert tree.one("head").one("title").text() == "cnncalc check: 14 files"


def test_bars_end_at_the_limits() -> None:
    """Whatever the figures are, each is in one bar, and no bar has figures on both sides of a bound."""
    chance = random.Random(7)
    for _ in range(3000):
        size = 10 ** chance.randint(0, 10)
        numbers = [chance.randint(0, size) for _ in range(chance.randint(1, 20))]
        bounds = sorted([chance.randint(0, 3 * size), chance.randint(0, 30 * size)])
        least, most = chance.choice([(None, bounds[1]), (bounds[0], None), (bounds[0], bounds[1])])
        limit = Limit("params", least, most)
        found = bars([Measured(limit, one) for one in [*numbers, None]])
        assert sum(bar.inside + bar.outside for bar in found) == len(numbers)
        assert all(not (bar.inside and bar.outside) for bar in found)
        assert all(most is None or not bar.least <= most < bar.most for bar in found)
        assert all(least is None or not bar.least < least <= bar.most for bar in found)
        assert [bar.least for bar in found[1:]] == [bar.most + 1 for bar in found[:-1]]
        assert len(found) < 40
    assert bars([Measured(Limit("params", most=3), None)]) == []


# csv -----------------------------------------------------------------------------------------------------------------


def table(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text.removeprefix(MARK)), strict=True))


def test_every_cell_of_the_csv() -> None:
    rows = table(report("csv"))
    ranks = {place["path"]: str(place["rank"]) for place in data()["leaderboard"]["places"]}
    limits = {limit["quantity"]: limit for limit in data()["policy"]["limits"]}
    for row, file in zip(rows, data()["files"], strict=True):
        expected: dict[str, Any] = {
            "submission": Path(file["path"]).stem,
            "file": file["path"],
            "status": file["status"],
            "rank": ranks.get(file["path"], ""),
            "rank by params": "" if file["metrics"] is None else file["measured"]["params"],
            "points": sum(file["points"].values()),
            "points at most": 14,
            "findings": len(file["findings"]),
        }
        for rule, result in file["results"].items():
            expected[f"{rule} result"] = result
            if rule in file["points"]:
                expected[f"{rule} points"] = file["points"][rule]
            if rule in limits:
                figure = file["measured"].get(rule, "")
                expected[with_unit(rule)] = "?" if figure is None else figure
                expected[f"{rule} at least"] = limits[rule]["min"]
                expected[f"{rule} at most"] = limits[rule]["max"]
        errors = [finding for finding in file["findings"] if finding["level"] == "error"]
        first = ([*errors, *file["findings"], {"message": "", "help": "", "line": None}])[0]
        expected["first finding"] = harmless(first["message"])
        expected["help"] = harmless(first["help"])
        expected["line"] = "" if first["line"] is None else first["line"]
        assert row == {name: str(value) for name, value in expected.items()}


def test_formulas_stay_text(tmp_path: Path) -> None:
    hostile_class(tmp_path)
    text = checked(".", "--policy", ROOT / POLICY, "--format", "csv", cwd=tmp_path, status=1)
    cells = [cell for row in csv.reader(io.StringIO(text)) for cell in row]
    assert '\'=HYPERLINK("\'x","y")' not in cells
    assert {"'=1+1", "'+1", "'-1", "'@SUM(A1)", "a;'=1+1"} <= set(cells)
    for separator in (",", ";", "\t", "|"):  # what the program that opens the file may take for the separator
        for row in csv.reader(io.StringIO(text), delimiter=separator):
            assert [cell for cell in row if cell.lstrip(" \"'")[:1] in tuple("=+@") and "'" not in cell] == []
            assert [cell for cell in row if re.match(r"\s*[=+@-]", cell)] == []


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("=1", "'=1"),
        (" =1", " '=1"),
        ("\uff1d1", "'\uff1d1"),
        ("x;-1", "x;'-1"),
        ('x"=1', "x\"'=1"),
        ("a - b = c", "a - b = c"),
        ("\t=1", "\\x09=1"),
        ("w=2", "w=2"),
        ("::error::x", "\\::error::x"),
        (" ::error::x", " \\::error::x"),
    ],
)
def test_harmless(text: str, shown: str) -> None:
    assert harmless(text) == shown


def test_submissions_are_the_folders_that_differ(tmp_path: Path) -> None:
    for path in ("hand/in/anna/net.yaml", "hand/in/anna/b/other.yaml", "hand/in/bob.yaml", "hand/in/c.d/net.yaml"):
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text("input: 4\nlayers: [fc: 2]\n")
    rows = table(checked("hand", "--max-params", "20", "--format", "csv", cwd=tmp_path, status=0))
    assert [row["submission"] for row in rows] == ["bob", "anna", "anna", "c.d"]
    [row] = table(checked("hand/in/bob.yaml", "--max-params", "20", "--format", "csv", cwd=tmp_path, status=0))
    assert (row["submission"], row["file"]) == ("bob", "hand/in/bob.yaml")
    assert (row["params"], row["params at most"], row["params result"]) == ("10", "20", "pass")
    assert not any(name.endswith("points") for name in row)


def test_a_mark_for_excel_where_it_is_needed(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text("input: 4\nlayers: [fc: 2]\n")
    assert checked("a.yaml", "--format", "csv", cwd=tmp_path, status=0).startswith("submission,")
    (tmp_path / "josé.yaml").write_text("input: 4\nlayers: [fc: 2]\n")
    text = checked(".", "--format", "csv", cwd=tmp_path, status=0)
    assert text.startswith(MARK + "submission,")
    assert [row["submission"] for row in table(text)] == ["a", "josé"]


# without names -------------------------------------------------------------------------------------------------------

STUDENTS = ["Ada Lovelace", "Alan Turing", "Grace Hopper", "Kurt Gödel", "Emmy Noether", "Zeno"]


def anonymous_class(folder: Path, order: list[str]) -> None:
    """A class whose networks are handed in under the names in this order. The last three get the same result."""
    bodies = ["bad-heavy", "unsound-window", "good-macs-warning", "good-plain", "good-plain", "good-plain"]
    folder.mkdir()
    for name, body in zip(order, bodies, strict=True):
        (folder / name).mkdir()
        (folder / name / f"{name}.yaml").write_bytes((ROOT / FOLDER / f"{body}.yaml").read_bytes())
    (folder / f"{order[0]}.py").write_text("")


@pytest.mark.parametrize("form", NAMELESS)
def test_anonymous_reports_do_not_depend_on_names(form: str, tmp_path: Path) -> None:
    options = ("--policy", ROOT / POLICY, "--leaderboard", "macs", "--anonymous", "--format", form)
    anonymous_class(tmp_path / "a", STUDENTS)
    anonymous_class(tmp_path / "b", STUDENTS[::-1])
    text = checked("a", *options, cwd=tmp_path, status=1)
    assert text == checked("b", *options, cwd=tmp_path, status=1)
    assert not [name for name in (*STUDENTS, "Lovelace", "Zeno", "a/", ".yaml ") if name in text]
    assert "submission 6" in text


def test_anonymous_numbers_are_the_same_in_every_format() -> None:
    options = (FOLDER, "--policy", POLICY, "--anonymous")
    files = json.loads(checked(*options, "--format", "json", status=1))
    assert files["anonymous"] is True
    assert data()["anonymous"] is False
    assert [file["path"] for file in files["files"]] == [f"submission {n:02}" for n in range(1, 41)]
    figures = [str(file["measured"].get("params", "")) for file in files["files"]]
    rows = table(checked(*options, "--format", "csv", status=1))
    assert [(row["file"], row["params"]) for row in rows] == [
        (file["path"], figure) for file, figure in zip(files["files"], figures, strict=True)
    ]
    assert "submission" not in rows[0]
    shown = rows_of(page_of(checked(*options, "--format", "html", status=1)).one("table", **{"class": "files"}))
    assert [row["params"].lstrip("\u2717 ").replace(",", "") for row in shown] == figures
    lines = re.findall(r"(submission \d\d)(?:  params with buffers ([\d,]+))?", checked(*options, status=1))
    assert [(name, figure.replace(",", "")) for name, figure in lines] == [
        (file["path"], figure) for file, figure in zip(files["files"], figures, strict=True)
    ]
    assert files["summary"] == data()["summary"]


def test_messages_do_not_repeat_the_name(tmp_path: Path) -> None:
    (tmp_path / "Ada.yaml").mkdir()
    for form in NAMELESS:
        text = ended("Ada.yaml", "gone/Ada.yaml", "--anonymous", "--format", form, cwd=tmp_path).out
        assert "submission 1" in text
        assert "Ada" not in text


# options -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (
            "--anonymous --format sarif",
            "--anonymous does not apply to --format sarif: use `text`, `json`, `csv` or `html`",
        ),
        ("--anonymous --format gradescope", "--anonymous does not apply to --format gradescope"),
        ("--leaderboard params --format junit", "use `text`, `json`, `csv`, `html` or `gradescope`"),
        ("--leaderboard flops", "no quantity named `flops`: did you mean `macs`?"),
        ("--leaderboard speed", "the quantities are params, trainable"),
        ("--format csv -o x.html", "use --format html, or end the name in `.csv`"),
        ("--format html -o x.csv", "use --format csv, or end the name in `.html`"),
    ],
)
def test_wrong_options(options: str, said: str) -> None:
    done = ended(FOLDER / "good-plain.yaml", *options.split())
    assert done.status == 2
    assert said in done.err


def test_the_leaderboard_measures_what_the_policy_limits(tmp_path: Path) -> None:
    """Memory depends on batch and dtype, which are those of the limit, if there is one."""
    files = (FOLDER / "good-plain.yaml", FOLDER / "good-receptive-field-at-most.yaml", FOLDER / "bad-input.yaml")
    ask = ("--leaderboard", "activation-memory", "--format", "json")
    [first, _] = json.loads(checked(*files, "--policy", POLICY, *ask, status=1))["leaderboard"]["places"]
    alone = json.loads(checked(*files, *ask, status=0))["leaderboard"]["places"]
    assert first["figure"] == 18_442 * 8 * 2
    assert [place["figure"] for place in alone[1:]] == [18_442 * 4] * 2
    text = checked(*files, "--policy", POLICY, "--leaderboard", "receptive-field", status=1)
    assert text.endswith(
        "leaderboard: receptive field, largest first\n"
        "  1  40  tests/submissions/handed-in/good-receptive-field-at-most.yaml\n"
        "  2  10  tests/submissions/handed-in/good-plain.yaml\n"
    )
    nobody = checked(FOLDER / "bad-input.yaml", "--input", "3x3x3", "--leaderboard", "depth", status=1)
    assert nobody.endswith("leaderboard: depth, smallest first\n  no file passes\n")


def test_the_leaderboard_of_gradescope() -> None:
    ask = ("--policy", POLICY, "--leaderboard", "params", "--format", "gradescope")
    done = json.loads(checked(FOLDER / "good-plain.yaml", FOLDER / "good-depth-at-most.yaml", *ask, status=0))
    assert done["leaderboard"] == [{"name": "params", "value": 1806, "order": "asc"}]
    assert json.loads(checked(FOLDER / "bad-heavy.yaml", *ask, status=1))["leaderboard"] == []
