"""Runs: what was trained, with all that is needed to open it, tell of it and ask it."""
