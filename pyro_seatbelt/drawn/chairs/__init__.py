"""Drawn chairs in the layout of the published rendered chairs."""

from pyro_seatbelt.drawn.chairs.chair import (
    AZIMUTHS,
    ELEVATIONS,
    FACTORS,
    NUM_IDENTITIES,
    VERSION,
    VIEWS,
    chair_factors,
    chair_surface,
    draw_chair,
)

__all__ = [
    "AZIMUTHS",
    "ELEVATIONS",
    "FACTORS",
    "NUM_IDENTITIES",
    "VERSION",
    "VIEWS",
    "chair_factors",
    "chair_surface",
    "draw_chair",
]
