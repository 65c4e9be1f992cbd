"""`cnncalc compare`: networks side by side."""

from __future__ import annotations

import click

from cnncalc.api.specs import COMPARED
from cnncalc.cli import options
from cnncalc.cli.request import Request
from cnncalc.cli.run import FINDING, write
from cnncalc.cli.suffixes import check_suffix

FORMATS = ("table", "json", "markdown")


@click.command(
    "compare",
    epilog=options.examples(
        "cnncalc compare vgg16 resnet50",
        "cnncalc compare net.yaml@HEAD~1 net.yaml --exit-code",
        "cnncalc compare a.yaml b.yaml c.yaml --only params,macs",
    ),
)
@options.request(figures=True)
@click.option("--only", metavar="A,B,...", help="Compare only these quantities: " + ", ".join(COMPARED) + ".")
@click.option("--exit-code", is_flag=True, help="Exit with status 1 if the networks differ.")
@options.output(FORMATS)
def command(request: Request, only: str | None, exit_code: bool) -> int:
    """Compare the totals of two or more networks, with difference and ratio, and the layers of two as a diff.

    SPEC is the same as for analyze. `net.yaml@HEAD~1` is the file at a revision of its git repository. One SPEC with --set
    or --freeze is compared with the unchanged network.
    """
    from cnncalc.api.comparison import Comparison
    from cnncalc.cli.specs import networks_of

    check_suffix(request.file, request.form, FORMATS)
    quantities = _quantities(only)
    specs = request.specs()
    with_original = len(specs) == 1 and bool(request.options.changes or request.options.frozen)
    if with_original:
        specs *= 2
    if len(specs) < 2:
        raise click.UsageError("compare needs two networks, or one network with --set or --freeze")
    networks = networks_of(specs, request, "the networks were not compared", with_original=with_original)
    analyses = [network.analyze(request.batch, request.dtype) for network in networks]
    comparison = Comparison.of(analyses, quantities, [spec.text for spec in specs])
    if request.form == "json":
        from cnncalc.render.data import to_json

        write(to_json(comparison.to_dict()), request.file)
    elif request.form == "markdown":
        write(comparison.to_markdown(), request.file)
    else:
        from cnncalc.cli.display import glyphs, show_lines

        show_lines(comparison.lines(glyphs(request.file)), request)
    return FINDING if exit_code and comparison.differs else 0


def _quantities(only: str | None) -> tuple[str, ...] | None:
    if only is None:
        return None
    names = tuple(name.strip() for name in only.split(",") if name.strip())
    for name in names:
        if name not in COMPARED:
            from cnncalc.cli.suggestions import suggest
            from cnncalc.text import show

            help = suggest(name, COMPARED) or "the quantities are " + ", ".join(COMPARED)
            raise click.BadParameter(f"no quantity named `{show(name)}`: {help}", param_hint="--only")
    if not names:
        raise click.BadParameter("name at least one quantity", param_hint="--only")
    return names
