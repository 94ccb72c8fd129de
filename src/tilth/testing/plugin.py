"""The pytest plugin: dev accounts, and chains that live as long as a test."""

import pytest

from tilth.primitives.crypto import dev
from tilth.primitives.types import AccountId


@pytest.fixture
def alice() -> AccountId:
    return AccountId(dev.ALICE)


@pytest.fixture
def bob() -> AccountId:
    return AccountId(dev.BOB)
