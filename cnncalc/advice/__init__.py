"""What to change in a network so that it stays within limits, with exact figures for every change.

* `state` is a network and how it runs, and measures both.
* `rebuild` replaces layers of a network and propagates the shapes again; `wiring` has the readers of each value.
* `rewrite` is the contract of a change. `layers` replaces single layers, `network` changes several at once, and `running`
  changes how the network runs. `catalogue` lists all of them.
* `advise` applies every change, keeps those that help, and combines them until the limits hold. `edits` shows them as lines
  of a file, and `specification` writes the changed network.

To add a rewrite, write one class in one file of `layers`, `network` or `running`, and add it to `catalogue`. Nothing here
prints.
"""
