"""Paired measurements: `python -m benchmarks` lists them, a command for each claim."""
