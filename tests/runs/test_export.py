import numpy as np
import pytest
import torch

from pyro_seatbelt.errors import InputError
from pyro_seatbelt.runs import defend_run, load_run


def test_graphs_compute_what_the_pair_does(attackable, tmp_path):
    onnxruntime = pytest.importorskip("onnxruntime")
    pytest.importorskip("onnxscript")
    run = load_run(attackable)
    before = torch.get_rng_state()
    exported = run.export_onnx(tmp_path / "graphs")
    assert torch.equal(before, torch.get_rng_state())
    assert sorted(p.name for p in exported.encoder.parent.iterdir()) == [
        "decoder.onnx",
        "encoder.onnx",
    ]
    encoder, decoder = (onnxruntime.InferenceSession(path) for path in exported)
    for num in (1, 5):
        x = np.random.default_rng(num).random((num, 1, 64, 64), dtype=np.float32)
        found = dict(
            zip((o.name for o in encoder.get_outputs()), encoder.run(None, {"x": x}), strict=True)
        )
        assert list(found) == ["z1_mean", "z1_scale", "z2_mean", "z2_scale"]
        z = np.hstack([found["z1_mean"], found["z2_mean"]])
        np.testing.assert_allclose(z, run.transform(x), rtol=1e-4, atol=1e-5)
        posterior = run.guide.conditionals[0](run.guide.encoder(torch.from_numpy(x)))
        np.testing.assert_allclose(
            found["z1_scale"], posterior.stddev.detach(), rtol=1e-4, atol=1e-5
        )
        [mean] = decoder.run(["mean"], {"z": z})
        np.testing.assert_allclose(mean, run.inverse_transform(z), rtol=1e-4, atol=1e-5)


def test_a_defence_at_inference_has_no_graph(attackable, tmp_path):
    defended = load_run(defend_run(attackable, {"smoothing": 0.1}, out=tmp_path / "defended"))
    with pytest.raises(
        InputError, match=r"defence at inference draws.* export the run that it was"
    ):
        defended.export_onnx(tmp_path / "graphs")
    assert not (tmp_path / "graphs").exists()
