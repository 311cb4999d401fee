"""Train an agent on a task, and after it the trained baselines of its table.

python scripts/train.py goto --view first_person --size 32 --name mine
python scripts/train.py --recipe demo
python scripts/train.py --resume runs/mine
python scripts/train.py sail --data DIR --init-from runs/mazes
"""

import thread_waiting  # noqa: F401  # before torch is loaded

import shlex
import sys
from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from command_line import Subject, called, first_said, flags, parse, value_of
from errors import plainly
from recipes import DEFAULT_TASK, RECIPES, Options

from vln.agents.config import AgentConfig
from vln.agents.registry import make_agent
from vln.envs.registry import TASKS, make_task, spec_of
from vln.evaluation.evaluate import check_answers
from vln.learning.devices import best_device, use_threads
from vln.learning.distributed import launch
from vln.learning.interruptions import stop_status
from vln.learning.training import CHECKPOINT
from vln.options import Option, options_of, places_in
from vln.runs.plan import WARY, Plan, doubt
from vln.runs.run import begin_run, plan_of
from vln.tasks import Baseline, TaskSpec
from vln.user_files import MARK, absolute_name, load
from vln.world import World

BESIDE_RESUME = ("resume", "device", "threads", "baselines", "trust_code", "trust_paths")


def read(arguments: list[str]) -> Options:
    """The options given, over those of the recipe that is named among them."""
    recipe, resume = value_of(arguments, "--recipe"), value_of(arguments, "--resume")
    if recipe is not None and recipe not in RECIPES:
        raise SystemExit(f"no recipe is called {recipe!r}; there are {', '.join(RECIPES)}")
    default = Options() if recipe is None else RECIPES[recipe]
    said = first_said(arguments, lambda argument: argument in TASKS or (MARK in argument and "=" not in argument))
    known: dict[str, Any] = {}
    if resume is not None:
        plan = plan_of(Path(resume))
        known = {**plan.task_options, **plan.world_options}
        named_here = [] if said is None else [plan.task]
        if not {*plan.training_programs} <= {*named_here} and "trust_code" not in flags(arguments):
            raise SystemExit(doubt(Path(resume), plan, WARY, training=True))
        task = said or plan.task
        _check_resume(Path(resume), arguments, spec_of(task))
    else:
        task = said or default.task or DEFAULT_TASK
    options = parse(Options, arguments, __doc__, Subject.task(task, _own_parts(arguments)), default, known)
    if options.task not in (None, task):
        raise SystemExit(f"name the task before all flags: {called('train')} {options.task} ...")
    return options


PARTS = ("agent", "rule", "memory")  # that can be somebody's own


def _own_parts(arguments: list[str]) -> dict[str, Mapping[str, Option]]:
    """The options of what is somebody's own, by part. Raises SystemExit where one of ours is given beside an agent."""
    names = {part: value_of(arguments, f"--{part}") for part in PARTS}
    agent = names["agent"]
    if agent is not None and MARK not in agent:
        raise SystemExit(f"--agent is FILE.py:NAME of an agent of your own, not {agent!r}")
    for option in flags(arguments) if agent is not None else ():
        if option in AgentConfig.__dataclass_fields__ or option == "encoder":
            flag = option.replace("_", "-")
            raise SystemExit(f"--{flag} is of agents that come with vln; what {agent} takes is said as --agent.OPTION")
    return {part: options_of(load(name)) for part, name in names.items() if name is not None and MARK in name}


def _check_resume(folder: Path, arguments: list[str], spec: TaskSpec) -> None:
    """Raise SystemExit where something is asked for that a run which goes on can't heed."""
    for flag in (argument.partition("=")[0] for argument in arguments if argument.startswith("--")):
        name = flag.removeprefix("--").replace("-", "_")
        if name not in BESIDE_RESUME and not (name in spec.options and Path in spec.options[name].kinds):
            raise SystemExit(
                f"{folder} goes on with its own settings, so {flag} would change nothing. To train otherwise, begin a "
                f"new run with its weights: {called('train')} TASK --init-from {folder} --name NAME"
            )


