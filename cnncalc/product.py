"""Integers that remember the factors and terms they were calculated from."""

from __future__ import annotations


class Product(int):
    """An integer that keeps its named factors, so that the table and `explain` always show the same calculation.

    >>> weights = Product(("F", 3), ("F", 3), ("C", 64), ("K", 128))
    >>> weights + 0, weights.formula, weights.numbers
    (73728, 'F*F*C*K', '3*3*64*128')
    """

    factors: tuple[tuple[str, int], ...]

    def __new__(cls, *factors: tuple[str, int]) -> Product:
        result = 1
        for _, number in factors:
            result *= number
        self = int.__new__(cls, result)
        self.factors = factors
        return self

    @property
    def formula(self) -> str:
        """The product with names, such as `F*F*C*K`."""
        return "*".join(f"({name})" if "+" in name else name for name, _ in self.factors)

    @property
    def numbers(self) -> str:
        """The product with numbers, such as `3*3*64*128`."""
        return "*".join(str(number) for _, number in self.factors)


class Sum(int):
    """An integer that keeps the products it is the sum of, such as the multiply-adds of attention.

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
        """The sum with names."""
        return " + ".join(term.formula for term in self.terms)

    @property
    def numbers(self) -> str:
        """The sum with numbers."""
        return " + ".join(term.numbers for term in self.terms)


Number = Product | Sum
NOTHING = Product(("", 0))
