"""Names of panoramic actions, for people."""

import numpy as np

STRAIGHT, STEEP = 10, np.radians(10)  # people are told no angle of what is nearer to ahead or behind, nor a lower slope


def sign_of(side: float, up: float, metres: float) -> str:
    """Where a neighbour lies, in words, as from radians to the right and up."""
    turn = round(np.degrees(np.arctan2(np.sin(side), np.cos(side))))
    towards = f"{abs(turn)}° {'left' if turn < 0 else 'right'}"
    if abs(turn) <= STRAIGHT:
        towards = "ahead"
    elif abs(turn) >= 180 - STRAIGHT:
        towards = "behind"
    slope = "" if abs(up) < STEEP else " up" if up > 0 else " down"
    return f"{towards}{slope}, {metres:.1f}\u00a0m"
