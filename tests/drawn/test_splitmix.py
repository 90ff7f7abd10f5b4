import numpy as np

from pyro_seatbelt.drawn.splitmix import splitmix64, unit_uniforms


def slow_splitmix64(seed: int, count: int) -> list[int]:
    """The published generator, one number after the other in Python's own integers."""
    mask, state, numbers = 2**64 - 1, seed, []
    for _ in range(count):
        state = (state + 0x9E3779B97F4A7C15) & mask
        z = state
        z = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) & mask
        z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & mask
        numbers.append(z ^ (z >> 31))
    return numbers


def test_key_zero_is_the_published_sequence():
    assert splitmix64(np.arange(50), key=0).tolist() == slow_splitmix64(0, 50)


def test_other_keys_start_elsewhere():
    streams = [splitmix64(np.arange(100), key=key).tolist() for key in (0, 1, -1, 2**63)]
    assert len({number for stream in streams for number in stream}) == 400


def test_shape_is_kept_and_each_entry_depends_on_its_counter_alone():
    square = splitmix64(np.arange(12).reshape(3, 4), key=5)
    assert square.shape == (3, 4)
    assert square[2, 1] == splitmix64(np.array([9]), key=5)[0]


def test_uniforms_are_uniform():
    numbers = unit_uniforms(np.arange(20_000), key=3)
    assert ((numbers >= 0) & (numbers < 1)).all()
    counts, _ = np.histogram(numbers, bins=20, range=(0, 1))
    chi_squared = ((counts - 1000) ** 2 / 1000).sum()
    assert chi_squared < 43.8  # the 0.1 % point of 19 degrees of freedom
    assert abs(np.corrcoef(numbers[:-1], numbers[1:])[0, 1]) < 0.03
