"""What pytest leaves alone here."""

collect_ignore = ["nets.py"]  # the script that wrote the archives: it imports PyTorch, and the archives state its lines
