"""Drawn shapes in the order of the published dSprites."""

from typing import TYPE_CHECKING

from pyro_seatbelt.drawn.sprites.grid import FACTOR_SIZES, FACTORS, NUM_IMAGES, VERSION
from pyro_seatbelt.lazy import lazily

if TYPE_CHECKING:
    from pyro_seatbelt.drawn.sprites.sprite import draw_sprites, shape_radii, sprite_factors

__all__ = [
    "FACTORS",
    "FACTOR_SIZES",
    "NUM_IMAGES",
    "VERSION",
    "draw_sprites",
    "shape_radii",
    "sprite_factors",
]

# these need torch, which takes a second to import
__getattr__ = lazily(__name__, {"sprite": ["draw_sprites", "shape_radii", "sprite_factors"]})
