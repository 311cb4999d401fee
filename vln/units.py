"""The table of metrics: what each is called, in which unit it is shown, and which of two numbers is the better."""

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any, Literal, get_args

Better = Literal["more", "less", "neither"]


@dataclass(frozen=True)
class Metric:
    """A number of an episode: what it is called, how it is shown wherever it is, and how one of a task's own is made.

    name: in tables as JSON, and in the infos of environments.
    of: makes it from what happened in an episode (see vln.histories.History); None where the world measures it (see
        World.measure), or where it is one of ours.
    unit: what is shown is in; "%" for a share, from 0 to 1; None stands for the unit of distance of the world that was
        measured.
    better: which numbers are.
    title: what it is called in the head of a column; the name unless given. meaning: what it is in full.
    decimals: of what is shown; without them, three digits of it.
    sentence: says what an agent does with {number} in it; in {step} is what a world calls its steps.
    alike: the name of the metric that says the same in another unit, if any.
    """

    name: str
    of: Callable[[Any], float] | None = None
    unit: str | None = ""
    better: Better = "neither"
    title: str = ""
    meaning: str = ""
    decimals: int | None = None
    sentence: str = ""
    alike: str | None = None

    def __post_init__(self) -> None:
        plain = self.name.replace("_", " ")
        if not self.name:
            raise ValueError("a metric has a name")
        if self.better not in get_args(Better):
            known = ", ".join(get_args(Better))
            raise ValueError(f"what is better of metric {self.name!r} is one of {known}, not {self.better!r}")
        object.__setattr__(self, "title", self.title or plain)
        object.__setattr__(self, "meaning", self.meaning or self.title)

    @property
    def factor(self) -> float:
        """What is shown is so many times the number."""
        return 100 if self.unit == "%" else 1

    @property
    def head(self) -> str:
        """Of a column of such numbers: the title, and the unit where that is another word."""
        return f"{self.title} {self.unit}" if self.unit and self.unit != self.title else self.title

    def written(self, value: float | None) -> str:
        """A number as it is shown, without its unit; None is a mean that was not finite."""
        if value is None:
            return "∞"
        if self.decimals is None or not math.isfinite(value):
            return number(self.factor * value)
        return f"{self.factor * value:.{self.decimals}f}"

    def told(self, value: float | None) -> str:
        """A number as it is shown, with its unit, and with its title where that does not say what it is of."""
        text = f"{self.written(value)} {self.unit}".rstrip()
        return f"{self.title} {text}" if self.unit in ("", "%") else text


def _share(name: str, title: str, meaning: str, decimals: int = 1, sentence: str = "") -> Metric:
    """A metric from 0 to 1, of which more is better."""
    return Metric(name, None, "%", "more", title, meaning, decimals, sentence)


_ALL = (
    _share(
        "accuracy",
        "accuracy",
        "success: the last answer was right; in sequences, every one; of a sentence, it has as many words as it should",
        2,
        "The agent is right in {number} of the episodes",
    ),
    _share(
        "average_accuracy",
        "average",
        "answers that were right, of all that were asked for",
        sentence="The agent gives the right answer in {number} of the cases",
    ),
    Metric(
        "surprise",
        unit="nats",
        better="less",
        title="nats",
        meaning="surprise of the truth (cross-entropy) to who gave the last answer; in sequences, the mean of all",
        decimals=3,
        sentence="The model needs {number} a {step}",
        alike="bits",
    ),
    Metric(
        "bits",
        unit="bits",
        better="less",
        meaning="the same in bits; of a text, bits per character",
        decimals=3,
    ),
    Metric(
        "squared_error",
        better="less",
        title="MSE",
        meaning="mean squared error of the numbers that were asked for",
        decimals=4,
        sentence="The agent's answers have a mean squared error of {number}",
    ),
    _share(
        "bleu",
        "BLEU-4",
        "likeness of what is said to what people said, by phrases of up to four words",
        sentence="What is said has a BLEU-4 of {number}",
    ),
    Metric("words", unit="words", meaning="how many were said", decimals=1),
    Metric("looks", unit="looks", meaning="how many there were", decimals=1),
    _share(
        "success",
        "SR",
        "success: stopped where it should have",
        sentence="The agent reaches its goal in {number} of the episodes",
    ),
    _share("spl", "SPL", "success weighted by path length"),
    _share("oracle_success", "OSR", "oracle success: was within reach of the goal at some time"),
    Metric(
        "navigation_error",
        unit=None,
        better="less",
        title="NE",
        meaning="navigation error: distance from the goal at the end",
        decimals=2,
    ),
    Metric(
        "trajectory_length",
        unit=None,
        title="TL",
        meaning="trajectory length: distance travelled",
        decimals=1,
    ),
    _share("ndtw", "nDTW", "likeness to the reference path (normalised dynamic time warping)"),
    _share("sdtw", "SDTW", "success weighted by nDTW"),
    _share("cls", "CLS", "coverage of the reference path weighted by length"),
    _share("paragraph", "paragraph", "paragraphs whose sentences were followed in turn to the end"),
)
METRICS = {metric.name: metric for metric in _ALL}  # in the order of a table's columns


def metric_of(name: str, described: Mapping[str, Any] | None = None, own: Sequence[Metric] = ()) -> Metric:
    """The metric of this name. One that nobody has declared is a plain number under its own name.

    described: what a table that was written says of it, see `description`. own: those of a world.
    """
    known = {**METRICS, **{metric.name: metric for metric in own}}.get(name, Metric(name))
    return replace(known, **described) if described else replace(known, unit=known.unit or "")


def description(name: str, unit: str = "", step: str = "step", own: Sequence[Metric] = ()) -> dict[str, Any]:
    """What a table says of a metric. unit, step: what its world calls its unit of distance and its steps. own: those of
    a world."""
    metric = {**METRICS, **{metric.name: metric for metric in own}}.get(name, Metric(name))
    metric = replace(metric, unit=unit if metric.unit is None else metric.unit)
    facts = asdict(replace(metric, of=None, sentence=metric.sentence.replace("{step}", step)))
    return {key: value for key, value in facts.items() if key not in ("name", "of")}


def ordered(names: Iterable[str]) -> list[str]:
    """Metrics in the order of a table's columns; those that only a user's world knows come last, in theirs."""
    present = dict.fromkeys(names)
    return [name for name in METRICS if name in present] + [name for name in present if name not in METRICS]


def number(value: float) -> str:
    """A number for people: three digits, thousands apart."""
    if not math.isfinite(value):
        return "∞" if value > 0 else "–"
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.3g}"
