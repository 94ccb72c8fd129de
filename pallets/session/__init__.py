"""Session: which validators are at work."""

from tilth.pallets.session.pallet import Session as Session
from tilth.pallets.session.types import PeriodicSessions as PeriodicSessions
