"""Train the rock detector of the perception on random soil boxes, and export it to ONNX."""

from __future__ import annotations

import math
import multiprocessing
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from prpd_perception.height_map import CHANNELS, HEIGHT_SCALE, STRIDE, Grid

if TYPE_CHECKING:
    from prpd_perception.learn.network import RockNet

DETECTOR_FILE = Path(__file__).parents[1] / "models" / "rock_detector.onnx"


@dataclass(frozen=True)
class TrainDetector:
    """How the detector's network is trained."""

    frames: int = 8_000
    """Random frames to draw."""
    epochs: int = 10
    """Passes over them."""
    workers: int = 2
    """Processes that draw frames."""
    batch: int = 32
    """Height maps per step."""
    learning_rate: float = 3e-3
    """Largest; it rises and falls over the run."""
    calibration_frames: int = 1500
    """Further frames, on which scores and deviations are made honest."""
    seed: int = 100
    """Of the frames and of the training. The benchmark's frames come from other seeds."""
    cache: Path = field(default_factory=lambda: Path("runs/perception"))
    """Folder in which the drawn examples are kept for the next time."""
    output: Path = DETECTOR_FILE
    """ONNX file to write."""


@dataclass(frozen=True)
class Examples:
    """Examples of one map size, stacked; see `learn.examples.Example`."""

    channels: np.ndarray
    rock: np.ndarray
    centre: np.ndarray
    height: np.ndarray

    def __len__(self) -> int:
        return len(self.channels)


NAMES = ("channels", "rock", "centre", "height")
PORTION = 250
"""Frames that one worker draws at a time."""


def draw(*, frames: int, seed: int, cache: Path, workers: int = 2) -> Examples:
    """Examples of `frames` random frames, from the cache if they are there.

    They are drawn in portions, each with a seed of its own, so that the number of workers changes nothing.
    """
    file = cache / f"examples_{seed}_{frames}.npz"
    if not file.exists():
        cache.mkdir(parents=True, exist_ok=True)
        portions = [(min(PORTION, frames - i), [seed, i]) for i in range(0, frames, PORTION)]
        by_size: dict[int, list[Examples]] = {}
        start, done = time.monotonic(), 0
        with multiprocessing.get_context("spawn").Pool(workers) as pool:
            for drawn in pool.imap(_draw_portion, portions):
                for size, examples in drawn.items():
                    by_size.setdefault(size, []).append(examples)
                done += 1
                print(f"drew {done} of {len(portions)} portions in {time.monotonic() - start:.0f} s", flush=True)
        arrays = {f"{k}_{n}": np.concatenate([getattr(e, n) for e in es]) for k, es in by_size.items() for n in NAMES}
        with file.open("wb") as stream:
            np.savez(stream, allow_pickle=False, **arrays)
    with np.load(file) as data:
        sizes = sorted({key.split("_")[0] for key in data})
        return _merged([Examples(**{name: data[f"{size}_{name}"] for name in NAMES}) for size in sizes])


