"""From depth images to the state of the rock. No ROS: `RockEstimator.update` takes arrays and returns a dataclass."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace

import numpy as np

from prpd_perception.bucket_mask import BucketMask
from prpd_perception.camera import Camera
from prpd_perception.detector import Candidate, Detector
from prpd_perception.estimate import BadImageError, EstimatorConfig, RockEstimate, Status
from prpd_perception.height_map import STRIDE, HeightMap
from prpd_perception.overview import Overview
from prpd_perception.shape import Shape, fit_shape
from prpd_perception.soil_plane import fit_soil_plane
from prpd_perception.track import Track, attitude
from prpd_perception.tracker import Measurement, Tracker
from prpd_perception.viewer import Viewer
from prpd_task.bucket import BucketGeometry
from prpd_task.cell import Cell
from prpd_task.frames import bucket_to_soil


@dataclass(frozen=True)
class _Sighting:
    """A candidate with what belongs to it."""

    candidate: Candidate
    view: HeightMap
    measurement: Measurement


@dataclass(frozen=True)
class _Shown:
    """What the last look at a rock showed of it; see `RockEstimate`."""

    identity: int = 0
    surface: np.ndarray = field(default_factory=lambda: np.zeros((0, 3), np.float32))
    shape: Shape | None = None
    visible_fraction: float = 0.0


class RockEstimator:
    """Knows the rock through a sequence of images; one per camera."""

    def __init__(
        self,
        *,
        cell: Cell,
        bucket: BucketGeometry,
        config: EstimatorConfig | None = None,
        detector: Detector | None = None,
    ) -> None:
        self.camera = Camera(cell.intrinsics, cell.soil_from_camera)
        self.config = config or EstimatorConfig()
        mask = BucketMask(bucket, cell, margin=self.config.bucket_margin)
        self._viewer, self._overview = Viewer(self.camera, mask), Overview(self.camera, mask)
        self._detector = detector or Detector()
        self._bucket = bucket
        self.reset()

    def reset(self) -> None:
        """Forget everything seen, as for a new trial; the camera's check is kept."""
        self.tracker = Tracker(bucket=self._bucket, config=self.config.tracker)
        self._viewer.forget()
        self._shown = _Shown()
        self._bowls_turn = False
        self._mirrored = {True: False, False: False}
        """Whether the next look into the bowl, and at the soil, is mirrored."""
        self._stamp: float | None = None
        self._checked = getattr(self, "_checked", 0)
        if self.config.prior_position is not None:
            covariance = np.eye(3) * self.config.prior_deviation**2
            self.tracker.tell(np.array(self.config.prior_position), covariance)

    def update(self, depth: np.ndarray, *, stamp: float, bucket_pose: np.ndarray | None) -> RockEstimate:
        """Take in an image (H, W) float32 m, taken at `stamp` s, with the bucket at `bucket_pose` (4,) or away (None).

        Raises `BadImageError` for one that cannot be used; what is known then stays as it is.
        """
        dt = self._step(stamp)
        if bucket_pose is not None and not np.isfinite(bucket_pose).all():
            raise BadImageError(f"the bucket pose {bucket_pose} is not finite; check the bucket driver")
        depth = np.asarray(depth, np.float32)
        try:
            overview = self._overview.look(depth)
        except ValueError as error:
            raise BadImageError(str(error)) from error
        if overview.valid < self.config.least_valid:
            raise BadImageError(f"only {100 * overview.valid:.0f} % of the image has a depth; is the lens covered?")
        self._stamp = stamp
        self._viewer.add(depth, bucket_pose)
        view, looked = self._look(bucket_pose)
        moved = None if view.in_bowl else self._check_camera(view, bucket_pose)
        if moved:
            self._bowls_turn = False  # until the soil agrees
            return RockEstimate(stamp=stamp, status=Status.CAMERA_MOVED, message=moved, soil=view)
        intruder = self._intruder(self._overview.standing(overview, bucket_pose))
        sightings = [] if intruder else self._sightings(view, bucket_pose)
        hidden = _Hidden(self._soil, bucket_pose, everywhere=intruder is not None)
        measured = [s.measurement for s in sightings]
        if intruder:
            looked = _everything
        taken = self.tracker.update(measured, dt=dt, bucket_pose=bucket_pose, hidden=hidden, looked=looked)
        track = self.tracker.followed
        if track is not None and track.identity in taken:
            self._shown = self._show(track, sightings[taken[track.identity]])
        if not view.in_bowl:
            self._height = _surface_height(view, None if track is None else track.position)
        return self._answer(stamp, track, bucket_pose, sightings, intruder)

    def _look(self, bucket_pose: np.ndarray | None) -> tuple[HeightMap, Callable[[Track], bool]]:
        """One map, and which tracks it can show: a lifted bowl and the soil have their turns, one in each image.

        Both in one image would take the longest just where the policy waits for it.
        """
        bowls_turn, self._bowls_turn = self._bowls_turn, not self._bowls_turn
        bowl = self._viewer.bowl(bucket_pose) if bowls_turn else None
        if bowl is None:
            self._soil = self._viewer.soil(bucket_pose)
        view = self._soil if bowl is None else bowl
        if bucket_pose is None or not self._viewer.lifted or (bowls_turn and bowl is None):
            return view, _everything
        return view, lambda track: (track.in_bowl(bucket_pose) > 0.5) == view.in_bowl

    def _step(self, stamp: float) -> float:
        """S since the last image; starts anew after a gap, and refuses to go back in time."""
        if not np.isfinite(stamp):
            raise BadImageError(f"the image's time stamp {stamp} is not finite")
        if self._stamp is None:
            return 0.0
        dt = stamp - self._stamp
        if dt <= 0:
            if dt < -self.config.max_gap:
                self.reset()
            raise BadImageError(f"the image is {-dt:.3f} s older than the one before; check the camera's clock")
        if dt > self.config.max_gap:
            self.reset()
            return 0.0
        return dt

    def _check_camera(self, soil: HeightMap, bucket_pose: np.ndarray | None) -> str | None:
        """What the soil plane says against the calibration, until enough frames have agreed with it."""
        away = bucket_pose is None or bucket_pose[2] > 0.1 or bucket_pose[1] < -0.2
        if self._checked >= self.config.check_frames or not away:
            return None
        problem = fit_soil_plane(soil, self.config.plane).problem(self.config.plane)
        self._checked = 0 if problem else self._checked + 1
        return problem

    def _intruder(self, heights: np.ndarray) -> str | None:
        """What to say of the heights (m) of points that are neither soil nor bucket."""
        if heights.size < self.config.intruder_points:
            return None
        height = 1000 * float(heights.max())
        return f"something that is no bucket stands {height:.0f} mm over the soil; take it out of the box"

    def _sightings(self, view: HeightMap, bucket_pose: np.ndarray | None) -> list[_Sighting]:
        # Every other look is at the map's mirror image: there the network errs otherwise, and the mean errs less.
        mirrored = self._mirrored[view.in_bowl]
        self._mirrored[view.in_bowl] = not mirrored
        result = []
        for candidate in self._detector.detect(view, mirrored=mirrored):
            position, covariance = candidate.position, np.diag(candidate.deviation**2)
            if view.in_bowl and bucket_pose is not None:
                turn = attitude(bucket_pose[3])
                position = bucket_to_soil(np.asarray(bucket_pose, float), position)
                covariance = turn @ covariance @ turn.T
            score = _believed(candidate.score, self.config.expected)
            result.append(_Sighting(candidate, view, Measurement(position, covariance, score)))
        return result

    def _show(self, track: Track, seen: _Sighting) -> _Shown:
        surface, camera = _surface(seen), self.camera
        scale = camera.intrinsics.fx * camera.intrinsics.fy / camera.distance(track.position) ** 2
        fraction = min(1.0, len(surface) / (self.config.nominal_area * scale))
        return _Shown(track.identity, surface, fit_shape(surface, track.position), fraction)

    def _answer(
        self,
        stamp: float,
        track: Track | None,
        bucket_pose: np.ndarray | None,
        sightings: list[_Sighting],
        intruder: str | None,
    ) -> RockEstimate:
        known = RockEstimate(
            stamp=stamp,
            status=Status.LOST,
            message=intruder or "no rock in sight",
            surface_height=self._height,
            candidates=tuple(s.candidate for s in sightings),
            soil=self._soil,
            cloud=self._soil.points.xyz,
        )
        if track is None:
            return known
        # What counts is the last look that could show it: this image's may have been elsewhere.
        seen = self._shown.identity == track.identity and track.unseen_for == 0
        shown = self._shown if seen else _Shown()
        status = self._status(track, seen)
        return replace(
            known,
            status=status,
            message=intruder or ("" if status == Status.OK else f"not seen for {track.unseen_for:.1f} s"),
            identity=track.identity,
            position=track.position,
            covariance=track.covariance,
            shape=shown.shape,
            visible_fraction=shown.visible_fraction,
            confidence=track.confidence,
            in_bucket=track.in_bowl(bucket_pose) if bucket_pose is not None else 0.0,
            surface=shown.surface,
        )

    def _status(self, track: Track, seen: bool) -> Status:
        if track.confirmed:
            return Status.OK if seen else Status.OCCLUDED
        # A weak candidate is no rock yet; what an operator told stays known until an image speaks against it.
        return Status.OCCLUDED if track.told and not seen else Status.LOST


