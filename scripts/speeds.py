"""Measuring speeds: something done so many times a second, told with what it was measured on."""

import os
import platform
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from statistics import median
from typing import Any

from rich.table import Table


@dataclass(frozen=True)
class Speed:
    """Something done so many times a second, once for every repeat."""

    unit: str
    repeats: list[float]

    @property
    def figures(self) -> dict[str, Any]:
        return {"unit": self.unit, "median": median(self.repeats), "best": max(self.repeats)}


def measure(unit: str, work: Iterator[int], repeats: int, seconds: float) -> Speed:
    """How often a second `work` does what it does; each next() of it works a while and gives how often it did."""
    next(work)  # compiles, and fills the caches
    speeds = []
    for _ in range(repeats):
        done, began = 0, time.perf_counter()
        while (elapsed := time.perf_counter() - began) < seconds or not done:
            done += next(work)
        speeds.append(done / elapsed)
    return Speed(unit, speeds)


def conditions(threads: Any) -> dict[str, Any]:
    """On what the speeds were measured."""
    about = Path("/proc/cpuinfo")
    models = [line for line in about.read_text().splitlines() if "model name" in line] if about.exists() else []
    return {
        "cpu": models[0].split(":")[1].strip() if models else platform.processor(),
        "cores": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count(),
        "threads": threads,
        "busy cores": round(os.getloadavg()[0], 1) if hasattr(os, "getloadavg") else None,
        "python": platform.python_version(),
        **{name: version(name) for name in ("numpy", "numba", "torch", "gymnasium", "vln")},
    }


def show(speeds: Mapping[str, Speed], circumstances: Mapping[str, Any]) -> Table:
    """The speeds for a terminal."""
    table = Table("per second", "median", "best", "", caption=", ".join(f"{k} {v}" for k, v in circumstances.items()))
    for name, speed in speeds.items():
        digits = ",.2f" if speed.unit == "share" else ",.0f"
        table.add_row(name, f"{median(speed.repeats):{digits}}", f"{max(speed.repeats):{digits}}", speed.unit)
    return table
