"""Labelled sequences of depth images of simulated digs in the twin's environments."""

from __future__ import annotations

import numpy as np

from prpd_task.cell import Cell
from prpd_task.frames import Pose
from prpd_task.spec import TaskSpec
from prpd_task.success import in_bucket
from prpd_train.engines import SimState, make
from prpd_train.engines.scripted import scripted_dig
from prpd_twin.depth_camera.noise import DepthNoise, NoiseModel
from prpd_twin.depth_camera.random_scenes import Frame
from prpd_twin.depth_camera.renderer import ROCK, DepthRenderer
from prpd_twin.soil_world.camera_scene import camera_scene
from prpd_twin.soil_world.environment import load


def dig(environment: str, seed: int, *, engine: str = "warp", cell: Cell | None = None) -> list[Frame]:
    """One frame before the first and after each action of a scripted dig; the rock's shape and place are known."""
    task, camera_cell = TaskSpec(), cell or Cell()
    spec = load(environment).scene(seed)
    simulator = make(engine, [spec])
    simulator.reset([0], [spec], np.array([task.start_pose]))
    renderer = DepthRenderer(scene=camera_scene(spec), cell=camera_cell, bucket=spec.bucket)
    noise = DepthNoise(NoiseModel(), fx=camera_cell.intrinsics.fx, shape=renderer.shape, seed=seed)
    frames: list[Frame] = []

    def watch(step: int, state: SimState) -> None:
        rock = Pose.from_arrays(state.rock_position[0], state.rock_quaternion[0])
        bucket = np.array(state.bucket_pose[0], float)
        grains = state.grain_position[0][: int(state.grain_count[0])]
        view = renderer.render(grains=grains, rock=rock, bucket=Pose.from_bucket(bucket))
        frames.append(
            Frame(
                depth=noise.exposed(view.depth, view.window),
                rock_mask=view.label == ROCK,
                cell=camera_cell,
                bucket_geometry=spec.bucket,
                bucket_pose=bucket,
                rock_position=np.array(rock.position),
                rock_in_bucket=bool(in_bucket(task, state.bucket_pose, state.rock_position)[0]),
                visible_fraction=view.visible_fraction,
                kind=spec.rock.shape,
                situation=environment,
                grain_edge=spec.grains.edge,
            )
        )

    scripted_dig(simulator, task, watch)
    simulator.close()
    return frames
