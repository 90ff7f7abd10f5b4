from pyro_seatbelt.plots.resistance import QualityPoint, resistance_against_quality


def test_nine_models_have_nine_looks():
    points = [QualityPoint(f"m{n}", 0.1 * n, 0.0, 0.9, 0.5, [0.1], [9.0]) for n in range(9)]
    ax = resistance_against_quality(points).axes[0]
    looks = {
        (line.get_color(), line.get_marker(), str(line.get_markerfacecolor()))
        for line in ax.lines
        if line.get_marker() not in {"_", "|", "None"} and line.get_linestyle() == "None"
    }
    assert len(looks) == 9
