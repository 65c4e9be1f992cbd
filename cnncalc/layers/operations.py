"""Memory operations: what PyTorch's eager mode allocates, saves and aliases for one layer.

The rules were measured on torch 2.13 with CUDA dispatch, by storage lifetimes. `Layer.operations` lowers a layer to these
operations, and the memory analysis adds them up.
"""

from __future__ import annotations

from collections.abc import Sequence

OUT = -1  # in `saves`: the operation's own output

# how the gradient of an input is made
NEW = "new"  # a new tensor
SAME = "same"  # the gradient of the output itself (sums)
RESHAPED = "reshaped"  # a view of the whole gradient of the output
EXPANDED = "expanded"  # a view that repeats it (sums over an axis)
PART = "part"  # a view of a part of it (concatenation)
SPREAD = "spread"  # a product as large as the output, which is then summed to the size of the input
GATHERED = "gathered"  # as SAME or PART, but not added to others: the operation that made the value takes all of them
NOTHING = "nothing"  # unknown, counted as no memory at all


AT_LEAST_4 = -1  # a width: statistics are stored in float32, or in float64 for a float64 network
AS_WEIGHTS = -2  # a width: that of the parameters

# what autocast does with an operation (PyTorch's ATen/autocast_mode.h, the lists for CUDA)
AS_IT_COMES = ""  # runs in the widest type of its inputs, which are not cast
PRODUCT = "product"  # in 16 bits; the cast weights are saved if the gradient of the input is needed
KERNEL = "kernel"  # in 16 bits; the cast weights are always saved
FULL = "full"  # in float32
FUSED = "fused"  # in float32; the kernel itself casts float16, but not bfloat16
MIXED = "mixed"  # a float32 parameter makes the output float32, and the input is not cast
CAST = "cast"  # the cast itself
UNKNOWN = "unknown"  # unknown; the output is assumed to be in 16 bits, the smallest possible width


class Extra:
    """Further memory: `numbers` of `width` bytes each (0: as wide as the output), for every example unless `fixed`.

    With `own` it is allocated only if PyTorch's own kernel normalizes instead of cuDNN's.
    """

    __slots__ = ("fixed", "numbers", "own", "width")

    def __init__(self, numbers: int, width: int = 0, fixed: bool = False, own: bool = False) -> None:
        self.numbers = numbers
        self.width = width
        self.fixed = fixed
        self.own = own


class Op:
    """One memory operation of a layer. Sizes are in numbers per example.

    * inputs: numbers of its inputs. The inputs of the layer come first, then the outputs of its earlier operations.
    * output: size of the output. With `alias` the output is in the storage of that input.
    * grads: how the gradient of each input is made.
    * saves: inputs (or OUT) that are saved for backward.
    * keeps: further memory that is saved for backward.
    * scratch: memory that is in use only while the operation runs forward.
    * temps: memory that backward allocates temporarily.
    * weighted: the operation makes the gradients of the layer's parameters.
    * copies: the input is padding for backward, but only if a gradient flows (overwriting relu6).
    * whole: the gradient of the input is made even if nothing needs it, and a gradient whose cells are not dense is padding
      before it is used (cuDNN's batch normalization).
    * casts: what autocast does with the operation.
    * of: parameters that it uses (None: all of them).
    * holds: values that the caller has in a local variable meanwhile.
    * each: gradient of the parameters per example. Their sum is made when the operation is done.
    * strip: the gradient of the parameter is a view of the output's gradient in a batch of one, where there is nothing to
      sum. The view holds the whole gradient of the output in memory.
    * masks: temporary numbers of one byte.
    * lean: the input is saved, and `temps` are allocated, only for the gradient of the first parameter.
    * both: the gradients of the input and of the first parameter are made together, whichever of them is needed.
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
    """Memory behaviour of one value that a reader has observed by running the network.

    * stopped: no gradient flows through the value (`torch.no_grad()`, `detach()`).
    * still: names of parameters that get no gradient because the layer reads them detached.
    * dims: dimensions of its parameters in PyTorch.
    * places: positions of its parameters among all parameters.
    * until: the node after which its memory is released, or None if the caller holds it.
    * split: number of the split. Layers with the same number are the parts of one value that is split at once.
    * unused: size of the parts of the split that no layer reads.
    * more, less: the memory in use may be more, or less, than the rule of the layer states.
    * relaid: the gradient of its first parameter has its cells in another order, and is padding into the usual order.
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
    """Return the least that a layer without a rule does in memory.

    A layer that works in place allocates nothing, and one with weights saves its input. Its gradients may be views of the
    gradient of its output, and count as nothing.
    """
    grads, saves = [NOTHING] * len(sizes), [0] if weighted else []
    if in_place and len(sizes) == 1:
        return [Op([0], size, grads, alias=0, weighted=weighted, casts=UNKNOWN)]
    return [Op(range(len(sizes)), size, grads, saves=saves, weighted=weighted, casts=UNKNOWN)]


def view_operations(size: int) -> list[Op]:
    """Return the operation that makes another view of the same numbers."""
    return [Op([0], size, [RESHAPED], alias=0)]


def passed_on(size: int) -> list[Op]:
    """Return the operation of a layer whose output is its input tensor, such as identity, or dropout at inference."""
    return [Op([0], size, [SAME], alias=0)]


def elementwise(size: int, saves: Sequence[int], inplace: bool = False, casts: str = AS_IT_COMES) -> list[Op]:
    """Return the operation that makes one output number from each input number, with a new gradient in backward."""
    return [Op([0], size, [NEW], saves=saves, alias=0 if inplace else None, casts=casts)]
