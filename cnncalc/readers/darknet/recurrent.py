"""One time step of Darknet's recurrent sections: the products, gates and sums in `src/*_layer.c`."""

from __future__ import annotations

from collections.abc import Callable

from cnncalc.layers import activation as act
from cnncalc.layers.base import Layer
from cnncalc.layers.dense import FC
from cnncalc.layers.merge import Add, Mul, Sub
from cnncalc.readers.darknet.layers import Sections
from cnncalc.shape import Shape


class Cells(Sections):
    """Methods for recurrent sections. The state from the previous time step is an input."""

    def cell(self, convolves: bool, filters: int) -> Callable[..., int]:
        """Return a function that adds one product of a recurrent section.

        It takes a name, a value, the number of units, and whether the activation follows.
        """
        norm = self.norm()
        conv = self.window(3) if convolves else None

        def product(name: str, value: int, units: int, active: bool = False) -> int:
            layer: Layer = conv(units, 1, not norm) if conv else FC(units=units, bias=not norm)
            steps = [("conv" if conv else "fc", layer), *norm, *(self.activation() if active else [])]
            for suffix, step in steps:
                value = self.add(f"{name}.{suffix}", step, value)
            return value

        return product

    def state(self, name: str, shape: Shape) -> int:
        """Add an input for the state from the previous time step."""
        return self.builder.input(f"{self.name}.{name}", shape, self.section.where)

    def rnn(self, convolves: bool = False) -> int:
        hidden, output = self.section.integer("hidden", 1, 1), self.section.integer("output", 1, 1)
        product = self.cell(convolves, hidden)
        inside = product("input", self.image() if convolves else self.value, hidden, True)
        before = product("self", self.state("state", self.builder.shape(inside)), hidden, True)
        return product("output", self.add("add", Add(), inside, before), output, True)

    def crnn(self) -> int:
        return self.rnn(True)

    def lstm(self, convolves: bool = False) -> int:
        section = self.section
        units = section.integer("output", 1, 1)
        product = self.cell(convolves, units)
        if convolves and section.integer("bottleneck", 0):
            raise section.problem("unknown-layer", "with `bottleneck` is not supported", option="bottleneck")
        peep = convolves and section.integer("peephole", 0)
        x = self.image() if convolves else self.value
        sums = {"f": product("wf", x, units)}
        shape = self.builder.shape(sums["f"])
        h, c = self.state("state", shape), self.state("cell", shape)
        for gate in "igo":
            sums[gate] = product(f"w{gate}", x, units)

        def add_gate(gate: str, peephole_state: int) -> int:
            parts = [sums[gate], product(f"u{gate}", h, units)]
            if peep and gate != "g":
                parts.append(product(f"v{gate}", peephole_state, units))
            total = self.add(f"{gate}.add", Add(), *parts)
            return self.add(f"{gate}.gate", act.Tanh() if gate == "g" else act.Sigmoid(), total)

        remembered = self.add("keep", Mul(), add_gate("f", c), c)
        new = self.add("new", Mul(), add_gate("i", c), add_gate("g", c))
        now = self.add("next", Add(), remembered, new)
        return self.add("out", Mul(), add_gate("o", now), self.add("tanh", act.Tanh(), now))

    def conv_lstm(self) -> int:
        return self.lstm(True)

    def gru(self) -> int:
        units = self.section.integer("output", 1, 1)
        product = self.cell(False, units)
        h = self.state("state", Shape((units,)))
        z, r = [
            self._gate(gate, product(f"w{gate}", self.value, units), product(f"u{gate}", h, units)) for gate in "zr"
        ]  # fmt: skip
        forgot = self.add("forget", Mul(), r, h)
        new = self.add(
            "tanh", act.Tanh(), self._sum("h", product("wh", self.value, units), product("uh", forgot, units))
        )
        change = self.add("update", Mul(), z, self.add("change", Sub(), h, new))
        return self.add("out", Add(), new, change)

    def _gate(self, gate: str, *values: int) -> int:
        return self.add(f"{gate}.gate", act.Sigmoid(), self._sum(gate, *values))

    def _sum(self, gate: str, *values: int) -> int:
        return self.add(f"{gate}.add", Add(), *values)
