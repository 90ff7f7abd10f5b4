"""Variational objectives and the aggregate posterior that they need."""

from pyro_seatbelt.family import Weights
from pyro_seatbelt.objectives.enum_tc_elbo import TraceEnumTC_ELBO
from pyro_seatbelt.objectives.factor_elbo import TraceFactor_ELBO
from pyro_seatbelt.objectives.hf_elbo import TraceHF_ELBO
from pyro_seatbelt.objectives.tc_elbo import TraceTC_ELBO
from pyro_seatbelt.objectives.terms import Parts, Terms, TermsPerImage

__all__ = [
    "Parts",
    "Terms",
    "TermsPerImage",
    "TraceEnumTC_ELBO",
    "TraceFactor_ELBO",
    "TraceHF_ELBO",
    "TraceTC_ELBO",
    "Weights",
]
