"""Pretrained word vectors from a file."""

import gzip
import unicodedata
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from vln.agent import Agent
from vln.language import Vocabulary


def read_word_vectors(file: Path, vocabulary: Vocabulary) -> dict[int, NDArray[np.float32]]:
    """The vectors of a vocabulary's words, by token id, from a text file: a word and its numbers a line.

    The file may be gzipped. So GloVe (Pennington et al. 2014) and word2vec are published; the latter's first line, of
    two numbers, is left out. Of a word that is there twice the first line counts. Raises ValueError with file, line and
    reason.
    """
    found: dict[int, NDArray[np.float32]] = {}
    size = 0
    try:
        with file.open("rb") as raw:
            packed = raw.read(2) == b"\x1f\x8b"
        with gzip.open(file, "rt", encoding="utf-8-sig") if packed else file.open(encoding="utf-8-sig") as lines:
            for number, line in enumerate(lines, start=1):
                word, *numbers = line.rstrip().split(" ")
                if number == 1 and len(numbers) == 1:
                    continue
                size = size or len(numbers)
                if len(numbers) != size or not size:
                    raise ValueError(f"{file}, line {number}: {len(numbers)} numbers, where others have {size}")
                token = vocabulary.ids.get(unicodedata.normalize("NFC", word))
                if token is not None and token not in found:
                    vector = np.array([float(value) for value in numbers], dtype=np.float32)
                    if not np.isfinite(vector).all():
                        raise ValueError(f"{file}, line {number}: the vector of {word!r} is not finite")
                    found[token] = vector
    except (OSError, EOFError, UnicodeDecodeError) as error:
        raise ValueError(f"{file} can't be read: {error}") from None
    if not found:
        raise ValueError(f"{file} has no vector of any of the {len(vocabulary.words)} words")
    return found


@torch.no_grad()
def init_embeddings(agent: Agent, vectors: dict[int, NDArray[np.float32]]) -> None:
    """Let an agent begin with these vectors of words, by token id. Raises ValueError when they are of another size."""
    weights = dict(agent.named_parameters())
    for name in agent.word_rows:
        if name not in weights:
            continue  # it is deaf
        rows, lent = list(vectors), np.stack(list(vectors.values()))
        if lent.shape[1] != weights[name].shape[1]:
            raise ValueError(
                f"vectors of {lent.shape[1]} numbers are no use to an agent whose words are of "
                f"{weights[name].shape[1]}: give --word-dim {lent.shape[1]}"
            )
        weights[name][rows] = torch.from_numpy(lent).to(weights[name])
