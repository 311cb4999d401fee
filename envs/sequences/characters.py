"""Character prediction: a language model's task, of any file or folder."""

import gzip
import sysconfig
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any, Final, Literal

import numpy as np
from numpy.typing import NDArray

from vln.alphabet import Alphabet
from vln.episode import Episode
from vln.language import Vocabulary
from vln.tasks import Baseline, Task

from .labels import Labels, text_labels
from .world import Labelled, SequenceEpisode, Sequences

Text = Literal["hello", "shakespeare", "python"]  # that have a name
HELLO: Final = "hello"
SHAKESPEARE: Final = "shakespeare"
PYTHON: Final = "python"
SHAKESPEARES_FILE = Path("text") / "tinyshakespeare.txt.gz"
KINDS = (".txt", ".txt.gz", ".py", ".md", ".rst", ".c", ".h", ".cpp", ".js", ".ts", ".java", ".rs", ".tex", ".html")
# What lies beside the library, tests of it, and modules that are no more than tables: one learns little from them.
NOT_OURS = {"site-packages", "dist-packages", "test", "tests", "idle_test", "lib2to3", "encodings", "pydoc_data"}


@dataclass(frozen=True)
class Texts:
    """What is foretold: the texts to learn from and those to be judged by."""

    train: str
    val: str


def read_texts(text: str, data: str | Path | None, val_fraction: float) -> Texts:
    """The texts of this name, file or folder, whose last part is held back to be judged by.

    text: `hello`; `shakespeare`, a file in the data folder; `python`, the source of Python's own standard library; or
    a file or folder. Of a folder whole files are held back, every n-th by name.

    Raises FileNotFoundError where there is none, and ValueError naming the file that is empty or no text.
    """
    if text == HELLO:
        return Texts(HELLO * 200, HELLO * 40)
    if text == PYTHON:
        return _of_files(sorted(_standard_library()), val_fraction)
    if text == SHAKESPEARE:
        if data is None:
            raise ValueError(f"{SHAKESPEARE} is read from {SHAKESPEARES_FILE} in a folder of data: --data DIR")
        text = str(Path(data) / SHAKESPEARES_FILE)
    place = Path(text)
    if place.is_dir():
        files = sorted(file for file in place.rglob("*") if file.is_file() and file.name.endswith(KINDS))
        if not files:
            raise FileNotFoundError(f"no file in {place} has a name that ends in {', '.join(KINDS)}")
        if len(files) > 1:
            return _of_files(files, val_fraction)
        place = files[0]
    whole = _read(place)
    cut = round(len(whole) * (1 - val_fraction))
    return Texts(whole[:cut], whole[cut:])


def _standard_library() -> Iterator[Path]:
    folder = Path(sysconfig.get_path("stdlib"))
    for file in folder.rglob("*.py"):
        if not NOT_OURS & set(file.relative_to(folder).parts):
            yield file


def _of_files(files: Sequence[Path], val_fraction: float) -> Texts:
    """Whole files are held back, evenly among all, so that what is judged was never seen. Each ends with its line."""
    texts = {file: _read(file) for file in files if file.stat().st_size}
    if len(texts) < 2:
        raise ValueError(f"of {len(files)} files {len(texts)} hold any text; to hold some back takes two at least")
    every = max(2, round(1 / val_fraction))
    kept = [number % every == every - 1 for number in range(len(texts))]
    kept[-1] = kept[-1] or not any(kept)
    parts: tuple[list[str], list[str]] = ([], [])
    for text, back in zip(texts.values(), kept, strict=True):
        parts[back].append(text if text.endswith("\n") else f"{text}\n")
    return Texts("".join(parts[0]), "".join(parts[1]))


def _read(file: Path) -> str:
    if not file.is_file():
        raise FileNotFoundError(f"there is no text at {file}")
    content = file.read_bytes()
    if file.suffix == ".gz":
        try:
            content = gzip.decompress(content)
        except (OSError, EOFError) as error:
            raise ValueError(f"{file} can't be unpacked: {error}") from None
    if not content:
        raise ValueError(f"{file} is empty")
    if b"\0" in content:
        raise ValueError(f"{file} is no text: there is a zero byte at {content.index(0)}")
    try:
        return content.decode("utf-8-sig").replace("\r\n", "\n")
    except UnicodeDecodeError as error:
        raise ValueError(f"{file} is no UTF-8 text: byte {error.start} can't be read") from None


