"""How well the emulated controller keeps its beat, with the real `ur_rtde` streaming to it.

python benchmarks/ur_controller.py --quick                         # 5 s
python benchmarks/ur_controller.py --json ur_controller.json       # 30 s
"""

from __future__ import annotations

import json
import os
import sys
import time
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import tyro
from circumstances import circumstances


@dataclass(frozen=True)
class Args:
    """Stream servoL at a fixed rate, and watch the states that come back."""

    seconds: float = 30.0
    rate: float = 500.0
    """Hz, of servoL."""
    quick: bool = False
    """5 s."""
    address: str = "127.0.0.99"
    """Loopback address for the emulated controller."""
    json: Path | None = None
    """Write the figures there."""


@dataclass(frozen=True)
class Figures:
    """What was measured; s, 1/s, shares of one core."""

    sent: int
    received: int
    cycles_per_second: float
    cpu: float
    call_p50: float
    """Of `servoL`."""
    call_p99: float
    gap_p50: float
    """Between the states that the client saw."""
    gap_p99: float
    bare_p50: float
    """Lateness of an empty loop of the same rate, before that."""
    bare_p99: float
    connected: bool
    """Still, with the program running, at the end."""


def cpu_seconds(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def bare_loop(seconds: float, rate: float) -> np.ndarray:
    """s, lateness of an empty loop on this machine: what no program can do better."""
    late, start = [], time.perf_counter()
    for i in range(1, round(seconds * rate)):
        due = start + i / rate
        time.sleep(max(0.0, due - time.perf_counter()))
        late.append(time.perf_counter() - due)
    return np.array(late)


def measure(args: Args) -> Figures:
    """Stream, and watch."""
    import rtde_control
    import rtde_receive

    from prpd_twin.ur_controller.process import Emulator

    seconds = 5.0 if args.quick else args.seconds
    bare = bare_loop(2.0, args.rate)
    with Emulator(args.address, options=["--quiet"]) as emulator:
        receive = rtde_receive.RTDEReceiveInterface(emulator.address)
        control = rtde_control.RTDEControlInterface(emulator.address, 500.0)
        home = receive.getTargetTCPPose()
        before, cpu, began = emulator.do("state"), cpu_seconds(emulator.pid), time.perf_counter()
        calls, stamps, sent = [], [], 0
        for sent in range(1, round(seconds * args.rate) + 1):
            due = began + sent / args.rate
            time.sleep(max(0.0, due - time.perf_counter()))
            shift = 0.03 * np.sin(2 * np.pi * sent / args.rate)
            call = time.perf_counter()
            control.servoL([home[0], home[1], home[2] + shift, *home[3:]], 0.5, 0.5, 1 / args.rate, 0.05, 600)
            calls.append(time.perf_counter() - call)
            stamps.append(receive.getTimestamp())
        wall, after = time.perf_counter() - began, emulator.do("state")
        while after["packages"] - before["packages"] < sent and time.perf_counter() - began < wall + 1:
            after = {**after, "packages": emulator.do("state")["packages"]}  # the last may be on its way
        load = (cpu_seconds(emulator.pid) - cpu) / wall
        connected = receive.isConnected() and control.isConnected() and control.isProgramRunning()
        control.servoStop(10.0)
        control.stopScript()
        control.disconnect()
        receive.disconnect()
    gaps = np.diff(np.unique(stamps))
    call_p50, call_p99, gap_p50, gap_p99, bare_p50, bare_p99 = (
        float(np.quantile(values, q)) for values in (calls, gaps, bare) for q in (0.5, 0.99)
    )
    return Figures(
        sent=sent, received=after["packages"] - before["packages"],
        cycles_per_second=(after["time"] - before["time"]) / 0.002 / wall, cpu=load, call_p50=call_p50,
        call_p99=call_p99, gap_p50=gap_p50, gap_p99=gap_p99, bare_p50=bare_p50, bare_p99=bare_p99, connected=connected,
    )  # fmt: skip


def main(args: Args) -> int:
    """Print one line per figure; the exit status tells whether the controller kept its beat."""
    when = circumstances()
    f = measure(args)
    print(f"commands             {f.sent} sent, {f.received} received")
    print(f"controller cycles    {f.cycles_per_second:.1f} per s")
    print(f"processor            {100 * f.cpu:.1f} % of one core")
    print(f"servoL call          p50 {1e3 * f.call_p50:.3f} ms, p99 {1e3 * f.call_p99:.3f} ms")
    print(f"gap between states   p50 {1e3 * f.gap_p50:.1f} ms, p99 {1e3 * f.gap_p99:.1f} ms")
    print(f"bare loop lateness   p50 {1e3 * f.bare_p50:.3f} ms, p99 {1e3 * f.bare_p99:.3f} ms")
    print(f"still connected      {'yes' if f.connected else 'NO'}")
    if args.json:
        args.json.write_text(json.dumps({"when": when, **asdict(f)}, indent=1) + "\n")
    wrong = [f"{f.sent - f.received} commands were lost"] * (f.received < f.sent)
    wrong += ["the connection was lost"] * (not f.connected)
    wrong += [f"{f.cycles_per_second:.1f} cycles/s"] * (not abs(f.cycles_per_second - 500) < 1)
    print(f"FAILED: {'; '.join(wrong)}" if wrong else "all held: no command lost, connected, 500 cycles/s")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main(tyro.cli(Args)))
