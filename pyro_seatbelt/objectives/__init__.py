"""Variational objectives and the aggregate posterior that they need."""

from pyro_seatbelt.objectives.tc_elbo import Report, Terms, TraceTC_ELBO

__all__ = ["Report", "Terms", "TraceTC_ELBO"]
