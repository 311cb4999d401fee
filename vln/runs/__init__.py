"""Runs: trained agents with everything needed to open, evaluate and ask them."""
