"""What a network needs on a device: flash, activation memory, bytes moved, and a lower bound on the time.

`cnncalc.analyses.fusion` turns the network into the operations that run, `memory` finds how much they hold at once, and
`devices` has the table of devices. `device_file` reads a device from a file. To add a device, add a row to the table with
the source of every figure. Leave out what the manufacturer does not state.
"""

from __future__ import annotations

from collections.abc import Sequence

from cnncalc.analyses.fusion import FusedGraph, Operation, fuse, moved_bytes, stored_bytes
from cnncalc.deploy.devices import MCU, Device
from cnncalc.deploy.memory import ActivationMemory, activation_memory
from cnncalc.network import Network
from cnncalc.record import Record
from cnncalc.units import DTYPES

INTEGER = "int8"
YES, OVERLAP, NO = "yes", "only with overlap", "no"


class Step(Record):
    """One operation: bytes of its parameters, bytes alive while it runs, and bytes that it moves at least."""

    operation: Operation
    stored: int
    live: int
    moved: int

    @property
    def intensity(self) -> float | None:
        """Operations for each byte moved, two per multiply-add, or None if the multiply-adds are not known."""
        return None if self.operation.macs is None else 2 * self.operation.macs / self.moved


class OnDevice(Record):
    """A network on a device. Times are lower bounds in seconds, or None if the device states too little.

    `seconds` takes the longer of arithmetic and memory for each operation, and `arithmetic_seconds` arithmetic alone. `slow`
    has the time and the reason of each operation. `fits_storage` is None if the weights are in memory of unknown size.
    """

    device: Device
    fits_storage: bool | None
    fits_memory: str
    seconds: float | None
    arithmetic_seconds: float | None
    slow: tuple[tuple[float, str], ...]

    @property
    def fits(self) -> str:
        """Whether the network fits: yes, only with overlap, or no."""
        return NO if self.fits_storage is False else self.fits_memory


class Deployment(Record):
    """Figures of a network for deployment, in bytes for the whole batch.

    `flash_exact` is false if layers have parameters whose integer form is not settled: they then count one byte each. The
    best order is None if there are too many orders.
    """

    network: Network
    dtype: str
    batch: int
    graph: FusedGraph
    steps: tuple[Step, ...]
    flash: int
    flash_exact: bool
    weights: int
    biases: int
    peak: int
    peak_at: str
    bound: int
    best: int | None
    order: tuple[str, ...]
    moved: int
    macs: int | None
    devices: tuple[OnDevice, ...]

    @property
    def stored(self) -> int | None:
        """Bytes of the parameters as the file that was read stores them, or None if it holds none."""
        return None if self.network.stored_bytes is None else sum(self.network.stored_bytes.values())

    @property
    def intensity(self) -> float | None:
        """Operations for each byte moved, or None if the multiply-adds are not known or nothing moves."""
        return None if self.macs is None or not self.moved else 2 * self.macs * self.batch / self.moved


def deploy(network: Network, dtype: str = INTEGER, batch: int = 1, devices: Sequence[Device] = ()) -> Deployment:
    """Return what a network needs for deployment, and how it runs on devices."""
    graph = fuse(network)
    memory = activation_memory(graph)
    width = DTYPES[dtype] * batch
    steps = tuple(
        Step(operation, stored_bytes(operation, dtype), live * width, moved_bytes(graph, operation, dtype, batch))
        for operation, live in zip(graph.operations, memory.live, strict=True)
    )
    known = all(operation.macs is not None for operation in graph.operations)
    macs = sum(operation.macs or 0 for operation in graph.operations)
    flash = sum(step.stored for step in steps)
    return Deployment(
        network=network,
        dtype=dtype,
        batch=batch,
        graph=graph,
        steps=steps,
        flash=flash,
        flash_exact=dtype != INTEGER or all(operation.counted for operation in graph.operations),
        weights=sum(operation.weights for operation in graph.operations),
        biases=sum(operation.biases for operation in graph.operations),
        peak=memory.peak.numbers * width,
        peak_at=memory.peak.at.name if memory.peak.at is not None else network.nodes[0].name,
        bound=memory.bound * width,
        best=None if memory.best is None else memory.best * width,
        order=_changed_order(graph, memory),
        moved=sum(step.moved for step in steps),
        macs=macs if known else None,
        devices=tuple(_on_device(device, steps, flash, memory, dtype, batch) for device in devices),
    )


def _changed_order(graph: FusedGraph, memory: ActivationMemory) -> tuple[str, ...]:
    """Return the names of the operations in the best order if it is better than that of the network, else nothing."""
    if memory.best is None or memory.best == memory.peak.numbers:
        return ()
    return tuple(operation.name for operation in memory.order)


def _on_device(
    device: Device, steps: Sequence[Step], flash: int, memory: ActivationMemory, dtype: str, batch: int
) -> OnDevice:
    width = DTYPES[dtype] * batch
    best = memory.peak.numbers if memory.best is None else memory.best
    external = device.storage is None and device.kind == MCU
    room = device.memory - (0 if external or device.storage is not None else flash)
    fits = YES if best * width <= room else OVERLAP if memory.bound * width <= room else NO
    slow = tuple(_time(device, step, dtype, batch) for step in steps)
    peak = device.peaks.get(dtype)
    arithmetic = None if peak is None else sum(2 * (step.operation.macs or 0) * batch / peak for step in steps)
    known = peak is not None or device.bandwidth is not None
    return OnDevice(
        device=device,
        fits_storage=None if device.storage is None else flash <= device.storage,
        fits_memory=fits,
        seconds=sum(seconds for seconds, _ in slow) if known else None,
        arithmetic_seconds=arithmetic,
        slow=slow,
    )


def _time(device: Device, step: Step, dtype: str, batch: int) -> tuple[float, str]:
    """Return the roofline's time of an operation, and what it is bound by."""
    peak = device.peaks.get(dtype)
    arithmetic = 0.0 if peak is None else 2 * (step.operation.macs or 0) * batch / peak
    transfer = 0.0 if device.bandwidth is None else step.moved / device.bandwidth
    if not arithmetic and not transfer:
        return 0.0, ""
    return (arithmetic, "arithmetic") if arithmetic >= transfer else (transfer, "memory")
