"""A closed bucket that feels the soil digs a rock out, with forces that soil has: large grains do not jam."""

from __future__ import annotations

import numpy as np
import pytest

from prpd_train.engines import make
from prpd_train.scene.generator import make_scene
from prpd_train.validity import digging


# Before grains yielded, such digs met 600 to 1,500 N at 20 and 30 mm, and brought up no rock.
@pytest.mark.parametrize(
    ("delta", "most"), [(0.05, 450.0), (0.03, 250.0), pytest.param(0.02, 150.0, marks=pytest.mark.slow)]
)
def test_a_solid_bucket_digs_with_the_force_of_soil(delta, most):
    found = digging.solid_dig("warp", delta, 4)
    assert found.excavated >= 0.5
    assert 30 < found.peak_force < most


def test_a_grain_thrown_out_does_not_sink_into_the_ground():
    spec = make_scene(0.07, "solid")
    sim = make("warp", [spec])
    sim.reset([0], [spec], np.array([[0.0, 0.0, 3.0, 0.0]], np.float32))
    scene = sim.snapshot(0)
    scene.grains[0] = (0.5 * spec.bed.footprint[0] + 0.1, 0.0, 0.35)
    sim.arrange(0, spec, scene, np.array([0.0, 0.0, 3.0, 0.0], np.float32))
    lowest = 1.0
    for _ in range(10):
        sim.step(np.array([[0.0, 0.0, 3.0, 0.0]], np.float32), 0.1)
        lowest = min(lowest, float(sim.state.grain_position[0, 0, 2]) - spec.grains.diameter / 2)
    bottom = float(sim.state.grain_position[0, 0, 2]) - spec.grains.diameter / 2
    sim.close()
    assert lowest > spec.bed.rim - 0.05
    assert bottom == pytest.approx(spec.bed.rim, abs=0.003)
