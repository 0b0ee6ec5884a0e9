"""The track of one rock: a filter with two ideas of its motion, that it rests in the soil or is carried in the bowl."""

from __future__ import annotations

from dataclasses import dataclass
from math import erf, prod, sqrt

import numpy as np

from prpd_task.bucket import BucketGeometry
from prpd_task.frames import bucket_to_soil, soil_to_bucket

RESTING, CARRIED = 0, 1
UNLIKELY = -1.0
"""Logit that there is a rock in a place, before one looks."""
UNSEEN = -2.0
"""What a look that shows no rock, where one could be seen, says of it, as a logit."""
SUREST = 4.0
"""Largest logit of one look, either way."""
MEMORY = 16
"""Looks that count; the image itself goes back no further."""
FOLLOW, FORGET = 0.15, 0.01
"""Shares by which what is remembered of the clearest view follows each clearer one, and each that is less clear."""
BIASED = 32
"""How many times the variance of a view that is far less clear counts: its many looks err alike."""


@dataclass(frozen=True)
class MotionModel:
    """How a rock moves and how its measurements err."""

    drift: float = 0.002
    """m/sqrt(s), of a rock that nothing touches (and of the measurement's own slow error)."""
    pushed: float = 0.35
    """sqrt(s): deviation per sqrt(s) of a rock beside the moving bucket, per m/s of the bucket."""
    reach: float = 0.11
    """m, from the bucket's middle within which it may push the rock."""
    caught_rate: float = 3.0
    """1/s, at which a rock in the bowl begins to move with it."""
    dropped_rate: float = 0.3
    """1/s, at which a carried rock stops doing so; ten times that once it is outside the bowl."""
    systematic: float = 0.8
    """Share of a measurement's variance that the next measurements share: looking longer does not help against it."""
    largest: float = 0.12
    """m, deviation beyond which nothing is known."""


