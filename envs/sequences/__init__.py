"""Sequences: something is given at every step, and something is to be answered."""
