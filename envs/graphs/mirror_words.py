"""Left and right exchanged in instructions about buildings."""

import re

_SWAPPED = {"left": "right", "right": "left"}
_SIDE = re.compile(r"\b(left|right)(?=(s|hand|most|side|wards?)?\b)", re.IGNORECASE)

# "Stop right before the stairs" has no other side; "turn right before the stairs" has.
_ADVERB = re.compile(
    r"\bright\b(?=\s+(before|after|in|inside|outside|by|next|beside|behind|past|when|where|as|there|here|away|under"
    r"|near|above|below|across|up|at)\b)",
    re.IGNORECASE,
)
_TURNING = re.compile(
    r"\b(turn|turning|turned|take|taking|make|a|an|the|your|go|going|bear|veer|head|to|slight|slightly|hard|sharp"
    r"|immediate|immediately|first|second|third|next|keep|far|on|and|then|walk|is|swing|curve|pivot|face|quick|slow"
    r"|straight|or|step)\W+$",
    re.IGNORECASE,
)

# Words of a side that this table can't exchange.
_STUCK = re.compile(r"\bright angle|clockwise|\bo\W*clock|\b[lu][- ]shaped", re.IGNORECASE)


def exchange_sides(text: str) -> str | None:
    """The text with left and right exchanged; None where it has words whose side can't be.

    The adverb ("right before the door") stays. Whether a word is one is told by its neighbours, which may err.
    """
    if _STUCK.search(text):
        return None

    def exchange(found: re.Match[str]) -> str:
        word = found.group()
        adverb = _ADVERB.match(text, found.start()) and not _TURNING.search(text[: found.start()])
        swapped = word if adverb else _SWAPPED.get(word.lower(), word)  # IGNORECASE takes a dotless i for an i
        return swapped.capitalize() if word[0].isupper() else swapped

    return _SIDE.sub(exchange, text)
