"""Search for the best network of a family: the values of parameters, inputs and fields that are best within limits.

* `ranges` reads what may change, such as `width=0.25..2`.
* `template` reads a specification once and expands it for many values; `family` gives the network for a choice of values.
* `replay` gives that network quickly if only inputs and fields change.
* `question` has the limits and the goal, and measures a network.
* `order` proves which figures grow with which value, so that `strategies` may skip whole ranges.
* `strategies` tries every choice, or divides ranges where the figures are proven to grow.
* `front` keeps the choices that no other choice beats in everything.
* `find` puts these together. Nothing here prints.
"""
