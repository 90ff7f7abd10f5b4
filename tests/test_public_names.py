import subprocess
import sys

import pytest

import pyro_seatbelt


@pytest.mark.parametrize("name", pyro_seatbelt.__all__)
def test_every_public_name_is_there(name):
    assert name in dir(pyro_seatbelt)
    assert getattr(pyro_seatbelt, name) is not None


def test_the_package_imports_without_torch_and_its_names_on_demand():
    code = (
        "import sys, pyro_seatbelt\n"
        "names = dir(pyro_seatbelt)\n"
        "assert 'torch' not in sys.modules\n"
        "from pyro_seatbelt import *\n"
        "assert all(name in globals() for name in names)\n"
        "assert 'torch' in sys.modules and presets.build and TraceTC_ELBO.terms"
    )
    subprocess.run([sys.executable, "-W", "ignore", "-c", code], check=True)


def test_a_name_that_is_not_there():
    with pytest.raises(AttributeError, match="module 'pyro_seatbelt' has no attribute 'Report'"):
        pyro_seatbelt.Report  # noqa: B018
