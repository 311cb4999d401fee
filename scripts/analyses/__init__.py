"""What analyse.py can look into: one module each, with its options, which say how to look."""
