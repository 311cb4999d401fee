"""Protocols of the literature on SAIL: maps for training, validation and test.

They train on two maps and test on the third, and differ in what the best model is chosen on. Results of different
protocols are not comparable. An accuracy over the maps is a mean weighted by the number of records tested.
"""

from collections.abc import Callable
from dataclasses import dataclass

from .records import Corpus, Paragraph, Sentence


@dataclass(frozen=True, eq=False)
class Fold:
    """One division of the corpus.

    name: unique in its protocol: the map tested on, and for half-map which half of it.
    train, choose, test: single sentences. Models are chosen on `choose`.
    choose_paragraphs, test_paragraphs: whole paragraphs; vDev has none to choose on, because the sentences of a
        paragraph lie on both sides there.
    """

    name: str
    train: tuple[Sentence, ...]
    choose: tuple[Sentence, ...]
    test: tuple[Sentence, ...]
    choose_paragraphs: tuple[Paragraph, ...]
    test_paragraphs: tuple[Paragraph, ...]


def v_dev(corpus: Corpus, test_map: str) -> list[Fold]:
    """Choose on the development sentences of the two training maps (Mei, Bansal & Walter, arXiv:1506.04089)."""
    others = _others(corpus, test_map)
    train, choose = (tuple(s for s in others if s.dev is dev) for dev in (False, True))
    paragraphs = _paragraphs(corpus, test_map)
    return [Fold(test_map, train, choose, _sentences(corpus, test_map), (), paragraphs)]


def v_test(corpus: Corpus, test_map: str) -> list[Fold]:
    """Choose on the test map itself: an upper bound, tuned on what it is judged by (Mei, Bansal & Walter)."""
    sentences, paragraphs = _sentences(corpus, test_map), _paragraphs(corpus, test_map)
    return [Fold(test_map, _others(corpus, test_map), sentences, sentences, paragraphs, paragraphs)]


def half_map(corpus: Corpus, test_map: str) -> list[Fold]:
    """Choose on one half of the test map, test on the other, and the other way round.

    The published halves are not known. Here every second paragraph of the file, with all its sentences, is a half.
    """
    paragraphs = _paragraphs(corpus, test_map)
    halves = paragraphs[::2], paragraphs[1::2]
    train = _others(corpus, test_map)
    return [
        Fold(f"{test_map}-{half}", train, corpus.sentences_of(chosen), corpus.sentences_of(tested), chosen, tested)
        for half, (chosen, tested) in enumerate((halves, halves[::-1]))
    ]


PROTOCOLS: dict[str, Callable[[Corpus, str], list[Fold]]] = {"vDev": v_dev, "vTest": v_test, "half-map": half_map}


def _sentences(corpus: Corpus, test_map: str) -> tuple[Sentence, ...]:
    _check_map(corpus, test_map)
    return tuple(sentence for sentence in corpus.sentences.values() if sentence.map == test_map)


def _others(corpus: Corpus, test_map: str) -> tuple[Sentence, ...]:
    _check_map(corpus, test_map)
    return tuple(sentence for sentence in corpus.sentences.values() if sentence.map != test_map)


def _paragraphs(corpus: Corpus, test_map: str) -> tuple[Paragraph, ...]:
    return tuple(paragraph for paragraph in corpus.paragraphs.values() if paragraph.map == test_map)


def _check_map(corpus: Corpus, test_map: str) -> None:
    if test_map not in corpus.mazes:
        raise ValueError(f"no map is called {test_map!r}; there are {', '.join(corpus.mazes)}")