def _merged(sets: list[Examples]) -> Examples:
    """All in maps of the largest size, with unseen cells around the smaller ones.

    Batches must mix both kinds of map: the network's running statistics serve both.
    """
    size = max(s.channels.shape[-1] for s in sets)
    padded = []
    for examples in sets:
        border = (size - examples.channels.shape[-1]) // 2
        maps = ((0, 0), (border, border), (border, border))
        parts = ((0, 0), *((border // STRIDE, border // STRIDE),) * 2)
        channels = np.pad(examples.channels, ((0, 0), *maps))
        channels[:, -1] = examples.channels[:, -1].max((1, 2))[:, None, None]
        rock, height = (np.pad(a, parts) for a in (examples.rock, examples.height))
        padded.append(Examples(channels, rock, examples.centre, height))
    return Examples(**{name: np.concatenate([getattr(p, name) for p in padded]) for name in NAMES})


def _draw_portion(portion: tuple[int, list[int]]) -> dict[int, Examples]:
    from prpd_perception.learn.examples import Example, examples
    from prpd_twin.depth_camera.random_scenes import RandomFrames

    number, seed = portion
    source, by_size = RandomFrames(seed, cropped=True), dict[int, list[Example]]()
    for _ in range(number):
        for example in examples(source.draw()):
            by_size.setdefault(example.channels.shape[1], []).append(example)
    return {size: Examples(**{n: np.stack([getattr(e, n) for e in es]) for n in NAMES}) for size, es in by_size.items()}


def batches(number: int, batch: int, rng: np.random.Generator) -> Iterator[np.ndarray]:
    """Indices of all examples once, in random order; the last incomplete batch is left out."""
    order = rng.permutation(number)
    for i in range(0, number - batch + 1, batch):
        yield order[i : i + batch]


def train(config: TrainDetector) -> None:
    """Train and export; prints the losses of each epoch."""
    import torch

    from prpd_perception.learn.calibration import calibrate
    from prpd_perception.learn.network import RockNet, loss

    examples = draw(frames=config.frames, seed=config.seed, cache=config.cache, workers=config.workers)
    torch.manual_seed(config.seed)
    rng = np.random.default_rng(config.seed)
    network = RockNet().to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    optimiser = torch.optim.AdamW(network.parameters(), lr=config.learning_rate, weight_decay=1e-3)
    steps = config.epochs * (len(examples) // config.batch)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, config.learning_rate, total_steps=steps, pct_start=0.2)
    for epoch in range(config.epochs):
        network.train()
        sums, count, start = np.zeros(2), 0, time.monotonic()
        for index in batches(len(examples), config.batch, rng):
            channels, rock, seen, offset = prepare(examples, index, rng)
            with torch.autocast("cpu", torch.bfloat16):
                raw = network.raw(channels.contiguous(memory_format=torch.channels_last))
            entropy, likelihood = loss(raw.float(), rock=rock, seen=seen, offset=offset)
            optimiser.zero_grad()
            (entropy + 0.1 * likelihood).backward()
            torch.nn.utils.clip_grad_norm_(network.parameters(), 1.0)
            optimiser.step()
            schedule.step()
            sums += [entropy.item(), likelihood.item()]
            count += 1
        mean = sums / max(count, 1)
        took = time.monotonic() - start
        print(f"epoch {epoch + 1}: rock or not {mean[0]:.4f}, centre {mean[1]:.3f}, {took:.0f} s", flush=True)
        export(network, config.output)
    print(calibrate(config.output, frames=config.calibration_frames, seed=config.seed + 1))


def prepare(examples: Examples, index: np.ndarray, rng: np.random.Generator) -> tuple:
    """Tensors of a batch; half of the maps are mirrored, all are raised or lowered a little."""
    import torch

    channels = examples.channels[index].astype(np.float32)
    rock, height = examples.rock[index].astype(np.float32), examples.height[index].astype(np.float32)
    centre = examples.centre[index].copy()
    mirrored = rng.random(len(index)) < 0.5
    channels[mirrored] = channels[mirrored, :, :, ::-1]
    rock[mirrored], height[mirrored] = rock[mirrored, :, ::-1], height[mirrored, :, ::-1]
    centre[mirrored, 0] *= -1
    lift = rng.uniform(-0.01, 0.01, len(index)).astype(np.float32)
    seen_cells = channels[:, CHANNELS.index("seen")] > 0
    channels[:, 0] += (lift / HEIGHT_SCALE)[:, None, None] * seen_cells
    height += lift[:, None, None]
    centre[:, 2] += lift
    n = channels.shape[-1] // STRIDE
    seen = seen_cells.reshape(-1, n, STRIDE, n, STRIDE).any((2, 4))
    axis = Grid(channels.shape[-1]).centres(STRIDE)
    grid = np.broadcast_to(np.stack(np.broadcast_arrays(axis[None, :], axis[:, None])), (len(index), 2, n, n))
    origin = np.concatenate([grid, height[:, None]], 1)
    offset = np.nan_to_num(centre[:, :, None, None] - origin)
    return tuple(
        torch.from_numpy(np.ascontiguousarray(a, t))
        for a, t in ((channels, "f4"), (rock, "f4"), (seen, "f4"), (offset, "f4"))
    )


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
        (torch.zeros(1, 5, 80, 80),),
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
