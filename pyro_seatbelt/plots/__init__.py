"""Figures: arrays in, matplotlib figures out."""

from pyro_seatbelt.plots.attack_panels import attack_panels
from pyro_seatbelt.plots.bands import Band, BandPanel, band_panels
from pyro_seatbelt.plots.bars import stacked_bar
from pyro_seatbelt.plots.clockwise import Attacked, clockwise_panels
from pyro_seatbelt.plots.contact_sheet import contact_sheet
from pyro_seatbelt.plots.covered import CoveredCurves, covered_panels
from pyro_seatbelt.plots.curves import training_curves
from pyro_seatbelt.plots.densities import density_panels
from pyro_seatbelt.plots.distortions import distortion_curves
from pyro_seatbelt.plots.dots import Dot, DotPanel, dot_panels
from pyro_seatbelt.plots.heatmaps import Heatmap, heatmap_rows
from pyro_seatbelt.plots.image_rows import image_rows
from pyro_seatbelt.plots.lines import Line, line_chart
from pyro_seatbelt.plots.posteriors import posterior_overlap
from pyro_seatbelt.plots.reconstructions import reconstruction_grid
from pyro_seatbelt.plots.resistance import QualityPoint, resistance_against_quality
from pyro_seatbelt.plots.traversals import traversal_grid

__all__ = [
    "Attacked",
    "Band",
    "BandPanel",
    "CoveredCurves",
    "Dot",
    "DotPanel",
    "Heatmap",
    "Line",
    "QualityPoint",
    "attack_panels",
    "band_panels",
    "clockwise_panels",
    "contact_sheet",
    "covered_panels",
    "density_panels",
    "distortion_curves",
    "dot_panels",
    "heatmap_rows",
    "image_rows",
    "line_chart",
    "posterior_overlap",
    "reconstruction_grid",
    "resistance_against_quality",
    "stacked_bar",
    "training_curves",
    "traversal_grid",
]
