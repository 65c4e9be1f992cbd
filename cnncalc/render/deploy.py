"""What a network needs on a device, as a readable report and as JSON data."""

from __future__ import annotations

from typing import Any

from cnncalc import __version__
from cnncalc.deploy import INTEGER, NO, YES, Deployment, OnDevice
from cnncalc.deploy.devices import MCU, Device
from cnncalc.render.data import changes_data
from cnncalc.render.lines import Grid, Line, caveat
from cnncalc.text import plural, show
from cnncalc.units import format_bytes, format_count


def report(answer: Deployment, glyphs: dict[str, str], layers: bool = False) -> list[Line]:
    """Return the report. `layers` adds a row for each kernel, and the best order."""
    network = answer.network
    fused = "batch norms folded, activations and padding inside kernels"
    if any(node.kernel is not None for node in network.nodes):
        fused = "kernels are the operators of the file"
    lines: list[Line] = [[(show(network.title), "name")]]
    lines.append([(f"{answer.dtype}, batch {answer.batch:,}; {fused}", "dim")])
    lines += [[(f"set: {changed}", "note")] for changed in network.changes]
    lines += caveat(network.one_run)
    lines += [[], *_figures(answer, glyphs)]
    if layers:
        lines += [[], *_layers(answer, glyphs)]
        if answer.order:
            lines.append([(" best order: ", "note"), (", ".join(show(name) for name in answer.order), "")])
    if len(answer.devices) == 1:
        lines += [[], *_device(answer, answer.devices[0], glyphs)]
    elif answer.devices:
        lines += [[], *_devices(answer, glyphs)]
    return [*lines, [], *_notes(answer)]


def binary(size: int) -> str:
    """Format bytes in KiB or MiB with two decimals.

    >>> binary(219_844), binary(20 * 2**20)
    ('214.69 KiB', '20.00 MiB')
    """
    return f"{size / 2**10:,.2f} KiB" if size < 10 * 2**20 else f"{size / 2**20:,.2f} MiB"


def seconds(time: float) -> str:
    """Format a time with three significant digits.

    >>> seconds(0.01234), seconds(2.5e-6), seconds(3)
    ('12.3 ms', '2.50 us', '3.00 s')
    """
    for unit, scale in (("s", 1.0), ("ms", 1e3), ("us", 1e6), ("ns", 1e9)):
        value = time * scale
        if value >= 1 or unit == "ns":
            return f"{value:,.{2 if value < 10 else 1 if value < 100 else 0}f} {unit}"
    raise AssertionError("unreachable")


def _figures(answer: Deployment, glyphs: dict[str, str]) -> list[Line]:
    grid = Grid(["figure", "bytes", "", "mark", ""], [False, True, True, False, False])
    biases = f"{answer.biases:,} biases" + (" of 4 bytes" if answer.dtype == INTEGER else "")

    def add(name: str, size: int, mark: str, remark: str) -> None:
        grid.add([name, f"{size:,}", binary(size), mark, remark])

    add("flash", answer.flash, "exact" if answer.flash_exact else "bound", f"{answer.weights:,} weights and {biases}")
    if answer.stored is not None:
        types = (answer.network.stored_bytes or {}).items()
        parts = [f"{size:,} of {type}" for type, size in sorted(types, key=lambda item: -item[1])]
        add("in the file", answer.stored, "exact", f"as the file stores them: {', '.join(parts) or 'nothing'}")
    add("RAM", answer.peak, "exact", f"in this order, without overlap; at {show(answer.peak_at)}")
    if answer.best is None:
        grid.add(["RAM, best order", "?", "", "unknown", "the branches allow too many orders"])
    else:
        same = "no order of the branches is better" if answer.best == answer.peak else "in another order, see --layers"
        add("RAM, best order", answer.best, "exact", same)
    add("RAM, overlap", answer.bound, "bound", "at least this in this order, even if outputs overwrite inputs")
    add("moved", answer.moved, "exact", "every tensor read or written once by each kernel")
    lines = grid.lines(glyphs)
    if answer.macs is None:
        return [*lines, [(" intensity: ", "note"), ("unknown, because the multiply-adds of a layer are", "")]]
    operations = 2 * answer.macs * answer.batch
    text = f"{format_count(operations)} operations, 2 per multiply-add"
    text += "" if answer.intensity is None else f": {answer.intensity:,.1f} per byte moved"
    return [*lines, [(f" {text}", "")]]


