"""Rows and columns: every cell gets a row by its longest path from the input, and every branch a column.

The longest path of all is the trunk, in column 0. What a merge lists before its longest branch goes to the left of it, and
what it lists after it to the right. A column is reserved from the first cell of a branch to the row of its merge, so that the
end of the branch can go straight down.
"""

from __future__ import annotations

from collections.abc import Sequence

from cnncalc.drawing.graph.cells import Cell


class Chain:
    """Cells in one column, each the main input of the next. `end` is the last row that is reserved for it."""

    __slots__ = ("cells", "column", "end", "left", "merge", "start")

    def __init__(self, cells: list[int]) -> None:
        self.cells = cells
        self.start = self.end = 0
        self.column = 0
        self.merge = -1  # the cell that reads its end
        self.left = False


class Grid:
    """The rows and columns of cells."""

    def __init__(self, cells: Sequence[Cell]) -> None:
        self.cells = cells
        self.readers: list[list[int]] = [[] for _ in cells]
        for number, cell in enumerate(cells):
            for source in cell.inputs:
                self.readers[source].append(number)
        late = self._set_rows()
        self.rows = max((cell.row for cell in cells), default=-1) + 1
        self.main = [
            max(cell.inputs, key=lambda source: (cells[source].row, not late[source]), default=-1) for cell in cells
        ]  # fmt: skip
        self.chain_of: list[Chain] = []
        self.chains = self._chains()
        self._set_columns()
        self.first_column = min((chain.column for chain in self.chains), default=0)
        self.last_column = max((chain.column for chain in self.chains), default=0)

    def linked(self, source: int, target: int) -> bool:
        """Return whether one cell follows another in its column."""
        return self.main[target] == source and self.chain_of[source] is self.chain_of[target]

    def free(self, row: int, low: int, high: int) -> bool:
        """Return whether no branch has reserved one of the columns from `low` to `high` in a row."""
        return not any(low <= column <= high for column in self._taken[row])

    def taken(self, row: int) -> set[int]:
        """Return the columns that are reserved in a row."""
        return self._taken[row]

    def _set_rows(self) -> list[bool]:
        """Set the rows, and return which cells follow only from inputs that are not the first."""
        cells = self.cells
        for cell in cells:
            cell.row = max((cells[source].row + 1 for source in cell.inputs), default=0)
        late = [bool(number) and not cell.inputs for number, cell in enumerate(cells)]
        for number, cell in enumerate(cells):
            late[number] |= bool(cell.inputs) and all(late[source] for source in cell.inputs)
        for number in range(
            len(cells) - 1, -1, -1
        ):  # an input and what only follows from it go next to their first use
            if self.readers[number] and (late[number] or not cells[number].inputs):
                cells[number].row = max(min(cells[reader].row for reader in self.readers[number]) - 1, 0)
        return late

    def _chains(self) -> list[Chain]:
        """Split the cells into chains, the trunk first, each from its end back along the longest path."""
        cells = self.cells
        chain_of: list[Chain | None] = [None] * len(cells)
        chains: list[Chain] = []
        deepest = max(range(len(cells)), key=lambda number: (cells[number].row, number), default=-1)
        for number in [deepest, *range(len(cells) - 1, -1, -1)] if cells else []:
            place = number
            found: list[int] = []
            while (
                place >= 0 and chain_of[place] is None and (not found or cells[found[-1]].row == cells[place].row + 1)
            ):
                found.append(place)
                place = self.main[place]
            if found:
                chain = Chain(found[::-1])
                for inner in found:
                    chain_of[inner] = chain
                chains.append(chain)
        self.chain_of = [chain for chain in chain_of if chain is not None]
        for chain in chains:
            last = chain.cells[-1]
            readers = self.readers[last]
            chain.start = cells[chain.cells[0]].row
            chain.end = cells[last].row + (1 if readers else 0)  # no other branch starts right below its edges
            if len(readers) == 1:
                chain.merge = readers[0]
                chain.end = cells[chain.merge].row
                inputs = cells[chain.merge].inputs
                chain.left = inputs.index(last) < inputs.index(self.main[chain.merge])
        return chains

    def _set_columns(self) -> None:
        """Give every chain the nearest free column on its side, short chains first."""
        trunk = self.chains[:1]
        taken: dict[int, list[tuple[int, int]]] = {0: [(chain.start, chain.end) for chain in trunk]}
        rest = sorted(
            self.chains[1:],
            key=lambda chain: (chain.end - chain.start, -chain.cells[0] if chain.left else chain.cells[0]),
        )
        for chain in rest:
            step = -1 if chain.left else 1
            column = step
            while any(start <= chain.end and chain.start <= end for start, end in taken.get(column, ())):
                column += step
            taken.setdefault(column, []).append((chain.start, chain.end))
            chain.column = column
        self._taken: list[set[int]] = [set() for _ in range(self.rows)]
        for chain in self.chains:
            for number in chain.cells:
                self.cells[number].column = chain.column
            for row in range(chain.start, chain.end + 1):
                self._taken[row].add(chain.column)