def main(options: Options) -> bool:
    """Train the agent and its baselines, each in a folder of its own. Returns whether all came to their end."""
    use_threads(options.threads)
    folder = options.resume or Path("runs") / options.folder
    if not options.resume and (folder / CHECKPOINT).exists():
        there = f"--resume {folder}{_consent(plan_of(folder))}"
        raise SystemExit(f"{folder} holds a run already: go on with {there}, or give another --name")
    plan = _gone_on(options, folder) if options.resume else options.plan
    plans = {folder: plan, **_baselines(options, folder, plan)}
    for place, of in plans.items():
        begun = (place / CHECKPOINT).exists()  # it has the weights it began with
        if not begun and of.init_from and not (Path(of.init_from) / CHECKPOINT).exists():
            raise SystemExit(f"{of.init_from} holds no run to begin with; a baseline begins with that run's baseline")
    for place, of in plans.items():
        print(f"training in {place}: {of.config.updates} updates", flush=True)
        going_on = (place / CHECKPOINT).exists()
        device = options.device or best_device()
        choose = options.threads is None
        work = partial(begin_run, place, of, make_task, make_agent, device, going_on, choose_threads=choose)
        if not launch(of.config.num_processes, work):
            print(f"go on with: {called('train')} --resume {folder}{_consent(plan)}", flush=True)
            return False
    return True


def _gone_on(options: Options, folder: Path) -> Plan:
    """The plan of the run in a folder, with its files where they are now. Raises SystemExit where it is not trusted."""
    plan = plan_of(folder)
    about, world = options.task_options, options.world_options
    plan, named = plan.pointed(about, world), {*about, *world}
    trust = options.granted
    if options.task and MARK in options.task and MARK in plan.task:
        of_task_alone = plan.training_programs == [plan.task]
        plan, trust = replace(plan, task=absolute_name(options.task)), replace(trust, code=trust.code or of_task_alone)
    elif options.task not in (None, plan.task):
        raise SystemExit(f"{folder} is of task {plan.task} and goes on with that, not with {options.task}")
    if refused := doubt(folder, plan, trust, named, training=True):
        raise SystemExit(refused)
    return plan


def _consent(plan: Plan) -> str:
    """What is said beside a run of this plan to let it go on: where its files are, and that its task may be run."""
    where = _places({**plan.task_options, **plan.world_options}, plan)
    said = [f" --{name.replace('_', '-')} {shlex.quote(str(value))}" for name, value in where.items()]
    return "".join(said) + (" --trust-code" if plan.training_programs else "")


def _places(options: Mapping[str, Any], plan: Plan) -> Mapping[str, Any]:
    return places_in(options, spec_of(plan.task).options)


def _baselines(options: Options, folder: Path, plan: Plan) -> dict[Path, Plan]:
    """The plans of the trained baselines, each with its folder. What has begun goes on as it began."""
    share = plan.baseline_share if options.baselines is None else options.baselines
    if share <= 0:
        return {}
    plans: dict[Path, Plan] = {}
    task = make_task(plan.task, plan.task_options)
    world = task.open(
        task.validation_split if task.validation_split in task.splits else task.splits[0], **plan.world_options
    )
    for name, baseline in task.baselines.items():
        place = folder / name
        of = plan.of_baseline(name, baseline, max(1, round(share * plan.config.updates)))
        # A small split is looked at first; one that has few episodes may have one instruction where train has more.
        why = baseline.why_not(world) and baseline.why_not(task.open("train", **plan.world_options))
        if why := why or _no_agent(plan, of, baseline, world):
            print(f"no baseline {name!r}: {why}", flush=True)
            continue
        plans[place] = of
        if (place / CHECKPOINT).exists():
            updates = plan_of(place).config.updates
            if updates != plans[place].config.updates and options.baselines is not None:
                raise SystemExit(
                    f"{place} is trained for {updates} updates, not for {plans[place].config.updates}: "
                    "leave out --baselines, or move that folder away to train it anew"
                )
            plans[place] = replace(plans[place], config=replace(plans[place].config, updates=updates))
    return plans


def _no_agent(plan: Plan, of: Plan, baseline: Baseline, world: World[Any]) -> str:
    """Why there is no agent for a baseline, in words; nothing where there is one."""
    if "agent" in plan.agent_options and baseline.agent:
        return f"it is made of parts that {plan.agent_options['agent']} may not have"
    if not world.scores_answers or baseline.world:
        return ""  # what sees otherwise answers as the agent does
    try:
        check_answers(world, of.make(make_agent, world, "cpu"))
    except ValueError as error:
        return str(error)
    return ""


if __name__ == "__main__":
    with plainly():
        sys.exit(0 if main(read(sys.argv[1:])) else stop_status())