def _layers(answer: Deployment, glyphs: dict[str, str]) -> list[Line]:
    times = answer.devices[0].slow if len(answer.devices) == 1 else ()
    titles = ["kernel", "output", "flash", "RAM", "moved", "per byte", *(["at least", "bound by"] if times else [])]
    grid = Grid(titles, [False, False, True, True, True, True, *([True, False] if times else [])])
    for index, step in enumerate(answer.steps):
        nodes = step.operation.nodes
        more = f" +{len(nodes) - 1}" if len(nodes) > 1 else ""
        intensity = "?" if step.intensity is None else f"{step.intensity:,.1f}"
        cells = [show(step.operation.name) + more, str(nodes[-1].output)]
        cells += [f"{step.stored:,}", f"{step.live:,}", f"{step.moved:,}", intensity]
        grid.add([*cells, *([seconds(times[index][0]) if times[index][1] else "", times[index][1]] if times else [])])
    return grid.lines(glyphs)


def _fits(found: OnDevice) -> str:
    if found.fits_storage is False:
        return "no, flash"
    return {YES: "yes", NO: "no, memory"}.get(found.fits_memory, found.fits_memory)


def _bound_by(found: OnDevice) -> str:
    if found.seconds is None:
        return ""
    reasons = [reason for _, reason in found.slow if reason]
    memory = reasons.count("memory")
    if not memory or found.device.bandwidth is None:
        return "arithmetic"
    if found.arithmetic_seconds is None:
        return "memory"
    return f"memory in {memory:,} of {plural(len(reasons), 'kernel')}"


def _time(found: OnDevice) -> str:
    return "unknown" if found.seconds is None else seconds(found.seconds)


def _devices(answer: Deployment, glyphs: dict[str, str]) -> list[Line]:
    grid = Grid(
        ["device", "memory", "storage", "fits", "not faster than", "bound by"], [False, True, True, False, True, False]
    )
    for found in answer.devices:
        device = found.device
        storage = "" if device.storage is None else _room(device.storage)
        grid.add([show(device.title), _room(device.memory), storage, _fits(found), _time(found), _bound_by(found)])
    return grid.lines(glyphs)


def _room(size: int) -> str:
    if size % 10**9 == 0:
        return format_bytes(size)
    return f"{size / 2**20:,.4g} MiB" if size >= 2**20 else f"{size / 2**10:,.4g} KiB"


def _device(answer: Deployment, found: OnDevice, glyphs: dict[str, str]) -> list[Line]:
    device = found.device
    lines: list[Line] = [[(show(device.title), "title")]]

    def verdict(good: bool, what: str, text: str) -> None:
        style = "right" if good else "wrong"
        lines.append([(f" {glyphs[style]} {what}: ", style), (text, "")])

    if device.storage is not None:
        verdict(found.fits_storage is True, "flash", f"{binary(answer.flash)} of {_room(device.storage)}")
    need = answer.peak if answer.best is None else answer.best
    beside = answer.flash if device.storage is None and device.kind != MCU else 0
    text = f"{binary(need + beside)} of {_room(device.memory)}" + (", weights included" if beside else "")
    if found.fits_memory not in (YES, NO):
        text += "; it fits only if outputs overwrite inputs"
    verdict(found.fits_memory == YES, "memory", text)
    lines.append([(" time: ", ""), (_time_text(answer, found), "")])
    note = f"; {show(device.note, 200)}" if device.note else ""
    lines.append([(f" source: {show(device.source, 200)}{note}", "dim")])
    if device.unconfirmed:
        text = f"{', '.join(device.unconfirmed)}: entered by hand, and compared with no page since"
        lines.append([(" unconfirmed: ", "note"), (text, "dim")])
    return lines


def _time_text(answer: Deployment, found: OnDevice) -> str:
    if found.seconds is None:
        return f"unknown, because no source states the peak for {answer.dtype}"
    text = f"not faster than {seconds(found.seconds)}, bound by {_bound_by(found)}"
    if found.arithmetic_seconds is None:
        return f"{text}; no source states the peak for {answer.dtype}, so only memory is considered"
    if found.device.bandwidth is None:
        return f"{text}; no source states the bandwidth, so only arithmetic is considered"
    if found.arithmetic_seconds < found.seconds:
        return f"{text}; arithmetic alone takes {seconds(found.arithmetic_seconds)}"
    return text


