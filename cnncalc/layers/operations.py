"""What PyTorch's eager mode does in memory for one layer: its operations, what backward keeps of each, what aliases what.

The facts were measured on torch 2.13 with CUDA dispatch, by storage lifetimes. A layer lowers itself to such operations
(`Layer.operations`); the memory analysis only folds over them.
"""

from __future__ import annotations

from collections.abc import Sequence

OUT = -1  # in `saves`: the operation's own output

# what the gradient of an input is made of
NEW = "new"  # a tensor of its own
SAME = "same"  # the gradient of the output itself (a sum passes it on)
RESHAPED = "reshaped"  # another view of the whole of it
EXPANDED = "expanded"  # a view that repeats it (a sum)
PART = "part"  # a view of a part of it (concatenation)
SPREAD = "spread"  # a product as large as the output, then summed down to the input's size
GATHERED = "gathered"  # as SAME or PART, but not added to others: the operation that made the value takes all of them
NOTHING = "nothing"  # nobody knows: no memory at all


AT_LEAST_4 = -1  # a width: statistics are kept in float32, or in float64 for a float64 network
AS_WEIGHTS = -2  # a width: that of the parameters

# what autocast makes of an operation: PyTorch's ATen/autocast_mode.h, the lists for CUDA
AS_IT_COMES = ""  # it runs in the widest type of its inputs, which are not cast
PRODUCT = "product"  # in 16 bits; backward keeps the weights' copy for the gradient of the input, if that is wanted
KERNEL = "kernel"  # in 16 bits; backward keeps the weights' copy in any case
FULL = "full"  # in float32
FUSED = "fused"  # in float32; one kernel casts float16 on the way, but not bfloat16
MIXED = "mixed"  # a float32 parameter meets an input that is not cast, and makes the output float32
CAST = "cast"  # the cast itself
UNKNOWN = "unknown"  # nothing is known: its output is taken to be in 16 bits, the least that it can be


class Extra:
    """Further memory: `numbers` of `width` bytes each (0: as wide as the output), for every example unless `fixed`.

    With `own` it is made only where PyTorch's own kernel normalises, not cuDNN's.
    """

    __slots__ = ("fixed", "numbers", "own", "width")

    def __init__(self, numbers: int, width: int = 0, fixed: bool = False, own: bool = False) -> None:
        self.numbers = numbers
        self.width = width
        self.fixed = fixed
        self.own = own


class Op:
    """One operation on the tape.

    `inputs` count the layer's inputs first, then the outputs of its earlier operations. `output` is in numbers per example;
    with `alias` it is the storage of that input. `saves` are inputs (or OUT) that backward keeps, `keeps` further memory
    that it keeps, `scratch` memory that lives only while the operation runs forward. `grads` says per input what its
    gradient is made of, `temps` what backward allocates besides, in numbers per example; `weighted` operations make the
    gradients of the layer's parameters.

    `copies` is a copy of the input that is made for backward only where a gradient flows (overwriting relu6). `whole`
    operations make the gradient of their input even where nobody asks for it, and copy a gradient whose cells are not
    dense before they use it (cuDNN's batch normalisation). Of several parameters, `of` says which ones it uses (None: all);
    `holds` are values that the caller keeps in a local variable meanwhile. `each` is a gradient of the parameters for every
    example, of which their own ones are summed when the operation is done; `masks` are temporary numbers of one byte. `both`
    gradients, of its input and of its first parameter, are made together, whichever is wanted. A `lean` operation keeps its
    input, and makes `temps`, only for the gradient of its first parameter. With `strip` there is nothing to sum in a batch
    of one: the parameter's gradient is a strip of the output's, and keeps the whole of it. `casts` says what autocast makes
    of it.
    """

    __slots__ = (
        "alias",
        "both",
        "casts",
        "copies",
        "each",
        "grads",
        "holds",
        "inputs",
        "keeps",
        "lean",
        "masks",
        "of",
        "output",
        "saves",
        "scratch",
        "strip",
        "temps",
        "weighted",
        "whole",
    )

    def __init__(
        self,
        inputs: Sequence[int],
        output: int,
        grads: Sequence[str],
        *,
        saves: Sequence[int] = (),
        keeps: Sequence[Extra] = (),
        scratch: Sequence[Extra] = (),
        alias: int | None = None,
        temps: int = 0,
        weighted: bool = False,
        copies: bool = False,
        whole: bool = False,
        casts: str = AS_IT_COMES,
        of: Sequence[int] | None = None,
        holds: Sequence[int] = (),
        each: Extra | None = None,
        strip: bool = False,
        masks: int = 0,
        lean: bool = False,
        both: bool = False,
    ) -> None:
        self.inputs = inputs
        self.output = output
        self.grads = grads
        self.saves = saves
        self.keeps = keeps
        self.scratch = scratch
        self.alias = alias
        self.temps = temps
        self.weighted = weighted
        self.copies = copies
        self.whole = whole
        self.casts = casts
        self.of = of
        self.holds = holds
        self.each = each
        self.strip = strip
        self.masks = masks
        self.lean = lean
        self.both = both


class Seen:
    """What a reader that ran the network saw of one value in memory.

    `until` is the node behind which its memory is let go, None where the caller keeps it. Layers of the same `split` are
    the parts of one value that are cut at once, and `unused` numbers of it are read by nobody. `more` memory may be in use
    there than the layer's rule says, or `less`. `relaid`: the gradient of its first parameter has its cells in another
    order, and is copied into the usual one. No gradient flows through a `stopped` value (`torch.no_grad()`, `detach()`),
    nor into the parameters named `still`, which the layer reads detached. `dims` are its parameters'
    dimensions in PyTorch, `places` their places among all parameters.
    """

    __slots__ = ("dims", "less", "more", "places", "relaid", "split", "still", "stopped", "until", "unused")

    def __init__(self) -> None:
        self.stopped = False
        self.still: frozenset[str] = frozenset()
        self.dims: dict[str, tuple[int, ...]] = {}
        self.places: dict[str, int] = {}
        self.until: int | None = None
        self.split: int | None = None
        self.unused = 0
        self.more = False
        self.relaid = False
        self.less = False


def least(sizes: Sequence[int], size: int, in_place: bool, weighted: bool) -> list[Op]:
    """The least that a layer without a rule does: what works in place makes nothing, what has weights keeps its input.

    The gradients that it makes may be views of the one that it gets, and cost nothing.
    """
    grads, saves = [NOTHING] * len(sizes), [0] if weighted else []
    if in_place and len(sizes) == 1:
        return [Op([0], size, grads, alias=0, weighted=weighted, casts=UNKNOWN)]
    return [Op(range(len(sizes)), size, grads, saves=saves, weighted=weighted, casts=UNKNOWN)]


def reshaped(size: int) -> list[Op]:
    """Another view of the same numbers."""
    return [Op([0], size, [RESHAPED], alias=0)]


def passed_on(size: int) -> list[Op]:
    """A layer that is its input, the very same tensor: identity, dropout at inference."""
    return [Op([0], size, [SAME], alias=0)]


def elementwise(size: int, saves: Sequence[int], inplace: bool = False, casts: str = AS_IT_COMES) -> list[Op]:
    """One output number for every input number; backward makes a gradient of its own."""
    return [Op([0], size, [NEW], saves=saves, alias=0 if inplace else None, casts=casts)]
