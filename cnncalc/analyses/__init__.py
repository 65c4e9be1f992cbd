"""Analyses of a network: totals, receptive field, memory, budgets, comparisons, published and expected figures.

An analysis is a function from a `Network`, or from its `Analysis`, to a record. It reads the statistics that the layers
state about themselves and knows no file format, command or renderer.

To add a figure:

1. Write `analyses/NAME.py`, which works the figure out. Return None if it is not known; never guess 0.
2. Add a `Quantity` to `quantities.py` and name it in each table there that should offer it: `--get`, JSON, the columns of
   the layer table, `compare`, `published`, `expect`, and limits. Readers, policies and reports follow from these tables.
3. If the figure has its own command, add a method to `Network` in `api/network.py`, write `cli/commands/NAME.py`, which calls
   it, and add a row to `COMMANDS` in `cli/__init__.py`.
4. Test it in `tests/analyses/test_NAME.py` against an oracle, and give it a page in `words.py`.
"""
