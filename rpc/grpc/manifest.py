"""A dataset's manifest, as this face reads it."""

from tilth.primitives.manifest import BadManifest as BadManifest
from tilth.primitives.manifest import File as File
from tilth.primitives.manifest import read_manifest as read_manifest
