"""`python -m tilth`: the command line."""

from tilth.cli import main

main()