def _everything(track: Track) -> bool:
    return True


def _believed(score: float, expected: float) -> float:
    """Probability of a rock whose candidate has a score, where a rock was `expected`: Bayes' rule for the odds."""
    odds = score / max(1 - score, 1e-9) * expected / (1 - expected)
    return odds / (1 + odds)


class _Hidden:
    """Whether a rock at a position could not be seen: behind the bucket, in a hole of the image, or in the bowl."""

    def __init__(self, soil: HeightMap, bucket_pose: np.ndarray | None, *, everywhere: bool) -> None:
        self._soil, self._bucket_pose, self._everywhere = soil, bucket_pose, everywhere

    def __call__(self, position: np.ndarray) -> bool:
        if self._everywhere:
            return True
        if self._bucket_pose is not None and np.linalg.norm(position - self._bucket_pose[:3]) < 0.13:
            return True
        grid = self._soil.grid
        row, column = (int(p / grid.cell + n / 2) for p, n in zip(position[1::-1], grid.shape, strict=True))
        reach = round(0.02 / grid.cell)
        around = tuple(slice(max(i - reach, 0), max(i + reach + 1, 0)) for i in (row, column))
        seen = self._soil.seen[around]
        return seen.size == 0 or float(seen.mean()) < 0.5


def _surface(seen: _Sighting) -> np.ndarray:
    """(N, 3) m, the points in the blocks that show the rock."""
    view = seen.view
    cells = np.repeat(np.repeat(seen.candidate.blocks, STRIDE, 0), STRIDE, 1).reshape(-1)
    return view.points.xyz[:, view.source[cells[view.index]]].T


def _surface_height(soil: HeightMap, position: np.ndarray | None) -> float:
    """m, median of the soil 4 to 10 cm around the rock, or of the whole middle of the box."""
    x, y = soil.grid.axes()
    columns, rows = (slice(*np.searchsorted(axis, (-side, side))) for axis, side in ((x, 0.12), (y, 0.14)))
    at, nearest = ((0.0, 0.0), 0.0) if position is None else (position, 0.04)
    squared = (x[columns] - at[0]) ** 2 + (y[rows, None] - at[1]) ** 2
    ring = soil.seen[rows, columns] & (squared > nearest**2) & (squared < 0.10**2)
    return float(np.median(soil.height[rows, columns][ring])) if ring.any() else 0.0
