"""The words of instructions as data: names of things, and the forms of each kind of sentence."""

import re
from collections.abc import Iterable
from dataclasses import dataclass

from .held_out import NOVEL
from .things import Colour, Floor, Kind

# Every name stands for one thing only, so that a reader can tell what is meant.
KIND_WORDS: dict[int, tuple[str, ...]] = {
    Kind.BALL: ("ball", "sphere"),
    Kind.BED: ("bed", "cot"),
    Kind.BOX: ("box", "crate"),
    Kind.CHAIR: ("chair", "seat"),
    Kind.CLOCK: ("clock", "timepiece"),
    Kind.LAMP: ("lamp", "light"),
    Kind.PLANT: ("plant", "shrub"),
    Kind.SOFA: ("sofa", "couch"),
    Kind.TABLE: ("table", "desk"),
    Kind.VASE: ("vase", "jar"),
    Kind.DOOR: ("door",),
    Kind.DOORWAY: ("doorway", "archway"),
    Kind.WALL: ("wall",),
}
COLOUR_WORDS: dict[int, tuple[str, ...]] = {
    Colour.RED: ("red",),
    Colour.GREEN: ("green",),
    Colour.BLUE: ("blue",),
    Colour.YELLOW: ("yellow", "golden"),
    Colour.PURPLE: ("purple", "violet"),
    Colour.WHITE: ("white",),
}
FLOOR_WORDS: dict[int, tuple[str, ...]] = {
    Floor.BLUE: ("blue",),
    Floor.BRICK: ("brick",),
    Floor.FLOWER: ("flowery", "floral"),
    Floor.GRASS: ("grass", "grassy"),
    Floor.GRAVEL: ("gravel",),
    Floor.WOOD: ("wooden", "wood"),
    Floor.YELLOW: ("yellow", "golden"),
    Floor.CHECKERED: ("checkered", "chequered"),
    Floor.MARBLE: ("marble",),
    Floor.PURPLE: ("purple", "violet"),
    Floor.STRIPED: ("striped",),
}
RELATION_WORDS: dict[str, tuple[str, ...]] = {
    "beside": ("next to", "beside", "right beside", "adjacent to"),
    "left": ("left of", "to the left of", "on the left of"),
    "right": ("right of", "to the right of", "on the right of"),
    "within": ("in", "inside"),
    "with": ("in the same room as", "in one room with"),
}
SIDE_WORDS: dict[int, str] = {1: "right", 3: "left"}  # by quarter turns clockwise
COUNT_WORDS = ("one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve")

GO = ("go to", "walk to", "walk up to", "move to", "head to", "proceed to")
THINGS = ("{colour} {kind}", "{colour} {kind}", "{kind} that is {colour}", "{kind} which is {colour}")
ROOMS = (
    "{floor} room",
    "room with the {floor} floor",
    "room that has a {floor} floor",
    "room whose floor is {floor}",
)
RELATED = ("{thing} {relation} the {landmark}", "{thing} that is {relation} the {landmark}")
JOINTS = ("then", "and then", "after that")


@dataclass(frozen=True)
class Phrasings:
    """Ways to say one thing, with slots for what varies: those trained, and novel ones made of the same words."""

    trained: tuple[str, ...]
    novel: tuple[str, ...]

    def of(self, split: str) -> tuple[str, ...]:
        """The phrasings of a split: `val_novel` has its own, which no other split uses."""
        return self.novel if split == NOVEL else self.trained


