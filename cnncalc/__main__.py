"""The program: `python -m cnncalc`, and the console script."""

from __future__ import annotations


def main() -> None:
    """Run the command line, with garbage collection off while it is imported: nothing made there can be collected."""
    import gc

    gc.disable()
    from cnncalc.cli import main as command_line

    command_line()


if __name__ == "__main__":
    main()
