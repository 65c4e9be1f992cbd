"""`cnncalc quiz`: questions in the terminal."""

from __future__ import annotations

import sys

import click

from cnncalc.cli import options
from cnncalc.cli.request import Request
from cnncalc.cli.run import FINDING, Failed, command_errors, write
from cnncalc.cli.suffixes import check_suffix

TOPICS = ("shapes", "params", "receptive-field", "memory")


@click.command(
    "quiz",
    epilog=options.examples("cnncalc quiz", "cnncalc quiz --topic params --questions 5", "cnncalc quiz vgg16 --seed 7"),
)
@options.request()
@click.option("--topic", type=click.Choice(TOPICS), metavar="TOPIC", help="Ask only about: " + ", ".join(TOPICS) + ".")
@click.option(
    "--questions",
    type=click.IntRange(1, 1000),
    default=10,
    show_default=True,
    metavar="N",
    help="Number of questions. A network may have fewer.",
)
@click.option(
    "--seed",
    type=click.IntRange(0, 10**9),
    metavar="N",
    help="Choose the questions. The same seed gives the same questions everywhere. By default they are different each time.",
)
@click.option(
    "--pass",
    "least",
    type=click.IntRange(1, 1000),
    metavar="N",
    help="Exit with status 1 if fewer than N answers are right.",
)
@options.output_file
def command(request: Request, topic: str | None, questions: int, seed: int | None, least: int | None) -> int:
    """Ask questions about the layers of SPEC, or about made-up layers.

    Type a shape such as 32x32x16 or a number such as 1,792. A number with at least three digits may be rounded, as in 1.79k.
    Enter ? for the formula, nothing to skip a question, and q to stop. After a wrong answer, cnncalc shows the right one, the
    formula with its numbers, and the common mistake that gives exactly this answer. Answers may come from a pipe, one
    per line. With -o, a copy of the dialogue is written to FILE.

    The exit status is 0 when the quiz or its input ends, whatever the score, 1 if --pass is not reached, and 130 after
    Ctrl-C.
    """
    from cnncalc.api.teaching.material import quiz
    from cnncalc.cli.commands.teaching.dialogue import Dialogue
    from cnncalc.cli.specs import network_of

    check_suffix(request.file, "text")
    if sys.stdin is None:
        raise Failed("standard input is closed")
    network = network_of(request.only_spec(), request) if request.words or request.lines else None
    with command_errors():
        asked = quiz(questions, topic=topic, seed=_random_seed() if seed is None else seed, network=network)
    dialogue = Dialogue(request)
    try:
        dialogue.run(asked)
    except KeyboardInterrupt:
        dialogue.finish(stopped=True)
        raise
    dialogue.finish()
    if request.file is not None:
        write("".join(dialogue.copy), request.file)
    return FINDING if least is not None and dialogue.right < least else 0


def _random_seed() -> int:
    from secrets import randbelow

    return randbelow(10**9)
