"""Proxy: accounts that act for others, within limits and after a delay if so wanted."""

from tilth.pallets.proxy.pallet import Proxy as Proxy
