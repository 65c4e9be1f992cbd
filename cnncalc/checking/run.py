"""Checking of many files, in several processes if that is faster."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from cnncalc.checking.submission import STANDARD_INPUT, Checked, Task, check_file, check_source, missing, unsound
from cnncalc.problem import Refused
from cnncalc.readers.files import decode
from cnncalc.readers.limits import UNTRUSTED

if TYPE_CHECKING:
    from concurrent.futures import ProcessPoolExecutor

MANY = 500  # number of files from which several processes are faster
CHUNK = 50


class WorkerKilled(Exception):
    """A worker process ended before its result was there."""


def check_files(files: Mapping[str, str], task: Task) -> Iterator[Checked]:
    """Yield the result of every file in their order.

    Args:
        files: Maps each path to "", or to the reason why there is nothing to read. `-` is standard input.
        task: What to check.

    Raises:
        WorkerKilled: If the system killed a worker process.
    """
    work = [path for path, problem in files.items() if path != "-" and not problem]
    pool = _pool() if len(work) >= MANY else None
    if pool is None:
        yield from _merge_results(files, (check_file(path, task) for path in work), task)
        return
    from concurrent.futures import BrokenExecutor
    from functools import partial

    try:
        results = pool.map(partial(check_file, task=task), work, chunksize=CHUNK)
        yield from _merge_results(files, results, task)
    except BrokenExecutor:
        raise WorkerKilled("a worker process was killed: the machine may have too little memory") from None
    finally:
        pool.shutdown(cancel_futures=True)


def _pool() -> ProcessPoolExecutor | None:
    """A pool with a process for every core, or None if there is one core or the system has no semaphores."""
    import signal
    from concurrent.futures import ProcessPoolExecutor

    cores = _cores()
    if cores == 1:
        return None
    try:
        return ProcessPoolExecutor(cores, initializer=signal.signal, initargs=(signal.SIGINT, signal.SIG_IGN))
    except (OSError, ImportError, NotImplementedError):  # what Python raises where semaphores are missing
        return None


def _cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _merge_results(files: Mapping[str, str], results: Iterator[Checked], task: Task) -> Iterator[Checked]:
    for path, problem in files.items():
        yield missing(path, problem) if problem else _standard_input(task) if path == "-" else next(results)


def _standard_input(task: Task) -> Checked:
    if sys.stdin is None:
        return missing(STANDARD_INPUT, "standard input is closed")
    try:
        source = decode(sys.stdin.buffer.read(UNTRUSTED.file_bytes + 1), STANDARD_INPUT, UNTRUSTED)
    except OSError as error:
        return missing(STANDARD_INPUT, f"cannot read standard input: {error.strerror}")
    except Refused as refused:
        return unsound(STANDARD_INPUT, refused)
    return check_source(source, task)
