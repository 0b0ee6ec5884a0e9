"""All rocks in view: which candidate belongs to which track, and which track is the one to dig for."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

from prpd_perception.track import MotionModel, Track
from prpd_task.bucket import BucketGeometry


@dataclass(frozen=True)
class TrackerConfig:
    """When candidates become tracks, and tracks end."""

    motion: MotionModel = field(default_factory=MotionModel)
    gate: float = 4.0
    """Mahalanobis distance within which a candidate belongs to a track."""
    least_score: float = 0.1
    """Candidates below this are not looked at."""
    start_score: float = 0.2
    """Candidates from this on begin a track."""
    confident: float = 0.5
    """Confidence from which a track is reported as the rock..."""
    doubted: float = 0.25
    """...and below which it no longer is: one that is known does not flicker."""
    forget: float = 0.15
    """Confidence below which a track ends."""
    most_tracks: int = 8
    patience: float = 0.5
    """s: a followed rock that should be seen and is not for so long gives way to one that is."""
    goal: tuple[float, float, float] = (0.0, 0.0, 0.0)
    """m, soil frame: of several rocks, the one nearest to this is followed."""
    wanted: int = 0
    """Identity of the track to follow; 0: the one nearest to the goal."""


@dataclass(frozen=True)
class Measurement:
    """A candidate in the soil frame."""

    position: np.ndarray
    covariance: np.ndarray
    score: float


class Tracker:
    """Tracks rocks through occlusion and in the bowl."""

    def __init__(self, *, bucket: BucketGeometry, config: TrackerConfig = TrackerConfig()) -> None:
        self.config = config
        self.tracks: list[Track] = []
        self.followed: Track | None = None
        self._bucket = bucket
        self._next_identity = 1
        self._bucket_pose: np.ndarray | None = None

    def tell(self, position: np.ndarray, covariance: np.ndarray) -> None:
        """Follow a rock that an operator knows of: as likely as not, until it is seen."""
        track = self._begin(position, covariance)
        track.told, track.confidence_logit = True, 0.0
        self.followed = track

    def _begin(self, position: np.ndarray, covariance: np.ndarray) -> Track:
        track = Track(
            identity=self._next_identity,
            position=position,
            covariance=covariance,
            bucket=self._bucket,
            model=self.config.motion,
        )
        self._next_identity += 1
        self.tracks.append(track)
        return track

    def update(
        self,
        measurements: list[Measurement],
        *,
        dt: float,
        bucket_pose: np.ndarray | None,
        hidden: Callable[[np.ndarray], bool],
        looked: Callable[[Track], bool] = lambda track: True,
    ) -> dict[int, int]:
        """Go on by `dt` s and take in the measurements.

        `looked(track)` says whether the measurements are of a look at where it is: no other look can miss it.
        `hidden(position)` says whether a rock there could not be seen. Returns which track (identity) took which
        measurement (index).
        """
        for track in self.tracks:
            track.predict(dt, self._bucket_pose, bucket_pose)
        self._bucket_pose = bucket_pose
        useful = [i for i, m in enumerate(measurements) if m.score >= self.config.least_score]
        taken: dict[int, int] = {}
        pairs = [
            (t.distance(measurements[i].position, measurements[i].covariance), t.identity, i)
            for t in self.tracks
            for i in useful
            # What only an operator knows of, a weak candidate must not pull away.
            if not t.told or measurements[i].score >= self.config.confident
        ]
        for distance, identity, i in sorted(pairs):
            if distance > self.config.gate:
                break
            if identity not in taken and i not in taken.values():
                taken[identity] = i
        for track in self.tracks:
            if track.identity in taken:
                m = measurements[taken[track.identity]]
                track.correct(m.position, m.covariance, m.score)
            elif looked(track):
                track.miss(hidden=hidden(track.position))
        for i in useful:
            m = measurements[i]
            if (
                i not in taken.values()
                and m.score >= self.config.start_score
                and len(self.tracks) < self.config.most_tracks
            ):
                track = self._begin(m.position, m.covariance)
                track.see(m.score)
                taken[track.identity] = i
        for track in self.tracks:
            least = self.config.doubted if track.confirmed else self.config.confident
            track.confirmed = track.confidence >= least and not track.told
        self._end_and_merge()
        self._choose()
        return taken

    def _end_and_merge(self) -> None:
        kept: list[Track] = []
        largest = self.config.motion.largest
        for track in sorted(self.tracks, key=lambda t: -t.confidence):
            known = np.sqrt(np.diag(track.covariance).max()) < largest and track.confidence > self.config.forget
            alone = all(np.linalg.norm(track.position - other.position) > 0.03 for other in kept)
            if known and alone:
                kept.append(track)
        self.tracks = kept

    def _gone(self, track: Track) -> bool:
        return track.unseen_for > self.config.patience and not track.hidden

    def _choose(self) -> None:
        """Stay with a rock once it is followed, unless it is gone from where it should be seen and another is there."""
        config = self.config
        sure = [t for t in self.tracks if t.confirmed]
        in_sight = [t for t in sure if t.unseen_for == 0]
        asked = [t for t in self.tracks if t.identity == config.wanted]
        if asked:
            self.followed = asked[0]
        elif self.followed in sure and not (self._gone(self.followed) and in_sight):
            pass
        elif sure:
            nearest = in_sight or sure
            self.followed = min(nearest, key=lambda t: float(np.linalg.norm(t.position - np.array(config.goal))))
        elif self.followed not in self.tracks:
            self.followed = max(self.tracks, key=lambda t: t.confidence, default=None)
