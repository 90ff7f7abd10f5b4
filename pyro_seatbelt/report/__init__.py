"""Reports: what is known of some runs in, one self-contained HTML page out."""

from pyro_seatbelt.report.attacks import AttackSection, PairView, Problem
from pyro_seatbelt.report.document import render
from pyro_seatbelt.report.page import Claim, Column, Comparison, EvaluationSection, Page, RunSection
from pyro_seatbelt.report.parts import (
    Advice,
    Cell,
    Chart,
    Decomposition,
    Fact,
    Gallery,
    Interval,
    Line,
    Picture,
    Setting,
    SettingGroup,
    Table,
)
from pyro_seatbelt.report.picture import embed
from pyro_seatbelt.report.sprite import Sprite, make_sprite

__all__ = [
    "Advice",
    "AttackSection",
    "Cell",
    "Chart",
    "Claim",
    "Column",
    "Comparison",
    "Decomposition",
    "EvaluationSection",
    "Fact",
    "Gallery",
    "Interval",
    "Line",
    "Page",
    "PairView",
    "Picture",
    "Problem",
    "RunSection",
    "Setting",
    "SettingGroup",
    "Sprite",
    "Table",
    "embed",
    "make_sprite",
    "render",
]
