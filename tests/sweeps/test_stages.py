from pyro_seatbelt.sweeps.stages import Stages


def test_parts_of_a_stage_come_one_after_the_other_and_images_are_not_counted():
    seen = []
    progress = Stages(lambda *each: seen.append(each), 2).next("attack", "latent", "output")
    progress("images", 1, 2)
    progress("latent", 5, 10)
    progress("output", 3, 10)
    assert seen == [("attack", 0.0, 1), ("attack", 0.125, 1), ("attack", 0.325, 1)]