class Track:
    """Belief about one rock: weights, means (soil frame) and covariances of the two ideas."""

    def __init__(
        self, *, identity: int, position: np.ndarray, covariance: np.ndarray, bucket: BucketGeometry, model: MotionModel
    ):
        self.identity = identity
        self.confidence_logit = UNLIKELY
        self.confirmed = False
        """Whether it passes for a rock; see `TrackerConfig.confident`."""
        self._looks = 1
        self.unseen_for = 0.0
        """s, up to the last look at it."""
        self._unlooked = 0.0
        """s since that look."""
        self.hidden = False
        self.told = False
        """Whether an operator gave it and no image has shown it yet."""
        self._bucket, self._model = bucket, model
        self._weight = np.array([0.9, 0.1])
        self._mean = np.stack([position, position]).astype(float)
        self._cov = np.stack([covariance * (1 - model.systematic)] * 2).astype(float)
        self._shared = covariance * model.systematic
        """Covariance of the error that successive measurements share."""
        self._clearest = np.inf
        """m^2, variance over score of the clearest view since the bucket last may have moved it."""
        self._in_bowl_if_carried = 1.0

    @property
    def position(self) -> np.ndarray:
        """(3,) m."""
        return self._weight @ self._mean

    @property
    def covariance(self) -> np.ndarray:
        """(3, 3) m^2, of all that is not known: filter, shared error, and which idea is right."""
        spread = self._mean - self.position
        return self._shared + np.einsum("i,ijk->jk", self._weight, self._cov + spread[:, :, None] * spread[:, None, :])

    @property
    def confidence(self) -> float:
        """Probability that there is a rock here."""
        return float(1 / (1 + np.exp(-self.confidence_logit)))

    def predict(self, dt: float, before: np.ndarray | None, now: np.ndarray | None) -> None:
        """Go on by `dt` s, in which the bucket moved from pose `before` to pose `now` (4,)."""
        self._unlooked += dt
        model = self._model
        variance = np.full(2, model.drift**2 * dt)
        if before is None or now is None or dt <= 0:
            self._cov += variance[:, None, None] * np.eye(3)
            return
        speed = float(np.linalg.norm(now[:3] - before[:3])) / dt
        inside = self._in_bowl_by_idea(now)
        self._switch(dt, inside)
        self._in_bowl_if_carried = float(inside[CARRIED])
        middle = bucket_to_soil(now, np.array([0.0, 0.0, 0.03]))
        gap = float(np.linalg.norm(self._mean[RESTING] - middle))
        if gap < model.reach:
            variance[RESTING] += (model.pushed * speed) ** 2 * dt
            if speed > 0:
                self._clearest = np.inf
        self._mean[CARRIED] = bucket_to_soil(now, soil_to_bucket(before, self._mean[CARRIED]))
        variance[CARRIED] += (0.05 * speed) ** 2 * dt
        self._cov += variance[:, None, None] * np.eye(3)

    def distance(self, position: np.ndarray, covariance: np.ndarray) -> float:
        """Mahalanobis distance of a measurement from the nearer idea."""
        return float(
            np.sqrt(
                min(self._innovation(i, position, covariance)[1] for i in (RESTING, CARRIED) if self._weight[i] > 0.02)
            )
        )

    def correct(self, position: np.ndarray, covariance: np.ndarray, score: float) -> None:
        """Take in a measurement.

        A rock that nothing has moved and of which less is seen than before, since the bucket hides a part, seems to be
        elsewhere: its visible part is. So a view that is less clear than one before it counts little.
        """
        shared = covariance * self._model.systematic
        doubt = float(np.trace(shared)) / score
        clearest = doubt if np.isinf(self._clearest) else self._clearest
        worse = max(0.0, 1 - clearest / doubt)
        follow = FORGET if worse else FOLLOW
        self._clearest = clearest + follow * (doubt - clearest)
        bias = BIASED * worse * shared
        random = covariance - shared + bias
        likelihood = np.zeros(2)
        for i in (RESTING, CARRIED):
            error, distance, total = self._innovation(i, position, covariance + bias)
            likelihood[i] = np.exp(-0.5 * min(distance, 100)) / np.sqrt(np.linalg.det(total)) + 1e-9
            gain = self._cov[i] @ np.linalg.inv(self._cov[i] + random)
            self._mean[i] = self._mean[i] + gain @ error
            self._cov[i] = (np.eye(3) - gain) @ self._cov[i]
        # What is outside the bowl is hardly carried, however well that would explain where it seems to be.
        likelihood[CARRIED] *= 0.1 + 0.9 * self._in_bowl_if_carried
        self._weight = self._weight * likelihood
        self._weight = np.clip(self._weight / self._weight.sum(), 0.001, 0.999)
        self._weight /= self._weight.sum()
        # The error that measurements share is that of the clearest view.
        self._shared += follow * (shared - self._shared)
        self.see(score)

    def see(self, score: float) -> None:
        """A look shows it, with a probability of `score`."""
        self._consider(_logit(score))
        self.unseen_for = self._unlooked = 0.0
        self.told = False

    def miss(self, *, hidden: bool) -> None:
        """A look does not show it; `hidden` if the bucket or the image's holes explain it.

        What an operator told keeps its confidence: it may lie under the soil.
        """
        dt, self._unlooked = self._unlooked, 0.0
        self.unseen_for += dt
        self.hidden = hidden
        if hidden and not self.told:
            self.confidence_logit -= 0.05 * dt
        elif not self.told:
            self._consider(UNSEEN)

    def _consider(self, evidence: float) -> None:
        """Take in what one look says of there being a rock, a logit.

        Successive looks show nearly the same, and what deceives one deceives the next. So their mean counts, not their
        sum: a candidate that comes and goes stays unlikely, however long it is looked at.
        """
        self._looks = min(self._looks + 1, MEMORY)
        self.confidence_logit += (float(np.clip(evidence, -SUREST, SUREST)) - self.confidence_logit) / self._looks

    def in_bowl(self, bucket_pose: np.ndarray) -> float:
        """Probability that the rock's centre lies in the bowl."""
        return float(self._weight @ self._in_bowl_by_idea(bucket_pose))

    def _in_bowl_by_idea(self, bucket_pose: np.ndarray) -> np.ndarray:
        g, turn = self._bucket, attitude(bucket_pose[3])
        low, high = (-g.width / 2, -g.length / 2, 0.0), (g.width / 2, g.length / 2, g.height)
        means = soil_to_bucket(np.asarray(bucket_pose, float), self._mean)
        deviations = np.sqrt(np.diagonal(turn.T @ (self._cov + self._shared) @ turn, axis1=1, axis2=2))
        return np.array(
            [
                prod(_normal_between(*v) for v in zip(low, high, mean, deviation, strict=True))
                for mean, deviation in zip(means.tolist(), deviations.tolist(), strict=True)
            ]
        )

    def _switch(self, dt: float, inside: np.ndarray) -> None:
        """Let the ideas exchange belief: a rock is caught only where the bowl is, and dropped mostly outside it."""
        model = self._model
        caught = 1 - np.exp(-model.caught_rate * inside[RESTING] * dt)
        dropped = 1 - np.exp(-model.dropped_rate * (10 - 9 * inside[CARRIED]) * dt)
        flow = np.array([[1 - caught, caught], [dropped, 1 - dropped]]) * self._weight[:, None]
        weight = flow.sum(0)
        mean = (flow.T @ self._mean) / weight[:, None]
        cov = np.zeros((2, 3, 3))
        for j in range(2):
            for i in range(2):
                d = self._mean[i] - mean[j]
                cov[j] += flow[i, j] / weight[j] * (self._cov[i] + np.outer(d, d))
        self._weight, self._mean, self._cov = weight, mean, cov

    def _innovation(self, i: int, position: np.ndarray, covariance: np.ndarray) -> tuple[np.ndarray, float, np.ndarray]:
        error = position - self._mean[i]
        total = self._cov[i] + covariance
        return error, float(error @ np.linalg.solve(total, error)), total


def attitude(pitch: float) -> np.ndarray:
    """(3, 3), turns vectors of the bucket frame into the soil frame."""
    c, s = np.cos(pitch), np.sin(pitch)
    return np.array([[1, 0, 0], [0, c, -s], [0, s, c]])


def _normal_between(low: float, high: float, mean: float, deviation: float) -> float:
    scale = sqrt(2) * max(deviation, 1e-6)
    return 0.5 * (erf((high - mean) / scale) - erf((low - mean) / scale))


def _logit(p: float) -> float:
    q = min(max(p, 1e-6), 1 - 1e-6)
    return float(np.log(q / (1 - q)))
