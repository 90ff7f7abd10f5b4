import time

from pyro_seatbelt.attacks.groups import run_groups


def slow(group, progress):
    """Group 0 is done at once, the others would take a minute."""
    for step in range(600 * bool(group)):
        progress("problems", 0, 1, {"round": step})
        time.sleep(0.1)
    return group


def test_unfinished_groups_stop_when_nobody_waits_for_them():
    parts = run_groups(slow, [0, 1, 2], [1, 1, 1], processes=2)
    assert next(parts) == (0, 0)
    begun = time.monotonic()
    parts.close()
    assert time.monotonic() - begun < 20
