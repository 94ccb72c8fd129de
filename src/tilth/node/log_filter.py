"""The log filter: which parts of the node speak, and how much, changed while it runs."""

import logging
from typing import Final

_ROOT: Final = "tilth"
_LEVELS: Final = {
    "off": logging.CRITICAL + 1,
    "error": logging.ERROR,
    "warn": logging.WARNING,
    "info": logging.INFO,
    "debug": logging.DEBUG,
    "trace": 1,
}


class BadDirective(ValueError):
    """A directive that names no level."""


class LogFilter:
    """Directives as Substrate's `<target>=<level>`; a level alone is for the whole node."""

    def __init__(self) -> None:
        self._before: dict[str, int] = {}

    def add(self, directives: str) -> None:
        """Raises BadDirective, and then changes nothing."""
        wanted = [_read(each) for each in directives.split(",") if each]
        for name, level in wanted:
            logger = logging.getLogger(name)
            self._before.setdefault(name, logger.level)
            logger.setLevel(level)

    def reset(self) -> None:
        for name, level in self._before.items():
            logging.getLogger(name).setLevel(level)
        self._before.clear()


def _read(directive: str) -> tuple[str, int]:
    """As env_filter: a word alone is a level if it is one, else a target that says everything."""
    target, _, level = directive.strip().rpartition("=")
    if not target and level.lower() not in _LEVELS:
        target, level = level, "trace"
    if level.lower() not in _LEVELS:
        raise BadDirective(
            f"invalid filter directive {directive!r}: a level is one of {', '.join(_LEVELS)}"
        )
    return _logger_of(target), _LEVELS[level.lower()]


def _logger_of(target: str) -> str:
    """Targets may be named as in Rust, and without the package's name."""
    name = target.replace("::", ".")
    if not name or name == _ROOT or name.startswith(f"{_ROOT}."):
        return name or _ROOT
    return f"{_ROOT}.{name}"
