"""The page of one error code."""

from __future__ import annotations

from cnncalc.record import Record


class Code(Record):
    """What `cnncalc explain CODE` shows: the meaning, a small file that produces the code, and the corrected file.

    `wrong` and `right` are whole files, except for `bad-line`, where they are one-line networks. If a file cannot
    produce the code, both are empty and `note` gives the reason.
    """

    meaning: str
    wrong: str = ""
    right: str = ""
    note: str = ""
