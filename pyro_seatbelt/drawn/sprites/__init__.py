"""Drawn shapes in the order of the published dSprites."""

from pyro_seatbelt.drawn.sprites.sprite import (
    FACTOR_SIZES,
    FACTORS,
    NUM_IMAGES,
    VERSION,
    draw_sprites,
    shape_radii,
    sprite_factors,
)

__all__ = [
    "FACTORS",
    "FACTOR_SIZES",
    "NUM_IMAGES",
    "VERSION",
    "draw_sprites",
    "shape_radii",
    "sprite_factors",
]
