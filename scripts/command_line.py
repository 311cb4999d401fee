"""Command lines: a command's own options, and those that its task and world declare."""

import difflib
import re
import shutil
import sys
import textwrap
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import Field, dataclass, field, fields, is_dataclass, make_dataclass, replace
from pathlib import Path
from typing import Annotated, Any, TypeVar, get_args, get_origin

import tyro

from vln.envs.registry import TASKS, spec_of
from vln.learning.training import CHECKPOINT
from vln.options import Option, from_root
from vln.runs.plan import WARY, doubt
from vln.runs.run import plan_of

HELP, HELP_ALL, SET = ("-h", "--help"), "--help-all", "--set"
WIDEST = 110  # columns of a short help


@dataclass(frozen=True)
class Subject:
    """What a command is about: the name of a task, and the options of this task, of its world, and of parts of
    somebody's own, by the name of the part ("agent", "rule", "memory")."""

    name: str
    task_options: Mapping[str, Option]
    world_options: Mapping[str, Option]
    parts: Mapping[str, Mapping[str, Option]] = field(default_factory=dict)

    @classmethod
    def task(cls, name: str, parts: Mapping[str, Mapping[str, Option]] | None = None) -> "Subject":
        """The task of this name. Raises ValueError where there is none."""
        spec = spec_of(name)
        return cls(name, spec.task_options, spec.world_options, parts or {})

    @classmethod
    def any_task(cls) -> "Subject":
        """Where it is not known yet which task it is."""
        of_tasks = {name: option for spec in TASKS.values() for name, option in spec.task_options.items()}
        of_worlds = {name: option for spec in TASKS.values() for name, option in spec.world_options.items()}
        rest = {name: option for name, option in of_worlds.items() if name not in of_tasks}
        return cls("a command without a run or --task", of_tasks, rest)

    @property
    def options(self) -> Mapping[str, Option]:
        """All of them; those of a part begin with its name and a dot."""
        of_parts = {
            f"{part}.{name}": option for part, options in self.parts.items() for name, option in options.items()
        }
        return {**self.task_options, **self.world_options, **of_parts}


@dataclass(frozen=True)
class TaskArguments:
    """Options of a task and of its world, as were given on the command line; files and folders from the root."""

    task_options: tyro.conf.Fixed[Mapping[str, Any]] = field(default_factory=dict)
    world_options: tyro.conf.Fixed[Mapping[str, Any]] = field(default_factory=dict)


C = TypeVar("C", bound=TaskArguments)


def parse(
    command: type[C],
    arguments: Sequence[str],
    description: str | None,
    subject: Subject,
    default: C | None = None,
    known: Mapping[str, Any] | None = None,
) -> C:
    """What a command is told.

    default: what holds where nothing is said. known: values of options of task and world that help shows as if they
    had been given, those of a run; they are not given back.

    Raises SystemExit for an option that there is not.
    """
    default = default or command()
    arguments = with_settings(arguments, subject)
    _check_flags(command, arguments, subject)
    values = {**default.task_options, **default.world_options, **(known or {})}
    if any(argument in HELP for argument in arguments):
        print(short_help(default, description, subject, values))
        raise SystemExit
    # What the command itself means by a name comes before what a world may mean by it.
    task_options, world_options = (
        {name: option for name, option in those.items() if name not in set(_names(command))}
        for those in (subject.task_options, subject.world_options)
    )
    groups = {"task": task_options, "world": world_options, **subject.parts}
    parts = {f"of_{name}": _part(name, options, values if name in BARE else {}) for name, options in groups.items()}
    namespace = {"__doc__": command.__doc__}
    whole = make_dataclass(command.__name__, _titled(parts), bases=(command,), frozen=True, namespace=namespace)
    begin = whole(
        **{one.name: getattr(default, one.name) for one in fields(default)},
        **{name: part() for name, part in parts.items()},
    )
    rest = [HELP[1] if argument == HELP_ALL else argument for argument in arguments]
    parsed: Any = tyro.cli(whole, args=rest, default=begin, description=description, config=(tyro.conf.SuppressFixed,))
    stated = set(flags(arguments))

    def of(part: str) -> dict[str, Any]:
        options, prefix = groups[part], "" if part in BARE else f"{part}."
        chosen = getattr(parsed, f"of_{part}")
        return from_root({name: _plain(getattr(chosen, name)) for name in options if prefix + name in stated}, options)

    result = {one.name: getattr(parsed, one.name) for one in fields(command)}
    result["task_options"] = {**default.task_options, **of("task")}
    result["world_options"] = {**default.world_options, **of("world")}
    result |= {f"{part}_options": of(part) for part in subject.parts}
    return command(**result)


BARE = ("task", "world")  # whose options are flags without a prefix


def with_settings(arguments: Sequence[str], subject: Subject) -> list[str]:
    """The arguments with those of `--set PART.OPTION=VALUE ...` as the flags they stand for.

    Raises SystemExit where there is no such part, or the part has no such option.
    """
    groups = {"task": subject.task_options, "world": subject.world_options, **subject.parts}
    rewritten: list[str] = []
    setting = False
    for argument in arguments:
        if argument == SET:
            setting = True
            continue
        setting = setting and not argument.startswith("-")
        if not setting:
            rewritten.append(argument)
            continue
        path, equals, value = argument.partition("=")
        part, dot, name = path.replace("-", "_").partition(".")
        if not (equals and dot):
            raise SystemExit(f"{SET} takes PART.OPTION=VALUE, with one of {', '.join(groups)} as the part: {argument}")
        if part not in groups:
            raise SystemExit(f"{SET} {argument}: there is no part {part!r} to set; there are {', '.join(groups)}")
        if name not in groups[part]:
            alike = difflib.get_close_matches(name, groups[part], 1)
            mean = f"; did you mean {part}.{alike[0]}?" if alike else f"; it takes {', '.join(groups[part]) or 'none'}"
            raise SystemExit(f"{SET} {argument}: the {part} of {subject.name} takes no {name!r}{mean}")
        flag = _dashed(name if part in BARE else f"{part}.{name}")
        if groups[part][name].type is bool:
            if value.lower() not in ("true", "false"):
                raise SystemExit(f"{SET} {argument}: {path} is true or false")
            prefix, _, last = flag.rpartition(".")
            no = f"no-{flag}" if part in BARE else f"{prefix}.no-{last}"
            rewritten.append(f"--{flag if value.lower() == 'true' else no}")
        else:
            rewritten += [f"--{flag}", value]
    return rewritten


