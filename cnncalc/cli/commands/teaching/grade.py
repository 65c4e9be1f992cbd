"""`cnncalc grade`: points for completed worksheets, and the mistake behind each wrong answer."""

from __future__ import annotations

import click

from cnncalc.cli import options
from cnncalc.cli.request import Request
from cnncalc.cli.run import FINDING, command_errors, print_problems, write
from cnncalc.cli.suffixes import check_suffix

FORMATS = ("text", "csv", "json")
RULES = ("exact", "separators", "rounded")


@click.command(
    "grade",
    epilog=options.examples(
        "cnncalc grade answers.csv --key key.csv",
        "cnncalc grade answers.csv --key key.csv --format csv -o grades.csv",
    ),
)
@options.request(networks=False)
@click.argument("answers", nargs=-1, required=True, type=click.Path())
@click.option(
    "--key", required=True, type=click.Path(), metavar="FILE", help="Key that `worksheet --key FILE.csv` wrote."
)
@click.option(
    "--accept",
    type=click.Choice(RULES),
    metavar="RULE",
    help="How numbers may be written, overriding the key: exact (1792), separators (also 1,792), or rounded "
    "(also 1.79k).",
)
@click.option(
    "--follow",
    is_flag=True,
    help="Give the points for a total that is the sum of the student's own figures, even if one of them is wrong.",
)
@options.output(FORMATS)
def command(request: Request, answers: tuple[str, ...], key: str, accept: str | None, follow: bool) -> int:
    """Grade worksheets that `worksheet --format csv` wrote and that students have filled in.

    ANSWERS are CSV files. The column `student` has the name of a student, at least in the first of their rows. If it
    is empty everywhere, the name of the file is used. A wrong answer gets the points that the key assigns to it,
    usually 0, and cnncalc names the common mistake that gives exactly this number.

    The exit status is 1 if a row could not be graded, and 0 otherwise, whatever the points.
    """
    import cnncalc

    check_suffix(request.file, request.form, FORMATS)
    with command_errors():
        grades = cnncalc.grade(answers, key, accept=accept, follow=follow)
    if request.form == "json":
        from cnncalc.render.data import to_json

        write(to_json(grades.to_dict()), request.file)
    elif request.form == "csv":
        write(grades.to_csv(), request.file)
    else:
        from cnncalc.cli.display import glyphs, show_lines
        from cnncalc.render.teaching.grades import report

        show_lines(report(grades, glyphs(request.file)), request)
    print_problems(grades.problems)
    return FINDING if grades.problems else 0
