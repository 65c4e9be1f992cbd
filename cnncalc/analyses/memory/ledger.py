"""A ledger of storages: the live bytes of a running network by kind, at every moment."""

from __future__ import annotations

from cnncalc.record import Record


class Moment(Record):
    """One moment of the step: its phase and layer, and the live bytes by kind."""

    phase: str
    at: str
    live: int
    parts: tuple[tuple[str, int], ...]


class Ledger:
    """Live bytes by kind, with the peak and what it consists of."""

    def __init__(self, fixed: dict[str, int]) -> None:
        self.parts = dict(fixed)
        self.live = sum(fixed.values())
        self.sizes: list[int] = []
        self.holders: list[int] = []
        self.kinds: list[str] = []
        self.makers: list[str] = []
        self.moments: list[Moment] = []
        self.peak: Moment | None = None

    def new(self, size: int, kind: str, maker: str = "") -> int:
        """Allocate a storage of `size` bytes with one holder, and return its number."""
        self.sizes.append(size)
        self.makers.append(maker)
        self.holders.append(1)
        self.kinds.append(kind)
        self.live += size
        self.parts[kind] = self.parts.get(kind, 0) + size
        return len(self.sizes) - 1

    def hold(self, storage: int) -> int:
        """Add a holder."""
        self.holders[storage] += 1
        return storage

    def drop(self, storage: int) -> None:
        """Remove a holder. The storage is freed with its last one."""
        self.holders[storage] -= 1
        if not self.holders[storage]:
            self.live -= self.sizes[storage]
            self.parts[self.kinds[storage]] -= self.sizes[storage]

    def live_by_layer(self) -> dict[str, int]:
        """Return the bytes alive now, by the layer that made them."""
        live: dict[str, int] = {}
        for size, holders, maker in zip(self.sizes, self.holders, self.makers, strict=True):
            if holders and size and maker:
                live[maker] = live.get(maker, 0) + size
        return live

    def mark(self, phase: str, at: str, extra: int = 0) -> None:
        """Record this moment, with `extra` bytes that are alive only now."""
        moment = Moment(phase, at, self.live + extra, tuple(self.parts.items()))
        self.moments.append(moment)
        if self.peak is None or moment.live > self.peak.live:
            self.peak = moment


class Gradient:
    """A gradient in flight: its storage, how many references hold this tensor, and whether its cells are dense.

    A `view` keeps the tensor that it was cut from, which is one more holder than is counted here. A `gathered` gradient is
    one of several (`others`) that a single operation takes.
    """

    __slots__ = ("dense", "gathered", "others", "references", "storage", "view")

    def __init__(self, storage: int, dense: bool = True, view: bool = False, gathered: bool = False) -> None:
        self.gathered = gathered
        self.others: list[Gradient] = []
        self.storage = storage
        self.dense = dense
        self.view = view
        self.references = 1
