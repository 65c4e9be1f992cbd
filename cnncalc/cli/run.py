"""How a command ends: exit status, messages on standard error, output written whole."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import IO

import click

from cnncalc.api.errors import CnncalcError
from cnncalc.problem import Problem
from cnncalc.text import show, visible

FINDING = 1
FAILURE = 2
REPORT = "this is a bug in cnncalc: please open an issue with the command and its output when CNNCALC_DEBUG=1 is set"


class Failed(click.ClickException):
    """cnncalc cannot do what was asked. The message is one line, the exit status 2."""

    exit_code = FAILURE


class OutputClosed(Exception):
    """The output goes to a pipe that has been closed. Not a BrokenPipeError, which click turns into exit status 1."""


def run(command: click.Command, args: Sequence[str] | None = None) -> int:
    """Run a command and return its exit status. Never raises or prints a traceback, unless CNNCALC_DEBUG is set."""
    try:
        status = command.main(args=args and list(args), prog_name="cnncalc", standalone_mode=False)
        if sys.stdout is not None:
            sys.stdout.flush()
        return status if type(status) is int else 0
    except click.ClickException as error:
        return _report(error)
    except CnncalcError as error:
        print_error(error)
        return status_of(error)
    except (click.Abort, KeyboardInterrupt):
        return 130
    except (BrokenPipeError, OutputClosed):
        _silence(sys.stdout)
        return 141
    except OSError as error:
        _silence(sys.stdout)
        print_message(
            f"error: {show(error.strerror or error)}" + (f": {show(error.filename)}" if error.filename else "")
        )
        return FAILURE
    except MemoryError:
        print_message("error: out of memory")
        return FAILURE
    except Exception as error:  # an error in cnncalc itself
        if os.environ.get("CNNCALC_DEBUG"):
            raise
        print_message(f"internal error: {type(error).__name__}: {show(error, 200)}\n  = help: {REPORT}")
        return FAILURE


def _report(error: click.ClickException) -> int:
    context = getattr(error, "ctx", None)
    from cnncalc.cli.suggestions import suggest_choice, suggest_option

    help = suggest_choice(error) or (f"see `{context.command_path} --help`" if context is not None else "")
    message = error.format_message()
    if isinstance(error, click.NoSuchOption) and suggest_option(error):
        message, help = error.message, suggest_option(error)  # without the similar options that click suggests
    hint = f"\n  = help: {help}" if help else ""
    if isinstance(
        error, click.UsageError
    ):  # click writes sentences, while cnncalc's errors are lower case without a stop
        message = message[:1].lower() + message[1:].removesuffix(".")
    lines = message.expandtabs(4).split("\n")
    print_message("error: " + "\n".join(map(visible, lines)) + hint)
    return error.exit_code


@contextmanager
def command_errors() -> Iterator[None]:
    """Turn errors about options and files into errors of the command. One about the content of a network passes through.

    Raises:
        Failed, click.UsageError: If a file cannot be read, or an option does not apply to it.
    """
    try:
        yield
    except CnncalcError as error:
        if error.kind == "network":
            raise
        if error.kind == "policy":
            print_error(error)
            raise Failed("the policy is invalid") from None
        if error.kind == "option" and error.option:
            raise click.BadParameter(error.message, param_hint=error.option) from None
        raise (click.UsageError if error.kind == "option" else Failed)(error.message) from None


def print_error(error: CnncalcError) -> None:
    """Print the problems of an error on standard error."""
    print_problems([problem.problem for problem in error.problems])


def status_of(error: CnncalcError) -> int:
    """FAILURE if a value on the command line is at fault, FINDING if the specification is."""
    codes = ("unknown-parameter", "unknown-input", "bad-argument", "not-regular")
    return FAILURE if any(problem.code in codes for problem in error.problems) else FINDING


def _silence(stream: IO[str] | None) -> None:
    """Keep the interpreter from reporting a closed pipe or a full disk when it flushes the stream at exit."""
    if stream is None:
        return
    with suppress(OSError, ValueError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


def print_message(text: str) -> None:
    """Print a message on standard error, or drop it if there is none."""
    stream = sys.stderr
    if stream is None:
        return
    width = columns(stream)
    if width:
        from cnncalc.render.lines import plain, wrap_lines

        text = plain(wrap_lines([[(line, "")] for line in text.rstrip("\n").split("\n")], width))
    try:
        stream.write(escape_unencodable(text.rstrip("\n") + "\n", stream))
        stream.flush()
    except OSError:
        _silence(stream)


def print_problems(problems: Sequence[Problem]) -> None:
    """Print problems on standard error."""
    if problems:
        from cnncalc.render.problems import text

        print_message(text(problems, columns(sys.stderr)))


def columns(stream: IO[str] | None) -> int:
    """Columns of the terminal that a stream goes to, or of COLUMNS if that is set; 0 if unknown or not a terminal."""
    try:
        if stream is None or not stream.isatty():
            return 0
        setting = os.environ.get("COLUMNS", "")
        if setting.isdecimal() and len(setting) < 6 and int(setting):
            return int(setting)
        return os.get_terminal_size(stream.fileno()).columns
    except (OSError, ValueError):
        return 0


def divert_output() -> None:
    """Redirect all output but results from standard output to standard error, for the rest of the process.

    Code that is about to be imported may print at any time: from Python, from C, whose buffers are written at exit, or from
    processes that it starts. Only redirecting file descriptor 1 catches all of them, so `sys.stdout`, which results are
    written to, gets another descriptor.
    """
    stream = sys.stdout
    try:
        if stream is None or stream.fileno() != 1:  # diverted already, or captured by a test
            return
        stream.flush()
        target = 2 if sys.stderr is not None else os.open(os.devnull, os.O_WRONLY)
        results = os.dup(1)
        os.dup2(target, 1)
    except (OSError, ValueError):
        return
    buffering = 1 if stream.isatty() else -1
    sys.stdout = os.fdopen(results, "w", buffering, encoding=stream.encoding, errors=stream.errors)


def escape_unencodable(text: str, stream: IO[str]) -> str:
    """Escape the characters that the encoding of the stream cannot represent."""
    if text.isascii():
        return text
    encoding = getattr(stream, "encoding", None) or "utf-8"
    return text.encode(encoding, "backslashreplace").decode(encoding)


def write(text: str, file: str | None) -> None:
    """Write a result to standard output, or to a file, all or nothing.

    Raises:
        OSError: If it cannot be written to standard output.
        Failed: If it cannot be written to the file, or standard output is closed.
    """
    if file is None:
        if sys.stdout is None:
            raise Failed("standard output is closed")
        sys.stdout.write(escape_unencodable(text, sys.stdout))
        sys.stdout.flush()
        return
    write_whole(text.encode("utf-8"), file)


def write_bytes(data: bytes, file: str | None) -> None:
    """Write a binary result to standard output, or to a file, all or nothing.

    Raises:
        OSError, Failed: As `write`.
    """
    if file is not None:
        write_whole(data, file)
    elif sys.stdout is None:
        raise Failed("standard output is closed")
    else:
        sys.stdout.buffer.write(data)
        sys.stdout.buffer.flush()


def write_whole(data: bytes, file: str) -> None:
    """Write a temporary file next to the file, then replace the file with it and keep its permissions.

    Raises:
        Failed: If it cannot be written.
    """
    try:
        if os.path.exists(file) and not os.path.isfile(file):  # /dev/null, a pipe
            with open(file, "wb") as stream:
                stream.write(data)
        else:
            _replace(data, os.path.realpath(file))  # keeps a link a link
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
    except BaseException:  # Ctrl-C too: leave no partial file
        os.unlink(temporary)
        raise
