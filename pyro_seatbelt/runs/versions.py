"""What a run's numbers were made with."""

import platform
from importlib.metadata import version


def package_versions() -> dict[str, str]:
    """Returns the versions of what decides a run's numbers."""
    packages = ("pyro-seatbelt", "pyro-ppl", "torch", "numpy")
    return {"python": platform.python_version(), **{name: version(name) for name in packages}}
