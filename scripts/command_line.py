"""What a command can be told: its own options, and those that the task it is about and its world declare."""

import difflib
import shutil
import sys
import textwrap
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import Field, dataclass, field, fields, is_dataclass, make_dataclass, replace
from pathlib import Path
from typing import Annotated, Any, TypeVar, get_args, get_origin

import tyro

from vln.envs.catalogue import TASKS, make_task, spec_of
from vln.options import Option, from_root
from vln.runs import WARY, doubt, plan_of
from vln.tasks import TaskSpec
from vln.training import CHECKPOINT

HELP, HELP_ALL = ("-h", "--help"), "--help-all"
OF_AGENT = "agent."  # before the options of an agent of somebody's own
WIDEST = 110  # columns of a short help


class _Any(TaskSpec):
    """What may be said where it is not known yet of which task."""

    @property
    def task_options(self) -> Mapping[str, Option]:
        return {name: option for spec in TASKS.values() for name, option in spec.task_options.items()}

    @property
    def world_options(self) -> Mapping[str, Option]:
        return {
            name: option
            for spec in TASKS.values()
            for name, option in spec.world_options.items()
            if name not in self.task_options
        }


@dataclass(frozen=True)
class About:
    """Options of a task and of its world, as were given on the command line; files and folders from the root."""

    task_options: tyro.conf.Fixed[Mapping[str, Any]] = field(default_factory=dict)
    world_options: tyro.conf.Fixed[Mapping[str, Any]] = field(default_factory=dict)


C = TypeVar("C", bound=About)


def parse(
    command: type[C],
    arguments: Sequence[str],
    description: str | None,
    named: str,
    spec: TaskSpec,
    default: C | None = None,
    known: Mapping[str, Any] | None = None,
    own: Mapping[str, Option] | None = None,
) -> C:
    """What a command is told.

    named, spec: the task that it is about. default: what holds where nothing is said. known: of task and world, what
    help shows as said already, as by a run; it is not given back. own: the options of an agent of somebody's own.

    Raises SystemExit for an option that there is not.
    """
    default = default or command()
    _check_flags(command, arguments, named, spec, [OF_AGENT + name for name in own or {}])
    told = {**default.task_options, **default.world_options, **(known or {})}
    if any(argument in HELP for argument in arguments):
        print(short_help(default, description, named, spec, told, own or {}))
        raise SystemExit
    # What the command itself means by a name comes before what a world may mean by it.
    of_task, of_world = (
        {name: option for name, option in those.items() if name not in set(_names(command))}
        for those in (spec.task_options, spec.world_options)
    )
    parts = {
        "of_task": _part("task", of_task, told),
        "of_world": _part("world", of_world, told),
        "of_agent": _part("agent", own or {}, {}),
    }
    namespace = {"__doc__": command.__doc__}
    whole = make_dataclass(command.__name__, _titled(parts), bases=(command,), frozen=True, namespace=namespace)
    given = {one.name: getattr(default, one.name) for one in fields(default)}
    begin = whole(**given, **{name: part() for name, part in parts.items()})
    rest = [HELP[1] if argument == HELP_ALL else argument for argument in arguments]
    parsed: Any = tyro.cli(whole, args=rest, default=begin, description=description, config=(tyro.conf.SuppressFixed,))
    said = set(flags(arguments))

    def of(part: str, options: Mapping[str, Option], prefix: str = "") -> dict[str, Any]:
        values = getattr(parsed, part)
        return from_root({name: _plain(getattr(values, name)) for name in options if prefix + name in said}, options)

    result = {one.name: getattr(parsed, one.name) for one in fields(command)}
    result["task_options"] = {**default.task_options, **of("of_task", of_task)}
    result["world_options"] = {**default.world_options, **of("of_world", of_world)}
    if own:
        result["agent_options"] = of("of_agent", own, OF_AGENT)
    return command(**result)


def parse_beside(command: type[C], arguments: Sequence[str], description: str | None, default: C | None = None) -> C:
    """The same for a command that is about a run, or about the task it is given as --task."""
    run, task = first_said(arguments, lambda said: (Path(said) / CHECKPOINT).exists()), value_of(arguments, "--task")
    if task is not None:
        return parse(command, arguments, description, task, spec_of(task), default)
    if run is None:
        return parse(command, arguments, description, "a command without a run or --task", _Any(make_task), default)
    plan = plan_of(Path(run))
    if plan.programs and "trust_code" not in flags(arguments):
        raise SystemExit(doubt(Path(run), plan, WARY))
    known = {**plan.task_options, **plan.world_options}
    return parse(command, arguments, description, plan.task, spec_of(plan.task), default, known)


def called(script: str) -> str:
    """How a command of ours is called, as this one was."""
    program = next(iter(sys.orig_argv[1:]), "")  # what Python was told to run, whatever that has run since
    return f"vln {script}" if Path(program).stem == "vln" else f"python scripts/{script}.py"


def first_said(arguments: Sequence[str], known: Callable[[str], bool]) -> str | None:
    """The first argument that is known, of those that are no flag and do not follow one, whose value it would be."""
    for before, argument in zip(["", *arguments], arguments, strict=False):
        of_a_flag = before.startswith("--") and "=" not in before
        if not argument.startswith("-") and not of_a_flag and known(argument):
            return argument
    return None


def value_of(arguments: Sequence[str], flag: str) -> str | None:
    """The value that a flag is given; the last one, as everywhere."""
    value = None
    for argument, after in zip(arguments, [*arguments[1:], None], strict=False):
        if argument.startswith(f"{flag}="):
            value = argument.removeprefix(f"{flag}=")
        elif argument == flag:
            value = after
    return value


