"""How a node finds stored content."""

from collections.abc import Callable
from typing import TypeAlias

from tilth.frame import H256, Runtime, RuntimeApi, api_method
from tilth.pallets.transaction_storage.types import ContentLocation

Locate: TypeAlias = Callable[[H256], ContentLocation | None]


class ContentApi(RuntimeApi):
    """Where stored content stands in the chain."""

    def __init__(self, runtime: Runtime, locate: Locate) -> None:
        super().__init__(runtime)
        self._locate = locate

    @api_method
    def locate(self, content_hash: H256) -> ContentLocation | None:
        """Where the newest copy of the content stands, if it was ever stored."""
        return self._locate(content_hash)
