"""Options beside a run: where its files are now, changed options, and its permissions."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import tyro
from command_line import TaskArguments

from vln.agents.registry import make_agent
from vln.envs.registry import make_task, spec_of
from vln.options import Option, from_root, places_in
from vln.runs.plan import Plan, Trust
from vln.runs.run import Run, open_run, plan_of
from vln.user_files import MARK

NOT_SHOWN = ("data", "features")  # where something is does not change what it is
ANNOTATED = ("r2r", "r2r-speaker")  # the tasks that read annotations


@dataclass(frozen=True)
class TrustArguments:
    """What a run may do that somebody else may have made."""

    trust_code: bool = False
    """Whether to run the Python files that the run names; whoever made the run wrote them."""
    trust_paths: bool = False
    """Whether to open the files and folders that the run names, where they are not named here."""

    def known(self, plan: Plan) -> Mapping[str, Option]:
        """The options of a run's task and world; none where that would run a file that is not trusted."""
        return {} if MARK in plan.task and not self.trust_code else spec_of(plan.task).options

    @property
    def granted(self) -> Trust:
        return Trust(self.trust_code, self.trust_paths)

    def open_with(self, folder: Path, about: Mapping[str, Any], world: Mapping[str, Any], device: str = "cpu") -> Run:
        """The run in a folder, with these options of task and world in place of its own."""
        return open_run(folder, make_task, make_agent, device, about, world, self.granted)


@dataclass(frozen=True)
class RunArguments(TaskArguments, TrustArguments):
    """Options of task and world, which take the place of those that a run was trained with."""

    def open(self, folder: Path, device: str = "cpu") -> Run:
        """The run in a folder, with what is said beside it."""
        return self.open_with(folder, self.task_options, self.world_options, device)

    def open_other(self, folder: Path, device: str = "cpu") -> Run:
        """Another run that takes part: its files are looked for in the same places, all else is its own."""
        known = self.known(plan_of(folder))
        about, world = places_in(self.task_options, known), places_in(self.world_options, known)
        return self.open_with(folder, about, world, device)

    def changes(self, folder: Path) -> dict[str, Any]:
        """What is said here that is otherwise in a run's plan, by name; not where files of the same name are now."""
        plan = plan_of(folder)
        own, said = (_named(self.known(plan), {**of.task_options, **of.world_options}) for of in (plan, self))
        return {name: value for name, value in said.items() if name not in NOT_SHOWN and own.get(name) != value}


def _named(known: Mapping[str, Option], options: Mapping[str, Any]) -> dict[str, Any]:
    """The same options, of files and folders only their names."""
    return {**options, **{name: Path(value).name for name, value in places_in(options, known).items()}}


@dataclass(frozen=True)
class Where(TrustArguments):
    """Where the files of runs are now, for a command whose other options are not of them."""

    data: str | None = None
    """Folder of the data sets."""
    text: str | None = None
    """Text to predict."""
    pictures: str | None = None
    """Folder of pictures."""
    annotations: str | None = None
    """File of annotations."""
    features: str | None = None
    """File or folder of image features."""
    skip_broken: Annotated[bool, tyro.conf.FlagCreatePairsOff] = False
    """Whether to leave out broken records of annotations and print their number."""

    def open(self, folder: Path, device: str = "cpu") -> Run:
        """The run in a folder, with its files where they are said to be; what it has none of is not asked."""
        plan = plan_of(folder)
        said = {name: getattr(self, name) for name in ("data", "text", "pictures", "annotations", "features")}
        said = from_root({name: value for name, value in said.items() if value is not None}, self.known(plan))
        own = (plan.task_options, plan.world_options)
        about, world = ({name: said[name] for name in said if name in options} for options in own)
        if self.skip_broken and plan.task in ANNOTATED:
            about["skip_broken"] = True
        return self.open_with(folder, about, world, device)
