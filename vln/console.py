"""The command `vln` of an installation: `vln train goto` runs train.py, and so on; `vln` alone lists them."""

import ast
import runpy
import sys
from pathlib import Path

OF_A_CHECKOUT = ("set_up", "write_docs")  # scripts that an installation does not need


def scripts() -> Path:
    """The folder of the scripts: within an installed package, beside the package in a checkout."""
    here = Path(__file__).resolve().parent
    return next(folder for folder in (here / "scripts", here.parent / "scripts") if folder.is_dir())


def commands() -> dict[str, str]:
    """What each command does, by its name: the scripts that can be run, and the first line of each."""
    found = {}
    for file in sorted(scripts().glob("*.py")):
        text = file.read_text(encoding="utf-8")
        if file.stem not in OF_A_CHECKOUT and 'if __name__ == "__main__":' in text:
            found[file.stem.replace("_", "-")] = (ast.get_docstring(ast.parse(text)) or "").partition("\n")[0]
    return found


def main() -> None:
    """Run the script that is named first, with all other arguments."""
    known, (name, *arguments) = commands(), sys.argv[1:] or ["--help"]
    if name in ("-h", "--help"):
        print("\n".join(("usage: vln COMMAND ...", "", *(f"{one:10} {does}" for one, does in known.items()))))
        return
    if name.replace("_", "-") not in known:
        raise SystemExit(f"vln has no command {name!r}; there are {', '.join(known)}")
    sys.argv = [f"vln {name}", *arguments]
    sys.path.insert(0, str(scripts()))  # where scripts find one another
    runpy.run_path(str(scripts() / f"{name.replace('-', '_')}.py"), run_name="__main__")