def flags(arguments: Sequence[str]) -> list[str]:
    """The names of the options that are given, of a flag that is denied too."""
    names = [argument.partition("=")[0][2:].replace("-", "_") for argument in arguments if argument.startswith("--")]
    return [name for one in names for name in (one, one.removeprefix("no_")) if name]


def _check_flags(
    command: type[About], arguments: Sequence[str], named: str, spec: TaskSpec, more: Sequence[str]
) -> None:
    """Raise SystemExit at the first option that neither the command nor the task it is about takes."""
    known = [
        *_names(command),
        *spec.options,
        *more,
        *(flag.lstrip("-").replace("-", "_") for flag in (*HELP, HELP_ALL)),
    ]
    for argument in arguments:
        name = argument.partition("=")[0][2:].replace("-", "_")
        if not argument.startswith("--") or not name or name in known or name.removeprefix("no_") in known:
            continue
        flag = f"--{name.replace('_', '-')}"
        others = [task for task, other in TASKS.items() if name in other.options]
        alike = difflib.get_close_matches(name, known, 1)
        mean = f"; did you mean --{alike[0].replace('_', '-')}?" if alike else ""
        of = f" (it is an option of {', '.join(others)})" if others else ""
        raise SystemExit(f"{named} takes no {flag}{of}{mean}; --help lists what it takes")


def _names(command: type[Any]) -> Iterator[str]:
    for one in fields(command):
        part = _nested(one)
        yield from _names(part) if part else [one.name]


def _nested(one: Field[Any]) -> type[Any] | None:
    """The dataclass whose options stand in a field."""
    kind: Any = one.type
    while get_origin(kind) is Annotated:
        kind = get_args(kind)[0]
    return kind if isinstance(kind, type) and is_dataclass(kind) else None


def _part(title: str, options: Mapping[str, Option], told: Mapping[str, Any]) -> type[Any]:
    shown = [
        (
            option.name,
            Annotated[option.type, tyro.conf.arg(help=option.help.replace("%", "%%"))],
            field(default=told.get(option.name, option.default)),
        )
        for option in options.values()
    ]
    return make_dataclass(title, shown, frozen=True)


def _titled(parts: Mapping[str, type[Any]]) -> list[tuple[str, Any, Any]]:
    """The fields that hold these parts, whose options stand under their titles, and without a prefix."""
    found: list[tuple[str, Any, Any]] = []
    for name, part in parts.items():
        kind: Any = Annotated[part, tyro.conf.arg(name=part.__name__)]
        if name != "of_agent":
            kind = Annotated[kind, tyro.conf.OmitArgPrefixes]
        found.append((name, kind, field(default_factory=part)))
    return found


def _plain(value: Any) -> Any:
    return str(value) if isinstance(value, Path) else value


def short_help(
    default: About,
    description: str | None,
    named: str,
    spec: TaskSpec,
    told: Mapping[str, Any],
    own: Mapping[str, Option],
) -> str:
    """A line for every option of the task and of its world; of all others the names, and what they are now."""
    width = min(WIDEST, shutil.get_terminal_size().columns)
    first = (description or "").partition("\n")[0]
    lines = [first, f"{HELP_ALL} explains every option, {HELP[1]} those of the task.", ""]
    of_agent = {OF_AGENT + name: replace(option, name=OF_AGENT + name) for name, option in own.items()}
    groups = ((f"task {named}", spec.task_options), ("its world", spec.world_options), ("the agent", of_agent))
    for title, options in groups:
        said = [(_usage(one, told), one.help) for one in options.values()]
        longest = max((len(flag) for flag, _ in said), default=0)
        lines += [f"{title}:"] if said else []
        lines += [_cut(f"  {flag:{longest}}  {meaning}", width) for flag, meaning in said]
    others: dict[str, list[str]] = {"command": []}
    for one in fields(default):
        value = getattr(default, one.name)
        if is_dataclass(value):
            title = GROUPS.get(one.name, one.name)
            others[title] = [_now(part.name, getattr(value, part.name)) for part in fields(value)]
        elif not one.name.endswith("_options"):
            others["command"].append(_now(one.name, value))
    for title, names in others.items():
        lines += textwrap.wrap(f"{title}: {'  '.join(names)}", width, subsequent_indent="  ", break_on_hyphens=False)
    return "\n".join(lines)


GROUPS = {"shape": "agent", "lessons": "training"}


def _now(name: str, value: Any) -> str:
    if value is tyro.MISSING or value is None or value == () or isinstance(value, bool):
        return f"--{_dashed(name)}"
    return f"--{_dashed(name)}\N{NO-BREAK SPACE}{value}"


def _dashed(name: str) -> str:
    return name.replace("_", "-")


def _usage(option: Option, told: Mapping[str, Any]) -> str:
    """The flag, and what holds where it is not given, or else what kind of thing it takes."""
    value = told.get(option.name, option.default)
    if option.type is bool:
        return f"--{'no-' if value else ''}{_dashed(option.name)}"
    kinds = "|".join(kind.__name__.upper() for kind in option.kinds)
    return f"--{_dashed(option.name)} {kinds if value is None else value}"


def _cut(line: str, width: int) -> str:
    return line if len(line) <= width else line[: width - 1].rstrip(" ,;") + "\N{HORIZONTAL ELLIPSIS}"
