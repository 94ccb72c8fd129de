"""Template: the smallest pallet that has all the parts, to read first and to copy."""

from tilth.pallets.template.pallet import Template as Template
