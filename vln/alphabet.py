"""An alphabet: the characters that an agent reads and writes, and their numbers."""

from collections import Counter
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

BEYOND = "\N{REPLACEMENT CHARACTER}"  # stands for every character that is too rare to be known


class Alphabet:
    """Characters and their numbers. rarer: the number of the one that stands for all that are not known, or None."""

    def __init__(self, characters: Sequence[str]) -> None:
        self.characters = tuple(characters)
        self.numbers = {character: number for number, character in enumerate(self.characters)}
        self.rarer = self.numbers.get(BEYOND)

    @classmethod
    def of(cls, text: str, min_count: int) -> "Alphabet":
        """The characters that occur at least so many times in a text, by number; and one for the others, if any."""
        counts = Counter(text)
        known = sorted(character for character, count in counts.items() if count >= min_count and character != BEYOND)
        return cls(known if len(known) == len(counts) else [*known, BEYOND])

    def encode(self, text: str) -> NDArray[np.int32]:
        """The numbers of a text's characters. Raises ValueError naming the first that is not known."""
        numbers = [self.numbers.get(character, self.rarer) for character in text]
        if None in numbers:
            place = numbers.index(None)
            raise ValueError(f"character {text[place]!r} (number {place + 1} of the text) is not in the alphabet")
        return np.array(numbers, dtype=np.int32)

    def decode(self, numbers: Sequence[int]) -> str:
        """The text of these numbers."""
        return "".join(self.characters[number] for number in numbers)
