"""The data set `synth-faces`."""

from pyro_seatbelt.data.drawn_set import DrawnSet
from pyro_seatbelt.drawn import faces

SYNTH_FACES = DrawnSet(
    name="synth-faces",
    version=faces.VERSION,
    num_identities=faces.NUM_IDENTITIES,
    views=faces.VIEWS,
    draw=faces.draw_face,
    factors=faces.face_factors,
    identities_a_worker=4,
)
