"""Runs the command line as ``python -m pyro_seatbelt.cli``."""

from pyro_seatbelt.cli.app import main

main()
