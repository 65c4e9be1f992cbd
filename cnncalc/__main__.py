"""The entry point of `python -m cnncalc` and of the console script."""

from __future__ import annotations


def main() -> None:
    """Run the command line. Garbage collection is off during the import, because it would find nothing to collect."""
    import gc

    gc.disable()
    from cnncalc.cli import main as command_line

    command_line()


if __name__ == "__main__":
    main()
