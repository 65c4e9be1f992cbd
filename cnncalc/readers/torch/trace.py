"""Record every operation of one forward pass of a PyTorch module.

The recorder sees operations when PyTorch dispatches them. In inference mode whole operations such as `linear` and
`scaled_dot_product_attention` arrive there in one piece. It makes no difference how forward is written (functions,
methods, operators, Python control flow). Tensors are identified by their memory: storage, offset, sizes and strides.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from typing import Any
from weakref import ref

from cnncalc.problem import Problem, Refused
from cnncalc.readers.aten.events import DROP_PATHS, DROPS, SHAPE_ONLY, Call, Event, Tensor, Trace, Var
from cnncalc.readers.aten.patterns import LOCAL_RESPONSE, MULTIHEAD
from cnncalc.readers.optional import import_optional
from cnncalc.readers.torch.errors import call_foreign
from cnncalc.text import show
from cnncalc.units import format_bytes

MOST_OPERATIONS = 200_000  # of one forward pass; GPT-2 takes about 500
# operations that read the values of tensors, which do not exist on meta
DATA = frozenset((
    "_local_scalar_dense", "item", "is_nonzero", "nonzero", "nonzero_numpy", "masked_select", "unique_dim", "_unique2",
    "unique_consecutive", "equal", "allclose", "bincount",
))  # fmt: skip


def find_tensors(torch: Any, tree: Any) -> Iterator[Any]:
    """Yield the tensors in a result: a single one, or those in tuples, lists, mappings and dataclasses."""
    if isinstance(tree, torch.Tensor):
        yield tree
    elif isinstance(tree, Mapping):
        for value in tree.values():
            yield from find_tensors(torch, value)
    elif isinstance(tree, (tuple, list)):
        for value in tree:
            yield from find_tensors(torch, value)
    elif hasattr(tree, "__dataclass_fields__"):
        for name in tree.__dataclass_fields__:
            yield from find_tensors(torch, getattr(tree, name))


def describe_call(path: str, module: Any, parent: Call | None, inputs: list[Var]) -> Call:
    """Return the record of a call of a module, with the settings that its operations do not show."""
    kind, forward = type(module), getattr(type(module), "forward", None)
    runs = f"{getattr(forward, '__module__', '')}.{getattr(forward, '__qualname__', '')}"
    settings: dict[str, Any] = {}
    if kind.__name__ in DROP_PATHS:
        rate = getattr(module, "drop_prob", getattr(module, "p", getattr(module, "rate", 0.0)))
        settings = {"rate": float(rate or 0.0)}
    elif runs == LOCAL_RESPONSE:
        settings = {"size": module.size}
    elif runs == MULTIHEAD:
        bias = module.in_proj_bias is not None
        settings = {"heads": module.num_heads, "batch_first": module.batch_first, "bias": bias}
        settings["plain"] = (
            module.in_proj_weight is not None and module.bias_k is None and not module.add_zero_attn
            and bias == (module.out_proj.bias is not None)
        )  # fmt: skip
    leaf = not any(True for _ in module.children())
    return Call(path, parent, inputs, f"{kind.__module__}.{kind.__qualname__}", runs, leaf, settings)


def too_large(limit: int) -> Refused:
    """Return what to report of a run that needs more memory than is free."""
    text = (
        f"forward depends on the values of tensors, and running it takes more than the {format_bytes(limit)} of memory "
        "that are free"
    )
    return Refused([Problem("too-large", text, "give a smaller input")])


def too_many_operations() -> Refused:
    """Return what to report of a run that does not seem to end."""
    text = f"forward had not finished after {MOST_OPERATIONS:,} operations"
    return Refused([Problem("too-large", text, "check the loops in forward: on made-up values they may never end")])


def recorder_class(torch: Any) -> Any:
    """Return the recorder's class, which is derived from one of PyTorch's."""
    dispatch: Any = import_optional("torch.utils._python_dispatch", "torch")
    registry: Any = import_optional("torch.utils.flop_counter", "torch").flop_registry

    class Counter(dispatch.TorchDispatchMode):  # type: ignore[misc]
        """Count floating-point operations as torch.utils.flop_counter does."""

        flops = 0

        def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
            kwargs = kwargs or {}
            count = registry.get(func._overloadpacket)
            if count is None:
                with self:
                    result = call_foreign(func.decompose, *args, **kwargs)
                if result is not NotImplemented:
                    return result
            out = call_foreign(func, *args, **kwargs)
            if count is not None:
                self.flops += call_foreign(count, *args, **kwargs, out_val=out)
            return out

    class Recorder(dispatch.TorchDispatchMode):  # type: ignore[misc]
        """Record every operation."""

        def __init__(self, torch: Any, record: Trace, module: Any, whole: frozenset[str], limit: int) -> None:
            super().__init__()
            self.limit = limit  # of bytes in use; 0 for no limit
            self.live = 0
            self.operations = 0
            self.whole = whole
            self.torch = torch
            self.record = record
            self.counter = Counter()
            self.module = module
            self.root = describe_call("", module, None, [])
            self.stack = [self.root]
            self.known: dict[Any, Var] = {}
            self.outdated: dict[Any, list[Var]] = {}
            self.storages: dict[int, list[Any]] = {}
            self.memories: dict[int, tuple[int, Any]] = {}  # address -> its number, and a weak reference to it
            self.detached: dict[
                int, Any
            ] = {}  # by id: weak references to detached tensors, which share memory with others
            self.count = 0
            self.paths: dict[int, str] = {}
            for name, part in module.named_modules():
                self.paths[id(part)] = name
                unsaved = getattr(part, "_non_persistent_buffers_set", ())
                for label, value in part.named_parameters(recurse=False):
                    self._add_tensor(f"{name}.{label}".strip("."), value, True)
                for label, value in part.named_buffers(recurse=False):
                    counts = label not in unsaved and label != "num_batches_tracked"
                    record.has_unsaved_buffers = record.has_unsaved_buffers or label in unsaved
                    self._add_tensor(f"{name}.{label}".strip("."), value, False, counts)

        def _add_tensor(self, name: str, value: Any, learned: bool, counts: bool = True) -> None:
            """Register a parameter or buffer of the module; a buffer may not `count`."""
            if value is None:
                return
            key = self.key(value)
            if key in self.known:
                return
            tensor = Tensor(name, tuple(value.shape), learned, learned and not value.requires_grad)
            if counts:
                tensor.place = len(self.record.tensors)
                self.record.tensors.append(tensor)
            self.know(value, Var(value.shape, (tensor,) if counts else ()))

        # -- values ---------------------------------------------------------------------------------------------------

        def _storage(self, value: Any) -> Any:
            """Return the storage of a tensor.

            Raises:
                Refused: It has none, like sparse tensors.
            """
            try:
                return value.untyped_storage()
            except (RuntimeError, NotImplementedError) as error:
                path = self.stack[-1].path
                where = f"`{show(path)}`" if path else "forward"
                reason = show(str(error).split("\n")[0], 100)
                text = f"{where} uses a tensor of a kind that cnncalc cannot follow: {reason}"
                help = "use dense tensors, or export the model to ONNX and read that"
                raise Refused([Problem("unsupported", text, help)]) from None

        def key(self, value: Any) -> Any:
            """Return what identifies a tensor."""
            return (
                self._storage(value)._cdata,
                value.storage_offset(),
                tuple(value.shape),
                value.stride(),
                value.dtype,
                id(value) in self.detached,
            )

        def _mark_detached(self, value: Any) -> None:
            """Note that no gradient flows back through this tensor, although one may through others in the same memory."""
            key = id(value)

            def forget(_: Any) -> None:
                self.detached.pop(key, None)

            self.detached[key] = ref(value, forget)

        def know(self, value: Any, var: Var) -> Var:
            """Remember that a tensor is this value."""
            key = self.key(value)
            if key not in self.known:
                self.storages.setdefault(key[0], []).append(key)
            self.known[key] = var
            var.memory = self._memory(value, key[0])
            last = self.torch.channels_last if value.dim() == 4 else self.torch.channels_last_3d
            var.contiguous = value.is_contiguous()
            var.memory_channels_last = (
                value.dim() in (4, 5) and not var.contiguous and value.is_contiguous(memory_format=last)
            )
            self.outdated.pop(key, None)
            return var

        def _memory(self, value: Any, address: int) -> int:
            """Return the number of a tensor's memory. After that is released, PyTorch may use its address again."""
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
                        self.outdated.pop(key, None)
                    del self.memories[address]

                self.memories[address] = number, ref(value.untyped_storage(), forget)
            return self.memories[address][0]

        def _grow(self, size: int) -> None:
            self.live += size
            if self.live > self.limit > 0:
                raise too_large(self.limit)

        def find(self, value: Any) -> Var:
            """Return the value that a tensor is."""
            key = self.key(value)
            var = self.known.get(key)
            if var is None:
                var = self._view_or_constant(value, key)
            written = self.outdated.pop(key, None)
            if written:
                new = Var(var.dims)
                inputs = [var, *written]
                self.record.add(Event("overwrite", {"self": var}, inputs, [new], self.stack[-1]))
                var = self.know(value, new)
            return var

        def _view_or_constant(self, value: Any, key: Any) -> Var:
            """Return the value of a tensor that no recorded operation made: a view of a known one, or a constant."""
            others = [self.known[other] for other in self.storages.get(key[0], ())]
            if not others:
                return self.know(value, Var(value.shape))
            whole = max(others, key=lambda other: other.size)
            var = Var(value.shape)
            op = "view" if whole.size == var.size else "as_strided"
            self.record.add(Event(op, {"self": whole}, [whole], [var], self.stack[-1]))
            return self.know(value, var)

        def _note_write(self, value: Any, var: Var) -> None:
            """Note that a tensor has a new value, and so have the others that overlap it in memory."""
            value_key = self.key(value)
            start, end = _extent(value_key)
            for key in self.storages.get(value_key[0], ()):
                first, last = _extent(key)
                if key != value_key and first < end and start < last:
                    self.outdated.setdefault(key, []).append(var)
            self.know(value, var)

        # -- operations -----------------------------------------------------------------------------------------------

        def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
            kwargs = kwargs or {}
            self.operations += 1
            if self.operations > MOST_OPERATIONS:
                raise too_many_operations()
            op = func._overloadpacket.__name__
            devices = {tensor.device.type for tensor in find_tensors(self.torch, [args, kwargs])}
            if op in DATA and "meta" in devices:
                self._refuse(op)
            handled = op.rstrip("_") in self.whole or op in SHAPE_ONLY
            if not handled and func._overloadpacket not in registry:
                with self:
                    result = call_foreign(func.decompose, *args, **kwargs)
                if result is not NotImplemented:
                    return result
            bound, inputs = self._bind(func, args, kwargs)
            if len(devices) > 1 and not func._schema.is_mutable:
                args = self._on_meta(args)
                kwargs = dict(zip(kwargs, self._on_meta(tuple(kwargs.values())), strict=True))
            if op == "copy_" and inputs[0] is inputs[1]:  # `x[0] += 1` ends with this
                return call_foreign(func, *args, **kwargs)
            if op == "embedding" and args[1].is_floating_point():  # untyped inputs are floats until they are looked up
                args = (args[0], call_foreign(args[1].to, torch.int64), *args[2:])
            before = self.counter.flops
            if op.rstrip("_") in UNCOUNTED:
                out = call_foreign(func, *args, **kwargs)
            else:
                with self.counter:
                    out = call_foreign(func, *args, **kwargs)
            if op in DROPS and bound.get("train") is False:
                out = self._separate_copy(out)
            event = Event(op, bound, inputs, [], self.stack[-1])
            event.macs = (self.counter.flops - before) // 2
            event.detached = op == "detach" or not self.torch.is_grad_enabled()
            self._record(func, event, args, kwargs, out)
            return out

        def _refuse(self, op: str) -> None:
            place = self.stack[-1].path
            where = f"`{show(place)}`" if place else "forward"
            text = (
                f"{where} reads the values of a tensor (`{op.strip('_')}`), so the operations that run depend on them"
            )
            help = "make the decision depend on shapes, or on arguments of the model"
            raise Refused([Problem("unsupported", text, help)])

        def _on_meta(self, args: Any) -> Any:
            """Return the arguments with constants of other devices moved to meta."""
            if isinstance(args, self.torch.Tensor):
                return self._to_meta(args) if args.device.type != "meta" and args.dim() else args
            if isinstance(args, (tuple, list)):
                return type(args)(self._on_meta(value) for value in args)
            return args

        def _separate_copy(self, value: Any) -> Any:
            """Return a copy in memory of its own, as in training, so that the input of a dropout may be released."""
            with dispatch._disable_current_modes():
                return call_foreign(value.clone)

        def _to_meta(self, value: Any) -> Any:
            with dispatch._disable_current_modes():
                return call_foreign(value.to, "meta")

        def _bind(self, func: Any, args: Any, kwargs: Any) -> tuple[dict[str, Any], list[Var]]:
            """Return the arguments by name, with values in place of tensors, and all these values."""
            inputs: list[Var] = []

            def convert(value: Any) -> Any:
                if isinstance(value, self.torch.Tensor):
                    inputs.append(self.find(value))
                    return inputs[-1]
                if isinstance(value, (tuple, list)):
                    return [convert(part) for part in value]
                return value

            bound: dict[str, Any] = {}
            for place, argument in enumerate(func._schema.arguments):
                if place < len(args):
                    bound[argument.name] = convert(args[place])
                elif argument.name in kwargs:
                    bound[argument.name] = convert(kwargs[argument.name])
                elif argument.has_default_value():
                    bound[argument.name] = argument.default_value
            return bound, inputs

        def _record(self, func: Any, event: Event, args: Any, kwargs: Any, out: Any) -> None:
            """Record an operation with its outputs, or with the tensors that it changes in place."""
            outputs = list(find_tensors(self.torch, out))
            event.outs = [Var(value.shape) for value in outputs]
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
                outputs = changed
            if not event.outs:
                return
            call = self.stack[-1]
            call.events += 1
            self.record.add(event)
            if not changed:
                sources = {
                    self._storage(tensor)._cdata: id(tensor) in self.detached
                    for tensor in find_tensors(self.torch, [args, kwargs])
                }
                for value in outputs:
                    source = sources.get(self._storage(value)._cdata)
                    if source is not None and (source or event.detached):
                        self._mark_detached(value)
            for value, var in zip(outputs, event.outs, strict=True):
                if any(value is tensor or self.key(value) == self.key(tensor) for tensor in changed):
                    self._note_write(value, var)
                else:
                    self.know(value, var)

        # -- modules --------------------------------------------------------------------------------------------------

        def hook(self, stack: ExitStack) -> None:
            """Record the calls of all modules until the stack is closed."""
            for part in self.module.modules():
                if isinstance(part, self.torch.jit.ScriptModule):  # has no hooks: its layers get its parent's name
                    continue
                stack.callback(part.register_forward_pre_hook(self._enter, with_kwargs=True).remove)
                stack.callback(part.register_forward_hook(self._leave).remove)

        def _enter(self, module: Any, args: Any, kwargs: Any) -> None:
            inputs = [self.find(value) for value in find_tensors(self.torch, [args, kwargs])]
            call = describe_call(self.paths.get(id(module), ""), module, self.stack[-1], inputs)
            self.record.calls.append(call)
            self.stack.append(call)

        def _leave(self, module: Any, args: Any, result: Any) -> Any:
            call = self.stack.pop()
            call.outs = [self.find(value) for value in find_tensors(self.torch, result)]
            if call.leaf and not call.events and len(call.outs) == 1 and call.outs[0] in call.inputs:
                var = Var(call.outs[0].dims)
                event = Event("", {"self": call.outs[0]}, [call.outs[0]], [var], call)
                self.record.add(event)
                if type(module).__name__ in DROP_PATHS and isinstance(result, self.torch.Tensor):
                    result = self._separate_copy(result)
                self.know(next(find_tensors(self.torch, result)), var)
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
    """Return the first cell of the storage that a view reads, and the cell after the last."""
    _, offset, sizes, strides, *_ = key
    if 0 in sizes:
        return offset, offset
    return offset, offset + sum((length - 1) * step for length, step in zip(sizes, strides, strict=True)) + 1
