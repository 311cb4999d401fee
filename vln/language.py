"""Words: from text to fixed-length arrays of token ids, and back."""

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

PADDING, UNKNOWN = 0, 1
_SPECIAL = ("<pad>", "<unknown>")
FIRST_WORD = len(_SPECIAL)  # the id of the first known word
_WORD = re.compile(r"[a-z]+(?:'[a-z]+)?|[0-9]+|[^\sa-z0-9]")


def split_words(text: str) -> list[str]:
    """Lower-case words, numbers and single punctuation marks of a text, in order."""
    return _WORD.findall(text.lower())


@dataclass(frozen=True)
class Vocabulary:
    """The known words. Token ids: 0 pads, 1 stands for any unknown word, known words follow in order."""

    words: tuple[str, ...]

    def __post_init__(self) -> None:
        if len(set(self.words)) != len(self.words):
            twice = [word for word, count in Counter(self.words).items() if count > 1]
            raise ValueError(f"a vocabulary names each word once; twice: {twice[:5]}")

    def __len__(self) -> int:
        return len(self.words) + FIRST_WORD

    @cached_property
    def ids(self) -> dict[str, int]:
        return {word: index for index, word in enumerate(self.words, start=FIRST_WORD)}

    def encode(self, text: str, length: int) -> NDArray[np.int64]:
        """Token ids [length], padded with 0.

        Raises ValueError when the text has more words than fit: what is cut off could be what matters.
        """
        ids = self.encode_all(text)
        if len(ids) > length:
            raise ValueError(f"{len(ids)} words do not fit in {length}: {text!r}")
        tokens = np.full(length, PADDING, dtype=np.int64)
        tokens[: len(ids)] = ids
        return tokens

    def encode_all(self, text: str) -> list[int]:
        """The token id of every word of a text, however many there are."""
        return [self.ids.get(word, UNKNOWN) for word in split_words(text)]

    def decode(self, tokens: Sequence[int] | NDArray[np.int64]) -> list[str]:
        """The words of an array of ids, without the padding."""
        names = (*_SPECIAL, *self.words)
        return [names[int(token)] for token in tokens if int(token) != PADDING]

    def unknown(self, texts: Iterable[str]) -> Counter[str]:
        """The words of these texts that are not known, with how often each occurs."""
        return Counter(word for text in texts for word in split_words(text) if word not in self.ids)

    @classmethod
    def of(cls, texts: Iterable[str], at_least: int = 1) -> "Vocabulary":
        """The words that occur in these texts `at_least` times, most frequent first, then by alphabet."""
        counts = Counter(word for text in texts for word in split_words(text))
        kept = [word for word, count in counts.items() if count >= at_least]
        return cls(tuple(sorted(kept, key=lambda word: (-counts[word], word))))
