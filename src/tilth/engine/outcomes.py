"""How a job can end other than with a result: refusals before any data, and deaths of the jail."""

import copyreg
from enum import Enum
from typing import Any, ClassVar, Final

_LONGEST_TEXT: Final = 240
_LONGEST_NAME: Final = 40


class Reason(Enum):
    """Why there is no result. The order is wire format: a reason's code is its position."""

    MALFORMED = "Malformed"
    TOO_LARGE = "TooLarge"
    EXTERNAL_DATA = "ExternalData"
    SUBGRAPH_NOT_ALLOWED = "SubgraphNotAllowed"
    OPERATOR_NOT_ALLOWED = "OperatorNotAllowed"
    FORM_NOT_SUPPORTED = "FormNotSupported"
    BATCH_MIXED = "BatchMixed"
    NOT_TRAINABLE = "NotTrainable"
    TOO_COSTLY = "TooCostly"
    BAD_SPEC = "BadSpec"
    DATA_MISMATCH = "DataMismatch"
    CRASHED = "Crashed"
    TIMED_OUT = "TimedOut"
    OUT_OF_MEMORY = "OutOfMemory"
    NOT_CONFINED = "NotConfined"

    @property
    def code(self) -> int:
        return list(Reason).index(self)


class EngineError(Exception):
    """A job ended without a result. `text` holds printable ASCII only, and nothing of the data."""

    def __init__(self, reason: Reason, text: str) -> None:
        self.reason = reason
        self.text = printable(text, _LONGEST_TEXT)
        super().__init__(f"{reason.value}: {self.text}")

    def __reduce__(self) -> tuple[Any, ...]:
        """Kinds differ in what they are made from; from another machine each comes as it was."""
        state = {"reason": self.reason, "text": self.text}
        return copyreg.__newobj__, (type(self), *self.args), state  # type: ignore[attr-defined]


class Refused(EngineError):
    """The model, the spec or their fit to the data was not accepted; no step was run."""


class Died(EngineError):
    """The jail ended before the job did."""

    fixed: ClassVar[Reason] = Reason.CRASHED

    def __init__(self, text: str) -> None:
        super().__init__(self.fixed, text)


class Crashed(Died):
    """By a signal, an unexpected end, or an answer that breaks the protocol."""


class TimedOut(Died):
    """By the wall clock or by the limit of processor time."""

    fixed = Reason.TIMED_OUT


class OutOfMemory(Died):
    """By the limit of its address space."""

    fixed = Reason.OUT_OF_MEMORY


class NotConfined(EngineError):
    """This machine cannot hold a hostile model."""

    def __init__(self, text: str) -> None:
        super().__init__(Reason.NOT_CONFINED, text)


def printable(text: str, longest: int = _LONGEST_NAME) -> str:
    """The text with everything but printable ASCII replaced, and cut."""
    safe = "".join(c if " " <= c <= "~" else "?" for c in text[: longest + 1])
    return safe if len(safe) <= longest else safe[: longest - 3] + "..."
