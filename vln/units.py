"""The table of metrics: what each is called, in which unit it is shown, and which of two numbers is the better."""

import math
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any, Literal

Better = Literal["higher", "lower", "neither"]


@dataclass(frozen=True)
class Metric:
    """How a number of an episode is shown, wherever it is.

    title: what it is called in the head of a column. meaning: what it is in full.
    unit: what is shown is in; None stands for the unit of distance of the world that was measured.
    factor, decimals: what is shown is the factor times the number; without decimals, three digits of it.
    better: which numbers are.
    sentence: says what an agent does with {number} in it; in {step} is what a world calls its steps.
    alike: the metric that says the same in another unit, if any.
    """

    title: str
    meaning: str
    unit: str | None = "%"
    factor: float = 100
    decimals: int | None = 1
    better: Better = "higher"
    sentence: str = ""
    alike: str | None = None

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


METRICS = {
    "accuracy": Metric(
        "accuracy",
        "success: the last answer was right; in sequences, every one; of a sentence, it has as many words as it should",
        decimals=2,
        sentence="The agent is right in {number} of the episodes",
    ),
    "average_accuracy": Metric(
        "average",
        "answers that were right, of all that were asked for",
        sentence="The agent gives the right answer in {number} of the cases",
    ),
    "surprise": Metric(
        "nats",
        "surprise of the truth (cross-entropy) to who gave the last answer; in sequences, the mean of all",
        "nats",
        1,
        3,
        "lower",
        "The model needs {number} a {step}",
        "bits",
    ),
    "bits": Metric(
        "bits",
        "the same in bits; of a text, bits per character",
        "bits",
        1,
        3,
        "lower",
    ),
    "squared_error": Metric(
        "MSE",
        "mean squared error of the numbers that were asked for",
        "",
        1,
        4,
        "lower",
        "The agent's answers have a mean squared error of {number}",
    ),
    "bleu": Metric(
        "BLEU-4",
        "likeness of what is said to what people said, by phrases of up to four words",
        sentence="What is said has a BLEU-4 of {number}",
    ),
    "words": Metric("words", "how many were said", "words", 1, 1, "neither"),
    "looks": Metric("looks", "how many there were", "looks", 1, 1, "neither"),
    "success": Metric(
        "SR",
        "success: stopped where it should have",
        sentence="The agent reaches its goal in {number} of the episodes",
    ),
    "spl": Metric("SPL", "success weighted by path length"),
    "oracle_success": Metric("OSR", "oracle success: was within reach of the goal at some time"),
    "navigation_error": Metric("NE", "navigation error: distance from the goal at the end", None, 1, 2, "lower"),
    "trajectory_length": Metric("TL", "trajectory length: distance travelled", None, 1, 1, "neither"),
    "ndtw": Metric("nDTW", "likeness to the reference path (normalised dynamic time warping)"),
    "sdtw": Metric("SDTW", "success weighted by nDTW"),
    "cls": Metric("CLS", "coverage of the reference path weighted by length"),
    "paragraph": Metric("paragraph", "paragraphs whose sentences were followed in turn to the end"),
}  # in the order of a table's columns


def metric_of(name: str, described: Mapping[str, Any] | None = None) -> Metric:
    """The metric of this name. One that only a user's world knows is a plain number under its own name.

    described: what a table that was written says of it, see `description`.
    """
    plain = name.replace("_", " ")
    known = METRICS.get(name, Metric(plain, plain, "", 1, None, "neither"))
    return replace(known, **described) if described else replace(known, unit=known.unit or "")


def description(name: str, unit: str = "", step: str = "step") -> dict[str, Any]:
    """What a table says of a metric. unit, step: what its world calls its unit of distance and its steps."""
    metric = metric_of(name)
    return asdict(
        replace(
            metric,
            unit=unit if name in METRICS and METRICS[name].unit is None else metric.unit,
            sentence=metric.sentence.replace("{step}", step),
        )
    )


def ordered(names: Iterable[str]) -> list[str]:
    """Metrics in the order of a table's columns; those that only a user's world knows come last, in theirs."""
    present = dict.fromkeys(names)
    return [name for name in METRICS if name in present] + [name for name in present if name not in METRICS]


def number(value: float) -> str:
    """A number for people: three digits, thousands apart."""
    if not math.isfinite(value):
        return "∞" if value > 0 else "–"
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.3g}"
