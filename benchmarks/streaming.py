"""Stream digs at 500 Hz to the emulated controller, and measure what arrives.

    python benchmarks/streaming.py --quick                                        # 20 s
    python benchmarks/streaming.py --json streaming.json --docs docs/safety.md    # 10 minutes, and its table there
    python benchmarks/streaming.py --quick --ledger trials/ledger.sqlite          # a dig as a policy commanded it

Beside the stream run a ROS executor that is kept busy with images, and a bare loop of the same rate and priority: how
late the stream wakes up is given as a ratio to that, because both suffer from what else the machine does. Shares of a
core are processor time, not wall time.
"""

from __future__ import annotations

import json
import math
import os
import subprocess
import sys
import time
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import tyro
from circumstances import circumstances, replace_between
from digs import Targets, recorded, scripted
from driver_rig import PERIOD, Rig, level_joints, strokes

from prpd_control.driver import channel
from prpd_control.driver.lateness import quantile
from prpd_control.driver.limits import Target
from prpd_control.driver.process import StreamProcess
from prpd_control.driver.settings import DriverSettings
from prpd_control.modes import Mode
from prpd_task.cell import Cell
from prpd_twin.ur_controller.process import Emulator

LIMITS = {"late_p99": 1e-3, "cpu": 0.25, "position_rms": 1e-3, "angle_rms": math.radians(0.5)}
"""s; of one core, all together; m and rad of the arm against the path of setpoints after latency compensation."""

BOUNDS = "no command lost, no stop, 1 ms late (p99), a quarter of a core, 1 mm and 0.5 degrees RMS"

BARE_LOOP = """
import sys, time
from prpd_control.driver.lateness import Lateness, quantile
from prpd_task.scheduling import be_real_time
be_real_time(int(sys.argv[1]))
late, tick, end = Lateness(), time.monotonic(), time.monotonic() + float(sys.argv[2])
while tick < end:
    now = time.monotonic()
    late.add(now - tick)
    tick = max(tick + 0.002, now - 0.002)
    time.sleep(max(0.0, tick - time.monotonic()))
print(quantile(late.counts, 0.99))
"""

BUSY_EXECUTOR = """
import array, os, rclpy
from sensor_msgs.msg import Image
rclpy.init()
node = rclpy.create_node("busy")
image = Image(height=480, width=640, encoding="32FC1", step=2560, data=array.array("B", bytes(640 * 480 * 4)))
publisher = node.create_publisher(Image, "busy/image", 1)
node.create_subscription(Image, "busy/image", lambda message: None, 1)
node.create_timer(1 / 30, lambda: publisher.publish(image))
node.create_timer(0.002, lambda: None)
parent = os.getppid()
while os.getppid() == parent:
    rclpy.spin_once(node, timeout_sec=0.2)
"""


@dataclass(frozen=True)
class Args:
    """Stream digs and measure what arrives."""

    seconds: float = 600.0
    """Of streaming."""
    quick: bool = False
    """20 s."""
    ledger: Path | None = None
    """Of a batch of trials: stream what its first successful trial commanded, and not the scripted dig."""
    address: str = "127.0.5.2"
    """Loopback address of the emulated controller."""
    domain: int = 76
    """ROS domain."""
    json: Path | None = None
    """Write the figures there."""
    docs: Path | None = None
    """Markdown file whose table is replaced."""


@dataclass(frozen=True)
class Figures:
    """What was measured; s, m, rad, shares of one core."""

    seconds: float
    cycles: int
    setpoints: int
    held_back: int
    """Cycles in motion without a fresh state, in which nothing was sent."""
    commands: int
    commands_lost: int
    stops: int
    """1 where the stream stopped by itself before its time, for whatever reason."""
    late_p50: float
    """Of the streaming loop's wake-ups."""
    late_p99: float
    late_max: float
    bare_p99: float
    """Of a bare loop beside it."""
    cpu_beside: float
    """Of the streaming process, beside what keeps the machine busy: a busy sibling makes each cycle take longer."""
    cpu_loop: float
    """Of the streaming process with only the driver at work: its loop."""
    cpu_receiving: float
    """And the threads of `ur_rtde`."""
    cpu_node: float
    """Of the node."""
    latency: float
    """From setpoint to arm."""
    position_rms: float
    """Of the arm against the setpoints, after latency compensation."""
    angle_rms: float


