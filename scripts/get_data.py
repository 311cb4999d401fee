"""Download a public data set, check its files, and go on with an interrupted download.

python scripts/get_data.py mnist
python scripts/get_data.py mnist --to DIR
python scripts/get_data.py r2r --to DIR

mnist: handwritten digits, in DIR/mnist.

r2r: the instructions and paths of Room-to-Room (Anderson et al. 2018), in DIR/r2r, and the navigation graphs of the
Matterport3D buildings they lead through, in DIR/matterport/connectivity; none of the pictures.

Every file is checked against scripts/checksums, whose lists `sha256sum -c` reads in DIR.
"""

import shlex
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import pooch
import tyro
from errors import plainly
from rich.console import Group
from rich.live import Live
from rich.progress import (
    BarColumn,
    DownloadColumn,
    MofNCompleteColumn,
    Progress,
    TextColumn,
    TimeRemainingColumn,
    TransferSpeedColumn,
)

from vln.downloads import DataSet, checksums, fetch

CHECKSUMS = Path(__file__).with_name("checksums")
MIRRORS = {
    "mnist": {
        "mnist": (
            "https://ossci-datasets.s3.amazonaws.com/mnist/",
            "https://storage.googleapis.com/cvdf-datasets/mnist/",
        ),
    },
    "r2r": {
        "r2r": (
            "https://raw.githubusercontent.com/YicongHong/Fine-Grained-R2R/master/source/R2R-original/",
            "https://cdn.jsdelivr.net/gh/YicongHong/Fine-Grained-R2R@master/source/R2R-original/",
        ),
        "matterport/connectivity": (
            "https://raw.githubusercontent.com/peteanderson80/Matterport3DSimulator/master/connectivity/",
            "https://cdn.jsdelivr.net/gh/peteanderson80/Matterport3DSimulator@master/connectivity/",
        ),
    },
}


@dataclass(frozen=True)
class Options:
    """What to load, and where to."""

    name: Annotated[str, tyro.conf.Positional]
    """Data set, mnist or r2r."""
    to: Path = Path("data")
    """Folder to load into; the other scripts' --data."""


def load(data_set: DataSet, name: str, to: Path) -> int:
    """Load what is not there yet, under a bar for all files and one for that which comes; how many came."""
    files = Progress(BarColumn(16), MofNCompleteColumn(), TextColumn("files of {task.description}"))
    file = Progress(
        BarColumn(16), DownloadColumn(), TransferSpeedColumn(), TimeRemainingColumn(), TextColumn("{task.description}")
    )

    def show(path: str, done: int, total: int | None) -> None:
        (bar,) = file.task_ids or [file.add_task(Path(path).name, total=None)]
        file.update(bar, completed=done, total=total)

    def tell(line: str) -> None:
        live.console.print(line, markup=False, highlight=False, soft_wrap=True)

    came = 0
    there = files.add_task(name, total=len(data_set.files))
    with Live(Group(files, file), transient=True) as live:
        for _ in fetch(data_set, to, show, tell):
            files.advance(there)
            for bar in file.task_ids:  # none for a file that was there already
                file.remove_task(bar)
                came += 1
    return came


def main(options: Options) -> None:
    """Load what is not there yet."""
    if options.name not in MIRRORS:
        raise SystemExit(f"no data set is called {options.name!r}; there are: {', '.join(MIRRORS)}")
    pooch.get_logger().setLevel("WARNING")  # its lines would run into the bars
    data_set = DataSet(MIRRORS[options.name], checksums(CHECKSUMS / f"{options.name}.txt"))
    try:
        came = load(data_set, options.name, options.to)
    except KeyboardInterrupt:
        again = shlex.join(["python", "scripts/get_data.py", options.name, "--to", str(options.to)])
        print(f"stopped; what has come is kept, and this goes on from there:\n{again}")
        raise SystemExit(130) from None
    except OSError as error:
        raise SystemExit(str(error)) from None
    folders = " and ".join(str(options.to / folder) for folder in data_set.mirrors)
    print(f"{options.name} is in {folders}: {len(data_set.files)} files, {came or 'none'} of them new")


if __name__ == "__main__":
    with plainly():
        main(tyro.cli(Options, args=sys.argv[1:], description=__doc__))