@dataclass(frozen=True, eq=False)
class TextEpisodes(Labelled):
    """A text in stretches of one length: at every character, of these numbers, the next one is asked for."""

    split: str
    family: str
    text: str
    numbers: NDArray[np.int32]
    episode_length: int

    def __len__(self) -> int:
        return (len(self.numbers) - 1) // self.episode_length

    def write(self, number: int) -> Episode:
        first, name = number * self.episode_length, f"{self.split}/{number}"
        inputs, targets = (self.numbers[first + ahead : first + ahead + self.episode_length] for ahead in (0, 1))
        return Episode("", SequenceEpisode(f"{self.family}/{name}", inputs, targets), (), (), self.family, name)

    def labels(self, episode: NDArray[np.int64], step: NDArray[np.int32]) -> dict[str, NDArray[Any]]:
        place = episode * self.episode_length + step
        return {name: values[place] for name, values in self._labels.items()}

    @cached_property
    def _labels(self) -> Labels:
        return text_labels(self.text)


@dataclass(frozen=True, eq=False)
class Characters:
    """Where the episodes of a text come from, split by split; it is read when they are first asked for.

    text, data, val_fraction: as in read_texts. episode_length: in characters. min_count: how often a character must
    occur to be known. known: the characters that are known whatever occurs, or None.
    """

    text: str
    data: str | Path | None
    episode_length: int
    val_fraction: float
    min_count: int
    known: tuple[str, ...] | None = None

    def __call__(self, split: str) -> Sequence[Episode]:
        text = getattr(self.texts, split)
        try:
            numbers = self.alphabet.encode(text)
        except ValueError as error:
            raise ValueError(f"split {split} of {self.name}: {error}") from None
        if len(numbers) <= self.episode_length:
            few = f"{len(numbers)} characters, too few for an episode of {self.episode_length}"
            raise ValueError(f"split {split} of {self.name} has {few}")
        return TextEpisodes(split, self.name, text, numbers, self.episode_length)

    @property
    def name(self) -> str:
        return Path(self.text).name

    @cached_property
    def texts(self) -> Texts:
        return read_texts(self.text, self.data, self.val_fraction)

    @cached_property
    def alphabet(self) -> Alphabet:
        return Alphabet(self.known) if self.known else Alphabet.of(self.texts.train + self.texts.val, self.min_count)


def characters(
    text: Text | Path | str = HELLO,
    data: Path | str | None = None,
    episode_length: int | None = None,
    val_fraction: float = 0.1,
    min_count: int = 1,
) -> Task:
    """Foretell a text, character by character (see read_texts).

    text: Text, which is hello, shakespeare (in the data folder), python (the source of its standard library), or a file
    or folder.
    data: Folder of data sets; text/ is in it.
    episode_length: Length of an episode in characters, through which memory is carried over all unrolls; 1,000 unless
    given, or 20 for hello.
    val_fraction: Share of the text that is held out for validation.
    min_count: Number of occurrences of a character to be known; rarer ones share one symbol.
    """
    if episode_length is None:
        episode_length = 20 if text == HELLO else 1000
    if episode_length < 1:
        raise ValueError(f"an episode has at least one character, not {episode_length}")
    if not 0 < val_fraction < 1:
        raise ValueError(
            f"val_fraction is the share of the text that is held back, between 0 and 1, not {val_fraction}"
        )
    return _task_of(Characters(str(text), data, episode_length, val_fraction, min_count))


def _task_of(source: Characters) -> Task:
    def world(episodes: Sequence[Episode], vocabulary: Vocabulary) -> Sequences:
        names = vocabulary.words
        return Sequences(episodes, vocabulary, len(names), answers_named=names, given_named=names, text=True)

    return Task(
        "characters",
        source,
        world,
        ("train", "val"),
        words=lambda: Vocabulary(source.alphabet.characters),
        validation_split="val",
        test_split="val",
        baselines={"blind": Baseline(without=("input",))},
        texts=True,
        for_vocabulary=lambda vocabulary: _task_of(replace(source, known=vocabulary.words)),
    )
