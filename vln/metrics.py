"""Metrics: the table of them, how each is shown, and what they compute.

Lengths and distances are in the unit of the place walked (cells, metres). Shares and scores are in [0, 1].
"""

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import KW_ONLY, asdict, dataclass, replace
from typing import Any, Literal, get_args

from vln.scores import cls, sdtw, spl

Better = Literal["more", "less", "neither"]


@dataclass(frozen=True)
class Metric:
    """A number of every episode, and how it is shown: in tables, JSON, pages and the `info` of environments.

    name: in JSON and in `info`.
    of: computes it, when an episode ends. A metric that a task or a world declares is given the FinishedEpisode (see
        vln.evaluation.finished); one of this module's table the outcome. None where World.measure gives it.
    unit: the unit it is shown in ("moves", "%"); None stands for the unit of distance of the world.
    better: which numbers are: more, less, or neither.
    title: the head of its column; the name unless given. meaning: what it is in full; the title unless given.
    factor: what is shown is the factor times the number: 100 where the unit is %, else 1, unless given.
    decimals: how many are shown; one of a percentage and three digits of other numbers unless given.
    sentence: says what an agent does, with {number} in it, and {step} for what a world calls its steps.
    alike: the name of the metric that says the same in another unit, if any.
    Raises ValueError where one of them is not what is said here.
    """

    name: str
    of: Callable[[Any], Any] | None = None
    _: KW_ONLY
    unit: str | None = ""
    better: Better = "neither"
    title: str = ""
    meaning: str = ""
    factor: float | None = None
    decimals: int | None = None
    sentence: str = ""
    alike: str | None = None

    def __post_init__(self) -> None:
        if not self.name.isidentifier():
            raise ValueError(f"a metric is called by letters, digits and _, not {self.name!r}: give the rest as title")
        if self.better not in get_args(Better):
            raise ValueError(f"of metric {self.name!r} {' or '.join(get_args(Better))} is better, not {self.better!r}")
        title = self.title or self.name.replace("_", " ")
        percent = self.unit == "%"
        factor = (100.0 if percent else 1.0) if self.factor is None else self.factor
        decimals = 1 if self.decimals is None and percent else self.decimals
        derived = {"title": title, "meaning": self.meaning or title, "factor": factor, "decimals": decimals}
        for field, value in derived.items():
            object.__setattr__(self, field, value)  # the dataclass is frozen from here on

    @property
    def head(self) -> str:
        """Of a column of such numbers: the title, and the unit where that is another word."""
        return f"{self.title} {self.unit}" if self.unit and self.unit != self.title else self.title

    def written(self, value: float | None) -> str:
        """A number as it is shown, without its unit; None is a mean that was not finite."""
        if value is None:
            return "∞"
        shown = float(self.factor or 0) * value
        return number(shown) if self.decimals is None or not math.isfinite(value) else f"{shown:.{self.decimals}f}"

    def with_unit(self, value: float | None) -> str:
        """A number as it is shown, with its unit, and with its title where that does not say what it is of."""
        text = f"{self.written(value)} {self.unit}".rstrip()
        return f"{self.title} {text}" if self.unit in ("", "%") else text

    def in_unit(self, unit: str) -> "Metric":
        """The same, shown in this unit of distance, where it is a distance."""
        return replace(self, unit=unit if self.unit is None else self.unit)

    def description(self, unit: str = "", step: str = "step") -> dict[str, Any]:
        """What a table's JSON says of it. unit, step: what the world calls its unit of distance and its steps."""
        shown = replace(self.in_unit(unit), sentence=self.sentence.replace("{step}", step))
        return {name: value for name, value in asdict(shown).items() if name not in ("name", "of")}


def number(value: float) -> str:
    """A number for people: three digits, thousands apart."""
    if not math.isfinite(value):
        return "∞" if value > 0 else "–"
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.3g}"


