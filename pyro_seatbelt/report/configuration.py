"""What a run was trained with: the configuration, and where everything comes from."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from pyro_seatbelt.family import PRESETS, choose_guide, settle
from pyro_seatbelt.options import Group, mark
from pyro_seatbelt.report.contents import RunContents
from pyro_seatbelt.report.quantity import quantity
from pyro_seatbelt.training.config import TrainConfig


@dataclass(frozen=True, kw_only=True)
class Setting:
    """A field of a configuration.

    Attributes:
        name: Its name.
        value: What it was.
        description: What it means.
        chosen: Whether it differs from the default.
    """

    name: str
    value: str
    description: str = ""
    chosen: bool = False


@dataclass(frozen=True, kw_only=True)
class SettingGroup:
    """Settings under a heading.

    Attributes:
        title: The heading.
        settings: The settings.
    """

    title: str
    settings: Sequence[Setting]


def setting_groups(run: RunContents) -> list[SettingGroup]:
    """Lists the configuration of a run.

    Args:
        run: The run.

    Returns:
        Its settings by group, and then where its data and its numbers come from.
    """
    return [*_settings(run.config), _provenance(run)]


def model_name(config: TrainConfig) -> str:
    """What people call a member of the family.

    Args:
        config: Its config.

    Example:
        >>> model_name(TrainConfig(model="beta-tcvae"))
        '\u03b2-TCVAE'
    """
    return PRESETS[config.model].title.replace("beta-", "\u03b2-")


def beta_of(config: TrainConfig) -> float | None:
    """The weight beta, None where a model has none.

    Args:
        config: Its config.
    """
    return None if "beta" in PRESETS[config.model].unused else config.settled().beta


def layers_of(config: TrainConfig) -> int:
    """How many latent layers a run has.

    Args:
        config: Its config.
    """
    return settle(config.model, layers=config.layers, latent_dims=config.latent_dims).layers


def _settings(config: TrainConfig) -> list[SettingGroup]:
    resolved = {
        "layers": layers_of(config),
        "beta": beta_of(config),
        "eval_images": config.num_eval_images,
    }
    usual = {
        "layers": layers_of(TrainConfig(model=config.model)),
        "beta": beta_of(TrainConfig(model=config.model)),
        "guide": choose_guide(config.model),
        "eval_images": config.model_copy(update={"eval_images": None}).num_eval_images,
    }
    groups: dict[str, list[Setting]] = {}
    for name, field in TrainConfig.model_fields.items():
        group = mark(field, Group)
        title = group.title if group else "Other"
        value = resolved.get(name, getattr(config, name))
        groups.setdefault(title, []).append(
            Setting(
                name=name.replace("_", " "),
                value=_setting(value),
                description=field.description or "",
                chosen=value != usual.get(name, field.default),
            )
        )
    return [SettingGroup(title=title, settings=each) for title, each in groups.items()]


def _setting(value: object) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, Path):
        return value.name  # where it lay is nobody's business
    return quantity(value, 6)


def _provenance(run: RunContents) -> SettingGroup:
    record = run.record
    rows = {
        "images": "synthetic" if record.synthetic else "real",
        "shape": " \u00d7 ".join(map(str, record.image_shape)),
        "fingerprint": record.fingerprint[:12],
        **{name.replace("_", " "): quantity(value) for name, value in record.provenance.items()},
        "started": f"{record.started:%Y-%m-%d %H:%M} UTC",
        **record.versions,
    }
    return SettingGroup(
        title="Where it comes from",
        settings=[Setting(name=name, value=value, chosen=True) for name, value in rows.items()],
    )
