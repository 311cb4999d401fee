"""Kernels: functions that Numba compiles, kept on disk where that is possible, safe in forked processes and threads."""

import hashlib
import inspect
import os
import stat
import tempfile
import threading
import warnings
from collections.abc import Callable, Iterator
from functools import cache, partial, update_wrapper
from pathlib import Path
from types import FunctionType
from typing import Any, Generic, TypeVar

import numba
from numba.core.caching import FunctionCache
from numba.core.compiler_lock import global_compiler_lock
from numba.core.dispatcher import Dispatcher

R = TypeVar("R")

_settings: Any = numba.config  # whose names come from the environment, where type checkers can't see them
_CHOOSE = "choose a folder for them with the environment variable NUMBA_CACHE_DIR"
_COMPILED_ANEW = "every process that calls them compiles them again, which takes seconds each"


def kernel(function: Callable[..., Any] | None = None, /, **options: Any) -> Any:
    """numba.njit, with its options, whose compiled code is kept on disk.

    Where Numba would keep it nowhere, it is kept in a private folder below that of temporary files, or not at all.
    """
    if function is None:
        return partial(kernel, **options)
    compiled: Any = numba.njit(**options)(function)
    if not _settings.DISABLE_JIT and (code := _cache_for(function, options)):
        compiled._cache = code
    return compiled


def shared_kernel(function: Callable[..., Any] | None = None, /, **options: Any) -> Any:
    """A kernel with a `prange` whose turns threads share out among themselves, where they can: see SharedKernel."""
    return partial(shared_kernel, **options) if function is None else SharedKernel(function, options)


class SharedKernel(Generic[R]):
    """A kernel in two versions, which give the same results, compiled when first called: serial, and parallel.

    The parallel one, often the quicker even in one thread, is taken by one Python thread at a time, since not every
    threading layer of Numba can be entered twice, and by no process that was forked, since GNU OpenMP ends such a
    process or lets it wait for ever. The serial one starts no threads: where there is little to do, call it directly.
    """

    def __init__(self, function: Callable[..., R], options: dict[str, Any]) -> None:
        self.serial: Callable[..., R] = kernel(function, **options)
        self.parallel: Callable[..., R] = kernel(function, parallel=True, **options)
        update_wrapper(self, function)

    def __call__(self, *arguments: Any) -> R:
        if not _process.forked and _process.busy.acquire(False):
            try:
                return self.parallel(*arguments)
            finally:
                _process.busy.release()
        return self.serial(*arguments)


class _Process:
    """This process. forked: whether it was, after kernels were imported. busy: held by who runs a parallel kernel."""

    def __init__(self) -> None:
        self.forked = False
        self.busy = threading.Lock()

    def fork(self) -> None:
        self.forked = True


_process = _Process()
if hasattr(os, "register_at_fork"):
    # A thread that compiles while another one forks would leave the child a lock that nobody opens.
    lock, unlock = global_compiler_lock.acquire, global_compiler_lock.release
    os.register_at_fork(before=lock, after_in_parent=unlock, after_in_child=unlock)
    os.register_at_fork(after_in_child=_process.fork)


def was_forked() -> bool:
    """Whether this process was forked after the kernels were imported."""
    return _process.forked


class _Cache(FunctionCache):
    """Numba's cache of one function, keyed by all that its code is made of too, and whose errors stop nobody.

    Numba looks at the function's own file alone, so that it would go on with the old code of another kernel that is
    called, with the old value of a global, or with code compiled under other options.
    """

    def __init__(self, function: Callable[..., Any], options: dict[str, Any]) -> None:
        super().__init__(function)
        self._options = options

    def _index_key(self, signature: Any, codegen: Any) -> Any:
        parts = sorted({*_parts_of(self._py_func), *(f"{name}={value}" for name, value in self._options.items())})
        return (*super()._index_key(signature, codegen), tuple(parts))

    def load_overload(self, signature: Any, target_context: Any) -> Any:
        try:
            return super().load_overload(signature, target_context)
        except Exception:  # whatever a damaged file makes of unpickling: compile again, over it
            self._try(self.flush)
            return None

    def save_overload(self, signature: Any, data: Any) -> None:
        self._try(partial(super().save_overload, signature, data))

    def _try(self, write: Callable[[], None]) -> None:
        try:
            write()
        except OSError as error:
            where = f"{self.cache_path} ({error.strerror})"
            _warn(f"compiled kernels can't be kept in {where}: {_COMPILED_ANEW}; {_CHOOSE}")


def _parts_of(function: FunctionType) -> Iterator[str]:
    """What the compiled code of a function holds: the files of its kernels, as hashes, and the values of globals."""
    yield _hashed(inspect.getfile(function))
    for name in function.__code__.co_names:
        value = function.__globals__.get(name)
        if isinstance(value, Dispatcher):
            yield from _parts_of(value.py_func)
        elif not callable(value) and not inspect.ismodule(value):
            yield f"{name}={value!r}"


@cache
def _hashed(file: str) -> str:
    return hashlib.sha256(Path(file).read_bytes()).hexdigest()


def _cache_for(function: Callable[..., Any], options: dict[str, Any]) -> _Cache | None:
    """Where Numba keeps code: where the user says, beside the source, or in the home folder; then among temporary
    files; None where nothing can be written."""
    try:
        return _Cache(function, options)
    except RuntimeError:  # no locator available
        pass
    chosen, folder = _settings.CACHE_DIR, _private_folder()
    try:
        _settings.CACHE_DIR = str(folder or "")
        made = _Cache(function, options)
    except RuntimeError:
        _warn(f"compiled kernels can be kept nowhere: {_COMPILED_ANEW}; {_CHOOSE}")
        return None
    finally:
        _settings.CACHE_DIR = chosen
    _warn(
        f"compiled kernels can be kept neither beside the package nor in the home folder: they are kept in {folder}, "
        f"and when that is emptied {_COMPILED_ANEW}; {_CHOOSE}"
    )
    return made


@cache
def _private_folder() -> Path | None:
    """A folder below that of temporary files which nobody else can write in, for what lies there is run."""
    user = os.getuid() if hasattr(os, "getuid") else None  # on Windows every user has temporary files of their own
    folder = Path(tempfile.gettempdir()) / ("vln-kernels" if user is None else f"vln-kernels-{user}")
    try:
        folder.mkdir(mode=0o700, exist_ok=True)
        about = folder.lstat()
    except OSError:
        return None
    private = user is None or (about.st_uid == user and not stat.S_IMODE(about.st_mode) & 0o077)
    return folder if stat.S_ISDIR(about.st_mode) and private else None


@cache
def _warn(message: str) -> None:
    """Once for every message, and not for every kernel."""
    warnings.warn(message, RuntimeWarning, stacklevel=2)
