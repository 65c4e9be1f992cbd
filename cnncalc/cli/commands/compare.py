"""`cnncalc compare`: networks side by side."""

from __future__ import annotations

import click

from cnncalc.analyses.quantities import COMPARED
from cnncalc.cli import options
from cnncalc.cli.request import Request
from cnncalc.cli.run import FAILURE, FINDING, Failed, print_message, print_problems, status_of, write
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
    or --freeze is compared with the network as it is written.
    """
    from cnncalc.analyses import compare
    from cnncalc.analyses.totals import analyze
    from cnncalc.cli.specs import network_of
    from cnncalc.problem import Refused
    from cnncalc.render import compare as render

    check_suffix(request.file, request.form, FORMATS)
    quantities = _quantities(only)
    specs = request.specs()
    with_original = len(specs) == 1 and bool(request.options.changes or request.options.frozen)
    if with_original:
        specs *= 2
    if len(specs) < 2:
        raise click.UsageError("compare needs two networks, or one network with --set or --freeze")
    analyses = []
    status = 0
    for number, spec in enumerate(specs):
        try:
            network = network_of(spec, request, as_written=with_original and number == 0)
        except Refused as refused:
            print_problems(refused.problems)
            status = max(status, status_of(refused.problems))
            continue
        except Failed as failed:
            print_message(f"error: {failed.format_message()}")
            status = FAILURE
            continue
        print_problems(network.warnings)
        analyses.append(analyze(network, request.batch, request.dtype))
    if status:
        print_message("the networks were not compared")
        return status
    if only is None and not any(node.frozen for analysis in analyses for node in analysis.network.nodes):
        quantities = tuple(name for name in quantities if name != "trainable")  # equal to the params
    totals = compare.totals(analyses, quantities)
    pairs = compare.layers(*analyses) if len(analyses) == 2 and only is None else None
    names = render.titles(analyses, [spec.text for spec in specs])
    if request.form == "json":
        from cnncalc.render.data import to_json

        write(to_json(render.data(analyses, totals, pairs)), request.file)
    elif request.form == "markdown":
        write(render.markdown(names, analyses, totals, pairs), request.file)
    else:
        from cnncalc.cli.display import glyphs, show_lines

        show_lines(render.report(names, analyses, totals, pairs, glyphs(request.file)), request)
    differ = any(total.differs for total in totals)
    if exit_code and not differ and only is None:  # also for more than two, whose layers are not shown
        others = [compare.layers(analyses[0], other) for other in analyses[1:]]
        differ = any(pair.change != "same" for pairs in others for pair in pairs)
    return FINDING if exit_code and differ else 0


def _quantities(only: str | None) -> tuple[str, ...]:
    if only is None:
        return tuple(COMPARED)
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
