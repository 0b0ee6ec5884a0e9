"""Train the rock detector of the perception on random soil boxes, and export it to ONNX."""

from __future__ import annotations

import math
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from prpd_perception.height_map import BOWL_GRID, CHANNELS, HEIGHT_SCALE, STRIDE, Grid, block_height
from prpd_perception.learn.drawn import PORTION, Examples, draw

if TYPE_CHECKING:
    import torch

    from prpd_perception.learn.network import RockNet

DETECTOR_FILE = Path(__file__).parents[1] / "models" / "rock_detector.onnx"


@dataclass(frozen=True)
class TrainDetector:
    """How the detector's network is trained."""

    scenes: int = 96_000
    """Random scenes to draw; a thousand take 140 MB of disk."""
    epochs: int = 8
    """Passes over them. With 0 the network stays as it is, but for its numbers, which are brought to eight bits if they
    are not yet; its scores and deviations are made honest."""
    workers: int = 2
    """Processes that draw scenes."""
    batch: int = 16
    """Height maps per step."""
    learning_rate: float = 3e-3
    """Largest; it rises and falls over the run."""
    calibration_scenes: int = 2000
    """Further scenes, on which scores and deviations are made honest."""
    calibration_empty: int = 4000
    """And scenes without a rock, on which nearly nothing may be found."""
    seed: int = 100
    """Of the scenes and of the training. The benchmark's scenes come from other seeds."""
    cache: Path = field(default_factory=lambda: Path("runs/perception"))
    """Folder in which the drawn examples are kept for the next time."""
    output: Path = DETECTOR_FILE
    """ONNX file to write."""


LOSSES, LOSS_WEIGHTS = ("centre", "surface", "offset"), (1.0, 5.0, 2.0)
"""See `learn.network.loss`."""
NOTHING, ENOUGH = 0.004, 0.12
"""Of a rock's silhouette: the detector must not see a rock that shows less than the first, and shall see one that
shows more than the second. In between, it may do either..."""
UNCLEAR = 0.04
"""m, ...within this distance."""
PIECE = BOWL_GRID.rows
"""Cells along a side of what is trained on: of the soil's map, a part."""
FAR = 1e3
"""m, offset of a centre that does not exist."""


def batches(number: int, batch: int, rng: np.random.Generator) -> Iterator[np.ndarray]:
    """Indices of all examples once, in random order; the last incomplete batch is left out."""
    order = rng.permutation(number)
    for i in range(0, number - batch + 1, batch):
        yield order[i : i + batch]


def train(config: TrainDetector) -> None:
    """Train, export, quantise and calibrate."""
    from prpd_perception.learn.calibration import calibrate
    from prpd_perception.learn.quantise import is_quantised, quantise

    if config.epochs:
        fit(config)
    if not is_quantised(config.output):
        quantise(config.output, usual_maps(config))
    numbers = {"scenes": config.calibration_scenes, "empty": config.calibration_empty}
    print(calibrate(config.output, **numbers, seed=config.seed + 1, workers=config.workers))


