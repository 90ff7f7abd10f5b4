"""Trees of labelled arrays as ArviZ has them, on disk."""

import io
from pathlib import Path

from xarray import DataTree

from pyro_seatbelt.files import write_atomically


def write_netcdf(tree: DataTree, path: Path) -> Path:
    """Writes a tree as NetCDF, whole or not at all.

    Args:
        tree: The tree.
        path: The file.

    Returns:
        The file.

    Raises:
        InputError: If it cannot be written.
    """
    content = io.BytesIO()  # HDF5 ends the process where a disk is full
    tree.to_netcdf(content, engine="h5netcdf")
    write_atomically(path, content.getvalue())
    return path
