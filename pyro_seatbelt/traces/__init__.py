"""Reading Pyro's traces: sites, plates, posteriors, and the effects that steer a program."""
