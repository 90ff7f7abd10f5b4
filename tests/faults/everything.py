"""Imports all that commands import: what a process that is forked for a command then has."""

import pkgutil
import warnings
from importlib import import_module

import matplotlib as mpl
from PIL import Image

import pyro_seatbelt

mpl.use("Agg")
Image.init()
with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    for _module in pkgutil.walk_packages(pyro_seatbelt.__path__, "pyro_seatbelt."):
        if not _module.name.endswith("__main__"):
            import_module(_module.name)
    for _name in ("arviz_base", "h5netcdf", "matplotlib.pyplot", "pyarrow.parquet", "xarray"):
        import_module(_name)
