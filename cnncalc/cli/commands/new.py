"""`cnncalc new`: a file to start from."""

from __future__ import annotations

import click

from cnncalc.cli import options
from cnncalc.cli.run import write
from cnncalc.cli.suffixes import check_suffix

STARTER = """\
name: My first network
input: 32x32x3                # height x width x channels
layers:
  - conv: {filters: 16, kernel: 3, pad: 1}   # K filters of size FxF, padding P
  - relu
  - maxpool: 2                # a 2x2 window, stride 2
    expect: 16x16x16          # your own result: cnncalc checks it
  - seq: [conv: {filters: 32, kernel: 3, pad: same}, relu, maxpool: 2]
    repeat: 2                 # the same steps twice
  - fc: 10                    # flattens its input
# More:  cnncalc explain conv     the fields and formulas of a kind
#        cnncalc show vgg16       blocks, defaults, published figures
"""


@click.command("new", epilog=options.examples("cnncalc new > net.yaml", "cnncalc analyze net.yaml"))
@options.output_file
def command(file: str | None) -> int:
    """Print a commented file as a starting point."""
    check_suffix(file, "yaml")
    write(STARTER, file)
    return 0
