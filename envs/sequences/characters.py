"""Texts to be foretold character by character: a language model's task, of any file or folder."""

import gzip
import sysconfig
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property, partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vln.agent import Agent
from vln.episode import Episode
from vln.language import Vocabulary
from vln.tasks import Floor, Task
from vln.writing import write

from .labels import Labels, text_labels
from .world import Labelled, Line, Sequences

HELLO, SHAKESPEARE, PYTHON = "hello", "shakespeare", "python"  # texts that have a name
SHAKESPEARES_FILE = Path("text") / "tinyshakespeare.txt.gz"
KINDS = (".txt", ".txt.gz", ".py", ".md", ".rst", ".c", ".h", ".cpp", ".js", ".ts", ".java", ".rs", ".tex", ".html")
BEYOND = "\N{REPLACEMENT CHARACTER}"  # stands for every character that is too rare to be known
# What lies beside the library, tests of it, and modules that are no more than tables: one learns little from them.
NOT_OURS = {"site-packages", "dist-packages", "test", "tests", "idle_test", "lib2to3", "encodings", "pydoc_data"}


@dataclass(frozen=True)
class Texts:
    """What is foretold: the texts to learn from and those to be judged by."""

    train: str
    val: str


def read_texts(text: str, data: str | Path | None, held: float) -> Texts:
    """The texts of this name, file or folder, whose last part is held back to be judged by.

    text: `hello`; `shakespeare`, a file in the data folder; `python`, the source of Python's own standard library; or
    a file or folder. Of a folder whole files are held back, every n-th by name.

    Raises FileNotFoundError where there is none, and ValueError naming the file that is empty or no text.
    """
    if not 0 < held < 1:
        raise ValueError(f"held is the share of the text that is held back, between 0 and 1, not {held}")
    if text == HELLO:
        return Texts(HELLO * 200, HELLO * 40)
    if text == PYTHON:
        return _of_files(sorted(_standard_library()), held)
    if text == SHAKESPEARE:
        if data is None:
            raise ValueError(f"{SHAKESPEARE} is read from {SHAKESPEARES_FILE} in a folder of data: give data=DIR")
        text = str(Path(data) / SHAKESPEARES_FILE)
    place = Path(text)
    if place.is_dir():
        files = sorted(file for file in place.rglob("*") if file.is_file() and file.name.endswith(KINDS))
        if not files:
            raise FileNotFoundError(f"no file in {place} has a name that ends in {', '.join(KINDS)}")
        if len(files) > 1:
            return _of_files(files, held)
        place = files[0]
    whole = _read(place)
    cut = round(len(whole) * (1 - held))
    return Texts(whole[:cut], whole[cut:])


def _standard_library() -> Iterator[Path]:
    folder = Path(sysconfig.get_path("stdlib"))
    for file in folder.rglob("*.py"):
        if not NOT_OURS & set(file.relative_to(folder).parts):
            yield file


def _of_files(files: Sequence[Path], held: float) -> Texts:
    """Whole files are held back, evenly among all, so that what is judged was never seen. Each ends with its line."""
    texts = {file: _read(file) for file in files if file.stat().st_size}
    if len(texts) < 2:
        raise ValueError(f"of {len(files)} files {len(texts)} hold any text; to hold some back takes two at least")
    every = max(2, round(1 / held))
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


class Alphabet:
    """Characters and their numbers. rarer: whether one of them stands for all that are not known."""

    def __init__(self, characters: Sequence[str]) -> None:
        self.characters = tuple(characters)
        self.numbers = {character: number for number, character in enumerate(self.characters)}
        self.rarer = self.numbers.get(BEYOND)

    @classmethod
    def of(cls, text: str, least: int) -> "Alphabet":
        """The characters that occur at least so many times in a text, by number; and one for the others, if any."""
        counts = Counter(text)
        known = sorted(character for character, count in counts.items() if count >= least and character != BEYOND)
        return cls(known if len(known) == len(counts) else [*known, BEYOND])

    def encode(self, text: str) -> NDArray[np.int32]:
        """The numbers of a text's characters. Raises ValueError naming the first that is not known."""
        found = [self.numbers.get(character, self.rarer) for character in text]
        if None in found:
            place = found.index(None)
            raise ValueError(f"character {text[place]!r} (number {place + 1} of the text) is not in the alphabet")
        return np.array(found, dtype=np.int32)

    def decode(self, numbers: Sequence[int]) -> str:
        """The text of these numbers."""
        return "".join(self.characters[number] for number in numbers)


@dataclass(frozen=True, eq=False)
class Stretches(Labelled):
    """A text in stretches of one length: at every character, of these numbers, the next one is asked for."""

    split: str
    family: str
    text: str
    numbers: NDArray[np.int32]
    stretch: int

    def __len__(self) -> int:
        return (len(self.numbers) - 1) // self.stretch

    def write(self, number: int) -> Episode:
        first, name = number * self.stretch, f"{self.split}/{number}"
        given, asked = (self.numbers[first + ahead : first + ahead + self.stretch] for ahead in (0, 1))
        return Episode("", Line(f"{self.family}/{name}", given, asked), (), (), self.family, name)

    def labels(self, episode: NDArray[np.int64], step: NDArray[np.int32]) -> dict[str, NDArray[Any]]:
        place = episode * self.stretch + step
        return {name: values[place] for name, values in self._labels.items()}

    @cached_property
    def _labels(self) -> Labels:
        return text_labels(self.text)


def characters(
    text: str = HELLO,
    data: str | Path | None = None,
    stretch: int | None = None,
    held: float = 0.1,
    least: int = 1,
) -> Task:
    """Foretell a text, character by character. text, data, held: as in read_texts.

    stretch: how many characters an episode has; memory is carried through it, over all its windows. 1,000 unless given,
    or 20 for hello. least: how often a character must occur to be known; the rarer are all alike.
    """
    texts = read_texts(text, data, held)
    if stretch is None:
        stretch = 20 if text == HELLO else 1000
    if stretch < 1:
        raise ValueError(f"a stretch has at least one character, not {stretch}")
    alphabet = Alphabet.of(texts.train + texts.val, least)
    name = Path(text).name

    def source(split: str) -> Sequence[Episode]:
        numbers = alphabet.encode(getattr(texts, split))
        if len(numbers) <= stretch:
            raise ValueError(
                f"split {split} of {name} has {len(numbers)} characters, too few for a stretch of {stretch}"
            )
        return Stretches(split, name, getattr(texts, split), numbers, stretch)

    world = partial(
        Sequences,
        symbols=len(alphabet.characters),
        answers_named=alphabet.characters,
        given_named=alphabet.characters,
    )

    def go_on(agent: Agent, prompt: str | None, length: int, **how: Any) -> str:
        """A prompt, or else the first character of the text held back, and what an agent writes after it."""
        begun = alphabet.encode(texts.val[:1] if prompt is None else prompt).tolist()
        return alphabet.decode([*begun, *write(agent, begun, length, **how)])

    blind = {"blind": Floor(without=("given",))}
    words = Vocabulary(alphabet.characters)  # of which a run says that it was trained with them
    return Task(
        "characters", source, world, ("train", "val"), words, choosing="val", judging="val", floors=blind, write=go_on
    )
