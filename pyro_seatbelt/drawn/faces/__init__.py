"""Drawn heads in the layout of the published renderings of the Basel face model."""

from pyro_seatbelt.drawn.faces.face import (
    AZIMUTHS,
    ELEVATIONS,
    FACTORS,
    LAMPS,
    NUM_IDENTITIES,
    VERSION,
    VIEWS,
    draw_face,
    face_factors,
)

__all__ = [
    "AZIMUTHS",
    "ELEVATIONS",
    "FACTORS",
    "LAMPS",
    "NUM_IDENTITIES",
    "VERSION",
    "VIEWS",
    "draw_face",
    "face_factors",
]
