"""Options as the signature of a function declares them: for command lines, Gymnasium's keywords, tables and errors."""

import difflib
import inspect
import re
import types
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

PLAIN = (bool, int, float, str, Path)  # what a command line can say, beside a Literal of such


@dataclass(frozen=True)
class Option:
    """An option of a function.

    type: what a command line reads, which may be less than the function takes. default: of the signature. help: what
    its docstring says.
    """

    name: str
    type: Any
    default: Any
    help: str

    @property
    def names(self) -> tuple[str, ...]:
        """The names among its values, where it takes such."""
        return tuple(name for part in _parts(self.type) if get_origin(part) is Literal for name in get_args(part))

    @property
    def kinds(self) -> tuple[type[Any], ...]:
        """The types of its values, but for named ones and None."""
        return tuple(part for part in _parts(self.type) if part in PLAIN)

    def is_place(self, value: Any) -> bool:
        """Whether this value names a file or folder."""
        return Path in _parts(self.type) and value is not None and value not in self.names


def options_of(function: Callable[..., Any]) -> Mapping[str, Option]:
    """The options of a function, a class or a partial of one: its arguments with a default that a person can write.

    What each means stands in the docstring as `name: meaning.` at the start of a sentence; several names that share a
    meaning are divided by commas. Raises TypeError where an option has no such words.
    """
    bound = function.keywords if hasattr(function, "keywords") else {}
    return {
        name: option if name not in bound else _rebound(option, bound[name])
        for name, option in _options_of(unwrapped(function)).items()
        if name not in bound or _can_be_written(bound[name])
    }


def named_by(function: Callable[..., Any]) -> tuple[str, ...]:
    """The names of all arguments of a function that have a default, those too that no command line can say."""
    arguments = inspect.signature(function).parameters
    return tuple(name for name, one in arguments.items() if one.default is not inspect.Parameter.empty)


def check_options(what: str, given: Collection[str], known: Collection[str]) -> None:
    """Raise ValueError naming the first option that is not known, and the known one it is most like.

    what: takes the options, in words.
    """
    for name in given:
        if name not in known:
            alike = difflib.get_close_matches(name, known, 1)
            mean = f"; did you mean {alike[0]!r}?" if alike else f"; it takes {', '.join(known) or 'none'}"
            raise ValueError(f"{what} takes no option {name!r}{mean}")


def places_in(options: Mapping[str, Any], known: Mapping[str, Option]) -> dict[str, Any]:
    """Those of these options that name a file or folder."""
    return {name: value for name, value in options.items() if name in known and known[name].is_place(value)}


def from_root(options: Mapping[str, Any], known: Mapping[str, Option]) -> dict[str, Any]:
    """The same options with every file and folder named from the root, to be found from any working directory."""
    found = places_in(options, known).items()
    return {**options, **{name: str(Path(value).expanduser().absolute()) for name, value in found}}


def unwrapped(function: Callable[..., Any]) -> Callable[..., Any]:
    """The function or class that declares the options of a function: what it wraps, or is a partial of."""
    function = inspect.unwrap(function)
    while hasattr(function, "func"):  # a partial
        function = inspect.unwrap(function.func)
    return function


@cache
def _options_of(function: Callable[..., Any]) -> Mapping[str, Option]:
    body = function.__init__ if inspect.isclass(function) else function
    hints, meanings = get_type_hints(body), _meanings(function)
    options: dict[str, Option] = {}
    for name, argument in inspect.signature(body).parameters.items():
        kind = _written(hints.get(name, Any))
        if argument.default is inspect.Parameter.empty or kind is None:
            continue
        options[name] = Option(name, kind, argument.default, meanings.get(name, ""))
    return options


def _meanings(function: Callable[..., Any]) -> dict[str, str]:
    body = function.__init__ if inspect.isclass(function) else function
    names = sorted(inspect.signature(body).parameters, key=len, reverse=True)
    some = "|".join(map(re.escape, names)) or "(?!)"
    start = re.compile(rf"(?:^|(?<=[.)\n]))\s*((?:{some})(?:, (?:{some}))*): ")
    meanings: dict[str, str] = {}
    for paragraph in re.split(r"\n\s*\n", inspect.getdoc(function) or ""):
        found = list(start.finditer(paragraph))
        ends = [*(after.start() for after in found[1:]), len(paragraph)]
        for one, end in zip(found, ends[: len(found)], strict=True):
            text = " ".join(paragraph[one.end() : end].split())
            meanings |= dict.fromkeys(one[1].split(", "), text)
    return meanings


def _written(hint: Any) -> Any:
    """What of a type a person can write: None where nothing of it."""
    parts = [part for part in _parts(hint) if part in PLAIN or get_origin(part) is Literal]
    if not parts:
        return None
    if Path in parts:
        parts = [part for part in parts if part is not str]
    return Union[(*parts, *([None] if type(None) in _parts(hint) else []))]  # of a tuple


def _parts(hint: Any) -> tuple[Any, ...]:
    if isinstance(hint, types.UnionType) or get_origin(hint) is Union:
        return tuple(_flat(get_args(hint)))
    return (hint,)


def _flat(hints: Collection[Any]) -> Iterator[Any]:
    for hint in hints:
        yield from _parts(hint)


def _can_be_written(value: Any) -> bool:
    return value is None or isinstance(value, PLAIN)


def _rebound(option: Option, value: Any) -> Option:
    kind = option.type if value is not None or type(None) in _parts(option.type) else Union[option.type, None]  # noqa: UP007
    return Option(option.name, kind, value, option.help)
