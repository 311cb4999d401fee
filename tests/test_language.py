"""Words: what is encoded can be read again, and what can't be is counted or refused."""

from collections import Counter

import numpy as np
import pytest

from vln.language import PADDING, UNKNOWN, Vocabulary, split_words

TEXT = "Go to the chair's left, then stop."


def test_a_text_is_split_into_words_numbers_and_marks() -> None:
    assert split_words("Don't  GO 2 blocks, stop!") == ["don't", "go", "2", "blocks", ",", "stop", "!"]
    assert split_words(" \n") == []


def test_what_is_encoded_can_be_read_again() -> None:
    vocabulary = Vocabulary.of([TEXT])
    tokens = vocabulary.encode(TEXT, 12)
    assert vocabulary.decode(tokens) == split_words(TEXT)
    assert tokens.shape == (12,)
    assert (tokens[9:] == PADDING).all()
    assert (tokens[:9] > UNKNOWN).all()
    assert tokens.max() < len(vocabulary)


def test_unknown_words_become_one_token_and_are_counted() -> None:
    vocabulary = Vocabulary(("go", "to", "the"))
    assert vocabulary.decode(vocabulary.encode("go to the moon", 5)) == ["go", "to", "the", "<unknown>"]
    assert vocabulary.unknown(["go to the moon", "moon, go"]) == Counter({"moon": 2, ",": 1})


def test_a_text_that_is_too_long_is_refused_not_cut() -> None:
    vocabulary = Vocabulary(("go",))
    assert len(vocabulary.encode("go go", 2)) == 2
    with pytest.raises(ValueError, match=r"3 words do not fit in 2: 'go go go'"):
        vocabulary.encode("go go go", 2)


def test_a_word_is_named_once() -> None:
    with pytest.raises(ValueError, match=r"twice: \['go'\]"):
        Vocabulary(("go", "to", "go"))


def test_words_are_in_the_order_of_their_frequency_then_of_the_alphabet() -> None:
    texts = ["b c", "b a", "d"]
    assert Vocabulary.of(texts).words == ("b", "a", "c", "d")
    assert Vocabulary.of(reversed(texts)).words == ("b", "a", "c", "d")
    assert Vocabulary.of(texts, at_least=2).words == ("b",)


def test_a_text_without_words_is_all_padding() -> None:
    assert np.array_equal(Vocabulary(("go",)).encode("", 3), [PADDING] * 3)
