"""A node in a process of its own, as a user starts it."""

from tilth.sdk.process import NodeProcess as NodeProcess
