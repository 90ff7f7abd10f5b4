from pyro_seatbelt.paper import ITEMS


def test_the_floor_of_hierarchies_is_told(world):
    for claim in ITEMS["fig3"].check(world(ITEMS["fig3"], 1)):
        assert "free bits (0.125 nats a dimension), flat models without" in claim.note