def parse_beside(command: type[C], arguments: Sequence[str], description: str | None, default: C | None = None) -> C:
    """The same for a command that is about a run, or about the task it is given as --task."""
    run, task = first_said(arguments, lambda said: (Path(said) / CHECKPOINT).exists()), value_of(arguments, "--task")
    if task is not None:
        return parse(command, arguments, description, Subject.task(task), default)
    if run is None:
        return parse(command, arguments, description, Subject.any_task(), default)
    plan = plan_of(Path(run))
    if plan.programs and "trust_code" not in flags(arguments):
        raise SystemExit(doubt(Path(run), plan, WARY))
    known = {**plan.task_options, **plan.world_options}
    return parse(command, arguments, description, Subject.task(plan.task), default, known)


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
    return [name for one in names for name in (one, re.sub(r"(^|\.)no_", r"\1", one)) if name]


def _check_flags(command: type[TaskArguments], arguments: Sequence[str], subject: Subject) -> None:
    """Raise SystemExit at the first option that neither the command nor the task it is about takes."""
    helps = (flag.lstrip("-").replace("-", "_") for flag in (*HELP, HELP_ALL))
    known = [*_names(command), *subject.options, *helps]
    for argument in arguments:
        name = argument.partition("=")[0][2:].replace("-", "_")
        plain = re.sub(r"(^|\.)no_", r"\1", name)  # of a flag that is denied
        if not argument.startswith("--") or not name or name in known or plain in known:
            continue
        flag = f"--{name.replace('_', '-')}"
        others = [task for task, other in TASKS.items() if name in other.options]
        alike = difflib.get_close_matches(name, known, 1)
        mean = f"; did you mean --{alike[0].replace('_', '-')}?" if alike else ""
        of = f" (it is an option of {', '.join(others)})" if others else ""
        raise SystemExit(f"{subject.name} takes no {flag}{of}{mean}; --help lists what it takes")


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


def _part(title: str, options: Mapping[str, Option], values: Mapping[str, Any]) -> type[Any]:
    shown = [
        (
            option.name,
            Annotated[option.type, tyro.conf.arg(help=option.help.replace("%", "%%"))],
            field(default=_shown(option, values.get(option.name, option.default))),
        )
        for option in options.values()
    ]
    return make_dataclass(title, shown, frozen=True)


def _shown(option: Option, value: Any) -> Any:
    """A value of an option in the type it is declared with: a run's plan has its files and folders as text."""
    return Path(value) if isinstance(value, str) and option.is_place(value) else value


def _titled(parts: Mapping[str, type[Any]]) -> list[tuple[str, Any, Any]]:
    """The fields that hold these parts, whose options stand under their titles, and without a prefix."""
    found: list[tuple[str, Any, Any]] = []
    for name, part in parts.items():
        kind: Any = Annotated[part, tyro.conf.arg(name=part.__name__)]
        if part.__name__ in BARE:
            kind = Annotated[kind, tyro.conf.OmitArgPrefixes]
        found.append((name, kind, field(default_factory=part)))
    return found


def _plain(value: Any) -> Any:
    return str(value) if isinstance(value, Path) else value


def short_help(default: TaskArguments, description: str | None, subject: Subject, values: Mapping[str, Any]) -> str:
    """A line for every option of the task and of its world; of all others the names, and what they are now."""
    width = min(WIDEST, shutil.get_terminal_size().columns)
    first = (description or "").partition("\n")[0]
    lines = [first, f"{HELP_ALL} explains every option, {HELP[1]} those of the task.", ""]
    own = {
        f"the {part}": {name: replace(option, name=f"{part}.{name}") for name, option in options.items()}
        for part, options in subject.parts.items()
    }
    groups = {f"task {subject.name}": subject.task_options, "its world": subject.world_options, **own}
    for title, options in groups.items():
        said = [(_usage(one, values if title not in own else {}), one.help) for one in options.values()]
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


GROUPS = {"agent_config": "agent", "train_config": "training"}


def _now(name: str, value: Any) -> str:
    if value is tyro.MISSING or value is None or value == () or isinstance(value, bool):
        return f"--{_dashed(name)}"
    return f"--{_dashed(name)}\N{NO-BREAK SPACE}{value}"


def _dashed(name: str) -> str:
    return name.replace("_", "-")


def _usage(option: Option, values: Mapping[str, Any]) -> str:
    """The flag, and what holds where it is not given, or else what kind of thing it takes."""
    value = values.get(option.name, option.default)
    if option.type is bool:
        return f"--{'no-' if value else ''}{_dashed(option.name)}"
    kinds = "|".join(kind.__name__.upper() for kind in option.kinds)
    return f"--{_dashed(option.name)} {kinds if value is None else value}"


def _cut(line: str, width: int) -> str:
    return line if len(line) <= width else line[: width - 1].rstrip(" ,;") + "\N{HORIZONTAL ELLIPSIS}"
