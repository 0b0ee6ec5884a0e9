"""How well the emulated controller keeps its beat, with the real `ur_rtde` streaming to it.

python benchmarks/ur_controller.py --seconds 30
"""

from __future__ import annotations

import os
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import tyro


@dataclass(frozen=True)
class Args:
    """Stream servoL at a fixed rate, and watch the states that come back."""

    seconds: float = 30.0
    rate: float = 500.0
    """Hz, of servoL."""
    address: str = "127.0.0.99"
    """Loopback address for the emulated controller."""


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


def main(args: Args) -> None:
    """Print one line per figure."""
    import rtde_control
    import rtde_receive

    from prpd_twin.ur_controller.process import Emulator

    bare = bare_loop(2.0, args.rate)
    with Emulator(args.address, options=["--quiet"]) as emulator:
        receive = rtde_receive.RTDEReceiveInterface(emulator.address)
        control = rtde_control.RTDEControlInterface(emulator.address, 500.0)
        home = receive.getTargetTCPPose()
        before, cpu, began = emulator.do("state"), cpu_seconds(emulator.pid), time.perf_counter()
        calls, stamps, sent = [], [], 0
        for sent in range(1, round(args.seconds * args.rate) + 1):
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
    print(f"commands             {sent} sent, {after['packages'] - before['packages']} received")
    print(f"controller cycles    {(after['time'] - before['time']) / 0.002 / wall:.1f} per s")
    print(f"processor            {100 * load:.1f} % of one core")
    print(f"servoL call          p50 {1e3 * np.median(calls):.3f} ms, p99 {1e3 * np.quantile(calls, 0.99):.3f} ms")
    print(f"gap between states   p50 {1e3 * np.median(gaps):.1f} ms, p99 {1e3 * np.quantile(gaps, 0.99):.1f} ms")
    print(f"bare loop lateness   p50 {1e3 * np.median(bare):.3f} ms, p99 {1e3 * np.quantile(bare, 0.99):.3f} ms")
    print(f"still connected      {'yes' if connected else 'NO'}, {after['safety_mode']}, {after['runtime_state']}")


if __name__ == "__main__":
    main(tyro.cli(Args))
