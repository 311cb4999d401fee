"""Word vectors: read from the files that others publish, lent to an agent, and refused where they don't fit."""

import gzip
from pathlib import Path

import numpy as np
import pytest
import torch
from helpers.tiny import SMALL, Kind, tiny_agent

from vln.language import FIRST_WORD, Vocabulary
from vln.learning.word_vectors import init_embeddings, read_word_vectors

WORDS = Vocabulary(("door", "left", "stop"))
TEXT = "door 1 2 3\nnever 4 5 6\nstop 7 8 9.5\nstop 0 0 0\n"


@pytest.mark.parametrize("kind", ["plain", "gzip", "word2vec"])
def test_vectors_of_known_words_are_read(kind: str, tmp_path: Path) -> None:
    file = tmp_path / "vectors"
    text = f"3 3\n{TEXT}" if kind == "word2vec" else TEXT
    file.write_bytes(gzip.compress(text.encode()) if kind == "gzip" else text.encode())
    found = read_word_vectors(file, WORDS)
    assert {WORDS.words[token - FIRST_WORD]: vector.tolist() for token, vector in found.items()} == {
        "door": [1, 2, 3],
        "stop": [7, 8, 9.5],
    }


def test_words_of_any_script_and_a_byte_order_mark_are_read(tmp_path: Path) -> None:
    (tmp_path / "vectors").write_bytes("\ufeffdoor 1 2\nTu\u0308r 2 3\n".encode())
    found = read_word_vectors(tmp_path / "vectors", Vocabulary(("door", "T\u00fcr")))
    assert {token: vector.tolist() for token, vector in found.items()} == {FIRST_WORD: [1, 2], FIRST_WORD + 1: [2, 3]}


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("door 1 2\nleft 1 2 3\n", "line 2: 3 numbers, where others have 2"),
        ("door 1 nan\n", "line 1: the vector of 'door' is not finite"),
        ("never 1 2\n", "no vector of any of the 3 words"),
        ("", "no vector of any"),
    ],
)
def test_what_is_wrong_with_a_file_is_named(text: str, complaint: str, tmp_path: Path) -> None:
    (tmp_path / "vectors").write_text(text)
    with pytest.raises(ValueError, match=complaint):
        read_word_vectors(tmp_path / "vectors", WORDS)


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"nowhere can't be read"):
        read_word_vectors(tmp_path / "nowhere", WORDS)


def test_an_agent_begins_with_the_vectors_it_is_lent_and_keeps_its_other_words() -> None:
    agent, before = tiny_agent(), tiny_agent()
    init_embeddings(agent, {3: np.arange(SMALL.word_dim, dtype=np.float32)})
    rows, unlent = (one.readers["instruction"].embed.weight for one in (agent, before))
    assert rows[3].tolist() == list(range(SMALL.word_dim))
    assert torch.equal(rows[4:], unlent[4:])
    assert torch.equal(rows[:3], unlent[:3])


def test_vectors_of_another_size_are_refused_and_a_deaf_agent_needs_none() -> None:
    vectors = {3: np.zeros(5, dtype=np.float32)}
    with pytest.raises(ValueError, match="--word-dim 5"):
        init_embeddings(tiny_agent(), vectors)
    init_embeddings(tiny_agent(Kind(senses=("view",))), vectors)
