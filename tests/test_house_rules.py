"""The rules of the house that a program can check: arrows, circles, packages, versions, imports, private paths."""

import ast
import os
import re
import subprocess
import sys
import tomllib
from collections.abc import Callable, Iterator
from functools import cache
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest
from helpers.root import ROOT
from packaging.requirements import Requirement
from packaging.version import Version

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())

# Who may import whom.
CONTRACT = "vln"  # what lies in vln/ itself; its wings are folders
LEARNING = {CONTRACT, "vln.learning"}
EVALUATION = {*LEARNING, "vln.evaluation"}
PAGES = {*EVALUATION, "vln.pages"}
WINGS = {*PAGES, "vln.gym", "vln.runs"}
ARROWS = {
    CONTRACT: {CONTRACT},
    "vln.learning": LEARNING,
    "vln.evaluation": EVALUATION,
    "vln.pages": PAGES,
    "vln.gym": {*PAGES, "vln.gym"},
    "vln.runs": {*PAGES, "vln.runs"},
    "vln.envs": {*WINGS, "vln.envs"},
    "vln.agents": {*WINGS, "vln.agents"},
    "scripts": {*WINGS, "vln.envs", "vln.agents", "scripts"},
    "tests": {*WINGS, "vln.envs", "vln.agents", "scripts", "tests"},
}
# The module that may name worlds and agents, as users do; nothing imports from it, so it makes no circle.
FRONT_DOOR = "vln"
FOLDERS = {"vln": "vln", "envs": "vln.envs", "agents": "vln.agents", "scripts": "scripts", "tests": "tests"}
OWN_IMPORT_SECONDS = 0.05  # of the processor; measured: 0.002


def files(folder: Path) -> Iterator[Path]:
    """The project's own files under a folder, without links and what tools leave behind."""
    for path in sorted(folder.iterdir()):
        left_behind = path.name in {"__pycache__", "build", "dist"} or path.suffix == ".egg-info"
        if (
            path.is_symlink()
            or left_behind
            or path == ROOT / "runs"
            or (path.name.startswith(".") and path.name != ".ci")
        ):
            continue
        if path.is_dir():
            yield from files(path)
        else:
            yield path


@cache
def modules() -> dict[str, Path]:
    """Every module of the project by the name it is imported as."""
    found = {}
    for folder, name in FOLDERS.items():
        for path in files(ROOT / folder):
            if path.suffix == ".py":
                parts = path.relative_to(ROOT / folder).with_suffix("").parts
                found[".".join((name, *parts)).removesuffix(".__init__")] = path
    return found


def imported(name: str, statements: Iterator[ast.AST]) -> Iterator[str]:
    """The full names that these statements of a module import; relative ones are resolved."""
    package = name.split(".") if modules()[name].name == "__init__.py" else name.split(".")[:-1]
    for statement in statements:
        if isinstance(statement, ast.Import):
            yield from (alias.name for alias in statement.names)
        elif isinstance(statement, ast.ImportFrom):
            above = package[: len(package) + 1 - statement.level] if statement.level else []
            base = ".".join([*above, *([statement.module] if statement.module else [])])
            yield from (f"{base}.{alias.name}" for alias in statement.names)


def everywhere(name: str) -> Iterator[ast.AST]:
    return ast.walk(ast.parse(modules()[name].read_text()))


def at_module_level(name: str) -> Iterator[ast.AST]:
    """The statements run at import; a function's body, a class's or that of `if TYPE_CHECKING` is not looked into."""
    return iter(ast.parse(modules()[name].read_text()).body)


def within(name: str, known: set[str]) -> str | None:
    """The longest of the known names that a full name lies in."""
    return max((k for k in known if f"{name}.".startswith(f"{k}.")), key=len, default=None)


@pytest.mark.parametrize("name", modules())
def test_the_arrows_between_the_rooms_never_turn(name: str) -> None:
    room = within(name, set(ARROWS))
    assert room is not None
    for target in imported(name, everywhere(name)):
        if name != FRONT_DOOR:
            assert within(target, set(ARROWS)) in ARROWS[room] | {None}, f"{name} imports {target}"
        assert target.split(".")[0] not in {"envs", "agents"}, f"{name} imports {target}: say vln.{target}"


def test_nothing_imports_from_the_front_door() -> None:
    known = set(modules())
    for name in known:
        if within(name, {"vln"}):
            targets = imported(name, everywhere(name))
            assert FRONT_DOOR not in {within(target, known) for target in targets}, f"{name} imports the front door"


