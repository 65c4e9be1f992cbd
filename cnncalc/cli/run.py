"""How a command ends: exit status, messages on standard error, output written whole."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Sequence
from contextlib import suppress
from typing import IO

import click

from cnncalc.problem import Problem, Refused
from cnncalc.text import show, visible

FINDING = 1
FAILURE = 2


class Failed(click.ClickException):
    """The tool cannot do what was asked: one line, exit status 2."""

    exit_code = FAILURE


class Unread(Exception):
    """Nobody reads the output any more. Not a BrokenPipeError, which click would turn into exit status 1."""


def into_file(command: click.decorators.FC) -> click.decorators.FC:
    """The option -o, for `write`."""
    return click.option(
        "-o",
        "--output",
        "file",
        type=click.Path(dir_okay=False),
        metavar="FILE",
        help="Write to FILE, whole or not at all; a suffix of another format is an error.",
    )(command)


def run(command: click.Command, args: Sequence[str] | None = None) -> int:
    """Run a command; its exit status. Never raises, never prints a traceback (unless CNNCALC_DEBUG is set)."""
    try:
        status = command.main(args=args and list(args), prog_name="cnncalc", standalone_mode=False)
        if sys.stdout is not None:
            sys.stdout.flush()
        return status if type(status) is int else 0
    except click.ClickException as error:
        return _report(error)
    except Refused as refused:
        tell(refused.problems)
        return status_of(refused.problems)
    except (click.Abort, KeyboardInterrupt):
        return 130
    except (BrokenPipeError, Unread):
        _silence(sys.stdout)
        return 141
    except OSError as error:
        _silence(sys.stdout)
        warn(f"error: {show(error.strerror or error)}" + (f": {show(error.filename)}" if error.filename else ""))
        return FAILURE
    except MemoryError:
        warn("error: out of memory")
        return FAILURE
    except Exception as error:  # the last line of defence: whatever it is, the user gets one line and status 2
        if os.environ.get("CNNCALC_DEBUG"):
            raise
        warn(f"internal error: {type(error).__name__}: {show(error, 200)} (set CNNCALC_DEBUG=1 for the details)")
        return FAILURE


def _report(error: click.ClickException) -> int:
    context = getattr(error, "ctx", None)
    from cnncalc.cli.meant import meant_choice

    help = meant_choice(error) or (f"see `{context.command_path} --help`" if context is not None else "")
    if (
        isinstance(error, click.NoSuchOption)
        and error.option_name == "-e"
        and context is not None
        and not context.parent
    ):
        help = 'options follow the command: `cnncalc analyze -e "..."`'
    hint = f"\n  = help: {help}" if help else ""
    lines = error.format_message().expandtabs(4).split("\n")
    warn("error: " + "\n".join(map(visible, lines)) + hint)
    return error.exit_code


def status_of(problems: Iterable[Problem]) -> int:
    """FAILURE where a value typed on the command line is at fault, FINDING where the specification is."""
    typed = ("unknown-parameter", "unknown-input", "bad-argument", "not-regular")
    return FAILURE if any(problem.code in typed for problem in problems) else FINDING


def _silence(stream: IO[str] | None) -> None:
    """Keep the interpreter from complaining about a closed pipe or full disk when it flushes at exit."""
    if stream is None:
        return
    with suppress(OSError, ValueError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


def warn(text: str) -> None:
    """A message on standard error; lost in silence where there is none."""
    stream = sys.stderr
    if stream is None:
        return
    width = columns(stream)
    if width:
        from cnncalc.render.lines import plain, wrapped

        text = plain(wrapped([[(line, "")] for line in text.rstrip("\n").split("\n")], width))
    try:
        stream.write(encodable(text.rstrip("\n") + "\n", stream))
        stream.flush()
    except OSError:
        _silence(stream)


def tell(problems: Sequence[Problem]) -> None:
    """Problems on standard error."""
    if problems:
        from cnncalc.render.problems import text

        warn(text(problems, columns(sys.stderr)))


def columns(stream: IO[str] | None) -> int:
    """Columns of the terminal that a stream goes to: COLUMNS where that is set; 0 where it is none or does not say."""
    try:
        if stream is None or not stream.isatty():
            return 0
        asked = os.environ.get("COLUMNS", "")
        if asked.isdecimal() and len(asked) < 6 and int(asked):
            return int(asked)
        return os.get_terminal_size(stream.fileno()).columns
    except (OSError, ValueError):
        return 0


def divert_output() -> None:
    """Send what anybody else writes to standard output to standard error, for the rest of the process.

    Code that is about to be imported may print at any time: from Python, from C, whose buffers are written at exit, from
    processes it starts. Only file descriptor 1 reaches all of them; `sys.stdout`, where results go, gets another one.
    """
    stream = sys.stdout
    try:
        if stream is None or stream.fileno() != 1:  # diverted already, or captured by a test
            return
        stream.flush()
        theirs = 2 if sys.stderr is not None else os.open(os.devnull, os.O_WRONLY)
        kept = os.dup(1)
        os.dup2(theirs, 1)
    except (OSError, ValueError):
        return
    buffering = 1 if stream.isatty() else -1
    sys.stdout = os.fdopen(kept, "w", buffering, encoding=stream.encoding, errors=stream.errors)


def encodable(text: str, stream: IO[str]) -> str:
    """The text with what the stream's encoding lacks written as escapes."""
    if text.isascii():
        return text
    encoding = getattr(stream, "encoding", None) or "utf-8"
    return text.encode(encoding, "backslashreplace").decode(encoding)


def write(text: str, file: str | None) -> None:
    """A result on standard output, or whole in a file (never half of it).

    Raises:
        OSError: where it cannot be written.
        Failed: where there is no standard output.
    """
    if file is None:
        if sys.stdout is None:
            raise Failed("standard output is closed")
        sys.stdout.write(encodable(text, sys.stdout))
        sys.stdout.flush()
        return
    write_whole(text.encode("utf-8"), file)


def write_bytes(data: bytes, file: str | None) -> None:
    """A result that is no text, on standard output or whole in a file.

    Raises:
        OSError, Failed: as `write`.
    """
    if file is not None:
        write_whole(data, file)
    elif sys.stdout is None:
        raise Failed("standard output is closed")
    else:
        sys.stdout.buffer.write(data)
        sys.stdout.buffer.flush()


def write_whole(data: bytes, file: str) -> None:
    """Write a file by way of a temporary one beside it, which then takes its place and its permissions.

    Raises:
        Failed: where it cannot be written.
    """
    try:
        if os.path.exists(file) and not os.path.isfile(file):  # /dev/null, a pipe
            with open(file, "wb") as stream:
                stream.write(data)
        else:
            _replace(data, os.path.realpath(file))  # a link stays one
    except BrokenPipeError:
        raise
    except OSError as error:
        raise Failed(f"cannot write {show(file)}: {error.strerror or error}") from None


def _replace(data: bytes, file: str) -> None:
    from tempfile import mkstemp

    handle, temporary = mkstemp(dir=os.path.dirname(file), prefix=".cnncalc-")
    try:
        with os.fdopen(handle, "wb") as stream:
            stream.write(data)
        mask = os.umask(0)
        os.umask(mask)
        mode = os.stat(file).st_mode & 0o7777 if os.path.exists(file) else 0o666 & ~mask
        os.chmod(temporary, mode)
        os.replace(temporary, file)
    except BaseException:  # also Ctrl-C: nothing half written stays behind
        os.unlink(temporary)
        raise
