"""Trees of labelled arrays as ArviZ has them, on disk."""

import tempfile
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
    with tempfile.TemporaryDirectory() as place:
        file = Path(place) / path.name
        tree.to_netcdf(file, engine="h5netcdf")
        write_atomically(path, file.read_bytes())
    return path
