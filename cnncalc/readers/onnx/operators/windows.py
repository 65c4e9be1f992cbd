"""ONNX operators that are layers here: convolutions, poolings, products with weights, norms, recurrent layers."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from cnncalc.layers import conv, dense, pool
from cnncalc.layers.base import Layer
from cnncalc.layers.operator import Operator
from cnncalc.layers.window import same
from cnncalc.problem import Problem, Refused
from cnncalc.product import Product, Sum
from cnncalc.readers.axes import Dims, visible
from cnncalc.readers.onnx.graph import Reader, Step, Value
from cnncalc.readers.yaml import layer_cache
from cnncalc.shape import Shape, TransposedWindow, Window
from cnncalc.text import show

Handler = Callable[[Reader, Step], None]
SIDES = {1: ("start", "end"), 2: ("top", "bottom", "left", "right"),
         3: ("front", "back", "top", "bottom", "left", "right")}  # fmt: skip


# -- windows ----------------------------------------------------------------------------------------------------------


def _windowed(r: Reader, step: Step, x: Value, kernel: list[int]) -> dict[str, Any]:
    """The fields of a layer with windows: kernel, stride, pad, dilation. An axis that is not a batch of 1 goes along."""
    rank, given = len(x.dims) - 2, step.given
    if rank < 1 or rank > 3 or len(kernel) != rank:
        step.wrong(f"a window of {len(kernel)} axes on an input of {len(x.dims)} dimensions")
    strides = _per_axis(step, "strides", rank)
    dilations = _per_axis(step, "dilations", rank)
    pads = list(given.get("pads") or [0] * 2 * rank)
    if len(pads) != 2 * rank or min(pads) < 0:
        step.wrong(f"pads {show(pads)} do not suit {rank} axes", "write one number of at least 0 for every side")
    auto = given.get("auto_pad", "NOTSET")
    if auto in ("SAME_UPPER", "SAME_LOWER"):
        found = [same(x.dims[a + 2], dilations[a] * (kernel[a] - 1) + 1, max(strides[a], 1)) for a in range(rank)]
        found = [pair[::-1] for pair in found] if auto == "SAME_LOWER" else found
        pads = [pair[0] for pair in found] + [pair[1] for pair in found]
    elif auto == "VALID":
        pads = [0] * 2 * rank
    elif auto != "NOTSET":
        step.wrong(f"auto_pad {show(auto)} is unknown")
    if x.dims[0] != 1:  # every example of a batch that was made on the way, side by side
        kernel, strides, dilations = [1, *kernel], [1, *strides], [1, *dilations]
        pads = [0, *pads[:rank], 0, *pads[rank:]]
        rank += 1
    fields = {"kernel": sizes_of(kernel), "stride": sizes_of(strides), "dilation": sizes_of(dilations)}
    return {**fields, "pad": _pad(rank, pads) if rank <= 3 else tuple(pads)}


def _per_axis(step: Step, name: str, rank: int, otherwise: int = 1) -> list[int]:
    found = list(step.given.get(name) or [otherwise] * rank)
    if len(found) != rank:
        step.wrong(f"{name} {show(found)} do not suit {rank} axes")
    return found


def sizes_of(lengths: list[int]) -> int | tuple[int, ...]:
    return lengths[0] if len(set(lengths)) == 1 else tuple(lengths)


def _pad(rank: int, pads: list[int]) -> Any:
    before, after = pads[:rank], pads[rank:]
    if before == after:
        return sizes_of(before)
    both = [cells for pair in zip(before, after, strict=True) for cells in pair]
    return dict(zip(SIDES[rank], both, strict=True))


def made(step: Step, kind: type[Layer], **fields: Any) -> Layer:
    """The layer with these fields; the same one as before where all fields are the same, whose facts are known.

    Raises:
        Refused: where the fields do not suit the layer.
    """
    key: tuple[Any, ...] | None = (made, kind, *[(name, type(value), value) for name, value in fields.items()])
    if any(type(value) is dict for value in fields.values()):  # a pad for each side
        key = None
    layer = layer_cache.layers.get(key) if key is not None else None
    if layer is not None:
        return layer
    try:
        layer = kind(**fields)
    except Problem as problem:
        problem.text = f"`{show(step.label)}`: {problem.text}"
        raise Refused([problem]) from None
    if key is not None:
        layer_cache.count(1)
        layer_cache.layers[key] = layer
    return layer


def convolution(r: Reader, step: Step, w_at: int = 1, b_at: int = 2) -> None:
    """Conv; with other places of weight and bias QLinearConv and ConvInteger."""
    x, w, b = r.channels_last(step.need(0)), step.need(w_at), step.x(b_at)
    if len(w.dims) != len(x.dims) or len(w.dims) < 3:
        step.wrong(f"weights of {said(w.dims)} on an input of {said(x.dims)}")
    groups = step.given.get("group", 1)
    if groups < 1 or w.dims[1] * groups != x.dims[1]:
        step.wrong(f"weights of {said(w.dims)} in {groups} groups need {w.dims[1] * groups} channels, not {x.dims[1]}")
    kernel = _kernel(step, w.dims[2:])
    bias = b is not None or _bias_behind(r, step, w.dims[0], len(x.dims) - 2)
    fields = _windowed(r, step, x, kernel)
    layer = made(step, conv.Conv, filters=w.dims[0], groups=groups, bias=bool(bias), **fields)
    held = {"weight": w, "bias": b if b is not None else bias if isinstance(bias, Value) else None}
    r.emit(step, layer, [x], x.order, len(x.dims), held)


def _kernel(step: Step, dims: Dims) -> list[int]:
    kernel = list(step.given.get("kernel_shape") or dims)
    if kernel != list(dims):
        step.wrong(f"kernel_shape {show(kernel)} differs from the weights' {said(dims)}")
    return kernel


def said(dims: Dims) -> str:
    return "x".join(map(str, dims)) or "a single number"


def _bias_behind(r: Reader, step: Step, size: int, behind: int) -> Value | bool:
    """The vector that the next node, the only one, adds to every channel: a bias exported on its own."""
    users = step.scope.users.get(step.outputs[0], [])
    if len(users) != 1 or users[0].op_type != "Add" or step.outputs[0] in step.scope.outputs or len(users[0].input) < 2:
        return False
    names = [name for name in users[0].input if name != step.outputs[0]]
    other = step.scope.find(names[0]) if len(names) == 1 else None
    if other is None or not (other.learned or _single(other)) or other.size != size:
        return False
    if any(r.is_counted(tensor) for tensor in other.tensors):
        return False
    dims = other.dims
    if len(dims) <= behind or dims[len(dims) - 1 - behind] != size:
        return False
    r.fused.add(id(users[0]))
    return other


def transposed(r: Reader, step: Step) -> None:
    """ConvTranspose with output_padding, output_shape and auto_pad."""
    x, w, b = r.channels_last(step.need(0)), step.need(1), step.x(2)
    rank, groups = len(x.dims) - 2, step.given.get("group", 1)
    if len(w.dims) != len(x.dims) or rank < 1 or w.dims[0] != x.dims[1] or groups < 1:
        step.wrong(f"weights of {said(w.dims)} on an input of {said(x.dims)}")
    kernel = _kernel(step, w.dims[2:])
    strides, dilations = _per_axis(step, "strides", rank), _per_axis(step, "dilations", rank)
    extra = _per_axis(step, "output_padding", rank, 0)
    pads = list(step.given.get("pads") or [0] * 2 * rank)
    if len(pads) != 2 * rank:
        step.wrong(f"pads {show(pads)} do not suit {rank} axes")
    auto, target = step.given.get("auto_pad", "NOTSET"), step.given.get("output_shape")
    if target and len(target) not in (rank, rank + 2):
        step.wrong(f"output_shape {show(target)} does not suit {rank} axes")
    if not target and auto in ("SAME_UPPER", "SAME_LOWER"):
        target = [x.dims[axis + 2] * strides[axis] for axis in range(rank)]
    if auto == "VALID":
        pads = [0] * 2 * rank
    if target:
        for axis, length in enumerate(list(target)[-rank:]):
            reach = dilations[axis] * (kernel[axis] - 1) + 1
            total = strides[axis] * (x.dims[axis + 2] - 1) + extra[axis] + reach - length
            if total < 0:
                extra[axis], total = extra[axis] - total, 0
            small, large = total // 2, total - total // 2
            upper = auto == "SAME_UPPER"  # the odd cell is cut off behind; ONNX cuts it off in front otherwise
            pads[axis], pads[axis + rank] = (small, large) if upper else (large, small)
    if x.dims[0] != 1:
        step.unsupported(f"a batch of {x.dims[0]} that is made inside the network", "export the model for one example")
    if min(pads) < 0:
        step.unsupported("negative pads")
    filters = w.dims[1] * groups
    fields: dict[str, Any] = {"kernel": sizes_of(kernel), "stride": sizes_of(strides), "dilation": sizes_of(dilations)}
    fields |= {"filters": filters, "groups": groups, "bias": b is not None, "pad": _pad(rank, pads)}
    held = {"weight": w, "bias": b}
    if all(cells < max(strides[a], dilations[a]) for a, cells in enumerate(extra)):
        layer = made(step, conv.ConvTranspose, output_pad=sizes_of(extra), **fields)
    else:  # more than PyTorch allows
        windows = [
            TransposedWindow(kernel[a], strides[a], pads[a], pads[a + rank], dilations[a], extra[a])
            for a in range(rank)
        ]
        like = made(step, conv.ConvTranspose, **fields)
        lengths = [window.out(x.dims[a + 2]) for a, window in enumerate(windows)]
        layer = Operator(like.kind, Shape((*lengths, filters)), like=like)
    r.emit(step, layer, [x], x.order, len(x.dims), held)


def pooling(r: Reader, step: Step) -> None:
    """MaxPool, AveragePool and LpPool."""
    x = r.channels_last(step.need(0))
    kernel = list(step.given.get("kernel_shape") or [])
    fields = _windowed(r, step, x, kernel)
    fields["ceil"] = bool(step.given.get("ceil_mode", 0)) and step.given.get("auto_pad", "NOTSET") == "NOTSET"
    most = step.op == "MaxPool"
    dilation = fields["dilation"]
    if not most:
        del fields["dilation"]
    layer = made(step, pool.MaxPool if most else pool.AvgPool, **fields)
    windows = layer.windows(visible(x.dims, x.order))
    assert windows is not None
    if not most and dilation != 1:
        each = dilation if isinstance(dilation, tuple) else (dilation,) * len(windows)
        windows = tuple(
            Window(one.kernel, one.stride, one.before, one.after, d, one.ceil)
            for one, d in zip(windows, each, strict=True)
            if isinstance(one, Window)
        )
    loose = dilation != 1 and not most
    plain = [one for one in windows if isinstance(one, Window)]
    for one in plain:
        if max(one.before, one.after) >= one.reach:
            step.wrong(f"padding {max(one.before, one.after)} is as wide as the window {one.reach}")
        loose = loose or max(one.before, one.after) > one.kernel // 2
    if loose or step.op == "LpPool":
        shape = visible(x.dims, x.order)
        try:
            lengths = [one.out(width) for one, width in zip(plain, shape, strict=False)]
        except Problem as problem:
            problem.text = f"`{show(step.label)}`: {problem.text}"
            raise Refused([problem]) from None
        kind = layer.kind if step.op != "LpPool" else "lppool"
        layer = Operator(kind, Shape((*lengths, shape[-1])), views=tuple(plain))
    value = r.emit(step, layer, [x], x.order, len(x.dims))
    r.put(step, value, 1)  # the indices of the maxima are as many


def global_pooling(r: Reader, step: Step) -> None:
    """GlobalAveragePool and GlobalMaxPool: the axes stay, of length 1."""
    x = r.channels_last(step.need(0))
    if len(x.dims) < 3:
        step.wrong(f"an input of {said(x.dims)} has no axes to pool")
    kind = pool.AdaptiveMaxPool if "Max" in step.op else pool.AdaptiveAvgPool
    if len(x.order) <= 4 and x.dims[0] == 1:
        r.emit(step, made(step, kind, output=1), [x], x.order, len(x.dims))
    else:
        r.operator(step, (*x.dims[:2], *[1] * (len(x.dims) - 2)), [x], x.order, views=None)


# -- products ---------------------------------------------------------------------------------------------------------


def gemm(r: Reader, step: Step) -> None:
    """Gemm: a product of matrices plus a bias."""
    a, b, c = step.need(0), step.need(1), step.x(2)
    if step.op == "QGemm":
        b, c = step.need(3), step.x(6)
    if len(a.dims) != 2 or len(b.dims) != 2:
        step.wrong(f"it multiplies matrices, not {said(a.dims)} by {said(b.dims)}")
    rows, inner = a.dims[::-1] if step.given.get("transA") else a.dims
    wide, units = b.dims[::-1] if step.given.get("transB") else b.dims
    if inner != wide:
        step.wrong(f"{said((rows, inner))} cannot be multiplied by {said((wide, units))}")
    bias = c is not None and c.index is None and not _zero(c, units)
    if b.index is None and a.index is not None and not step.given.get("transA"):
        order = (1,) if rows == 1 else (0, 1)
        fits = bias and c is not None and c.size == units
        layer: Layer = (dense.FC if rows == 1 else dense.Linear)(units=units, bias=fits)
        r.emit(step, layer, [r.aligned(a, order)], order, 2, {"weight": b, "bias": c if bias else None})
        return
    held = {"weight": b if b.index is None else a if a.index is None else None, "bias": c if bias else None}
    macs = Product(("m", rows), ("k", inner), ("n", units))
    active = [x for x in (a, b, c) if x is not None]
    r.operator(step, (rows, units), active, held=held, macs=macs, weights={}, views=None)


def _single(x: Value) -> bool:
    """Is it a vector of one number that the file holds, such as the bias of a single unit?"""
    return x.dims != () and x.size == 1 and any(tensor.real and not tensor.fixed for tensor in x.tensors)


def _zero(x: Value, units: int) -> bool:
    return x.size == 1 and not x.learned and not (units == 1 and _single(x))


def matmul(r: Reader, step: Step, places: tuple[int, int] = (0, 1), bias_at: int | None = None) -> None:
    """MatMul: a product of matrices, or of stacks of them; `bias_at` is the input that some variants add to it."""
    a, b = step.need(places[0]), step.need(places[1])
    da, db = (1, *a.dims) if len(a.dims) == 1 else a.dims, (*b.dims, 1) if len(b.dims) == 1 else b.dims
    if not da or not db or da[-1] != db[-2]:
        step.wrong(f"{said(a.dims)} cannot be multiplied by {said(b.dims)}")
    full = (*broadcast(step, da[:-2], db[:-2]), da[-2], db[-1])
    dims = full[:-2] + (() if len(a.dims) == 1 else (full[-2],)) + (() if len(b.dims) == 1 else (full[-1],))
    order = r.order(step, dims, 0, _kept_hidden(a, dims) if len(a.dims) == len(dims) else None)
    plain = b.index is None and len(b.dims) == 2 and a.index is not None and len(a.dims) == len(dims)
    if plain and order[-1:] == (len(dims) - 1,):
        added = None if bias_at is None else step.x(bias_at)
        bias = added if added is not None else _bias_behind(r, step, db[-1], 0)
        layer = made(step, dense.Linear, units=db[-1], bias=bool(bias))
        held: dict[str, Value | None] = {"weight": b, "bias": bias if isinstance(bias, Value) else None}
        r.emit(step, layer, [r.aligned(a, order)], order, len(dims), held)
        return
    held = {"weight": a if a.index is None else b if b.index is None else None}
    if bias_at is not None:
        held["bias"] = step.x(bias_at)
    macs = Product(*[("stack", n) for n in full[:-2] if n != 1], ("m", da[-2]), ("k", da[-1]), ("n", db[-1]))
    r.operator(step, dims, [a, b], order, held, macs=macs, views=None)


def _kept_hidden(x: Value, dims: Dims) -> frozenset[int]:
    """The axes of `x` that are not shown, as far as they are still 1."""
    return frozenset(
        axis for axis in range(len(dims)) if x.index is not None and axis not in x.order and dims[axis] == 1
    )


def broadcast(step: Step, *shapes: Dims) -> Dims:
    """The dimensions that shapes are spread to, aligned at their ends.

    Raises:
        Refused: where they do not go together.
    """
    rank = max((len(dims) for dims in shapes), default=0)
    found = []
    for column in zip(*[(1,) * (rank - len(dims)) + tuple(dims) for dims in shapes], strict=True):
        lengths = {length for length in column if length != 1}
        if len(lengths) > 1:
            step.wrong(f"{' and '.join(said(dims) for dims in shapes)} do not go together")
        found.append(lengths.pop() if lengths else 1)
    return tuple(found)


def einsum(r: Reader, step: Step) -> None:
    """Einsum: multiply-adds where letters are summed over in a product of two."""
    equation = str(step.given.get("equation", "")).replace(" ", "")
    left, arrow, right = equation.partition("->")
    terms = left.split(",")
    xs = [step.need(place) for place in range(len(step.xs))]
    if len(terms) != len(xs):
        step.wrong(f"equation `{show(equation)}` names {len(terms)} inputs, but there are {len(xs)}")
    sizes: dict[str, int] = {}
    dotted = 0
    expanded = []
    for term, x in zip(terms, xs, strict=True):
        letters = list(term.replace("...", "."))
        if "." in letters:
            count = len(x.dims) - (len(letters) - 1)
            dotted = max(dotted, count)
            place = letters.index(".")
            letters[place : place + 1] = [f"..{number}" for number in range(-count, 0)]
        if len(letters) != len(x.dims):
            step.wrong(f"equation `{show(equation)}` does not suit an input of {said(x.dims)}")
        for letter, length in zip(letters, x.dims, strict=True):
            if sizes.get(letter, 1) != 1 and length not in (1, sizes[letter]):
                step.wrong(f"equation `{show(equation)}`: `{show(letter)}` is both {sizes[letter]} and {length}")
            sizes[letter] = max(sizes.get(letter, 1), length)
        expanded.append(letters)
    dots = [f"..{number}" for number in range(-dotted, 0)]
    if arrow:
        out = [letter for part in right.replace("...", ".") for letter in (dots if part == "." else [part])]
    else:
        every = [letter for letters in expanded for letter in letters]
        out = dots + sorted(letter for letter in set(every) if every.count(letter) == 1 and letter not in dots)
    if any(letter not in sizes for letter in out):
        step.wrong(f"equation `{show(equation)}` has an output letter that no input has")
    summed = [letter for letter in sizes if letter not in out]
    macs = Product(*[(letter.strip("."), length) for letter, length in sizes.items()]) if summed else None
    dims = tuple(sizes[letter] for letter in out)
    held = {f"weight_{place}": x for place, x in enumerate(xs) if x.index is None}
    if len(xs) > 2 and summed:
        from cnncalc.layers.operator import Unknown

        r.operator(step, dims, xs, held=held, layer=Unknown)
    else:
        r.operator(step, dims, xs, held=held, macs=macs if len(xs) == 2 else None, views=None)


def attention(r: Reader, step: Step) -> None:
    """Attention (opset 23): scaled dot products of queries and keys, then of those and values."""
    q, k, v = step.need(0), step.need(1), step.need(2)
    past = step.x(4)
    if not len(q.dims) == len(k.dims) == len(v.dims) or len(q.dims) not in (3, 4) or (past and len(past.dims) != 4):
        step.wrong(f"queries of {said(q.dims)}, keys of {said(k.dims)} and values of {said(v.dims)}")
    if len(q.dims) == 4:
        heads, lq, wide = q.dims[1], q.dims[2], q.dims[3]
        lk, deep = k.dims[2], v.dims[3]
        dims: Dims = (*q.dims[:3], deep)
    else:
        heads, groups = step.given.get("q_num_heads", 1), step.given.get("kv_num_heads", 1)
        if min(heads, groups) < 1:
            step.wrong(f"{heads} heads of queries and {groups} of keys")
        lq, wide, lk, deep = q.dims[1], q.dims[2] // heads, k.dims[1], v.dims[2] // groups
        dims = (q.dims[0], lq, heads * deep)
    if past is not None:
        lk += past.dims[2]
    batch = [("batch", q.dims[0])] if q.dims[0] != 1 else []
    scores = Product(*batch, ("heads", heads), ("queries", lq), ("keys", lk), ("width", wide))
    sums = Product(*batch, ("heads", heads), ("queries", lq), ("keys", lk), ("width", deep))
    r.operator(step, dims, [q, k, v], macs=Sum(scores, sums), views=None)


HANDLERS: dict[str, Handler] = {
    "Conv": convolution, "FusedConv": convolution, "ConvInteger": lambda r, s: convolution(r, s, 1, 99),
    "QLinearConv": lambda r, s: convolution(r, s, 3, 8), "ConvTranspose": transposed, "MaxPool": pooling,
    "AveragePool": pooling, "LpPool": pooling, "GlobalAveragePool": global_pooling, "GlobalMaxPool": global_pooling,
    "GlobalLpPool": global_pooling, "Gemm": gemm, "QGemm": gemm,
    "MatMul": matmul, "MatMulInteger": matmul, "QLinearMatMul": lambda r, s: matmul(r, s, (0, 3)), "Einsum": einsum,
    "Attention": attention,
}  # fmt: skip
