"""Load a public data set from the network. Run it again after it was cut off: it goes on from there.

python scripts/get_data.py mnist
python scripts/get_data.py mnist --to DIR
"""

import shlex
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import pooch
import tyro
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn, TransferSpeedColumn

from vln.downloads import DataSet, fetch

DATA_SETS = {
    "mnist": DataSet(
        mirrors=(
            "https://ossci-datasets.s3.amazonaws.com/mnist/",
            "https://storage.googleapis.com/cvdf-datasets/mnist/",
        ),
        files={
            "train-images-idx3-ubyte.gz": "440fcabf73cc546fa21475e81ea370265605f56be210a4024d2ca8f203523609",
            "train-labels-idx1-ubyte.gz": "3552534a0a558bbed6aed32b30c495cca23d567ec52cac8be1a0730e8010255c",
            "t10k-images-idx3-ubyte.gz": "8d422c7b0a1c1c79245a5bcf07fe86e33eeafee792b84584aec276f5a2dbc4e6",
            "t10k-labels-idx1-ubyte.gz": "f7ae60f92e00ec6debd23a6088c31dbd2371eca3ffa0defaefb259924204aec6",
        },
    ),
}


@dataclass(frozen=True)
class Options:
    """What to load, and where to."""

    name: Annotated[str, tyro.conf.Positional]
    """The data set: mnist."""
    to: Path = Path("data")
    """The folder in which the data set has a folder of its own; what --data of the other scripts names."""


def load(data_set: DataSet, name: str, folder: Path, progress: Progress) -> None:
    """Load one file, under a bar of its own."""
    bar = progress.add_task(name, total=None)

    def show(done: int, total: int | None) -> None:
        progress.update(bar, completed=done, total=total)

    def tell(line: str) -> None:
        progress.console.print(line, markup=False, highlight=False, soft_wrap=True)

    size = fetch(data_set, name, folder, show, tell).stat().st_size
    show(size, size)


def main(options: Options) -> None:
    """Load what is not there yet."""
    if options.name not in DATA_SETS:
        raise SystemExit(f"no data set is called {options.name!r}; there are: {', '.join(DATA_SETS)}")
    pooch.get_logger().setLevel("WARNING")  # its lines would run into the bars
    data_set, folder = DATA_SETS[options.name], options.to / options.name
    columns = (TextColumn("{task.description}"), BarColumn(20), DownloadColumn(), TransferSpeedColumn())
    try:
        with Progress(*columns, TimeRemainingColumn()) as progress:
            for name in data_set.files:
                load(data_set, name, folder, progress)
    except KeyboardInterrupt:
        again = shlex.join(["python", "scripts/get_data.py", options.name, "--to", str(options.to)])
        print(f"stopped; what has come is kept, and this goes on from there:\n{again}")
        raise SystemExit(130) from None
    except OSError as error:
        raise SystemExit(str(error)) from None
    print(f"{options.name} is in {folder}")


if __name__ == "__main__":
    main(tyro.cli(Options, args=sys.argv[1:], description=__doc__))
