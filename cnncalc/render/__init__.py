"""Results as text. A renderer imports no reader and does not print: it returns lines or a string."""
