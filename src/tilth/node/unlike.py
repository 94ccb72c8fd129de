"""Where two lists of events part, told by the event and not by its bytes."""

import json
from itertools import zip_longest
from typing import Any, NamedTuple

from tilth.frame import Runtime
from tilth.node.plain import Plain
from tilth.primitives.scale import DecodeError


class Unlike(NamedTuple):
    what: str
    recorded: str
    ours: str


def unlike_event(runtime: Runtime, recorded: bytes, ours: bytes) -> Unlike | None:
    """The first event that is another one; None where the bytes are no events of the runtime."""
    codec = runtime.system.events.value
    try:
        pairs = zip_longest(codec.decode(recorded), codec.decode(ours))
    except DecodeError:
        return None
    for position, (theirs, mine) in enumerate(pairs):
        if theirs != mine:
            return Unlike(f"event {position}", *(_shown(runtime, each) for each in (theirs, mine)))
    return None


def _shown(runtime: Runtime, record: Any) -> str:
    if record is None:
        return "none"
    event: Any = Plain(runtime).event(record.event)
    fields = json.dumps(event["data"], ensure_ascii=False)
    topics = "".join(f", topic 0x{each.hex()}" for each in record.topics)
    return f"{record.event.pallet}.{event['method']} {fields} ({record.phase}{topics})"
