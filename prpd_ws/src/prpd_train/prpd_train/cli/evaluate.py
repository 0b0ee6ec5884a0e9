"""`prpd evaluate`: test policies on every grain size, in every engine, with confidence intervals."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Optional, Sequence, Tuple

import tyro


@dataclass(frozen=True)
class Arguments:
    """Success of each policy at each grain size, over all episodes started, with Wilson's 95 % interval."""

    policies: tyro.conf.Positional[Tuple[Path, ...]]
    """ONNX files, or folders of runs (every finished stage of them)."""
    deltas: Tuple[float, ...] = (70.0, 60.0, 50.0, 40.0, 30.0, 20.0, 10.0)
    """mm, grain sizes to test on."""
    engines: Tuple[str, ...] = ("warp",)
    """Such as `warp physx`: the second one is the check that nothing of the first was exploited."""
    randomise: bool = True
    """Domain randomisation and latency during the test."""
    rocks: Tuple[str, ...] = ("cube",)
    """Shapes of the rocks, in turn: `cube`, `plate`, `natural`."""
    episodes: int = 200
    num_envs: int = 64
    """Episodes side by side."""
    seed: int = 1_000_003
    """Of scenes and noise; not one that a training run would use."""
    device: str = "cpu"
    csv: Optional[Path] = None
    """Also write the rows here, each as soon as it is known."""


def main(argv: Optional[Sequence[str]] = None) -> int:
    """Entry point of `prpd evaluate`."""
    arguments = tyro.cli(Arguments, args=argv, prog="prpd evaluate")

    import csv

    from prpd_task.errors import UserError
    from prpd_train.evaluate.matrix import evaluate, markdown, subjects
    from prpd_train.scene.rock_shapes import ROCK_SHAPES

    if not arguments.policies or arguments.episodes < 1 or min(arguments.deltas, default=0.0) <= 0:
        raise UserError("give at least one policy, one episode and one grain size above 0 mm")
    unknown = sorted(set(arguments.rocks) - set(ROCK_SHAPES))
    if unknown or not arguments.rocks:
        raise UserError(f"--rocks must be some of {', '.join(ROCK_SHAPES)}, not {', '.join(unknown) or 'none'}")
    policies = [subject for path in arguments.policies for subject in subjects(path)]
    width = max(len(subject.name) for subject in policies)
    print(f"{'policy':<{width}}  engine  grains    success  95 % interval   steps  peak force")
    file = open(arguments.csv, "w", newline="") if arguments.csv else None  # noqa: SIM115
    writer, rows = None, []
    try:
        for row in evaluate(
            policies,
            deltas=[delta / 1000 for delta in arguments.deltas],
            engines=arguments.engines,
            randomised=arguments.randomise,
            rocks=arguments.rocks,
            episodes=arguments.episodes,
            num_envs=arguments.num_envs,
            seed=arguments.seed,
            device=arguments.device,
        ):
            print(
                f"{row.policy:<{width}}  {row.engine:<6}  {row.delta * 1000:4.4g} mm   {row.success:7.3f}  "
                f"[{row.low:.3f}, {row.high:.3f}]  {row.length:5.1f}  {row.peak_force:7.1f} N",
                flush=True,
            )
            rows.append(row)
            if file is not None:
                if writer is None:
                    writer = csv.DictWriter(file, list(row.as_dict()))
                    writer.writeheader()
                writer.writerow(row.as_dict())
                file.flush()
    finally:
        if file is not None:
            file.close()
    if len(rows) > 1:
        print(f"\n{markdown(rows)}", end="")
    return 0
