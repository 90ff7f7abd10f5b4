"""Paired measurements; every module is a command, `python -m benchmarks.NAME`."""