def following(rows: list[tuple[float, ...]]) -> tuple[float, float, float]:
    """(latency s, RMS m, RMS rad) of rows (time, setpoint, measured); the latency is the shift that fits best."""
    table = np.array(rows)
    times, sent, arm = table[:, 0], table[:, 1:5], table[:, 5:9]

    def apart(latency: float) -> tuple[float, float]:
        there = np.stack([np.interp(times - latency, times, sent[:, i]) for i in range(4)], 1)[50:-50]
        error = arm[50:-50] - there
        return float(np.sqrt((error[:, :3] ** 2).sum(1).mean())), float(np.sqrt((error[:, 3] ** 2).mean()))

    latency = min(np.arange(0.0, 0.2, 5e-4), key=lambda shift: apart(shift)[0])
    return float(latency), *apart(latency)


def cpu_of(pid: int) -> dict[int, float]:
    """S of processor time so far, by thread."""
    tasks = Path(f"/proc/{pid}/task")
    return {int(t.name): int((t / "schedstat").read_text().split()[0]) * 1e-9 for t in tasks.iterdir()}


def share(before: dict[int, float], after: dict[int, float], seconds: float, *, threads: set[int]) -> float:
    """Of one core, that some threads took."""
    return sum(after[t] - before.get(t, 0.0) for t in threads & set(after)) / seconds


def stream_digs(stream: StreamProcess, seconds: float, targets: Targets) -> tuple[int, int, list[tuple[float, ...]]]:
    """Commands sent, stops (0, or 1 that ended it), and rows of (time, setpoint, measured) for the first 60 s."""
    sent, stops, rows = 0, 0, []
    begun = time.monotonic()
    while (now := time.monotonic()) - begun < seconds:
        stream.poll()
        state = stream.state()
        if stream.end is not None:
            raise RuntimeError(f"after {now - begun:.0f} s: {stream.end.stop}")
        if state.mode is not Mode.STREAMING and sent > 1:
            print(f"after {now - begun:.1f} s: {state.reason}", file=sys.stderr)
            return sent, 1, rows
        stream.send(Target(sent + 1, targets[sent % len(targets)], PERIOD))
        stream.send(channel.Alive())
        sent += 1
        due = begun + sent * PERIOD
        while time.monotonic() < due:
            time.sleep(0.004)
            if (
                now - begun < 60
                and (state := stream.state())
                and state.writes
                and (not rows or state.time != rows[-1][0])
            ):
                rows.append((state.time, *state.commanded[:4], *state.setpoint[:4]))
    return sent, stops, rows


def shares_alone(args: Args) -> dict[str, float]:
    """Of one core, that the driver's parts take while a stream is commanded over DDS and nothing else is done."""
    with Rig(args.address, domain=args.domain) as rig:
        rig.call("home")
        pids = (rig.driver.pid, rig.streaming_pid())
        begun, before = time.monotonic(), [cpu_of(pid) for pid in pids]
        rig.stream(strokes(), 30.0)
        after, took = [cpu_of(pid) for pid in pids], time.monotonic() - begun
        (node, stream), loop = ((a, b) for a, b in zip(before, after)), {pids[1]}
        return {
            "cpu_loop": share(*stream, took, threads=loop),
            "cpu_receiving": share(*stream, took, threads=set(stream[1]) - loop),
            "cpu_node": share(*node, took, threads=set(node[1])),
        }


