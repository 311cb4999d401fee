"""Train an agent on a task, and after it the trained floors of its table: a blind and a deaf agent.

python scripts/train.py goto --view first_person --size 32 --name mine
python scripts/train.py --recipe demo
python scripts/train.py --resume runs/mine
python scripts/train.py sail --data DIR --begin-with runs/mazes
"""

import sys
from functools import partial
from itertools import pairwise
from pathlib import Path

import tyro
from complaints import plainly
from recipes import RECIPES, Options

from vln.agents.catalogue import make_agent
from vln.devices import best_device, use_threads
from vln.envs.catalogue import make_task
from vln.runs import begin_run, plan_of
from vln.team import assemble
from vln.training import CHECKPOINT


def parse(arguments: list[str]) -> Options:
    """The options given, over those of the recipe that is named among them."""
    named = [after for before, after in pairwise(arguments) if before == "--recipe"]
    if named and named[-1] not in RECIPES:
        raise SystemExit(f"no recipe is called {named[-1]!r}; there are {', '.join(RECIPES)}")
    return tyro.cli(Options, args=arguments, default=RECIPES[named[-1]] if named else Options(), description=__doc__)


def main(options: Options) -> bool:
    """Train the agent and its floors, each in a folder of its own. Returns whether all came to their end."""
    use_threads(options.threads)
    folder = options.resume or Path("runs") / options.folder
    if not options.resume and (folder / CHECKPOINT).exists():
        raise SystemExit(f"{folder} holds a run already: go on with --resume {folder}, or give another --name")
    plan = plan_of(folder) if options.resume else options.plan
    plans = {folder: plan}
    if options.floors > 0:
        for name, floor in make_task(plan.task, plan.task_options).floors.items():
            plans[folder / name] = plan.floor(name, floor, max(1, round(options.floors * plan.lessons.updates)))
    for place, of in plans.items():
        begun = (place / CHECKPOINT).exists()  # it has the weights it began with
        if not begun and of.begin_with and not (Path(of.begin_with) / CHECKPOINT).exists():
            raise SystemExit(f"{of.begin_with} holds no run to begin with; a floor begins with that run's floor")
    for place, of in plans.items():
        print(f"training in {place}: {of.lessons.updates} updates", flush=True)
        going_on = (place / CHECKPOINT).exists()
        device = options.device or best_device()
        work = partial(begin_run, place, of, make_task, make_agent, device, going_on)
        if not assemble(of.lessons.workers, work):
            return False
    return True


if __name__ == "__main__":
    with plainly():
        sys.exit(0 if main(parse(sys.argv[1:])) else 130)