def test_no_modules_import_each_other_in_a_circle() -> None:
    check_for_circles(set(modules()), at_module_level)


def test_no_modules_of_the_package_need_each_other_not_even_within_functions_or_for_their_types() -> None:
    check_for_circles({name for name in modules() if within(name, {"vln"})}, everywhere)


def check_for_circles(known: set[str], statements: Callable[[str], Iterator[ast.AST]]) -> None:
    graph = {name: {within(target, known) for target in imported(name, statements(name))} for name in known}
    try:
        TopologicalSorter({name: targets - {name, None} for name, targets in graph.items()}).prepare()
    except CycleError as error:
        pytest.fail(f"a circle of imports: {' -> '.join(error.args[1])}")


def test_the_packages_listed_for_setuptools_are_those_of_the_tree() -> None:
    rooms = {name: path for name, path in modules().items() if within(name, {"vln"})}
    tree = {name if path.name == "__init__.py" else name.rpartition(".")[0] for name, path in rooms.items()}
    assert set(PROJECT["tool"]["setuptools"]["packages"]) == tree | {"vln.scripts", "vln.scripts.analyses"}


def test_every_dependency_has_an_exact_version_within_its_range() -> None:
    lines = (ROOT / "constraints.txt").read_text().splitlines()
    pins = {name.lower().replace("_", "-"): version for name, _, version in (line.partition("==") for line in lines)}
    for text in PROJECT["project"]["dependencies"] + PROJECT["project"]["optional-dependencies"]["dev"]:
        needed = Requirement(text)
        assert Version(pins[needed.name]) in needed.specifier, text


def test_importing_vln_is_quick_and_loads_nothing_heavy() -> None:
    # What gymnasium and numpy take is theirs, nine tenths of all and more, and another on every machine.
    program = (
        "import sys, time; import gymnasium.envs.registration; before, begin = set(sys.modules), time.process_time(); "
        "import vln; print(time.process_time() - begin, 'torch' in sys.modules, *set(sys.modules) - before)"
    )
    told = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout
    seconds, torch_came_along, *loaded = told.split()
    assert (torch_came_along, loaded) == ("False", ["vln"])
    assert float(seconds) < OWN_IMPORT_SECONDS


def test_every_script_that_loads_torch_or_numba_makes_threads_wait_passively_first() -> None:
    known = modules()
    beside = {name.removeprefix("scripts."): name for name in known if name.startswith("scripts.")}

    def loads(name: str, seen: set[str]) -> bool:
        seen.add(name)
        targets = {beside.get(target.split(".")[0], target) for target in imported(name, at_module_level(name))}
        if any(target.split(".")[0] in {"torch", "numba"} for target in targets):
            return True
        ours = {within(beside.get(target.rpartition(".")[0], target), set(known)) for target in targets}
        return any(loads(target, seen) for target in ours if target and target not in seen)

    scripts = [name for name in beside.values() if '__name__ == "__main__"' in known[name].read_text()]
    first = {name: next(imported(name, at_module_level(name))) for name in scripts if loads(name, set())}
    assert {"scripts.train", "scripts.demo", "scripts.score"} <= first.keys()
    assert set(first.values()) == {"thread_waiting"}, first


def test_threads_wait_passively_in_scripts_and_as_the_user_says_in_other_programs() -> None:
    def policy(module: str, **settings: str) -> str:
        program = f"import os; import {module}; print(os.environ.get('OMP_WAIT_POLICY'))"
        clean = {name: value for name, value in os.environ.items() if name != "OMP_WAIT_POLICY"}
        paths = os.pathsep.join([str(ROOT / "scripts"), str(ROOT)])
        command = [sys.executable, "-c", program]
        return subprocess.check_output(command, text=True, env={**clean, "PYTHONPATH": paths, **settings}).strip()

    assert (policy("thread_waiting"), policy("thread_waiting", OMP_WAIT_POLICY="ACTIVE"), policy("vln")) == (
        "PASSIVE",
        "ACTIVE",
        "None",
    )


def test_no_file_names_a_private_path() -> None:
    private = re.compile(rf"(?<![\w.~/-])/(?:{'|'.join(('home', 'root', 'work', 'Users'))})\b(?!:)|\.{'library'}/")
    for path in files(ROOT):
        for number, line in enumerate(path.read_text(errors="ignore").splitlines(), start=1):
            assert not private.search(line), f"{path.relative_to(ROOT)}, line {number}: {line.strip()[:80]}"
