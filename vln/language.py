"""Words: from text to fixed-length arrays of token ids, and back."""

import re
import sys
import unicodedata
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache, cached_property, lru_cache
from itertools import groupby

import numpy as np
from numpy.typing import NDArray

PADDING, UNKNOWN = 0, 1
_SPECIAL = ("<pad>", "<unknown>")
FIRST_WORD = len(_SPECIAL)  # the id of the first known word
COMMONEST = 5  # of the unknown words that `unknown_summary` names

_ASCII = re.compile(r"[a-z]+(?:'[a-z]+)?|[0-9]+|[^\sa-z0-9]")
_APOSTROPHES = dict.fromkeys(map(ord, "\u2018\u2019\u02bc\uff07"), "'")
_JOINERS = "\u200c\u200d"  # of letters of one word, and of parts of one sign
_MIDDLES = "'\u00b7\u05f3\u05f4"  # within a word as in don't, the Catalan col·legi, Hebrew abbreviations


def split_words(text: str) -> list[str]:
    """Lower-case words, numbers and single punctuation marks of a text, in order.

    A word is a run of letters of any script, with their accents and vowel signs, and with one apostrophe in it; so a
    text without spaces (Chinese, Japanese, Thai) is one word from mark to mark. Composed and decomposed letters are the
    same, and so are typographic and plain apostrophes; a dotted capital I becomes a plain i, and ß stays.
    """
    if text.isascii():
        return _ASCII.findall(text.lower())
    return [word for part in text.split() for word in _split_part(part)]


@lru_cache(maxsize=100_000)  # the same parts come again and again
def _split_part(text: str) -> list[str]:
    """The words of what stands between two spaces."""
    text = unicodedata.normalize("NFC", text).translate(_replaced()).lower().replace("i\u0307", "i")
    return _any_script().findall(unicodedata.normalize("NFC", text))


@cache
def _any_script() -> re.Pattern[str]:
    """_ASCII for all of Unicode: letters where it says a-z, decimal digits for 0-9, and marks that stay with theirs."""
    letter, mark, digit = _class("L", "Nl"), _class("M") + _JOINERS, _class("Nd")
    word = f"[{letter}][{letter}{mark}]*"
    return re.compile(f"{word}(?:[{_MIDDLES}]{word})?|[{digit}]+|[^\\s{letter}{digit}][{mark}]*")


@cache
def _replaced() -> dict[int, str | None]:
    """Replacements of apostrophes and invisible signs: marks of direction and hyphenation go, and a space without width
    becomes a space."""
    unseen = (place for first, last in _runs()["Cf"] for place in range(first, last + 1) if chr(place) not in _JOINERS)
    return dict.fromkeys(unseen) | _APOSTROPHES | {0x200B: " "}


def _class(*kinds: str) -> str:
    """The characters whose category begins so, as ranges in a class of a regular expression."""
    runs = (run for kind, those in _runs().items() if kind.startswith(kinds) for run in those)
    return "".join(f"{chr(first)}-{chr(last)}" for first, last in runs)


@cache
def _runs() -> dict[str, list[tuple[int, int]]]:
    """The first and the last of neighbouring characters of each category of Unicode."""
    runs: dict[str, list[tuple[int, int]]] = {}
    for kind, run in groupby(range(sys.maxunicode + 1), lambda place: unicodedata.category(chr(place))):
        first, *others = run
        runs.setdefault(kind, []).append((first, others[-1] if others else first))
    return runs


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

    def unknown_summary(self, texts: Sequence[str]) -> str:
        """One line for people: how many of the words of these texts are unknown, and which of them are commonest."""
        unknown, total = self.unknown(texts), sum(len(split_words(text)) for text in texts)
        if not unknown:
            return f"all of the {total:,} words are known"
        many = f"{unknown.total():,} of the {total:,} words ({unknown.total() / total:.1%}) are unknown"
        first = ", ".join(f"{word} ({count:,})" for word, count in unknown.most_common(COMMONEST))
        return f"{many}, {len(unknown):,} different ones; the commonest: {first}"

    @classmethod
    def of(cls, texts: Iterable[str], at_least: int = 1) -> "Vocabulary":
        """The words that occur in these texts `at_least` times, most frequent first, then by alphabet."""
        counts = Counter(word for text in texts for word in split_words(text))
        frequent = [word for word, count in counts.items() if count >= at_least]
        return cls(tuple(sorted(frequent, key=lambda word: (-counts[word], word))))
