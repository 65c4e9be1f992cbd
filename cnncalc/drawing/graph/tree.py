"""The boxes of a picture as a tree of blocks, in which equal neighbours are folded into one."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from cnncalc.analyses.totals import Row
from cnncalc.drawing.graph.boxes import Box
from cnncalc.shape import Shape

LONGEST_UNIT = 16  # parts of one repetition
LEAST_BRANCHES = 3  # that are folded
SHORT_BRANCH = 8  # boxes of a branch in which nothing is folded


class Part:
    """A box, or a block of parts that is drawn `times` times in one.

    `first` and `last` are the numbers of its boxes, with all repetitions. `sources` has the boxes outside that it reads, in
    the order of their first use. Parts with the same `sign` look the same and are connected in the same way inside.
    """

    __slots__ = (
        "box", "children", "collapsed", "first", "key", "last", "outputs", "parallel", "path", "rows", "sign", "sources", "times",
    )  # fmt: skip

    def __init__(self, path: tuple[str, ...], first: int, box: Box | None = None) -> None:
        self.path = path
        self.key = path[-1] if path else ""
        self.box = box
        self.children: list[Part] = []
        self.first = self.last = first
        self.times = 1
        self.parallel = False  # True if its repetitions are branches of one merge, and do not follow each other
        self.rows: list[Row] = list(box.rows) if box is not None else []
        self.outputs: tuple[Shape, Shape] | None = (
            (box.output, box.output) if box is not None else None
        )  # first, last time
        self.sources: tuple[int, ...] = ()
        self.sign = 0
        self.collapsed = ""  # `branch` or `block` if it is drawn as one box

    def leaves(self) -> Iterator[Part]:
        """Yield the boxes inside, without repetitions."""
        if self.box is not None:
            yield self
        for child in self.children:
            yield from child.leaves()

    def repetitions(self) -> list[list[Row]]:
        """Return the layers of each repetition, also of the blocks around this one."""
        found: list[list[Row]] = []
        for leaf, times in self._leaves_with_times(1):
            assert leaf.box is not None
            count = len(leaf.rows) // len(leaf.box.rows) // times
            length = len(leaf.rows) // count
            found = found or [[] for _ in range(count)]
            for number, repetition in enumerate(found):
                repetition.extend(leaf.rows[number * length : (number + 1) * length])
        return found

    def _leaves_with_times(self, times: int) -> Iterator[tuple[Part, int]]:
        """Yield the boxes inside, with the times that each is repeated in one repetition of the whole."""
        if self.box is not None:
            yield self, times
        for child in self.children:
            yield from child._leaves_with_times(times * child.times)

    def all_rows(self) -> list[Row]:
        """Return the layers inside, with all repetitions."""
        return [row for leaf in self.leaves() for row in leaf.rows]

    @property
    def width(self) -> int:
        """The number of boxes, with all repetitions."""
        return self.last - self.first + 1


class Tree:
    """All boxes, the root of their blocks, and for a box that was folded away the one that is drawn in its place."""

    def __init__(self, boxes: Sequence[Box]) -> None:
        self.boxes = boxes
        self.readers: list[list[int]] = [[] for _ in boxes]
        for number, box in enumerate(boxes):
            for source in box.inputs:
                self.readers[source].append(number)
        self.last_reader = [max(readers, default=number) for number, readers in enumerate(self.readers)]
        self._shown = list(range(len(boxes)))
        self._signs: dict[object, int] = {}
        self.root = _blocks(boxes)
        self._sign(self.root)

    def shown(self, number: int) -> int:
        """Return the box that is drawn for a box."""
        while self._shown[number] != number:
            self._shown[number] = self._shown[self._shown[number]]
            number = self._shown[number]
        return number

    def readers_outside(self, part: Part) -> list[int]:
        """Return the boxes outside a part that read a value from inside."""
        return [
            reader for number in range(part.first, part.last + 1)
            if self.last_reader[number] > part.last for reader in self.readers[number] if reader > part.last
        ]  # fmt: skip

    def is_branch(self, part: Part) -> bool:
        """Return whether a block is one of several branches: everything that reads it is a merge."""
        readers = self.readers_outside(part)
        return bool(readers) and all(len(self.boxes[reader].inputs) > 1 for reader in readers)

    def fold(self, part: Part | None = None, single: bool = False) -> None:
        """Fold equal neighbouring blocks, inner ones first, and runs of equal boxes if `single`."""
        part = self.root if part is None else part
        for child in part.children:
            if child.children and not child.collapsed:
                self.fold(child, single)
        if part.width > SHORT_BRANCH or not self.is_branch(part):
            while self._fold_children(part, single):
                pass
        self._sign_one(part)

    def _sign(self, part: Part) -> None:
        for child in part.children:
            self._sign(child)
        self._sign_one(part)

    def _sign_one(self, part: Part) -> None:
        key: tuple[object, ...]
        if part.box is not None:
            part.sources = tuple(part.box.inputs)
            key = ("box", part.times, part.box.output[:-1], *part.box.texts())
        else:
            sources: dict[int, int] = {}
            inside: list[object] = []
            for child in part.children:
                inside.append(child.sign)
                for source in child.sources:
                    own = source >= part.first
                    inside.append(source - part.first if own else -1 - sources.setdefault(source, len(sources)))
            part.sources = tuple(sources)
            key = ("block", part.times, *inside)
        part.sign = self._signs.setdefault(key, len(self._signs))

    def _fold_children(self, part: Part, single: bool) -> bool:
        """Fold runs of equal children once, and return whether there were any."""
        children = part.children
        folded: list[Part] = []
        place = 0
        while place < len(children):
            length, times = self._run(children, place, single)
            alike = self._branches(children, place) if times == 1 else 1
            if alike >= LEAST_BRANCHES:
                folded.append(self._stack(part, children[place : place + alike], 1, alike))
                folded[-1].parallel = True
                length, times = alike, 1
            elif times > 1:
                folded.append(self._stack(part, children[place : place + length * times], length, times))
            else:
                folded.append(children[place])
            place += length * times
        changed = len(folded) < len(children)
        part.children = folded
        return changed

    def _run(self, parts: Sequence[Part], start: int, single: bool) -> tuple[int, int]:
        """Return the length and number of repetitions of the run of equal units that starts at a place; (1, 1) if none does."""
        for length in range(1, min(LONGEST_UNIT, (len(parts) - start) // 2) + 1):
            if length == 1 and parts[start].box is not None and not single:
                continue
            if parts[start].sign != parts[start + length].sign:
                continue
            shift = parts[start + length].first - parts[start].first
            same = 0
            while start + length + same < len(parts) and self._equal(
                parts[start + same], parts[start + same + length], shift, parts[start].first
            ):
                same += 1
            times = same // length + 1
            if times > 1 and self._closed(parts[start : start + length * times], length):
                return length, times
        return 1, 1

    def _branches(self, parts: Sequence[Part], start: int) -> int:
        """Return how many equal blocks start at a place that read the same values and are read by the same merge only."""
        first = parts[start]
        if first.box is not None or first.times > 1:
            return 1
        readers = self.readers_outside(first)
        count = 1
        while start + count < len(parts):
            part = parts[start + count]
            same = part.sign == first.sign and part.sources == first.sources
            if not same or len(readers) != 1 or self.readers_outside(part) != readers:
                break
            count += 1
        return count

    def _equal(self, one: Part, other: Part, shift: int, start: int) -> bool:
        """Return whether two parts look the same and read the same values, or values `shift` boxes apart."""
        return (
            one.sign == other.sign
            and other.first - one.first == shift
            and len(one.sources) == len(other.sources)
            and all(b - a == shift or (a == b and a < start) for a, b in zip(one.sources, other.sources, strict=True))
        )

    def _closed(self, run: Sequence[Part], length: int) -> bool:
        """Return whether no value of a run is read outside, except one of its last repetition."""
        first, last, unit = run[0].first, run[-1].last, run[-length].first
        leaving = 0
        for number in range(first, last + 1):
            if self.last_reader[number] > last:
                if number < unit:
                    return False
                leaving += 1
        return leaving <= 1

    def _stack(self, parent: Part, run: list[Part], length: int, times: int) -> Part:
        unit = run[:length]
        for number, part in enumerate(run[length:]):
            self._absorb(unit[number % length], part)
        if length == 1 and unit[0].times == 1:
            stack = unit[0]
        else:
            stack = Part(parent.path, run[0].first)
            stack.key = ""
            stack.children = unit
            stack.last = unit[-1].last
        stack.times = times
        stack.last = run[-1].last
        self._sign_one(stack)
        return stack

    def _absorb(self, kept: Part, other: Part) -> None:
        """Let a part stand for an equal one, too."""
        for one, two in zip(kept.leaves(), other.leaves(), strict=True):
            one.rows += two.rows
            assert one.outputs is not None
            assert two.outputs is not None
            one.outputs = (one.outputs[0], two.outputs[1])
            for number in range(two.first, two.last + 1):
                if self._shown[number] == number:
                    self._shown[number] = one.first
            self._shown[two.first] = one.first


def _blocks(boxes: Sequence[Box]) -> Part:
    """Return the tree of blocks, which are runs of boxes whose paths begin alike. A block of one box is that box."""
    root = Part((), 0)
    open_blocks = [root]

    def close() -> None:
        block = open_blocks.pop()
        parent = open_blocks[-1]
        block.last = block.children[-1].last
        if len(block.children) == 1:
            only = block.children[0]
            only.key = only.key if only.children else block.key
            parent.children[-1] = only

    for number, box in enumerate(boxes):
        path = box.path
        level = 0
        while level < len(path) and level + 1 < len(open_blocks) and open_blocks[level + 1].key == path[level]:
            level += 1
        while len(open_blocks) > level + 1:
            close()
        for depth in range(level, len(path)):
            block = Part(path[: depth + 1], number)
            open_blocks[-1].children.append(block)
            open_blocks.append(block)
        open_blocks[-1].children.append(Part(path, number, box))
    while len(open_blocks) > 1:
        close()
    root.last = len(boxes) - 1
    return root
