"""What a network needs on a device: what `cnncalc deploy` prints."""

from __future__ import annotations

import os
from collections.abc import Iterable
from typing import Any

from cnncalc import deploy as base
from cnncalc import network as graph
from cnncalc.api.errors import CnncalcError, check_count
from cnncalc.api.guard import public_errors
from cnncalc.deploy.device_file import device_named
from cnncalc.deploy.devices import DEVICES, Device
from cnncalc.problem import Problem
from cnncalc.render import deploy as render
from cnncalc.render.lines import UNICODE, Line, plain
from cnncalc.units import DTYPES

__all__ = ["DEVICES", "Deployment", "Device", "deploy_network", "find_devices"]


class Deployment(base.Deployment):
    """What a network needs for deployment. `str()` is the report of `cnncalc deploy`.

    Attributes
    ----------
    dtype, batch
        Type of weights and activations, and examples per batch.
    flash : int
        Bytes of weights and biases; exact if `flash_exact`, else a lower bound.
    stored : int or None
        Bytes of the parameters as a TFLite file stores them; None for other networks.
    peak, best, bound : int
        Bytes of activations: without overlap in this order, in the best order (None if unknown), and a lower bound.
    moved : int
        Bytes that all kernels read and write, with every tensor moved once.
    macs : int or None
        Multiply-adds for one example.
    steps : tuple of cnncalc.deploy.Step
        One for each kernel, with its `operation`, and the bytes `stored`, `live` and `moved`.
    devices : tuple of cnncalc.deploy.OnDevice
        Each has `fits` (`yes`, `only with overlap` or `no`), and `seconds`, a lower bound or None.
    """

    def lines(self, glyphs: dict[str, str] = UNICODE, *, layers: bool = False) -> list[Line]:
        """Return the report as lines of styled spans, for a terminal."""
        return render.report(self, glyphs, layers)

    def to_dict(self) -> dict[str, Any]:
        """Return everything as plain data, as in `cnncalc deploy --format json`."""
        return render.data(self)

    def __str__(self) -> str:
        return plain(self.lines())

    def __repr__(self) -> str:
        return f"<Deployment of {self.network.title} in {self.dtype}: {self.flash:,} bytes flash, {self.peak:,} bytes memory>"


Named = str | os.PathLike[str] | Device


def find_devices(names: Named | Iterable[Named]) -> list[Device]:
    """Return one or several devices by their names or files.

    Raises
    ------
    CnncalcError
        If a device is unknown, or a device file is invalid.
    """
    devices = []
    for name in [names] if isinstance(names, (str, os.PathLike, Device)) else names:
        if isinstance(name, Device):
            devices.append(name)
            continue
        try:
            with public_errors():
                devices.append(device_named(os.fspath(name)))
        except Problem as problem:
            raise CnncalcError.of(f"{problem.text}: {problem.help}", "option", "--device") from problem
    return devices


def deploy_network(network: graph.Network, dtype: str, batch: int, devices: Iterable[Device]) -> Deployment:
    """Return what a network needs for deployment."""
    if dtype not in DTYPES:
        raise ValueError(f"dtype must be one of {', '.join(sorted(DTYPES))}, not {dtype!r}")
    check_count("batch", batch)
    return Deployment(**vars(base.deploy(network, dtype, batch, tuple(devices))))
