"""The options of where content is kept, and who has it as well."""

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True, kw_only=True)
class ContentOptions:
    """Where content is kept, and who has it as well."""

    content_store: str | None = None
    """Keep new content there instead of in the base path: any URL that fsspec knows."""

    content_source: list[str] = field(default_factory=list[str])
    """A node's WebSocket address; content that is lost or damaged here is fetched from it."""
