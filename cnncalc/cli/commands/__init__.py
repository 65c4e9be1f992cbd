"""The commands, one module each.

To add one, write `cnncalc/cli/commands/NAME.py` with a click command called `command`, and add a row with its line of
help to `COMMANDS` in `cnncalc/cli/__init__.py`. `cnncalc.cli.options` has the options that commands share.
"""
