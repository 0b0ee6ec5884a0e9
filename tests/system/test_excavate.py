"""The excavation graph as real processes: emulated controller, driver, simulated soil, policy; over DDS and RTDE.

Perception is replaced by the soil's truth here; the tests of the demo run the whole graph.
"""

import io
import os
import signal
import subprocess
import sys
import time
from contextlib import ExitStack

import pytest

from prpd_control.graph import description
from prpd_control.graph.description import Options, Process
from prpd_control.graph.launcher import running
from prpd_control.graph.reservation import reserve

pytestmark = pytest.mark.system
HERE = os.path.dirname(__file__)


def with_truthful_perception(processes):
    """The graph with the truth in the place of camera and perception."""
    truth = Process("rock_state", "prpd_tests", "rock_state", "truthful_perception:main", {})
    kept = [p for p in processes if p.name not in ("depth_camera", "rock_state", "bring_up")]
    return [*kept, truth, description.bring_up(kept, patience=30.0)]


@pytest.fixture(scope="module")
def graph(policy):
    """A running graph on an address and a domain of its own."""
    with ExitStack() as stack:
        patch = stack.enter_context(pytest.MonkeyPatch.context())
        patch.delenv("ROS_DOMAIN_ID", raising=False)
        patch.setenv("PYTHONPATH", os.pathsep.join([HERE, *sys.path]))
        options = Options(twin=True, policy=str(policy), engine="warp")
        place = stack.enter_context(reserve(options, description.excavation, own_domain=True))
        log = io.StringIO()
        processes = with_truthful_perception(description.excavation(place.options))
        supervisor = stack.enter_context(running(processes, domain=place.domain, output=log))
        supervisor.log = log
        deadline = time.monotonic() + 90
        while "bring_up" in supervisor.pids and time.monotonic() < deadline:
            time.sleep(0.1)
        assert supervisor.ending() is None, supervisor.ending().message + log.getvalue()
        yield supervisor
        pids = list(supervisor.pids.values())
        assert supervisor.stop() == []
    assert not any(os.path.exists(f"/proc/{pid}") for pid in pids)


def dig(graph, **goal):
    from prpd_control.excavate.client import excavate_once

    result = excavate_once(hold=True, give_up=lambda: graph.ending() is not None, **goal)
    assert result is not None, graph.log.getvalue()[-3000:]
    return result


def test_the_rock_is_dug_out(graph):
    result = dig(graph)
    assert result.reason == "lifted", result.message + graph.log.getvalue()[-3000:]
    assert result.outcome == result.OUTCOME_SUCCESS
    assert 10 <= result.steps <= 128
    assert 5 < result.peak_force < 80
    assert result.rock.in_bucket == 1.0


def test_a_goal_with_an_unusable_policy_is_refused_and_the_graph_lives(graph, tmp_path):
    from prpd_control.excavate.client import GoalRefusedError

    with pytest.raises(GoalRefusedError, match="refused"):
        dig(graph, policy=str(tmp_path / "nowhere.onnx"))
    assert "there is no policy file" in graph.log.getvalue()
    assert graph.ending() is None


def test_ctrl_c_ends_all_processes(policy):
    code = "import sys; from prpd_control.cli.excavate import main; sys.exit(main(sys.argv[1:]))"
    process = subprocess.Popen(
        [sys.executable, "-c", code, "--twin", "--policy", str(policy), "--engine", "warp", "--robot-ip", "127.0.0.57"],
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path), "ROS_DOMAIN_ID": "57"},
    )
    for line in process.stdout:
        if "ur_controller is ready" in line:
            break
    children = subprocess.run(["pgrep", "-P", str(process.pid)], capture_output=True, text=True).stdout.split()
    assert len(children) == 7
    process.send_signal(signal.SIGINT)
    process.stdout.read()
    assert process.wait(timeout=30) == 0
    assert not any(os.path.exists(f"/proc/{pid}") for pid in children)
