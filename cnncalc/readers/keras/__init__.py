"""Reader for Keras models: `.keras` archives and the JSON of `to_json()`.

`file` finds the configuration in a file, `legacy` updates old ones, and `graph` follows the calls between layers. `call`
holds one call of a layer; the other files turn calls into nodes, one file for each family of layers. To add a layer, write
a function from a Call to the values it returns, and add the class to HANDLERS in `layers` or in the file of its family.
"""
