"""The public Python API. `cnncalc/__init__.py` lists its names and imports them from here on first use.

`loading` turns anything that describes a network into a `Network`. The methods of `Network` lead to everything else:
`Analysis` (layers and totals), `Memory`, `Comparison`, `Explanation` and `CheckReport`. Each of them is the result of a
lower-level package with methods for people: `str()` is what the command line prints, and `to_dict()` is its JSON. All
errors are `CnncalcError`.

To add a method, write the calculation in a lower-level package, import it inside the method, and return a value with
`to_dict()` and `__str__`. The command line calls the same method, and `docs/python.md` describes it.
"""
