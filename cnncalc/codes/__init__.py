"""The pages of the error codes, which `cnncalc explain CODE` prints.

To add a code, add a page to the module of its group. The first sentence of a page is also its line in the index. A test
runs the examples and checks that every code in the package has a page, and that every page has a code. This package
only holds text, so it must not import the readers.
"""

from __future__ import annotations

from cnncalc.codes import commands, models, shapes, steps, text
from cnncalc.codes.page import Code

CODES: dict[str, Code] = dict(sorted((text.CODES | steps.CODES | shapes.CODES | models.CODES | commands.CODES).items()))
