"""What the folders of runs and sweeps hold, as pages of a report show it."""
