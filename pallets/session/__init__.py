"""Session: which validators are at work."""

from tilth.pallets.session.keys import SessionKeys as SessionKeys
from tilth.pallets.session.pallet import Session as Session
