"""A checker for recurrent cells: every promise of agents.cells.Cell, tried on a short sequence."""

from collections.abc import Callable, Iterator
from copy import deepcopy
from itertools import pairwise
from typing import Any

import torch
from torch import Tensor, nn

from vln.checker_faults import Faults

from .cells import Cell, States

STEPS, SLOTS = 7, 4
STARTS = ((0, 1), (3, 2), (4, 2), (6, 3))  # time and slot of episodes that start inside the sequence
STEP = 3e-4  # of finite differences: some cells compute in float32 whatever they are given
CLOSE = {"rtol": 1e-4, "atol": 1e-5}
ROUGH = 0.1  # of the largest output: what computing in bfloat16 may change


def check_cell(make_cell: Callable[[int, int], Cell], inputs: int = 3, size: int = 4) -> None:
    """Raises AssertionError when a cell breaks a promise of its contract: all faults, each with what and where.

    The promises: outputs [T, B, size] and states as `states` declares them; a whole sequence is the same as its steps
    one by one; at `episode_starts` all is forgotten, so that nothing of one episode is in the values or gradients of
    the next; rows are independent; gradients agree with finite differences; it is deterministic when not training;
    bfloat16 works and is about the same; and `keeps` names one of its gates.

    make_cell: from the number of inputs and the size to a cell, as `--memory FILE.py:NAME` calls it.
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        faults = Faults()
        cell = make_cell(inputs, size)
        _check_declared(cell, size, faults)
        if not faults.found:
            for part in (_check_forms, _check_steps, _check_starts, _check_rows, _check_gradients, _check_bfloat16):
                try:
                    part(cell.eval(), inputs, faults)
                except Exception as error:  # whatever a cell of somebody's own may raise is a fault of it
                    here = part.__name__.removeprefix("_check_")
                    faults.add(here, f"{type(error).__name__} was raised: {error}")
    faults.raise_if_any(type(cell).__name__)


def _check_declared(cell: Any, size: int, faults: Faults) -> None:
    here = "declared"
    faults.check(isinstance(cell, nn.Module), here, f"it is no torch.nn.Module but {type(cell).__name__}")
    told = getattr(cell, "size", None)
    faults.check(told == size, here, f"size is {told}, but {size} was asked for")
    states = getattr(cell, "states", None)
    right = isinstance(states, dict) and all(isinstance(shape, tuple) for shape in states.values())
    faults.check(right and states, here, f"states are not the shape of every state by its name: {states!r}")


def _given(cell: Cell, inputs: int, steps: int = STEPS) -> tuple[Tensor, States]:
    """Inputs and states before them that ask for gradients."""
    before = tuple(torch.randn(SLOTS, *shape).requires_grad_() for shape in cell.states.values())
    return torch.randn(steps, SLOTS, inputs).requires_grad_(), before


def _starts() -> Tensor:
    episode_starts = torch.zeros(STEPS, SLOTS, dtype=torch.bool)
    for time, slot in STARTS:
        episode_starts[time, slot] = True
    return episode_starts


def _learned(cell: Cell, given: tuple[Tensor, States], outputs: Tensor, after: States) -> Iterator[tuple[str, Tensor]]:
    """Values, and the gradients of a number that depends on all of them, by name."""
    inputs, before = given
    weight = torch.linspace(-1, 1, outputs.numel()).view_as(outputs)
    score = (outputs * weight).sum() + sum(part.square().sum() for part in after)
    names = ["inputs", *cell.states, *(name for name, _ in cell.named_parameters())]
    wanted = [inputs, *before, *cell.parameters()]
    gradients = torch.autograd.grad(score, wanted, allow_unused=True)
    yield "outputs", outputs
    yield from zip(cell.states, after, strict=True)
    for name, of_it, gradient in zip(names, wanted, gradients, strict=True):
        yield f"gradient of {name}", torch.zeros_like(of_it) if gradient is None else gradient


def _close(one: Tensor, other: Tensor) -> bool:
    return one.shape == other.shape and torch.allclose(one.float(), other.float(), **CLOSE)  # type: ignore[arg-type]


def _check_forms(cell: Cell, inputs: int, faults: Faults) -> None:
    given, episode_starts = _given(cell, inputs), _starts()
    outputs, after = cell(*given, episode_starts, True)
    shape = (STEPS, SLOTS, cell.size)
    faults.check(outputs.shape == shape, "forward", f"outputs are not {shape}: {tuple(outputs.shape)}")
    shapes = [(SLOTS, *shape) for shape in cell.states.values()]
    gives = [tuple(part.shape) for part in after]
    faults.check(gives == shapes, "forward", f"states after it are not {shapes}: {gives}")
    again, _ = cell(*given, episode_starts, True)
    faults.check(torch.equal(outputs, again), "forward", "the same inputs give other outputs when not training")
    for name, gate in cell.gates(given[0][0], given[1]).items():
        faults.check(((gate >= 0) & (gate <= 1)).all(), "gates", f"{name} is not from 0 to 1")
    known = sorted(cell.gates(given[0][0], given[1]))
    faults.check(cell.keeps in (None, *known), "gates", f"keeps names no gate: {cell.keeps!r}; there are {known}")


def _check_steps(cell: Cell, inputs: int, faults: Faults) -> None:
    """A sequence at once is the same as step by step, and the same whoever knows that no episode starts inside."""
    for episode_starts, here in (
        (_starts(), "with starts"),
        (torch.zeros(STEPS, SLOTS, dtype=torch.bool), "without starts"),
    ):
        given = _given(cell, inputs)
        at_once = list(_learned(cell, given, *cell(*given, episode_starts, bool(episode_starts[1:].any()))))
        told, states = [], given[1]
        for time in range(STEPS):
            outputs, states = cell(given[0][time : time + 1], states, episode_starts[time : time + 1], False)
            told.append(outputs)
        for (name, one), (_, other) in zip(at_once, _learned(cell, given, torch.cat(told), states), strict=True):
            faults.check(_close(one, other), here, f"a sequence at once is not its steps one by one: {name}")
        if not episode_starts.any():
            careful, _ = cell(*given, episode_starts, True)
            faults.check(_close(at_once[0][1], careful), here, "inside changes outputs where no episode starts")


def _check_starts(cell: Cell, inputs: int, faults: Faults) -> None:
    """Every episode in a sequence is as it is alone, and learns nothing for the one before."""
    given, episode_starts = _given(cell, inputs), _starts()
    outputs, after = cell(*given, episode_starts, True)
    for slot in range(SLOTS):
        cuts = [time for time in range(1, STEPS) if episode_starts[time, slot]]
        one = slice(slot, slot + 1)
        states = tuple(part[one] * (0 if episode_starts[0, slot] else 1) for part in given[1])
        for first, last in pairwise([0, *cuts, STEPS]):
            here = f"slot {slot}, steps {first} to {last - 1}"
            none = torch.zeros(last - first, 1, dtype=torch.bool)
            alone, states = cell(given[0][first:last, one], states, none, False)
            close = _close(outputs[first:last, one], alone)
            faults.check(close, here, "an episode is not what it is alone: its memory does not begin with zeros")
            if first > 0:
                leaked = torch.autograd.grad(outputs[first:last, slot].sum(), given[0], retain_graph=True)[0]
                faults.check(not leaked[:first].any(), here, "a gradient leaks into the episode before")
            if last < STEPS:
                states = tuple(torch.zeros_like(part) for part in states)
        for name, part, end in zip(cell.states, after, states, strict=True):
            faults.check(_close(part[one], end), f"slot {slot}", f"state {name} at the end is not what it is alone")


def _check_rows(cell: Cell, inputs: int, faults: Faults) -> None:
    (values, before), episode_starts = _given(cell, inputs), _starts()
    outputs, _ = cell(values, before, episode_starts, True)
    for slot in range(SLOTS):
        one = slice(slot, slot + 1)
        alone, _ = cell(values[:, one], tuple(part[one] for part in before), episode_starts[:, one], True)
        faults.check(_close(outputs[:, one], alone), f"slot {slot}", "a row depends on the others of its batch")


def _check_gradients(cell: Cell, inputs: int, faults: Faults) -> None:
    """Along one direction for every input, state and weight, by finite differences in float64."""
    exact = deepcopy(cell).double()
    (values, before), episode_starts = _given(cell, inputs), _starts()
    given = values.detach().double(), tuple(part.detach().double() for part in before)
    weight = torch.randn(STEPS, SLOTS, cell.size, dtype=torch.float64)

    def score() -> Tensor:
        outputs, after = exact(*given, episode_starts, True)
        return (outputs * weight).sum() + sum(part.double().square().sum() for part in after)

    names = ["inputs", *cell.states, *(name for name, _ in exact.named_parameters())]
    wanted = [given[0], *given[1], *exact.parameters()]
    for of_it in wanted:
        of_it.requires_grad_()
    gradients = torch.autograd.grad(score(), wanted, allow_unused=True)
    with torch.no_grad():
        for name, of_it, gradient in zip(names, wanted, gradients, strict=True):
            way, kept = torch.randn_like(of_it), of_it.clone()
            of_it.copy_(kept + STEP * way)
            above = score()
            of_it.copy_(kept - STEP * way)
            slope = float(above - score()) / (2 * STEP)
            of_it.copy_(kept)
            told = 0.0 if gradient is None else float((gradient * way).sum())
            right = abs(slope - told) <= 0.02 * max(1.0, abs(slope))
            fault = f"it is not the slope by finite differences: {told:g}, not {slope:g}"
            faults.check(right, f"gradient of {name}", fault)


def _check_bfloat16(cell: Cell, inputs: int, faults: Faults) -> None:
    (values, before), episode_starts = _given(cell, inputs), _starts()
    outputs, _ = cell(values, before, episode_starts, True)
    half, _ = deepcopy(cell).bfloat16()(values.bfloat16(), before, episode_starts, True)
    faults.check(half.dtype == torch.bfloat16, "bfloat16", f"outputs are {half.dtype}")
    far = float(((half.float() - outputs).abs().max() / outputs.abs().max().clamp(min=1e-6)).detach())
    faults.check(far < ROUGH, "bfloat16", f"outputs are far from those in float32: by {far:.0%}")
