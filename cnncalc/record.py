"""A base class for small immutable records.

It is used instead of `NamedTuple` and dataclasses, because a handful of those slow down the start of the program by a tenth.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

if TYPE_CHECKING:
    from typing_extensions import dataclass_transform
else:

    def dataclass_transform(**_options: Any) -> Any:
        """Do nothing at run time. Only type checkers use this decorator."""
        return lambda cls: cls


@dataclass_transform(frozen_default=True)
class Record:
    """A record whose fields are the annotated names of the class, and whose class attributes are their defaults.

    Values are passed in order or by name.

    >>> class Point(Record):
    ...     x: int
    ...     y: int = 0
    >>> Point(3), Point(3) == Point(x=3, y=0)
    (Point(x=3, y=0), True)
    """

    if TYPE_CHECKING:
        _names: ClassVar[tuple[str, ...]]
    else:
        _names = ()

        def __init_subclass__(cls, **options):
            super().__init_subclass__(**options)
            cls._names = (*cls.__base__._names, *cls.__annotations__)
            cls._allowed = frozenset(cls._names)
            cls._required = frozenset(name for name in cls._names if not hasattr(cls, name))

        def __init__(self, *values, **named):
            names = self._names
            fields = self.__dict__
            for name, value in zip(names, values, strict=False):
                fields[name] = value
            if len(values) == len(names) and not named:
                return
            fields.update(named)
            if len(fields) != len(values) + len(named) or not fields.keys() <= self._allowed:
                raise TypeError(f"{type(self).__name__} takes {', '.join(names)}")
            if not fields.keys() >= self._required:
                missing = next(name for name in names if name in self._required and name not in fields)
                raise TypeError(f"{type(self).__name__} needs {missing}")

        def __setattr__(self, name, value):
            raise AttributeError(f"{type(self).__name__} is immutable")

    def __repr__(self) -> str:
        inside = ", ".join(f"{name}={getattr(self, name)!r}" for name in type(self)._names)
        return f"{type(self).__name__}({inside})"

    def __eq__(self, other: object) -> bool:
        return type(self) is type(other) and all(getattr(self, name) == getattr(other, name) for name in self._names)

    def __hash__(self) -> int:
        return hash(tuple(getattr(self, name) for name in type(self)._names))
