"""Public values that are written to files. Each has a `save` method, and a method that returns every format as text."""