GO_TO = Phrasings(
    trained=(
        "{go} the {thing}",
        "please {go} the {thing}",
        "your goal is the {thing}",
        "stop in front of the {thing}",
        "stand by the {thing}",
        "approach the {thing}",
        "make your way to the {thing}",
        "{go} the {thing} and stop there",
        "{go} the {thing} and stay in front of it",
        "there is a {thing} here {go} it",
    ),
    novel=(
        "please make your way to the {thing} and stop in front of it",
        "approach the {thing} and stay there",
        "your goal is to stand by the {thing}",
    ),
)
GO_TO_ROOM = Phrasings(
    trained=(
        "{go} the {room}",
        "enter the {room}",
        "go into the {room}",
        "walk into the {room} and stop there",
        "please enter the {room}",
        "your goal is the {room}",
        "step into the {room}",
        "move inside the {room} and stay there",
        "wait in the {room}",
        "leave this place and visit the {room}",
        "there is a {room} somewhere {go} it",
    ),
    novel=(
        "please step inside the {room} and wait there",
        "leave this place and go into the {room}",
        "your goal is to visit the {room}",
    ),
)
FIND = Phrasings(
    trained=(
        "find the {thing}",
        "look for the {thing}",
        "search for the {thing}",
        "seek the {thing} and stop in front of it",
        "somewhere in this house there is a {thing} find it",
        "explore the house until you see the {thing} then {go} it",
        "a {thing} is hidden somewhere {go} it",
        "try to locate the {thing}",
        "you cannot see the {thing} from here go and find it",
        "search every room until you find the {thing}",
        "where is the {thing} go and look",
    ),
    novel=(
        "search the house for the {thing}",
        "there is a {thing} hidden somewhere in this house look for it",
        "try to find the {thing} and stop in front of it",
    ),
)
RELATION = Phrasings(
    trained=(
        "{go} the {target}",
        "please {go} the {target}",
        "stop in front of the {target}",
        "approach the {target}",
        "find the {target}",
        "make your way to the {target}",
        "your goal is the {target}",
        "{go} the one {target}",
        "choose the {target} and {go} it",
        "look for the {target} and stop there",
    ),
    novel=(
        "please choose the {target} and stop in front of it",
        "find the {target} and make your way to it",
        "look for the one {target} and {go} it",
    ),
)
IN_TWO_STAGES = Phrasings(
    trained=(
        "first {go} the {first} then {go} the {second}",
        "{go} the {first} and then {go} the {second}",
        "{go} the {first} then the {second}",
        "{go} the {second} after you {go} the {first}",
        "after you {go} the {first} {go} the {second}",
        "before you {go} the {second} {go} the {first}",
        "{go} the {first} before you {go} the {second}",
        "once you have reached the {first} {go} the {second}",
        "{go} the {second} but first {go} the {first}",
        "start with the {first} and finish at the {second}",
        "visit the {first} and later the {second}",
    ),
    novel=(
        "{go} the {second} once you have reached the {first}",
        "first visit the {first} and then finish at the {second}",
        "visit the {second} but start with the {first}",
    ),
)
IN_THREE_STAGES = Phrasings(
    trained=(
        "first {go} the {first} then the {second} and finally the {third}",
        "{go} the {first} then {go} the {second} and then {go} the {third}",
        "start with the {first} then {go} the {second} and finish at the {third}",
        "{go} the {first} and then the {second} before you {go} the {third}",
        "before you {go} the {third} {go} the {first} and then the {second}",
        "after you {go} the {first} {go} the {second} and finally the {third}",
        "{go} the {third} but first {go} the {first} and then the {second}",
        "once you have reached the {first} {go} the {second} and later the {third}",
    ),
    novel=(
        "start with the {first} and then the {second} before you {go} the {third}",
        "first {go} the {first} and later the {second} and finish at the {third}",
    ),
)

# A route is a row of steps, each put in its own way and joined by one of JOINTS, the last one by "and" as well.
LEAVE = Phrasings(
    trained=("leave through the {door}", "go through the {door}", "exit by the {door}", "take the {door}"),
    novel=("exit through the {door}", "leave by the {door}"),
)
TURN = Phrasings(
    trained=("turn {side}", "turn to your {side}", "make a {side} turn", "face {side}"),
    novel=("turn to the {side}", "face to your {side}"),
)
TURN_AROUND = Phrasings(
    trained=("turn around", "turn back", "face the other way"),
    novel=("turn the other way", "face back"),
)
TURN_AT = Phrasings(
    trained=(
        "turn {side} at the {thing}",
        "at the {thing} turn {side}",
        "as you reach the {thing} turn {side}",
        "turn {side} when you reach the {thing}",
    ),
    novel=("when you reach the {thing} turn {side}", "make a {side} turn at the {thing}"),
)
WALK = Phrasings(
    trained=("go forward {count}", "walk {count}", "take {count}", "move {count} ahead"),
    novel=("walk {count} forward", "go {count} ahead"),
)
PASS = Phrasings(
    trained=("go straight past the {thing}", "walk past the {thing}", "pass the {thing}", "go on beyond the {thing}"),
    novel=("walk on past the {thing}", "go straight beyond the {thing}"),
)
STOP = Phrasings(
    trained=("stop by the {thing}", "stop in front of the {thing}", "wait at the {thing}", "stop at the {thing}"),
    novel=("wait by the {thing}", "wait in front of the {thing}"),
)

# By family, everything that its sentences are made of. Each entry lists trained phrasings and novel ones.
PHRASINGS: dict[str, tuple[Phrasings, ...]] = {
    "GoTo": (GO_TO,),
    "GoToRoom": (GO_TO_ROOM,),
    "Route": (LEAVE, TURN, TURN_AROUND, TURN_AT, WALK, PASS, STOP),
    "Relation": (RELATION,),
    "Sequence": (IN_TWO_STAGES, IN_THREE_STAGES),
    "Find": (FIND,),
}


def words_of(texts: Iterable[str]) -> set[str]:
    """The words of these texts; what stands in {braces} is a slot and no word."""
    return {word for text in texts for word in re.sub(r"{\w+}", " ", text).split()}


def steps(count: int) -> str:
    """Three steps. Counts run from one to len(COUNT_WORDS)."""
    return f"{COUNT_WORDS[count - 1]} step{'s' if count > 1 else ''}"


# Every word that an instruction can hold, by alphabet.
WORDS: tuple[str, ...] = tuple(
    sorted(
        words_of(text for group in PHRASINGS.values() for phrasings in group for text in phrasings.trained)
        | words_of(text for group in PHRASINGS.values() for phrasings in group for text in phrasings.novel)
        | words_of(
            name for table in (KIND_WORDS, COLOUR_WORDS, FLOOR_WORDS) for names in table.values() for name in names
        )
        | words_of(name for names in RELATION_WORDS.values() for name in names)
        | words_of((*SIDE_WORDS.values(), *GO, *THINGS, *ROOMS, *RELATED, *JOINTS, "and"))
        | words_of(steps(count) for count in range(1, len(COUNT_WORDS) + 1))
    )
)
