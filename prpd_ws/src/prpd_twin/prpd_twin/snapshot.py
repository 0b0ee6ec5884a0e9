"""The soil's geometry, handed from the soil world to the virtual camera through a memory-mapped file.

One writer, any number of readers, no locks: a sequence number is odd while the writer is at work, and a reader takes
its copy again when the number changed meanwhile (a *seqlock*). A message of ROS would cost a serialisation per frame.
"""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import TypeVar

import numpy as np

from prpd_task.frames import Pose

T = TypeVar("T")

MAGIC = b"PRPDSNAP"
MAX_GRAINS = 100_000
MAX_VERTICES = 20_000
MAX_TRIANGLES = 40_000

_LAYOUT = np.dtype(
    [
        ("magic", "S8"),
        ("sequence", "<u8"),
        ("stamp_ns", "<i8"),
        ("bucket_pose", "<f8", 7),
        ("rock_pose", "<f8", 7),
        ("box_size", "<f8", 3),
        ("wall_height", "<f8"),
        ("wall_thickness", "<f8"),
        ("grain_edge", "<f8"),
        ("grain_count", "<u4"),
        ("vertex_count", "<u4"),
        ("triangle_count", "<u4"),
        ("scene_revision", "<u4"),
        ("vertices", "<f4", (MAX_VERTICES, 3)),
        ("triangles", "<i4", (MAX_TRIANGLES, 3)),
        ("grains", "<f4", (MAX_GRAINS, 3)),
    ]
)


def default_path() -> Path:
    """In memory where the system has a place for it; one per ROS domain, so that parallel twins do not mix."""
    shared = Path("/dev/shm")
    folder = shared if os.access(shared, os.W_OK) else Path(tempfile.gettempdir())
    return folder / f"prpd_soil_world_{os.environ.get('ROS_DOMAIN_ID', '0')}"


@dataclass(frozen=True)
class Scene:
    """What changes only when the soil is set up anew."""

    box_size: tuple[float, float, float]
    """m, inner extents of the soil box along x, y and its depth below the nominal surface."""
    wall_height: float
    """m, of the walls above the nominal surface."""
    grain_edge: float
    """m, edge of a cube of a grain's volume."""
    rock_vertices: np.ndarray
    """(V, 3) m, of the rock's surface, in the rock frame."""
    rock_triangles: np.ndarray
    """(T, 3) indices, counter-clockwise seen from outside."""
    wall_thickness: float = 0.012
    """m; half a metre or so makes the box a pit in flat ground."""


@dataclass(frozen=True)
class Snapshot:
    """The soil box at one instant; everything in the soil frame."""

    stamp_ns: int
    """ns, on the clock of ROS."""
    grains: np.ndarray
    """(G, 3) m float32, centres."""
    rock: Pose
    """soil_from_rock."""
    bucket: Pose
    """soil_from_bucket."""
    scene_revision: int
    """Changes whenever `SnapshotReader.scene` does."""


class SnapshotWriter:
    """Writes the file; the soil world owns one.

    A new file takes the place of one that an earlier run left behind. Leaving the `with` block removes it.
    """

    def __init__(self, path: Path | None = None) -> None:
        self.path = path or default_path()
        fresh = self.path.with_name(f"{self.path.name}.{os.getpid()}")
        memory = np.memmap(fresh, dtype=_LAYOUT, mode="w+", shape=(1,))
        memory["magic"] = MAGIC
        self._record = memory[0]
        self._inode = fresh.stat().st_ino
        os.replace(fresh, self.path)

    def write_scene(self, scene: Scene) -> None:
        """Describe what stands still; call it before the first `write` and after each reset."""
        _check_count("rock vertices", len(scene.rock_vertices), MAX_VERTICES)
        _check_count("rock triangles", len(scene.rock_triangles), MAX_TRIANGLES)
        record = self._record
        record["sequence"] += 1
        for name in ("box_size", "wall_height", "wall_thickness", "grain_edge"):
            record[name] = getattr(scene, name)
        record["vertices"][: len(scene.rock_vertices)] = scene.rock_vertices
        record["triangles"][: len(scene.rock_triangles)] = scene.rock_triangles
        record["vertex_count"], record["triangle_count"] = len(scene.rock_vertices), len(scene.rock_triangles)
        record["scene_revision"] += 1
        record["stamp_ns"] = 0
        record["sequence"] += 1

    def write(self, *, stamp_ns: int, grains: np.ndarray, rock: Pose, bucket: Pose) -> None:
        """Publish the state at `stamp_ns`; `grains` is (G, 3) m."""
        _check_count("grains", len(grains), MAX_GRAINS)
        record = self._record
        record["sequence"] += 1
        record["stamp_ns"] = stamp_ns
        record["rock_pose"] = rock.position + rock.quaternion
        record["bucket_pose"] = bucket.position + bucket.quaternion
        record["grains"][: len(grains)] = grains
        record["grain_count"] = len(grains)
        record["sequence"] += 1

    def close(self) -> None:
        """Remove the file, unless another writer has put its own in the place."""
        if self.path.exists() and self.path.stat().st_ino == self._inode:
            self.path.unlink()

    def __enter__(self) -> SnapshotWriter:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


