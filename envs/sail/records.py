"""Records of the SAIL corpus: mazes, sentences and paragraphs, as in its files."""

from collections.abc import Sequence
from dataclasses import dataclass

UNKNOWN = -1  # a start heading nobody wrote down
DEGREES = (0, 90, 180, 270)  # north (y - 1), east (x + 1), south (y + 1), west (x - 1)
ACTIONS = ("forward", "left", "right", "stop")

Node = tuple[int, int]  # x grows east, y grows south
Pose = tuple[int, int, int]  # x, y, heading in degrees

_AHEAD = {0: (0, -1), 90: (1, 0), 180: (0, 1), 270: (-1, 0)}


@dataclass(frozen=True, eq=False)
class Hall:
    """What one sees of a hall between two nodes: the pictures on its walls and the pattern of its floor."""

    wall: str
    floor: str


@dataclass(frozen=True, eq=False)
class Maze:
    """One of the three maps.

    items: what stands on every node, "" for nothing; these are the nodes there are.
    halls: from one node to the next, named in both directions; neighbours without a hall have a wall between them.
    positions: the nodes called "position 1" to "position 7", between which the routes run.
    """

    name: str
    items: dict[Node, str]
    halls: dict[tuple[Node, Node], Hall]
    positions: dict[int, Node]

    def ahead(self, pose: Pose) -> Node:
        """The coordinates one step ahead, whether a hall leads there or not."""
        x, y, heading = pose
        right, down = _AHEAD[heading]
        return x + right, y + down


@dataclass(frozen=True, eq=False)
class Sentence:
    """One sentence of a paragraph, and the part of the route it describes.

    path: the poses as published; the heading of the first may be UNKNOWN.
    resolved_path: the same with the unknown heading filled in by Mei et al. (arXiv:1506.04089): nearly always as
        "one right turn is needed", which gives the first move away.
    actions: the move made at every pose of resolved_path; the last is "stop".
    tokens: the words of Mei et al., lower case, nearly without punctuation.
    dev: whether it is one of the 100 sentences of its map that Mei et al. choose on.
    """

    id: str
    paragraph: str
    number: int
    map: str
    author: str
    text: str
    tokens: tuple[str, ...]
    path: tuple[Pose, ...]
    resolved_path: tuple[Pose, ...]
    actions: tuple[str, ...]
    dev: bool

    @property
    def heading_known(self) -> bool:
        return self.path[0][2] != UNKNOWN


@dataclass(frozen=True, eq=False)
class Joined:
    """A paragraph as Mei et al. put it together from its sentences. Where those leave gaps, so does `path`."""

    tokens: tuple[str, ...]
    path: tuple[Pose, ...]
    actions: tuple[str, ...]


@dataclass(frozen=True, eq=False)
class Paragraph:
    """A whole route instruction.

    start, end: the nodes its author was asked to lead from and to.
    path: the route as published. It ends elsewhere than `end` in 15 of 706 paragraphs.
    sentences: the ids of its sentences in order; none in four paragraphs.
    joined: the paragraph put together from its sentences, or None without them. It ends elsewhere than `end` in 27
        of 702, and in 12 it begins later than `start`, because the first sentences were left out of the corpus.
    """

    id: str
    map: str
    author: str
    start: Node
    end: Node
    text: str
    path: tuple[Pose, ...]
    sentences: tuple[str, ...]
    joined: Joined | None


@dataclass(frozen=True, eq=False)
class Corpus:
    """The mazes by name, and the records by id in the order of their files."""

    mazes: dict[str, Maze]
    sentences: dict[str, Sentence]
    paragraphs: dict[str, Paragraph]

    def sentences_of(self, paragraphs: Sequence[Paragraph]) -> tuple[Sentence, ...]:
        """Every sentence of these paragraphs, in order."""
        return tuple(self.sentences[name] for paragraph in paragraphs for name in paragraph.sentences)
