"""Rock candidates in one height map: a small network says where a rock's centre may be."""

from __future__ import annotations

import json
from dataclasses import dataclass
from importlib import resources
from pathlib import Path

import numpy as np

from prpd_perception.height_map import STRIDE, HeightMap, block_height

MODEL = "models/rock_detector.onnx"
POSSIBLE = 0.1
"""Blocks from this answer on vote for a centre."""
LEAST_PEAK = 0.3
"""A candidate's strongest vote; with less it scores next to nothing, and only costs time."""
REACH = 0.025
"""m, votes nearer to each other than this are for the same rock."""
ON_ROCK = 0.4
"""Blocks from this answer on show the surface of a rock..."""
LARGEST = 0.045
"""m, ...that lies no farther away than this, horizontally."""
SMALL = 0.005
"""m, unit of the deviations where they count as evidence."""


EVIDENCE = 6
"""How many numbers speak for or against a candidate; see `Candidate.evidence`."""


@dataclass(frozen=True)
class Calibration:
    """Makes the network's scores probabilities and its deviations honest; fitted after training, kept in the file."""

    score: tuple[float, ...] = (-1.0, 1.0, 1.0, 0.0, 0.0, 0.0)
    """Weights of the evidence; their sum is the logit of the score."""
    deviation: tuple[float, float, float] = (1.0, 1.0, 1.0)
    """Factors on the standard deviations along x, y, z."""


@dataclass(frozen=True)
class Candidate:
    """Something that looks like a rock, in the map's frame."""

    position: np.ndarray
    """(3,) m, centre of the rock."""
    deviation: np.ndarray
    """(3,) m, standard deviation of the position."""
    score: float
    """0.5 where a decision for a rock is right; see `learn.calibration`."""
    blocks: np.ndarray
    """(rows/2, columns/2) bool, the blocks that show its surface."""
    in_bowl: bool
    """Whether position and deviation are in the bucket frame."""
    evidence: np.ndarray
    """(EVIDENCE,): one, logit of the peak, log of the votes, of the deviations across and upward, and of its blocks."""


class Detector:
    """Runs the network on one core."""

    def __init__(self, path: Path | None = None) -> None:
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        content = path.read_bytes() if path else resources.files("prpd_perception").joinpath(MODEL).read_bytes()
        self._session = onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])
        stored = self._session.get_modelmeta().custom_metadata_map.get("calibration")
        fields = {k: tuple(v) for k, v in json.loads(stored).items()} if stored else {}
        self.calibration = Calibration(**fields)
        if len(self.calibration.score) != EVIDENCE:
            raise ValueError(
                f"{path or MODEL} weighs {len(self.calibration.score)} kinds of evidence, not {EVIDENCE}; "
                "calibrate it again with `prpd train-detector --epochs 0`"
            )

    def detect(self, view: HeightMap, *, mirrored: bool = False) -> list[Candidate]:
        """Candidates, likeliest first. With `mirrored` the network is shown the map's mirror image, left for right."""
        answer = self._answer(view.channels, mirrored=mirrored)
        rows, columns = np.nonzero(answer[0] > POSSIBLE)
        if len(rows) == 0:
            return []
        x, y = view.grid.axes(STRIDE)
        height = block_height(view.channels)
        vote = answer[0, rows, columns]
        centre = np.stack([x[columns], y[rows], height[rows, columns]], 1) + answer[2:5, rows, columns].T
        deviation = answer[5:8, rows, columns].T
        free = np.ones(len(rows), bool)
        candidates = []
        while free.any():
            best = np.flatnonzero(free)[np.argmax(vote[free])]
            if vote[best] < LEAST_PEAK:
                break
            near = free & (np.linalg.norm(centre - centre[best], axis=1) < REACH)
            near[best] = True
            free &= ~near
            candidates.append(self._candidate(view, answer[1], vote[near], centre[near], deviation[near]))
        return sorted(candidates, key=lambda c: -c.score)

    def _answer(self, channels: np.ndarray, *, mirrored: bool) -> np.ndarray:
        """(8, rows/2, columns/2), see `learn.network.RockNet`."""
        turned = np.ascontiguousarray(channels[..., ::-1]) if mirrored else channels
        answer = self._session.run(None, {"channels": turned[None]})[0][0]
        if mirrored:
            answer = answer[..., ::-1].copy()
            answer[2] *= -1  # the offset along x
        return answer

    def _candidate(
        self, view: HeightMap, surface: np.ndarray, vote: np.ndarray, centre: np.ndarray, deviation: np.ndarray
    ) -> Candidate:
        precision = vote[:, None] / deviation**2
        position = (precision * centre).sum(0) / precision.sum(0)
        # Neighbouring blocks err alike: their mean is hardly better than one of them.
        spread = np.sqrt(precision.sum(0) / (precision / deviation**2).sum(0))
        x, y = view.grid.axes(STRIDE)
        around = np.hypot(x - position[0], y[:, None] - position[1]) < LARGEST
        blocks = around & (surface > ON_ROCK)
        evidence = _evidence(float(vote.max()), float(vote.sum()), spread, int(blocks.sum()))
        return Candidate(
            position=position,
            deviation=spread * np.array(self.calibration.deviation),
            score=float(1 / (1 + np.exp(-np.dot(self.calibration.score, evidence)))),
            blocks=blocks,
            in_bowl=view.in_bowl,
            evidence=evidence,
        )


def _evidence(peak: float, votes: float, deviation: np.ndarray, blocks: int) -> np.ndarray:
    """A network that knows a rock also knows where it is: who is sure of the centre is more often right."""
    bounded = min(max(peak, 1e-6), 1 - 1e-6)
    across, upward = deviation[0] * deviation[1] / SMALL**2, deviation[2] / SMALL
    return np.array([1.0, np.log(bounded / (1 - bounded)), *np.log([votes, across, upward, 1.0 + blocks])])
