"""Network -> an architecture file."""
