"""Whether a folder holds the run that somebody asks for, begun and not finished."""

from pathlib import Path

from pyro_seatbelt.errors import InputError
from pyro_seatbelt.files import writing
from pyro_seatbelt.runs.folder import RunFolder
from pyro_seatbelt.training.config import CHANGEABLE, TrainConfig

_LENGTH = {"steps", "epochs", "patience"}
"""What may change when a run is resumed, and is asked for by name then."""


def is_unfinished(out: Path, config: TrainConfig) -> bool:
    """Tells whether a folder holds a run with this config that is to go on.

    The same command does two things, then: it starts a run, and goes on with it when a queue runs
    it again.

    Args:
        out: The folder.
        config: The config that is asked for.

    Returns:
        False if there is no run, or a finished one; one that was killed as it wrote its manifest is
        not.

    Raises:
        InputError: If the run there is unfinished and another one: names what differs.
    """
    folder = RunFolder(out)
    with writing(out):  # a path that cannot be looked at cannot be written either
        begun = (out / "config.json").is_file()
    if not begun or (folder.read_record().status == "finished" and folder.is_sealed()):
        return False
    found, wanted = folder.read_config(), config.settled()
    different = [
        name
        for name in TrainConfig.model_fields
        if (name not in CHANGEABLE or name in _LENGTH)
        and getattr(found, name) != getattr(wanted, name)
    ]
    if different:
        raise InputError(
            f"{out}: there is an unfinished run here already, with another {different[0]} "
            f"({getattr(found, different[0])}, not {getattr(wanted, different[0])}): go on with it "
            "by --resume, or choose another --out"
        )
    return True
