"""Results -> text. A renderer knows no reader and prints nothing: it returns lines, a string or a renderable."""
