"""Reports: run folders in, one self-contained HTML page out."""

from typing import TYPE_CHECKING

from pyro_seatbelt.lazy import lazily

if TYPE_CHECKING:
    from pyro_seatbelt.report.write import report_runs

__all__ = ["report_runs"]

# it reads what needs torch, which takes a second to import
__getattr__ = lazily(__name__, {"write": ["report_runs"]})