class SnapshotReader:
    """Reads the file; follows a writer that was started anew."""

    def __init__(self, path: Path | None = None) -> None:
        self.path = path or default_path()
        self._inode = -1
        self._record: np.void | None = None

    def read(self) -> Snapshot | None:
        """The newest state; None while there is no writer or it has not written one yet."""
        record = self._open()
        if record is None:
            return None

        def copy() -> Snapshot | None:
            if not record["stamp_ns"]:
                return None
            rock, bucket = record["rock_pose"], record["bucket_pose"]
            count = min(int(record["grain_count"]), MAX_GRAINS)
            grains, revision = record["grains"][:count].copy(), int(record["scene_revision"])
            if not (np.any(rock[3:]) and np.any(bucket[3:])):
                return None
            return Snapshot(
                stamp_ns=int(record["stamp_ns"]),
                grains=grains,
                rock=Pose.from_arrays(rock[:3], rock[3:]),
                bucket=Pose.from_arrays(bucket[:3], bucket[3:]),
                scene_revision=revision,
            )

        return _consistently(record, copy)

    def since(self, stamp_ns: int, patience: float) -> Snapshot | None:
        """The newest state as soon as it is of `stamp_ns` or later; after `patience` s the newest one in any case."""
        record, deadline = self._open(), time.monotonic() + patience
        while record is not None and int(record["stamp_ns"]) < stamp_ns and time.monotonic() < deadline:
            time.sleep(0.001)
        return self.read()

    def scene(self) -> Scene | None:
        """What stands still; None while there is no writer or it has not described it yet."""
        record = self._open()
        if record is None:
            return None

        def copy() -> Scene | None:
            if not record["scene_revision"]:
                return None
            x, y, depth = (float(v) for v in record["box_size"])
            return Scene(
                box_size=(x, y, depth),
                wall_height=float(record["wall_height"]),
                grain_edge=float(record["grain_edge"]),
                rock_vertices=record["vertices"][: record["vertex_count"]].copy(),
                rock_triangles=record["triangles"][: record["triangle_count"]].copy(),
                wall_thickness=float(record["wall_thickness"]),
            )

        return _consistently(record, copy)

    def _open(self) -> np.void | None:
        try:
            status = self.path.stat()
        except FileNotFoundError:
            self._record, self._inode = None, -1
            return None
        if status.st_ino != self._inode:
            if status.st_size != _LAYOUT.itemsize:
                raise ValueError(
                    f"{self.path} is no soil snapshot: {status.st_size} bytes, not {_LAYOUT.itemsize}; remove it"
                )
            record = np.memmap(self.path, dtype=_LAYOUT, mode="r", shape=(1,))[0]
            if bytes(record["magic"]) != MAGIC:
                raise ValueError(f"{self.path} is no soil snapshot: it begins with {record['magic']!r}; remove it")
            self._record, self._inode = record, status.st_ino
        return self._record


def _consistently(record: np.void, copy: Callable[[], T | None], *, patience: float = 0.2) -> T | None:
    """What `copy` returns, taken while the writer left the record alone; None if it is stuck in a write."""
    deadline = time.monotonic() + patience
    while time.monotonic() < deadline:
        before = int(record["sequence"])
        if before % 2 == 0:
            result = copy()
            if int(record["sequence"]) == before:
                return result
        time.sleep(0.0002)
    return None


def _check_count(what: str, count: int, limit: int) -> None:
    if count > limit:
        raise ValueError(f"{count} {what} do not fit a snapshot, which holds {limit}; use coarser ones")
