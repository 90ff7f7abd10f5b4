"""Variational objectives and the aggregate posterior that they need."""

from pyro_seatbelt.objectives.tc_elbo import TraceTC_ELBO
from pyro_seatbelt.objectives.terms import Terms, TermsPerImage

__all__ = ["Terms", "TermsPerImage", "TraceTC_ELBO"]
