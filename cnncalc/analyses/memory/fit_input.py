"""The largest input with equal sides whose peak fits in a size."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from cnncalc.network import Network
from cnncalc.problem import Refused
from cnncalc.shape import Shape

LARGEST_SIDE = 1_000_000
TRIED = 64  # how many smaller sides to try if the network does not accept one


class NoSides(Exception):
    """The input of a network cannot be scaled; the text is the reason."""


class Sides:
    """The networks for different sides of the input, each loaded once."""

    def __init__(self, resize: Callable[[Shape], Network], network: Network) -> None:
        """Take the shape to scale from the network.

        Raises:
            NoSides: If the network has several inputs, or its input has no sides.
        """
        if len(network.inputs) != 1:
            raise NoSides(f"--fit-input is only for networks with one input, and this one has {len(network.inputs)}")
        self.shape = network.inputs[0].output
        if not self.shape.rank:
            raise NoSides(f"--fit-input is only for images and sequences, and the input is {self.shape}")
        self.resize = resize
        self.known: dict[int, Network | None] = {max(self.shape.spatial): network} if self.is_even else {}

    @property
    def is_even(self) -> bool:
        """Whether all sides of the input are equal already."""
        return len(set(self.shape.spatial)) == 1

    def with_side(self, side: int) -> Shape:
        """The shape of the input with this side."""
        return Shape((*[side] * self.shape.rank, self.shape[-1]))

    def network(self, side: int) -> Network | None:
        """The network for that side, or None if it does not accept it."""
        if side not in self.known:
            try:
                self.known[side] = self.resize(self.with_side(side))
            except Refused:
                self.known[side] = None
        return self.known[side]

    def largest(self, size: int, peak: Callable[[Network], int]) -> int:
        """The largest side whose peak fits in `size` bytes, or 0 if none does.

        The search assumes that the peak grows with the side.
        """
        peaks: dict[int, bool] = {}

        def nearest(side: int, above: int) -> int:
            """The largest side up to `side`, and larger than `above`, that the network accepts; 0 if there is none."""
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
            if not side and low:  # too large for the reader
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
    resize: Callable[[Shape], Network], network: Network, size: int, peaks: Mapping[str, Callable[[Network], int]]
) -> dict[str, Shape | None]:
    """The largest input that fits in `size` bytes for every peak, by its name; None if no input fits.

    `resize` returns the network for another input shape, and raises Refused if it does not accept one.

    Raises:
        NoSides: If the network has several inputs, or its input has no sides.
    """
    sides = Sides(resize, network)
    largest = {name: sides.largest(size, peak) for name, peak in peaks.items()}
    return {name: sides.with_side(side) if side else None for name, side in largest.items()}
