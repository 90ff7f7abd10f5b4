from pyro_seatbelt.attacks import Advance
from pyro_seatbelt.sweeps.stages import Stage, Stages, Throttled, problems


def test_new_stages_pass_and_others_wait():
    seen = []
    watch = Throttled(seen.append, seconds=1000)
    for name, fraction in (("a", 0.0), ("a", 0.1), ("a", 0.2), ("b", 0.3), ("b", 0.4)):
        watch(Stage(name, fraction))
    assert seen == [Stage("a", 0.0), Stage("b", 0.3)]


def test_nobody_needs_to_listen():
    def gone(stage):
        raise BrokenPipeError

    Throttled(gone)(Stage("a", 0.0))
    Stages(None, 2).next("a")(1, 2)


def test_modes_of_an_attack_come_one_after_the_other():
    seen = []
    watch = problems(lambda done, total: seen.append((done, total)), ["latent", "output"])
    watch("latent", Advance(5, 10, 0, 0))
    watch("output", Advance(3, 10, 0, 0))
    assert seen == [(5, 20), (13, 20)]
