"""The runtimes that ship: which pallets at which index, and how their chains begin."""

from tilth.runtime.dev import DevRuntime as DevRuntime
