"""cnncalc: shapes, parameters, multiply-adds and memory of neural networks, from a specification alone."""

__version__ = "0.1.0"