_ANSWERS = (
    Metric(
        "accuracy",
        unit="%",
        better="more",
        meaning="success: the last answer was right; in sequences, every one; of a sentence, it has as many words "
        "as it should",
        decimals=2,
        sentence="The agent is right in {number} of the episodes",
    ),
    Metric(
        "average_accuracy",
        unit="%",
        better="more",
        title="average",
        meaning="answers that were right, of all that were asked for",
        sentence="The agent gives the right answer in {number} of the cases",
    ),
    Metric(
        "nll",
        unit="nats",
        better="less",
        title="nats",
        meaning="negative log-likelihood of the truth under the last answer; in sequences, the mean over all",
        decimals=3,
        sentence="The model needs {number} a {step}",
        alike="bits",
    ),
    Metric("bits", unit="bits", better="less", meaning="the same in bits; of a text, bits per character", decimals=3),
    Metric(
        "squared_error",
        better="less",
        title="MSE",
        meaning="mean squared error of the numbers that were asked for",
        decimals=4,
        sentence="The agent's answers have a mean squared error of {number}",
    ),
    Metric(
        "bleu",
        unit="%",
        better="more",
        title="BLEU-4",
        meaning="likeness of what is said to what people said, by phrases of up to four words",
        sentence="What is said has a BLEU-4 of {number}",
    ),
    Metric("words", unit="words", meaning="how many were said", decimals=1),
    Metric("looks", unit="looks", meaning="how many there were", decimals=1),
)

# Of whoever walks, from numbers or arrays of them alone: the end of an episode, or of many at once.
END_METRICS = (
    Metric(
        "success",
        lambda ended: ended.success * 1.0,
        unit="%",
        better="more",
        title="SR",
        meaning="success: stopped where it should have",
        sentence="The agent reaches its goal in {number} of the episodes",
    ),
    Metric(
        "spl",
        lambda ended: spl(ended.success, ended.shortest, ended.length),
        unit="%",
        better="more",
        title="SPL",
        meaning="success weighted by path length",
    ),
    Metric(
        "oracle_success",
        lambda ended: (ended.least_error <= ended.tolerance) * 1.0,
        unit="%",
        better="more",
        title="OSR",
        meaning="oracle success: was within reach of the goal at some time",
    ),
    Metric(
        "navigation_error",
        lambda ended: ended.error,
        unit=None,
        better="less",
        title="NE",
        meaning="navigation error: distance from the goal at the end",
        decimals=2,
    ),
    Metric(
        "trajectory_length",
        lambda ended: ended.length,
        unit=None,
        title="TL",
        meaning="trajectory length: distance travelled",
        decimals=1,
    ),
)

# Of whoever walks, from the distances between the path and the reference: one search per position passed.
PATH_METRICS = (
    Metric(
        "ndtw",
        lambda walk: walk.ndtw,
        unit="%",
        better="more",
        title="nDTW",
        meaning="likeness to the reference path (normalised dynamic time warping)",
    ),
    Metric(
        "sdtw",
        lambda walk: sdtw(walk.success, walk.ndtw),
        unit="%",
        better="more",
        title="SDTW",
        meaning="success weighted by nDTW",
    ),
    Metric(
        "cls",
        lambda walk: cls(walk.distances, walk.path_length, walk.reference_length, walk.threshold, walk.reference),
        unit="%",
        better="more",
        title="CLS",
        meaning="coverage of the reference path weighted by length",
    ),
)

METRICS = {metric.name: metric for metric in (*_ANSWERS, *END_METRICS, *PATH_METRICS)}  # in the order of columns


def metric_of(name: str, declared: Iterable[Metric] = ()) -> Metric:
    """The metric of this name. One that nobody declares is a plain number under its own name.

    declared: the metrics of a world, beside those of this module.
    """
    own = {metric.name: metric for metric in declared}
    return own.get(name) or METRICS.get(name) or Metric(name)


def described_metric(name: str, description: Mapping[str, Any] | None) -> Metric:
    """The metric of this name as a table that was written describes it (see Metric.description)."""
    known = metric_of(name)
    return replace(known, **description) if description else replace(known, unit=known.unit or "")


def check_declared(owner: str, metrics: Sequence[Metric]) -> None:
    """Raise ValueError where a name is declared twice, or is one of this module's."""
    names = [metric.name for metric in metrics]
    for name in names:
        if name in METRICS or names.count(name) > 1:
            raise ValueError(f"{owner} declares the metric {name!r}, which there is already: give it another name")


def ordered(names: Iterable[str]) -> list[str]:
    """Metrics in the order of a table's columns; those that a world or a task declares come last, in theirs."""
    present = dict.fromkeys(names)
    return [name for name in METRICS if name in present] + [name for name in present if name not in METRICS]
