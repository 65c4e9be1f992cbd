"""Translate the errors of the lower-level packages into the public exception."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from cnncalc.api.analysis import Analysis
from cnncalc.api.errors import CnncalcError, diagnostics
from cnncalc.api.files.stored import StoredParameters
from cnncalc.loading import LoadError, OptionError
from cnncalc.problem import Refused
from cnncalc.readers.options import Missing


@contextmanager
def public_errors() -> Iterator[None]:
    """Turn the errors that lower-level packages raise about the user's input into CnncalcError.

    Anything else, such as a bug in cnncalc, passes through.
    """
    try:
        yield
    except Refused as refused:
        partial = Analysis.of(refused.partial) if refused.partial is not None and refused.partial.nodes else None
        stored = StoredParameters.of(refused.stored) if refused.stored is not None else None
        raise CnncalcError(diagnostics(refused.problems), "network", partial=partial, stored=stored) from refused
    except OptionError as error:
        raise CnncalcError.of(str(error), "option", error.option) from error
    except LoadError as error:
        raise CnncalcError.of(str(error), "source") from error
    except Missing as missing:
        raise CnncalcError.of(str(missing), "package") from missing
