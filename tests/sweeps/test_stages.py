from pyro_seatbelt.sweeps.stages import Stage, Stages, Throttled


def test_new_stages_pass_and_others_wait():
    seen = []
    progress = Throttled(seen.append, seconds=1000)
    for name, fraction in (("a", 0.0), ("a", 0.1), ("a", 0.2), ("b", 0.3), ("b", 0.4)):
        progress(name, fraction, 1)
    assert seen == [Stage("a", 0.0), Stage("b", 0.3)]


def test_nobody_needs_to_listen():
    def gone(stage):
        raise BrokenPipeError

    Throttled(gone)("a", 0.0, 1)


def test_parts_of_a_stage_come_one_after_the_other_and_images_are_not_counted():
    seen = []
    progress = Stages(lambda *each: seen.append(each), 2).next("attack", "latent", "output")
    progress("images", 1, 2)
    progress("latent", 5, 10)
    progress("output", 3, 10)
    assert seen == [("attack", 0.0, 1), ("attack", 0.125, 1), ("attack", 0.325, 1)]
