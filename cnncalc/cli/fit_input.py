"""`memory --fit-input`: the largest input of equal sides whose peak stays within a size."""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping

from cnncalc.cli.request import Request
from cnncalc.cli.run import Failed
from cnncalc.cli.specs import Spec, network_of
from cnncalc.network import Network
from cnncalc.problem import Refused
from cnncalc.shape import Shape

LARGEST_SIDE = 1_000_000
TRIED = 64  # sides below one that the network does not take, until one is found that it does


class Sides:
    """The networks of a specification by the side of their input, each read once."""

    def __init__(self, spec: Spec, request: Request, network: Network) -> None:
        """Take the shape to be scaled from the network as it is.

        Raises:
            Failed: where it has several inputs, or one without a side.
        """
        if len(network.inputs) != 1:
            raise Failed(f"--fit-input is for networks with one input, and this one has {len(network.inputs)}")
        self.shape = network.inputs[0].output
        if not self.shape.rank:
            raise Failed(f"--fit-input is for images and sequences, and the input is {self.shape}")
        self.spec = spec
        self.request = request
        self.name = next(iter(request.inputs), "")
        self.known: dict[int, Network | None] = {max(self.shape.spatial): network} if self.is_even else {}

    @property
    def is_even(self) -> bool:
        """True if all sides of the input are equal already."""
        return len(set(self.shape.spatial)) == 1

    def scaled(self, side: int) -> Shape:
        """The shape of the input with this side."""
        return Shape((*[side] * self.shape.rank, self.shape[-1]))

    def network(self, side: int) -> Network | None:
        """The network for that side; None where it does not take it."""
        if side not in self.known:
            request = copy.copy(self.request)
            request.inputs = {self.name: str(self.scaled(side))}
            try:
                self.known[side] = network_of(self.spec, request)
            except Refused:
                self.known[side] = None
        return self.known[side]

    def largest(self, size: int, peak: Callable[[Network], int]) -> int:
        """The largest side whose peak stays within `size` bytes, 0 where none does.

        The peak is taken to grow with the side, so that halving finds it.
        """
        peaks: dict[int, bool] = {}

        def nearest(side: int, above: int) -> int:
            """The side at or below this one that the network takes, above the other one; 0 where there is none."""
            for other in range(side, max(above, side - TRIED), -1):
                if self.network(other) is not None:
                    return other
            return 0

        def fits(side: int) -> bool:
            if side not in peaks:
                network = self.network(side)
                assert network is not None
                peaks[side] = peak(network) <= size
            return peaks[side]

        best, low, high = 0, 0, max(self.shape.spatial)
        while high <= LARGEST_SIDE:
            side = nearest(high, low)
            if not side and low:  # too large to be read
                break
            if side and not fits(side):
                break
            best, low = side or best, high
            high *= 2
        while high - low > 1:
            middle = (low + high) // 2
            side = nearest(middle, low)
            if not side:
                low = middle
            elif fits(side):
                best, low = side, middle
            else:
                high = side
        return best


def sides_within(
    spec: Spec, request: Request, network: Network, size: int, peaks: Mapping[str, Callable[[Network], int]]
) -> dict[str, Shape | None]:
    """For every peak by name the largest input within `size` bytes; None where no input fits.

    Raises:
        Failed: where the network has no input with a side.
    """
    sides = Sides(spec, request, network)
    found = {name: sides.largest(size, peak) for name, peak in peaks.items()}
    return {name: sides.scaled(side) if side else None for name, side in found.items()}