def measure(args: Args) -> Figures:
    """The stream beside a busy executor and a bare loop; then what the driver takes alone."""
    seconds, settings = 20.0 if args.quick else args.seconds, DriverSettings(robot_ip=args.address)
    targets = recorded(args.ledger) if args.ledger else scripted()
    joints = [f"{q:.6f}" for q in level_joints()]
    environment = dict(os.environ, ROS_DOMAIN_ID=str(args.domain))
    with Emulator(args.address, options=("--quiet", "--robot.joints", *joints)):
        stream = StreamProcess(settings, Cell())
        stop = stream.wait_ready()
        if stop is not None:
            raise RuntimeError(stop.message)
        bare = subprocess.Popen(
            [sys.executable, "-c", BARE_LOOP, str(settings.realtime_priority), str(seconds)],
            stdout=subprocess.PIPE,
            text=True,
        )
        busy = subprocess.Popen([sys.executable, "-c", BUSY_EXECUTOR], env=environment)
        try:
            while (first := stream.state()) is None:
                time.sleep(0.01)
            begun, before = time.monotonic(), cpu_of(stream.pid)
            sent, stops, rows = stream_digs(stream, seconds, targets)
            last, took, after = stream.state(), time.monotonic() - begun, cpu_of(stream.pid)
        finally:
            busy.kill()
            stream.close()
        bare_p99 = float(bare.communicate()[0])
    counts = stream.end.lateness
    latency, position, angle = following(rows)
    return Figures(
        seconds=took, cycles=last.cycles - first.cycles, setpoints=last.writes, held_back=last.skipped, commands=sent,
        commands_lost=last.lost_commands, stops=stops, late_p50=quantile(counts, 0.5), late_p99=quantile(counts, 0.99),
        late_max=quantile(counts, 1.0), bare_p99=bare_p99, cpu_beside=share(before, after, took, threads=set(after)),
        latency=latency, position_rms=position, angle_rms=angle, **shares_alone(args),
    )  # fmt: skip


def rows_of(f: Figures) -> list[tuple[str, str]]:
    """What was measured and how it came out, for people."""
    return [
        ("streamed", f"{f.seconds:.0f} s, {f.cycles / f.seconds:.1f} cycles/s"),
        ("setpoints sent, held back for want of a fresh state", f"{f.setpoints}, {f.held_back}"),
        ("commands, lost", f"{f.commands}, {f.commands_lost}"),
        ("stops", f"{f.stops}"),
        (
            "loop late, p50 / p99 / max",
            f"{f.late_p50 * 1e3:.2f} / {f.late_p99 * 1e3:.2f} / {f.late_max * 1e3:.2f} ms",
        ),
        ("bare loop late, p99; ratio", f"{f.bare_p99 * 1e3:.2f} ms; {f.late_p99 / f.bare_p99:.1f}"),
        (
            "of one core, with nothing else to do: loop, threads of ur_rtde, node",
            f"{f.cpu_loop:.1%}, {f.cpu_receiving:.1%}, {f.cpu_node:.1%}",
        ),
        ("of one core, beside the busy executor: loop and threads of ur_rtde", f"{f.cpu_beside:.1%}"),
        ("latency from setpoint to arm", f"{f.latency * 1e3:.1f} ms"),
        (
            "path, RMS after latency compensation",
            f"{f.position_rms * 1e3:.2f} mm, {math.degrees(f.angle_rms):.3f} deg",
        ),
    ]


def table(f: Figures, when: str) -> str:
    """The same in Markdown."""
    lines = ["| | |", "|---|---|", *(f"| {name} | {value} |" for name, value in rows_of(f))]
    return "\n".join(lines) + f"\n\n{when}\n"


def main(args: Args) -> int:
    """Print the figures; the exit status tells whether they hold."""
    when = circumstances(**({"a recorded dig": args.ledger.parent.name} if args.ledger else {}))
    f = measure(args)
    print("\n".join(f"{name:70s} {value}" for name, value in rows_of(f)))
    values = asdict(f) | {"cpu": f.cpu_loop + f.cpu_receiving + f.cpu_node}
    if args.json:
        args.json.write_text(json.dumps({"when": when, **values}, indent=1) + "\n")
    if args.docs:
        replace_between(args.docs, "streaming", table(f, when))
    wrong = [
        f"{name} {values[name]:.4g} is above {limit:.4g}" for name, limit in LIMITS.items() if not values[name] <= limit
    ]
    wrong += [f"{f.commands_lost} commands were lost"] * (f.commands_lost > 0) + [f"{f.stops} stops"] * (f.stops > 0)
    print(f"FAILED: {'; '.join(wrong)}" if wrong else f"all bounds hold: {BOUNDS}")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main(tyro.cli(Args)))
