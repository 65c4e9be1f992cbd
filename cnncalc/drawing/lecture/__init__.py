"""Pictures for a lecture: what one layer does (`layer.py`), and what one cell of it sees of the input (`field.py`)."""
