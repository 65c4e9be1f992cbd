"""Whole numbers that remember how they were made."""

from __future__ import annotations


class Product(int):
    """A whole number that keeps its named factors, so that a table, `explain` and a page cannot disagree.

    >>> weights = Product(("F", 3), ("F", 3), ("C", 64), ("K", 128))
    >>> weights + 0, weights.formula, weights.numbers
    (73728, 'F*F*C*K', '3*3*64*128')
    """

    factors: tuple[tuple[str, int], ...]

    def __new__(cls, *factors: tuple[str, int]) -> Product:
        whole = 1
        for _, number in factors:
            whole *= number
        self = int.__new__(cls, whole)
        self.factors = factors
        return self

    @property
    def formula(self) -> str:
        """The factors by name: `F*F*C*K`."""
        return "*".join(f"({name})" if "+" in name else name for name, _ in self.factors)

    @property
    def numbers(self) -> str:
        """The factors filled in: `3*3*64*128`."""
        return "*".join(str(number) for _, number in self.factors)


class Sum(int):
    """A whole number that keeps the products it was added from: the multiply-adds of attention, say.

    >>> Sum(Product(("T", 4), ("D", 8)), Product(("T", 4), ("T", 4))).numbers
    '4*8 + 4*4'
    """

    terms: tuple[Product, ...]

    def __new__(cls, *terms: Product) -> Sum:
        self = super().__new__(cls, sum(terms))
        self.terms = terms
        return self

    @property
    def formula(self) -> str:
        """The terms by name."""
        return " + ".join(term.formula for term in self.terms)

    @property
    def numbers(self) -> str:
        """The terms filled in."""
        return " + ".join(term.numbers for term in self.terms)


Count = Product | Sum
NOTHING = Product(("", 0))
