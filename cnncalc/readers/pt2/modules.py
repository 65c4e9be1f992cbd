"""Find the calls of modules from the stack of modules that each node states."""

from __future__ import annotations

from collections.abc import Iterable

from cnncalc.readers.aten.events import Call, Event, Trace, Var
from cnncalc.readers.aten.patterns import LOCAL_RESPONSE, MULTIHEAD
from cnncalc.readers.pt2.program import module_path

DEEPEST = 200
NO_STACK = "_empty_nn_module_stack_from_metadata_hook"


class Modules:
    """The calls of modules in the order of the nodes. A node in another module than the one before starts a new call."""

    def __init__(self, record: Trace, paths: Iterable[str]) -> None:
        self.record = record
        self.root = Call("", leaf=False)
        self._stack: list[tuple[str, Call]] = []
        self._parents: set[str] = set()
        self._read: dict[str, list[tuple[str, str, str]]] = {}
        for path in paths:
            self.add_parents(path)

    def add_parents(self, path: str) -> None:
        """Note that all modules that contain this path have modules inside."""
        parent = path.rpartition(".")[0]
        while parent and parent not in self._parents:
            self._parents.add(parent)
            parent = parent.rpartition(".")[0]

    def frames(self, text: str) -> list[tuple[str, str, str]]:
        """Return the key, the path and the class of each module in a stack, the outermost one first. The root is left out.

        >>> Modules(Trace(), ()).frames("L__self__,,nets.Net;L__self___fc,L['self'].fc,torch.nn.modules.linear.Linear")
        [('L__self___fc', 'fc', 'torch.nn.modules.linear.Linear')]
        """
        if text not in self._read:
            frames = []
            for part in text.split(";")[:DEEPEST]:
                key, _, rest = part.partition(",")
                path, _, kind = rest.rpartition(",")
                if path and key != NO_STACK:
                    frames.append((key, module_path(path), kind))
            self._read[text] = [frame for frame in frames if frame[1]]
        return self._read[text]

    def enter(self, text: str) -> Call:
        """Return the call that a node with this stack belongs to."""
        frames = self.frames(text)
        same = 0
        while same < min(len(frames), len(self._stack)) and self._stack[same][0] == frames[same][0]:
            same += 1
        del self._stack[same:]
        for key, path, kind in frames[same:]:
            parent = self._stack[-1][1] if self._stack else self.root
            call = Call(path, parent, kind=kind, forward=f"{kind}.forward", leaf=path not in self._parents)
            self.record.calls.append(call)
            self._stack.append((key, call))
        return self._stack[-1][1] if self._stack else self.root

    def finish(self) -> None:
        """Find the inputs, outputs and settings of all calls, after all events have been added."""
        inside: dict[int, list[Event]] = {}
        for event in self.record.events:
            inside.setdefault(id(event.call), []).append(event)
        outside = {id(var) for var in self.record.outputs}
        for call in self.record.calls:
            events = inside.get(id(call), [])
            own = {id(event) for event in events}
            inputs: dict[int, Var] = {}
            for event in events:
                for var in event.inputs:
                    if (var.event is None or id(var.event) not in own) and not any(
                        each.learned for each in var.tensors
                    ):
                        inputs[id(var)] = var
                for out in event.outs:
                    if id(out) in outside or any(id(user) not in own for user in out.users):
                        call.outs.append(out)
            call.inputs = list(inputs.values())
            if call.forward == LOCAL_RESPONSE:
                sizes = [event.args["kernel_size"] for event in events if event.op.startswith("avg_pool")]
                call.settings = {"size": sizes[0][0]} if sizes else {}
                call.forward = call.forward if sizes else ""
            elif call.forward == MULTIHEAD:
                call.settings = self._attention(call, events)

    def _attention(self, call: Call, events: list[Event]) -> dict[str, object]:
        """Return the settings of a torch.nn.MultiheadAttention, which its operations show."""
        read = {tensor.name for event in events for var in event.inputs for tensor in var.tensors}
        path = f"{call.path}." if call.path else ""
        biases = [path + name in read for name in ("in_proj_bias", "out_proj.bias")]
        heads = next((event.args["query"].dims[-3] for event in events if "query" in event.args), 0)
        if not heads:
            scores = next((event.args["self"] for event in events if event.op == "softmax"), None)
            heads = scores.dims[0] if scores is not None and len(scores.dims) == 3 else 0
        first = events[0] if events else None
        moved = first is not None and first.op in ("transpose", "permute") and first.inputs[0] in call.inputs
        known = {path + name for name in ("in_proj_weight", "in_proj_bias", "out_proj.weight", "out_proj.bias")}
        plain = heads > 0 and path + "in_proj_weight" in read and biases[0] == biases[1] and read <= known
        return {"heads": heads, "batch_first": moved, "bias": biases[0], "plain": plain}
