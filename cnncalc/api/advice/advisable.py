"""The method of a network that returns advice."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from cnncalc import network as graph

if TYPE_CHECKING:
    from cnncalc.api.advice.advised import Advised


class Advisable(graph.Network):
    """A network that can give advice on what to change. The public class is `Network`."""

    def advise(
        self, limits: Mapping[str, int | str] | None = None, *, batch: int = 1, dtype: str = "float32",
        optimizer: str = "sgd", amp: str | None = None, mode: str = "train",
    ) -> Advised:  # fmt: skip
        """Return what to change so that `limits` hold. The other arguments are as for `memory`.

        Limits are on `params`, `macs`, `memory`, and every quantity that a policy can limit, such as `activations`.

        Examples
        --------
        >>> import cnncalc
        >>> cnncalc.load("vgg16").advise({"params": "40M"}).advice[0].after["params"]
        37694248
        """
        from cnncalc.api.advice.advised import Running, advise_network

        return advise_network(self, limits or {}, Running(batch, dtype, optimizer, amp or "", mode))