def fit(config: TrainDetector) -> None:
    """Train and export; prints the losses of each epoch. Goes on with a training that was interrupted."""
    import torch
    from rich.progress import track

    from prpd_perception.learn.checkpoint import Checkpoint
    from prpd_perception.learn.network import RockNet, loss

    examples = draw(scenes=config.scenes, seed=config.seed, cache=config.cache, workers=config.workers)
    torch.manual_seed(config.seed)
    network = RockNet().to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    optimiser = torch.optim.AdamW(network.parameters(), lr=config.learning_rate, weight_decay=1e-3, fused=True)
    steps = config.epochs * (len(examples) // config.batch)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, config.learning_rate, total_steps=steps, pct_start=0.2)
    checkpoint = Checkpoint(config, {"network": network, "optimiser": optimiser, "schedule": schedule})
    quick = computes_in_bfloat16()
    for epoch in range(checkpoint.restore(), config.epochs):
        network.train()
        rng = np.random.default_rng([config.seed, epoch])
        sums, start, order = np.zeros(3), time.monotonic(), list(batches(len(examples), config.batch, rng))
        for index in track(order, f"epoch {epoch + 1} of {config.epochs}"):
            batch = prepare(examples, index, rng)
            with torch.autocast("cpu", torch.bfloat16, enabled=quick):
                raw = network.raw(batch.pop("channels").contiguous(memory_format=torch.channels_last))
            parts = loss(raw.float(), **batch)
            optimiser.zero_grad()
            torch.stack([w * part for w, part in zip(LOSS_WEIGHTS, parts, strict=True)]).sum().backward()
            torch.nn.utils.clip_grad_norm_(network.parameters(), 5.0)
            optimiser.step()
            schedule.step()
            sums += [part.item() for part in parts]
        means = " ".join(f"{name} {m:.4f}" for name, m in zip(LOSSES, sums / max(len(order), 1), strict=True))
        print(f"epoch {epoch + 1}: {means}, {time.monotonic() - start:.0f} s", flush=True)
        checkpoint.save(epoch + 1)
    export(network, config.output)
    checkpoint.remove()


def usual_maps(config: TrainDetector) -> Iterator[np.ndarray]:
    """Batches of what the network is given, from the first of the scenes it is trained on."""
    examples = draw(scenes=PORTION, seed=config.seed, cache=config.cache, workers=config.workers)
    rng = np.random.default_rng(config.seed)
    for index in batches(len(examples), config.batch, rng):
        yield prepare(examples, index, rng)["channels"].numpy()


def computes_in_bfloat16() -> bool:
    """Whether this processor does, and quickly: where it is emulated, it takes ten times as long as 32 bits."""
    flags = Path("/proc/cpuinfo").read_text(encoding="utf-8").split()
    return "avx512_bf16" in flags or "amx_bf16" in flags


def prepare(examples: Examples, index: np.ndarray, rng: np.random.Generator) -> dict[str, torch.Tensor]:
    """Tensors of a batch: pieces of the maps, half of them mirrored, all raised or lowered a little."""
    import torch

    channels, surface = examples.channels[index], examples.surface[index].copy()
    centre, shown = examples.centre[index].copy(), examples.shown[index]
    mirrored = rng.random(len(index)) < 0.5
    channels[mirrored] = channels[mirrored, :, :, ::-1]
    surface[mirrored] = surface[mirrored, :, ::-1]
    centre[mirrored, 0] *= -1
    corners = [_corner(c[-1].any(), at, c.shape[1:], rng) for c, at in zip(channels, centre, strict=True)]
    channels, surface, grid = _pieces(channels, surface, corners)
    lift = rng.uniform(-0.01, 0.01, len(index)).astype(np.float32)
    channels[:, 0] += (lift / HEIGHT_SCALE)[:, None, None] * (channels[:, 0] != 0)
    centre[:, 2] += lift
    n = PIECE // STRIDE
    seen = (channels[:, CHANNELS.index("seen")] > 0).reshape(-1, n, STRIDE, n, STRIDE).any((2, 4))
    origin = np.concatenate([grid, block_height(channels)[:, None]], 1)
    offset = np.where((shown >= ENOUGH)[:, None, None, None], centre[:, :, None, None] - origin, FAR)
    near = np.hypot(*np.moveaxis(centre[:, :2, None, None] - grid, 1, 0)) < UNCLEAR
    judged = ~(near & ((shown > NOTHING) & (shown < ENOUGH))[:, None, None])
    arrays = {"channels": channels, "surface": surface, "seen": seen, "offset": offset, "judged": judged}
    return {name: torch.from_numpy(np.ascontiguousarray(a, "f4")) for name, a in arrays.items()}


def _corner(in_bowl: bool, centre: np.ndarray, shape: tuple[int, int], rng: np.random.Generator) -> np.ndarray:
    """First row and column of the piece to take: all of a bowl; of the soil, mostly a part that contains the rock."""
    room = np.array(shape) - PIECE
    if in_bowl:
        return room // 2
    corner = rng.integers(0, room // STRIDE + 1) * STRIDE
    if np.isfinite(centre).all() and rng.random() < 0.6:
        middle = centre[1::-1] / Grid(*shape).cell + np.array(shape) / 2 - rng.uniform(0.2, 0.8, 2) * PIECE
        corner = np.clip(middle // STRIDE * STRIDE, 0, room).astype(int)
    return corner


def _pieces(
    channels: np.ndarray, surface: np.ndarray, corners: list[np.ndarray]
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Pieces of maps (B, 6, n, n) and blocks (B, n/2, n/2), float32, and where their blocks are, (B, 2, n/2, n/2) m."""
    (x, y), part = Grid(*channels.shape[-2:]).axes(STRIDE), PIECE // STRIDE
    maps, blocks, grids = [], [], []
    for one, rock, (r, c) in zip(channels, surface, corners, strict=True):
        maps.append(one[:, r : r + PIECE, c : c + PIECE])
        r, c = r // STRIDE, c // STRIDE
        blocks.append(rock[r : r + part, c : c + part])
        grids.append(np.stack(np.broadcast_arrays(x[None, c : c + part], y[r : r + part, None])))
    return np.stack(maps).astype(np.float32), np.stack(blocks).astype(np.float32), np.stack(grids)


def export(network: RockNet, path: Path) -> None:
    """Write the network, with one dynamic axis for the batch and two for the map's size."""
    import torch

    path.parent.mkdir(parents=True, exist_ok=True)
    dynamic = {
        "channels": {0: "maps", 2: "rows", 3: "columns"},
        "blocks": {0: "maps", 2: "block_rows", 3: "block_columns"},
    }
    network.eval()
    torch.onnx.export(
        network,
        (torch.zeros(1, len(CHANNELS), PIECE, PIECE),),
        str(path),
        input_names=["channels"],
        output_names=["blocks"],
        dynamic_axes=dynamic,
        opset_version=17,
        dynamo=False,
    )


def main(argv: list[str]) -> int:
    """Command line."""
    import tyro

    config = tyro.cli(TrainDetector, args=argv, prog="prpd train-detector")
    train(config)
    print(f"wrote {config.output} ({math.ceil(config.output.stat().st_size / 1024)} KiB)")
    return 0
