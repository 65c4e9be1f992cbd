"""The YAML reader: from the text of a specification, or of the one-line form, to a Network.

Its stages, each of which imports only earlier ones:

1. `tree` parses YAML into a tree with positions; `oneline` makes the same tree from the one-line form.
2. `values`, `expression` and `arithmetic` turn scalars into constants and expressions.
3. `steps` and `branches` are the compiled steps; `expansion` is the state while they expand into layers.
4. `context`, `attributes`, `inputs`, `definitions` and `compiler` compile the tree and collect every problem of the file.
5. `reader` puts the stages together. `changes` and `readings` (notes) are loaded if they are needed.

`vocabulary` holds the words that several stages share, and `suggestions` the help for misspelled or foreign words.

To add an attribute of steps: name it in `vocabulary.ATTRIBUTES`, read it in `attributes.attach`, apply it in
`steps.Step.expand`, and describe it in `schema` and docs/format.md.
"""
