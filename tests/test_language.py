"""Words: what is encoded can be read again, and what can't be is counted or refused."""

import gzip
import hashlib
import json
import random
import string
import unicodedata
from collections import Counter

import numpy as np
import pytest
from helpers.data import data_folder

from vln.language import _ASCII, PADDING, UNKNOWN, Vocabulary, _any_script, split_words

TEXT = "Go to the chair's left, then stop."


def test_a_text_is_split_into_words_numbers_and_marks() -> None:
    assert split_words("Don't  GO 2 blocks, stop!") == ["don't", "go", "2", "blocks", ",", "stop", "!"]
    assert split_words(" \n") == []


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("Die grüne Tür, größer als STRASSE", "die grüne tür , größer als strasse"),
        ("Поверните у ёлки", "поверните у ёлки"),
        ("बाएँ मुड़ें और रुकें", "बाएँ मुड़ें और रुकें"),
        ("తలుపు దగ్గర ఆగండి", "తలుపు దగ్గర ఆగండి"),
        ("ΟΔΟΣ", "οδος"),
        ("İstanbul IŞIK", "istanbul işik"),  # which language a plain I is of, nobody says
        ("don’t, donʼt, don't", "don't , don't , don't"),
        ("‘Stop’", "' stop '"),
        ("l’été col·legi צה״ל", "l'été col·legi צה״ל"),
        ("向左转，停下。", "向左转 ， 停下 。"),
        ("เลี้ยวซ้าย แล้วหยุด", "เลี้ยวซ้าย แล้วหยุด"),
        ("١٢٣ ½ m²", "١٢٣ ½ m ²"),
        ("naïve_2x", "naïve _ 2 x"),
        ("\ufeffso\u00adft\u200bly \u200fgo", "soft ly go"),
        ("ok ❤️!", "ok ❤️ !"),
    ],
)
def test_a_word_is_a_run_of_letters_of_any_script_composed_or_not(text: str, words: str) -> None:
    for form in ("NFC", "NFD"):
        split = split_words(unicodedata.normalize(form, text))
        assert split == [unicodedata.normalize("NFC", word) for word in words.split(" ")]


def test_letters_of_one_word_may_be_kept_apart_in_writing() -> None:
    assert split_words("می\u200cخواهم بروم") == ["می\u200cخواهم", "بروم"]


def test_the_rule_for_every_script_splits_plain_text_as_the_one_for_plain_text() -> None:
    rng = random.Random(0)
    for _ in range(2000):
        text = "".join(rng.choice(string.printable + 3 * "' abc") for _ in range(40)).lower()
        assert _any_script().findall(text) == _ASCII.findall(text)
        assert split_words(text + " é") == [*split_words(text), "é"]


def test_the_texts_that_results_are_recorded_on_are_split_as_they_were() -> None:
    """R2R's and SAIL's, none of which has a letter beyond a to z."""
    files = {data_folder("r2r") / f"R2R_{split}.json.gz" for split in ("train", "val_seen", "val_unseen", "test")}
    files |= {data_folder("sail") / f"{kind}.json.gz" for kind in ("paragraph", "single_sentence")}
    digest = hashlib.sha256()
    for file in sorted(files):
        for record in json.loads(gzip.decompress(file.read_bytes())):
            for text in record.get("instructions") or [record["text"]]:
                digest.update("\0".join([*split_words(text), "\n"]).encode())
    assert digest.hexdigest() == "7a8b493a26b55ae696ad1f19b03b128fa43e1a580179c223aad997475c1c9baa"


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


def test_how_many_words_are_unknown_is_told_in_a_line() -> None:
    vocabulary = Vocabulary(("go", "to", "the"))
    said = vocabulary.unknown_summary(["go to the moon", "moon, go"])
    assert said == "3 of the 7 words (42.9%) are unknown, 2 different ones; the commonest: moon (2), , (1)"
    assert vocabulary.unknown_summary(["go", "to"]) == "all of the 2 words are known"


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
