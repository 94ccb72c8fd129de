"""The runtime that a command is given as module:Class; where it is none, what is to be mended."""

import importlib
import os
import sys
import sysconfig
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from tilth.frame import Runtime

_TILTH: Final = Path(__file__).parents[1]
_OTHERS: Final = tuple(
    Path(sysconfig.get_path(each)) for each in ("stdlib", "platstdlib", "purelib", "platlib")
)


class CannotStart(Exception):
    """Something the user can mend keeps a command from going on; the text says what."""


def load_runtime(name: str) -> Runtime:
    """The runtime that `module:Class` names; raises CannotStart."""
    kind = runtime_class(name)
    with telling(name):
        return kind()


def runtime_class(name: str) -> type[Runtime]:
    """Raises CannotStart where there is none of this name."""
    module_name, _, class_name = name.partition(":")
    if not (module_name and class_name):
        raise CannotStart(f"{name!r} is not module:Class, as in tilth.runtime:DevRuntime")
    if os.getcwd() not in sys.path:
        sys.path.insert(0, os.getcwd())
    try:
        with telling(name):
            module = importlib.import_module(module_name)
    except CannotStart as told:
        missing = getattr(told.__cause__, "name", None)
        if isinstance(told.__cause__, ModuleNotFoundError) and f"{module_name}.".startswith(
            f"{missing}."
        ):
            raise CannotStart(
                f"there is no module {missing!r} here to take a runtime from"
            ) from None
        raise
    runtime = getattr(module, class_name, None)
    if not (isinstance(runtime, type) and issubclass(runtime, Runtime)):
        raise CannotStart(f"{class_name!r} in {module_name} is not a Runtime")
    return runtime


@contextmanager
def telling(name: str) -> Iterator[None]:
    """Whatever a developer's code raises is told as CannotStart, with the places in that code."""
    try:
        yield
    except (Exception, SystemExit) as error:
        raise CannotStart(f"no runtime can be made of {name}\n{explained(error)}") from error


def explained(error: BaseException) -> str:
    """The error with the places in the developer's code that lead to it; others help nobody."""
    frames = [
        frame for frame in traceback.extract_tb(error.__traceback__) if _is_own(frame.filename)
    ]
    lines = [*traceback.format_list(frames), *traceback.format_exception_only(error)]
    return "".join(lines).rstrip()


def _is_own(file: str) -> bool:
    path = Path(file)
    if not path.is_absolute() or "site-packages" in path.parts:
        return False
    return not any(path.is_relative_to(other) for other in (_TILTH, *_OTHERS))
