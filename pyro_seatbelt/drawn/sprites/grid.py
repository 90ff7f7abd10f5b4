"""The grid of factors that the published shapes fill."""

import math

FACTORS = ("shape", "scale", "orientation", "position_x", "position_y")
FACTOR_SIZES = (3, 6, 40, 32, 32)
NUM_IMAGES = math.prod(FACTOR_SIZES)
VERSION = "1"
