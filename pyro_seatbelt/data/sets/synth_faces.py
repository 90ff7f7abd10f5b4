"""`synth-faces`: drawn heads in the layout of the published renderings of the Basel face model."""

from pyro_seatbelt.data.drawn_set import DrawnSet
from pyro_seatbelt.drawn import faces

SYNTH_FACES = DrawnSet(
    name="synth-faces",
    title="Drawn heads, laid out like the published Basel faces",
    factors=faces.FACTORS,
    layout="50 heads x 21 azimuths x 11 elevations x 11 lights, 64x64, grey on black",
    licence="Apache-2.0, like this library; shaped from the CC0 head of MakeHuman and MPFB2",
    version=faces.VERSION,
    shape=(faces.NUM_IDENTITIES, *faces.VIEWS, 64, 64),
    draw=faces.draw_face,
    classes=faces.face_factors,
    identities_per_worker=4,
)
