"""The data set `synth-faces`."""

from pyro_seatbelt.data.synthetic import faces
from pyro_seatbelt.data.synthetic.drawn_set import DrawnSet

SYNTH_FACES = DrawnSet(
    name="synth-faces",
    version=faces.VERSION,
    num_identities=faces.NUM_IDENTITIES,
    views=faces.VIEWS,
    draw=faces.draw_face,
    factors=faces.face_factors,
    identities_a_worker=4,
)
