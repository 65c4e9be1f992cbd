"""Network -> files of other formats."""
