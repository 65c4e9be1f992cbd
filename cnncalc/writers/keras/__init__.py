"""Writer for Keras 3 source.

`layers` has one function for each layer kind, registered by `@kind(...)`, which returns the code that makes and calls it.
`writer` joins them into functions. To add a kind, write such a function, or a helper class in HELPERS if Keras has no layer.
"""
