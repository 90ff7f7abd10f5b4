from typing import Annotated, Literal

import pytest
from pydantic import BeforeValidator, Field

from pyro_seatbelt.errors import InputError
from pyro_seatbelt.options import Device, Expected, Flag, Group, Options, mark


class Example(Options):
    noun = "option of an example"
    exclusive = ("steps", "epochs")

    images: Annotated[int, Group("Data"), Field(ge=2)] = 10
    scales: Annotated[tuple[float, ...], Flag("--scale"), Expected("finite scales")] = (1.0,)
    names: tuple[Literal["one", "two"], ...] = ()
    wanted: Annotated[int | None, BeforeValidator(lambda value: 7 if value is True else value)] = 0
    steps: int | None = None
    epochs: int | None = None
    flag: bool = False
    device: Device = "auto"


class Outer(Options):
    inner: tuple[Example, ...] = ()


@pytest.mark.parametrize(
    ("values", "line"),
    [
        ({"images": 1}, "images: expected >= 2, got 1"),
        ({"images": True}, "images: expected no truth value, got True"),
        ({"scales": [1, float("inf")]}, "expected finite scales, got inf"),
        ({"names": ["one", "too"]}, "names 2: expected 'one' or 'two', got 'too'"),
        ({"imagse": 3}, "unknown key 'imagse': did you mean images?"),
        ({"colour": 3}, "unknown key 'colour': it is no option of an example"),
        ({"device": "gpu"}, "device: expected auto, cpu, cuda, cuda:N or mps, got 'gpu'"),
        ({"images": 0, "device": ""}, "images: expected >= 2, got 0; device: expected auto, cpu, "),
    ],
)
def test_what_is_wrong_is_one_line(values, line):
    with pytest.raises(InputError) as error:
        Example(**values)
    assert str(error.value).startswith(line)
    with pytest.raises(InputError) as nested:
        Outer(inner=[{}, values])
    said = str(error.value)
    own_field = said.partition(":")[0] in {"images", "names 2", "device"}
    assert str(nested.value) == (f"inner 2.{said}" if own_field else f"inner 2: {said}")


def test_truth_is_a_value_where_it_is_one():
    assert Example(flag=True).flag
    assert Example(wanted=True).wanted == 7


def test_options_are_values():
    assert len({Example(images=3), Example(images=3), Example(scales=[1])}) == 2
    with pytest.raises(ValueError, match="frozen"):
        Example().images = 3


def test_the_later_of_two_that_exclude_each_other_counts():
    assert Example.merge({"steps": 3}, {"epochs": 2}) == Example(epochs=2)
    assert Example.merge({"steps": 3}, {"epochs": None}) == Example(steps=3)


def test_marks_are_found_by_their_kind():
    fields = Example.model_fields
    assert mark(fields["images"], Group) == Group("Data")
    assert mark(fields["scales"], Flag) == Flag("--scale")
    assert mark(fields["steps"], Group) is None
