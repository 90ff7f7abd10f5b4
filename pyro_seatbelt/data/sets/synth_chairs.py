"""The data set `synth-chairs`."""

from pyro_seatbelt.data.drawn_set import DrawnSet
from pyro_seatbelt.drawn import chairs

SYNTH_CHAIRS = DrawnSet(
    name="synth-chairs",
    version=chairs.VERSION,
    num_identities=chairs.NUM_IDENTITIES,
    views=chairs.VIEWS,
    draw=chairs.draw_chair,
    factors=chairs.chair_factors,
    identities_a_worker=100,
)
