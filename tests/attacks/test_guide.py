"""The page on attacks names tests that exist."""

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
NAMED = re.compile(r"`(tests/[\w/]+\.py)::(test_\w+)`")


def test_every_defence_on_the_page_has_its_test() -> None:
    named = NAMED.findall((ROOT / "docs" / "guide" / "attacks.md").read_text())

    assert len(named) > 25
    for path, name in named:
        assert f"def {name}(" in (ROOT / path).read_text(), f"{path} has no {name}"
