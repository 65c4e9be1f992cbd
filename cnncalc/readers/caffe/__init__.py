"""Reader for Caffe's `.prototxt` files.

`prototxt` parses the text format of protocol buffers, and `definition` turns the files of all versions of Caffe into one
list of layers. `blobs` holds what all layers share. The families `windows`, `views`, `elementwise`, `layers`, `detection` and
`recurrent` have one function for each type of layer, and `reader` has the table from types to functions. To add a type,
write its function and add a row.
"""
