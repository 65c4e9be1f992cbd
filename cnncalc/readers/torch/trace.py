"""What really happens in a PyTorch module: every operation of one forward pass on the meta device, where nothing is computed.

The operations are seen where PyTorch dispatches them, in inference mode, in which whole ones such as `linear` and
`scaled_dot_product_attention` arrive in one piece. So no way of writing a forward (functions, methods, operators, Python
control flow) can pass by unseen. Values are known by the memory that they name: storage, offset, sizes, strides.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from importlib import import_module
from typing import Any
from weakref import ref

from cnncalc.problem import Problem, Refused
from cnncalc.readers.torch.events import Call, Event, Tensor, Trace, Var
from cnncalc.text import show
from cnncalc.units import format_bytes

MOST_OPERATIONS = 200_000  # of one forward pass; GPT-2 takes about 500
# operations that ask for numbers, which there are none of
DATA = frozenset((
    "_local_scalar_dense", "item", "is_nonzero", "nonzero", "nonzero_numpy", "masked_select", "unique_dim", "_unique2",
    "unique_consecutive", "equal", "allclose", "bincount",
))  # fmt: skip
# what gives its input back in evaluation mode, but makes something new in training: operations, and modules by class
DROPS = frozenset(("dropout", "feature_dropout", "alpha_dropout", "feature_alpha_dropout"))
DROP_PATHS = frozenset(("DropPath", "StochasticDepth"))
# operations that take a value for its shape only
SHAPE_ONLY = frozenset(("new_zeros", "new_ones", "new_empty", "new_full", "new_empty_strided", "zeros_like", "ones_like",
                        "empty_like", "full_like", "rand_like", "randn_like", "randint_like", "sym_size"))  # fmt: skip


def tensors(torch: Any, found: Any) -> Iterator[Any]:
    """The tensors in a result: one, or some in tuples, lists, mappings, records."""
    if isinstance(found, torch.Tensor):
        yield found
    elif isinstance(found, Mapping):
        for value in found.values():
            yield from tensors(torch, value)
    elif isinstance(found, (tuple, list)):
        for value in found:
            yield from tensors(torch, value)
    elif hasattr(found, "__dataclass_fields__"):
        for name in found.__dataclass_fields__:
            yield from tensors(torch, getattr(found, name))


def too_large(limit: int) -> Refused:
    """What to say of a run that takes more memory than there is."""
    text = f"forward depends on numbers, and running it takes more than the {format_bytes(limit)} that are free"
    return Refused([Problem("too-large", text, "give a smaller input")])


def endless() -> Refused:
    """Return the refusal of a run that does not seem to end."""
    text = f"forward had not finished after {MOST_OPERATIONS:,} operations"
    return Refused([Problem("too-large", text, "check the loops in forward: on made-up numbers they may never end")])


def recorder(torch: Any) -> Any:
    """The class of the recorder, which needs PyTorch's for a base."""
    dispatch: Any = import_module("torch.utils._python_dispatch")
    registry: Any = import_module("torch.utils.flop_counter").flop_registry

    class Counter(dispatch.TorchDispatchMode):  # type: ignore[misc]
        """PyTorch's count of the operations inside one."""

        flops = 0

        def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
            kwargs = kwargs or {}
            count = registry.get(func._overloadpacket)
            if count is None:
                with self:
                    found = func.decompose(*args, **kwargs)
                if found is not NotImplemented:
                    return found
            out = func(*args, **kwargs)
            if count is not None:
                self.flops += count(*args, **kwargs, out_val=out)
            return out

    class Recorder(dispatch.TorchDispatchMode):  # type: ignore[misc]
        """Writes down every operation."""

        def __init__(self, torch: Any, record: Trace, module: Any, whole: frozenset[str], limit: int) -> None:
            super().__init__()
            self.limit = limit  # of bytes in use; 0 where nothing is
            self.live = 0
            self.operations = 0
            self.whole = whole
            self.torch = torch
            self.record = record
            self.counter = Counter()
            self.root = Call("", module, None, [])
            self.stack = [self.root]
            self.known: dict[Any, Var] = {}
            self.stale: dict[Any, list[Var]] = {}
            self.storages: dict[int, list[Any]] = {}
            self.memories: dict[int, tuple[int, Any]] = {}  # by its address: its number, and who tells of its end
            self.cut: dict[int, Any] = {}  # tensors without gradient in the memory of others, by id
            self.count = 0
            self.paths: dict[int, str] = {}
            for name, part in module.named_modules():
                self.paths[id(part)] = name
                fleeting = getattr(part, "_non_persistent_buffers_set", ())
                for own, value in part.named_parameters(recurse=False):
                    self._own(f"{name}.{own}".strip("."), value, True)
                for own, value in part.named_buffers(recurse=False):
                    kept = own not in fleeting and own != "num_batches_tracked"
                    record.fleeting = record.fleeting or own in fleeting
                    self._own(f"{name}.{own}".strip("."), value, False, kept)

        def _own(self, name: str, value: Any, learned: bool, kept: bool = True) -> None:
            if value is None:
                return
            key = self.key(value)
            if key in self.known:
                return
            tensor = Tensor(name, tuple(value.shape), learned, learned and not value.requires_grad)
            if kept:
                tensor.place = len(self.record.tensors)
                self.record.tensors.append(tensor)
            self.know(value, Var(value.shape, (tensor,) if kept else ()))

        # -- values ---------------------------------------------------------------------------------------------------

        def key(self, value: Any) -> Any:
            return (
                value.untyped_storage()._cdata,
                value.storage_offset(),
                tuple(value.shape),
                value.stride(),
                value.dtype,
                id(value) in self.cut,
            )

        def _cut(self, value: Any) -> None:
            """Note that no gradient flows back through this very tensor; another one may name the same memory."""
            key = id(value)

            def forget(_: Any) -> None:
                self.cut.pop(key, None)

            self.cut[key] = ref(value, forget)

        def know(self, value: Any, var: Var) -> Var:
            key = self.key(value)
            if key not in self.known:
                self.storages.setdefault(key[0], []).append(key)
            self.known[key] = var
            var.memory = self._memory(value, key[0])
            last = self.torch.channels_last if value.dim() == 4 else self.torch.channels_last_3d
            var.straight = value.is_contiguous()
            var.behind = value.dim() in (4, 5) and not var.straight and value.is_contiguous(memory_format=last)
            self.stale.pop(key, None)
            return var

        def _memory(self, value: Any, address: int) -> int:
            """The number of the memory that a tensor lies in. When it is let go, its address may be used again."""
            if address not in self.memories:
                number = self.count
                self.count += 1
                size = value.untyped_storage().nbytes() if self.limit else 0
                self._grow(size)

                def forget(_: Any) -> None:
                    self.live -= size
                    self.record.freed[number] = len(self.record.events)
                    for key in self.storages.pop(address, ()):
                        self.known.pop(key, None)
                        self.stale.pop(key, None)
                    del self.memories[address]

                self.memories[address] = number, ref(value.untyped_storage(), forget)
            return self.memories[address][0]

        def _grow(self, size: int) -> None:
            self.live += size
            if self.live > self.limit > 0:
                raise too_large(self.limit)

        def find(self, value: Any) -> Var:
            key = self.key(value)
            var = self.known.get(key)
            if var is None:
                var = self._unseen(value, key)
            written = self.stale.pop(key, None)
            if written:
                new = Var(var.dims)
                inputs = [var, *written]
                self.record.take(Event("overwrite", {"self": var}, inputs, [new], self.stack[-1]))
                var = self.know(value, new)
            return var

        def _unseen(self, value: Any, key: Any) -> Var:
            """A tensor that no operation made: another view of a known one, or a constant."""
            others = [self.known[other] for other in self.storages.get(key[0], ())]
            if not others:
                return self.know(value, Var(value.shape))
            whole = max(others, key=lambda other: other.size)
            var = Var(value.shape)
            op = "view" if whole.size == var.size else "as_strided"
            self.record.take(Event(op, {"self": whole}, [whole], [var], self.stack[-1]))
            return self.know(value, var)

        def _written(self, value: Any, var: Var) -> None:
            """Note that a tensor has a new value, and with it the others that lie in the same memory."""
            own = self.key(value)
            start, end = _extent(own)
            for key in self.storages.get(own[0], ()):
                first, last = _extent(key)
                if key != own and first < end and start < last:
                    self.stale.setdefault(key, []).append(var)
            self.know(value, var)

        # -- operations -----------------------------------------------------------------------------------------------

        def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
            kwargs = kwargs or {}
            self.operations += 1
            if self.operations > MOST_OPERATIONS:
                raise endless()
            op = func._overloadpacket.__name__
            lie = {one.device.type for one in tensors(self.torch, [args, kwargs])}
            if op in DATA and "meta" in lie:
                self._refuse(op)
            handled = op.rstrip("_") in self.whole or op in SHAPE_ONLY
            if not handled and func._overloadpacket not in registry:
                with self:
                    found = func.decompose(*args, **kwargs)
                if found is not NotImplemented:
                    return found
            bound, inputs = self._bound(func, args, kwargs)
            if len(lie) > 1 and not func._schema.is_mutable:
                args = self._on_meta(args)
                kwargs = dict(zip(kwargs, self._on_meta(tuple(kwargs.values())), strict=True))
            if op == "copy_" and inputs[0] is inputs[1]:  # `x[0] += 1` ends with this
                return func(*args, **kwargs)
            if (
                op == "embedding" and args[1].is_floating_point()
            ):  # inputs are made as floats; which are places is seen here
                args = (args[0], args[1].to(torch.int64), *args[2:])
            before = self.counter.flops
            if op.rstrip("_") in UNCOUNTED:
                out = func(*args, **kwargs)
            else:
                with self.counter:
                    out = func(*args, **kwargs)
            if op in DROPS and bound.get("train") is False:
                out = self._apart(out)
            event = Event(op, bound, inputs, [], self.stack[-1])
            event.macs = (self.counter.flops - before) // 2
            event.stopped = op == "detach" or not self.torch.is_grad_enabled()
            self._keep(func, event, args, kwargs, out)
            return out

        def _refuse(self, op: str) -> None:
            place = self.stack[-1].path
            where = f"`{show(place)}`" if place else "forward"
            text = f"{where} asks for the numbers of a tensor (`{op.strip('_')}`), so that what it does depends on them"
            raise Refused(
                [Problem("unsupported", text, "take the decision from shapes, or from arguments of the model")]
            )

        def _on_meta(self, args: Any) -> Any:
            """Constants that the module made elsewhere, brought to where everything else is."""
            if isinstance(args, self.torch.Tensor):
                return self._moved(args) if args.device.type != "meta" and args.dim() else args
            if isinstance(args, (tuple, list)):
                return type(args)(self._on_meta(one) for one in args)
            return args

        def _apart(self, value: Any) -> Any:
            """The value in memory of its own, as in training: so it is seen how long what was dropped from is held."""
            with dispatch._disable_current_modes():
                return value.clone()

        def _moved(self, value: Any) -> Any:
            with dispatch._disable_current_modes():
                return value.to("meta")

        def _bound(self, func: Any, args: Any, kwargs: Any) -> tuple[dict[str, Any], list[Var]]:
            inputs: list[Var] = []

            def said(value: Any) -> Any:
                if isinstance(value, self.torch.Tensor):
                    inputs.append(self.find(value))
                    return inputs[-1]
                if isinstance(value, (tuple, list)):
                    return [said(one) for one in value]
                return value

            bound: dict[str, Any] = {}
            for place, argument in enumerate(func._schema.arguments):
                if place < len(args):
                    bound[argument.name] = said(args[place])
                elif argument.name in kwargs:
                    bound[argument.name] = said(kwargs[argument.name])
                elif argument.has_default_value():
                    bound[argument.name] = argument.default_value
            return bound, inputs

        def _keep(self, func: Any, event: Event, args: Any, kwargs: Any, out: Any) -> None:
            made = list(tensors(self.torch, out))
            event.outs = [Var(value.shape) for value in made]
            changed = []
            if func._schema.is_mutable:
                for place, argument in enumerate(func._schema.arguments):
                    value = args[place] if place < len(args) else kwargs.get(argument.name)
                    if argument.alias_info is not None and argument.alias_info.is_write and value is not None:
                        changed.append(value)
            event.inplace = bool(changed)
            event.op = event.op.rstrip("_") if changed else event.op
            if not event.outs and changed:
                event.outs = [Var(value.shape) for value in changed]
                made = changed
            if not event.outs:
                return
            call = self.stack[-1]
            call.events += 1
            self.record.take(event)
            if not changed:
                sources = {
                    one.untyped_storage()._cdata: id(one) in self.cut for one in tensors(self.torch, [args, kwargs])
                }
                for value in made:
                    source = sources.get(value.untyped_storage()._cdata)
                    if source is not None and (source or event.stopped):
                        self._cut(value)
            for value, var in zip(made, event.outs, strict=True):
                if any(value is one or self.key(value) == self.key(one) for one in changed):
                    self._written(value, var)
                else:
                    self.know(value, var)

        # -- modules --------------------------------------------------------------------------------------------------

        def hook(self, stack: ExitStack) -> None:
            """Follow the calls of all modules until the stack is left."""
            for part in self.root.module.modules():
                if isinstance(
                    part, self.torch.jit.ScriptModule
                ):  # takes no hooks: its layers have the name of its parent
                    continue
                stack.callback(part.register_forward_pre_hook(self._enter, with_kwargs=True).remove)
                stack.callback(part.register_forward_hook(self._leave).remove)

        def _enter(self, module: Any, args: Any, kwargs: Any) -> None:
            given = [self.find(value) for value in tensors(self.torch, [args, kwargs])]
            call = Call(self.paths.get(id(module), ""), module, self.stack[-1], given)
            self.record.calls.append(call)
            self.stack.append(call)

        def _leave(self, module: Any, args: Any, result: Any) -> Any:
            call = self.stack.pop()
            call.outs = [self.find(value) for value in tensors(self.torch, result)]
            if call.leaf and not call.events and len(call.outs) == 1 and call.outs[0] in call.given:
                var = Var(call.outs[0].dims)
                event = Event("", {"self": call.outs[0]}, [call.outs[0]], [var], call)
                self.record.take(event)
                if type(module).__name__ in DROP_PATHS and isinstance(result, self.torch.Tensor):
                    result = self._apart(result)
                self.know(next(tensors(self.torch, result)), var)
                call.outs = [var]
            if self.stack:
                self.stack[-1].events += call.events
            return result

    return Recorder


UNCOUNTED = frozenset((
    "add", "sub", "mul", "div", "relu", "view", "reshape", "flatten", "permute", "transpose", "cat", "slice", "select",
    "batch_norm", "layer_norm", "dropout", "gelu", "silu", "sigmoid", "max_pool2d", "contiguous", "softmax", "mean",
    "expand", "unsqueeze", "squeeze", "unbind", "split", "chunk", "pad", "hardswish", "relu6", "hardtanh", "clone",
))  # fmt: skip


def _extent(key: Any) -> tuple[int, int]:
    """The first cell of the storage that a view reads, and the one behind the last."""
    _, offset, sizes, strides, *_ = key
    if 0 in sizes:
        return offset, offset
    return offset, offset + sum((length - 1) * step for length, step in zip(sizes, strides, strict=True)) + 1
