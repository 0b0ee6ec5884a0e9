"""Dig once, and write stills, films and strips of it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, List, Tuple

import cv2
import numpy as np
from PIL import Image

from prpd_task.spec import TaskSpec
from prpd_train.engines import make
from prpd_train.engines.protocol import SimState
from prpd_train.engines.scripted import scripted_dig
from prpd_train.scene.generator import make_scene
from prpd_train.scene.randomisation import Randomisation
from prpd_train.scene.spec import SceneSpec
from prpd_train.view.film import write_film
from prpd_train.view.picture import Snapshot, draw, strip

if TYPE_CHECKING:
    from prpd_train.cli.view import Arguments

STILLS = ("start", "contact", "lifted")


def record(arguments: Arguments, delta: float) -> Tuple[SceneSpec, List[Snapshot], bool]:
    """The scene, a snapshot per control step, and whether the rock was excavated; `delta` in m."""
    randomisation = Randomisation() if arguments.randomise else None
    spec = make_scene(delta, arguments.preset, arguments.seed, randomisation, rock_shape=arguments.rock)
    task = TaskSpec(bucket=spec.bucket)
    sim = make(arguments.engine, [spec])
    snapshots: List[Snapshot] = []

    def watch(_: int, state: SimState) -> None:
        snapshots.append(Snapshot.of(state))

    try:
        sim.reset([0], [spec], np.array([task.start_pose], np.float32))
        excavated = scripted_dig(sim, task, watch)
    finally:
        sim.close()
    return spec, snapshots, bool(excavated[0])


def stills(snapshots: List[Snapshot]) -> List[Snapshot]:
    """Start, contact (the rock begins to rise) and lifted."""
    rise = [snapshot.rock_position[2] - snapshots[0].rock_position[2] for snapshot in snapshots]
    last = len(snapshots) - 1
    contact, lifted = (next((k for k, height in enumerate(rise) if height > least), last) for least in (0.01, 0.15))
    return [snapshots[0], snapshots[contact], snapshots[lifted]]


def save_scene(arguments: Arguments) -> List[Path]:
    """Stills and a film of one scene; the paths of the files."""
    spec, snapshots, excavated = record(arguments, arguments.delta / 1000)
    folder = arguments.output
    folder.mkdir(parents=True, exist_ok=True)
    stem = f"{arguments.engine}_{arguments.preset}_{arguments.rock}_{arguments.delta:g}mm"
    paths = []
    for name, snapshot in zip(STILLS, stills(snapshots)):
        paths.append(folder / f"{stem}_{name}.png")
        Image.fromarray(draw(spec, snapshot)).save(paths[-1])
    if arguments.film != "none":
        paths.append(folder / f"{stem}.{arguments.film}")
        write_film(paths[-1], [draw(spec, snapshot) for snapshot in snapshots])
    print(f"{'excavated' if excavated else 'not excavated'} after {len(snapshots) - 1} control steps")
    return paths


def save_strip(arguments: Arguments) -> List[Path]:
    """One picture: a row per grain size with start, contact and lifted."""
    rows = []
    for delta in arguments.deltas:
        spec, snapshots, excavated = record(arguments, delta / 1000)
        pictures = [draw(spec, snapshot) for snapshot in stills(snapshots)]
        for name, picture in zip(STILLS, pictures):
            verdict = "" if name != "lifted" else ", excavated" if excavated else ", not excavated"
            text = f"{delta:g} mm, {name}{verdict}"
            cv2.putText(picture, text, (12, 24), cv2.FONT_HERSHEY_SIMPLEX, 0.55, (40, 40, 40), 1, cv2.LINE_AA)
        rows.append(pictures)
    arguments.output.mkdir(parents=True, exist_ok=True)
    path = arguments.output / f"{arguments.engine}_{arguments.preset}_{arguments.rock}_strip.png"
    Image.fromarray(strip(rows)).quantize(192).save(path, optimize=True)
    return [path]