def _notes(answer: Deployment) -> list[Line]:
    lines: list[Line] = []
    if not answer.flash_exact:
        kinds = dict.fromkeys(
            node.kind for operation in answer.graph.operations if not operation.counted for node in operation.nodes
            if node.statistics is not None and node.statistics.weights
        )  # fmt: skip
        text = f"parameters of {', '.join(kinds)} count one byte each; runtimes store them in different ways"
        lines.append([(" note: ", "note"), (text, "")])
    lines.append(
        [(" not counted: the program and its runtime, scales and zero points, scratch buffers of kernels", "dim")]
    )
    doubtful = [found.device for found in answer.devices if found.device.unconfirmed]
    if len(answer.devices) > 1 and doubtful:
        text = f"{plural(len(doubtful), 'device')} with unconfirmed figures; --device NAME and docs/deploy.md name them"
        lines.append([(f" {text}", "dim")])
    if any(found.seconds is not None for found in answer.devices):
        text = "2 x MACs / peak or bytes / bandwidth, whichever is longer, for each kernel"
        lines.append([(f" time: {text}. A cache between kernels, or Winograd's method, can be faster.", "dim")])
    return lines


# -- JSON ----------------------------------------------------------------------------------------------------------------


def data(answer: Deployment) -> dict[str, Any]:
    """Return the answer as JSON data. Sizes are in bytes, times in seconds, unknown figures are null."""
    network = answer.network
    return {
        "format": "cnncalc.deploy/1",
        "cnncalc": __version__,
        "name": network.name,
        "source": network.source,
        "spec": network.spec,
        **changes_data(network),
        "dtype": answer.dtype,
        "batch": answer.batch,
        "flash": {
            "bytes": answer.flash,
            "weights": answer.weights,
            "biases": answer.biases,
            "stored_bytes": answer.stored,
            "stored_types": None if network.stored_bytes is None else dict(network.stored_bytes),
        },
        "ram": {
            "bytes": answer.peak,
            "at": answer.peak_at,
            "best_order_bytes": answer.best,
            "best_order": list(answer.order) or None,
            "overlap_at_least": answer.bound,
        },
        "marks": {
            "flash": "exact" if answer.flash_exact else "bound",
            "ram": "exact",
            "best_order": "unknown" if answer.best is None else "exact",
            "overlap_at_least": "bound",
            "moved": "exact",
            "intensity": "unknown" if answer.intensity is None else "exact",
            "not_faster_than": "bound",
        },
        "moved": answer.moved,
        "operations": None if answer.macs is None else 2 * answer.macs * answer.batch,
        "intensity": None if answer.intensity is None else round(answer.intensity, 3),
        "layers": [
            {
                "name": step.operation.name,
                "layers": [node.name for node in step.operation.nodes],
                "output": list(step.operation.nodes[-1].output),
                "flash": step.stored,
                "ram": step.live,
                "moved": step.moved,
                "macs": step.operation.macs,
                "intensity": None if step.intensity is None else round(step.intensity, 3),
            }
            for step in answer.steps
        ],
        "devices": [_device_data(found) for found in answer.devices],
        "one_run": network.one_run or None,
    }  # fmt: skip


def _device_data(found: OnDevice) -> dict[str, Any]:
    return {
        **device_data(found.device),
        "fits": found.fits,
        "fits_storage": found.fits_storage,
        "fits_memory": found.fits_memory,
        "not_faster_than": found.seconds,
        "arithmetic_alone": found.arithmetic_seconds,
        "bound_by": [reason or None for _, reason in found.slow],
    }


def device_data(device: Device) -> dict[str, Any]:
    """Return a device as JSON data."""
    return {
        "name": device.name,
        "title": device.title,
        "kind": device.kind,
        "memory": device.memory,
        "storage": device.storage,
        "bandwidth": device.bandwidth,
        "peaks": dict(device.peaks),
        "source": device.source,
        "note": device.note or None,
        "checked": None if device.checked is None else dict(device.checked),
        "unconfirmed": list(device.unconfirmed),
    }
