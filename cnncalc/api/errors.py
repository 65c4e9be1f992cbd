"""The one public exception with its diagnostics, and checks of argument types."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from operator import index
from typing import TYPE_CHECKING, Any, TypeVar

from cnncalc.problem import Problem
from cnncalc.record import Record

if TYPE_CHECKING:
    from cnncalc.api.analysis import Analysis
    from cnncalc.api.files.stored import StoredParameters

T = TypeVar("T")
NO_CODE = ""  # of errors about arguments and files, which have no page


class Diagnostic(Record):
    """One mistake or warning about the input.

    Attributes
    ----------
    problem : cnncalc.problem.Problem
        The internal problem that it describes.
    """

    problem: Problem

    @property
    def code(self) -> str:
        """Stable name of the kind of mistake, which `cnncalc.explain` describes; empty if there is no page."""
        return self.problem.code

    @property
    def level(self) -> str:
        """`error` or `warning`."""
        return self.problem.level

    @property
    def message(self) -> str:
        """What is wrong, in one sentence with the user's numbers."""
        return self.problem.text

    @property
    def help(self) -> str:
        """What to do; empty if there is nothing to suggest."""
        return self.problem.help

    @property
    def file(self) -> str | None:
        """The path or name of the source; None if the mistake has no location."""
        return self.problem.where.source.path if self.problem.where is not None else None

    @property
    def line(self) -> int | None:
        """The line, counted from 1."""
        return self.problem.where.line if self.problem.where is not None else None

    @property
    def column(self) -> int | None:
        """The column, counted from 1."""
        return self.problem.where.column if self.problem.where is not None else None

    def to_dict(self) -> dict[str, Any]:
        """Return the diagnostic as in the JSON output of the command line."""
        from cnncalc.render.data import problem_data

        return problem_data(self.problem)

    def __str__(self) -> str:
        from cnncalc.render.problems import lines

        if not self.problem.code:
            return "\n".join([f"{self.level}: {self.message}", *([f"  = help: {self.help}"] if self.help else [])])
        return "\n".join(lines(self.problem))


class CnncalcError(Exception):
    """A network cannot be loaded, or cannot do what was requested.

    The text is what the command line prints.

    Attributes
    ----------
    problems : tuple of Diagnostic
        Every mistake, with its location.
    kind : str
        `network` (the content is wrong), `source` (it cannot be found or read), `option` (an argument does not apply),
        `package` (an optional package is missing) or `limit` (cnncalc cannot do this for such a network).
    option : str
        The option of the command line whose value is wrong, or an empty text.
    partial : Analysis or None
        The layers up to the mistake, for one example in float32.
    stored : StoredParameters or None
        The parameters in the checkpoint of a model for which cnncalc has no architecture.

    Examples
    --------
    >>> import cnncalc
    >>> try:
    ...     cnncalc.load("8x8x3 -> CONV9-16p0")
    ... except cnncalc.CnncalcError as error:
    ...     print(error.problems[0].code)
    window-does-not-fit
    """

    def __init__(
        self,
        problems: Sequence[Diagnostic],
        kind: str = "network",
        option: str = "",
        partial: Analysis | None = None,
        stored: StoredParameters | None = None,
    ) -> None:
        super().__init__(problems, kind, option, partial, stored)
        self.problems = tuple(problems)
        self.kind = kind
        self.option = option
        self.partial = partial
        self.stored = stored

    @classmethod
    def of(cls, text: str, kind: str, option: str = "", help: str = "") -> CnncalcError:
        """Return an error with one sentence, without a code or location."""
        return cls([Diagnostic(Problem(NO_CODE, text, help))], kind, option)

    @property
    def message(self) -> str:
        """The sentences of all problems on one line, without locations and help."""
        return "; ".join(problem.message for problem in self.problems)

    def __str__(self) -> str:
        return "\n\n".join(map(str, self.problems))


def diagnostics(problems: Iterable[Problem]) -> tuple[Diagnostic, ...]:
    """Return problems as diagnostics."""
    return tuple(map(Diagnostic, problems))


# -- types of arguments, so that a TypeError names the argument and not a line of this package ---------------------------


def check_whole(name: str, value: int) -> None:
    """Check that an argument is a whole number.

    >>> check_whole("seed", 7)

    Raises:
        TypeError: It is not.
    """
    try:
        index(value)
    except TypeError:
        raise TypeError(f"{name} must be a whole number, not {value!r}") from None


def check_count(name: str, value: int, most: int | None = None) -> None:
    """Check that an argument is a positive whole number.

    >>> check_count("batch", 32)

    Raises:
        TypeError: It is not a whole number.
        ValueError: It is too small or too large.
    """
    check_whole(name, value)
    if most is not None and not 1 <= value <= most:
        raise ValueError(f"{name} must be from 1 to {most}, not {value}")
    if value < 1:
        raise ValueError(f"{name} must be at least 1, not {value}")


def check_text(name: str, value: object) -> None:
    """Check that an argument is a string.

    Raises:
        TypeError: It is not.
    """
    if not isinstance(value, str):
        raise TypeError(f"{name} must be text, not {value!r}")


def check_networks(values: Sequence[object]) -> None:
    """Check that arguments are networks.

    Raises:
        TypeError: One is not.
    """
    from cnncalc.network import Network

    for value in values:
        if not isinstance(value, Network):
            raise TypeError(f"a network must be what cnncalc.load returns, not {value!r}")


def check_mapping(name: str, value: Mapping[str, T] | None, example: str) -> Mapping[str, T]:
    """Return an argument that is a dictionary with string keys, by default empty.

    Raises:
        TypeError: It is not such a dictionary.
    """
    if value is None:
        return {}
    if not isinstance(value, Mapping) or not all(isinstance(key, str) for key in value):
        raise TypeError(f"{name} must be a dictionary such as {example}, not {value!r}")
    return value


def list_texts(name: str, value: str | Iterable[str]) -> tuple[str, ...]:
    """Return an argument that is one string or several, as a tuple.

    >>> list_texts("hide", "params")
    ('params',)

    Raises:
        TypeError: It is neither.
    """
    texts = (value,) if isinstance(value, str) or not isinstance(value, Iterable) else tuple(value)
    if not all(isinstance(text, str) for text in texts):
        raise TypeError(f"{name} must be text or a list of texts, not {value!r}")
    return texts
