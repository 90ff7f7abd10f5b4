from pyro_seatbelt.runs import AttackOptions


def test_whole_penalties_stay_whole_as_the_folders_of_attacks_are_named_after_them():
    assert repr(AttackOptions(weights=[0, 1, 2.5]).weights) == "(0, 1, 2.5)"
    assert AttackOptions(weights=["1", 2.0]).weights == (1.0, 2.0)
