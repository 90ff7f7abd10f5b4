"""`synth-chairs`: drawn chairs in the layout of the published rendered chairs."""

from pyro_seatbelt.data.drawn_set import DrawnSet
from pyro_seatbelt.drawn import chairs

SYNTH_CHAIRS = DrawnSet(
    name="synth-chairs",
    title="Drawn chairs, laid out like the published ones",
    factors=chairs.FACTORS,
    layout="1393 chairs x 2 elevations x 31 azimuths, 64x64, grey on white",
    licence="Apache-2.0, like this library",
    version=chairs.VERSION,
    shape=(chairs.NUM_IDENTITIES, *chairs.VIEWS, 64, 64),
    draw=chairs.draw_chair,
    classes=chairs.chair_factors,
    identities_per_worker=100,
)
