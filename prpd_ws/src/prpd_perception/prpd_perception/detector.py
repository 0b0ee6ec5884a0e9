"""Rock candidates in one height map: a small network votes per block, votes for the same centre make a candidate."""

from __future__ import annotations

import json
from dataclasses import dataclass
from importlib import resources
from pathlib import Path

import numpy as np

from prpd_perception.height_map import STRIDE, HeightMap, block_height

MODEL = "models/rock_detector.onnx"
LIKELY = 0.4
"""Blocks with at least this probability vote."""
REACH = 0.025
"""m, votes nearer to each other than this are for the same rock."""


@dataclass(frozen=True)
class Calibration:
    """Makes the network's scores probabilities and its deviations honest; fitted after training, kept in the file."""

    score: tuple[float, float, float] = (-1.0, 1.0, 2.0)
    """Logit of a candidate = score[0] + score[1] * log(votes) + score[2] * (mean probability)."""
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
    """Probability that this is a rock."""
    votes: float
    """Sum of the blocks' probabilities."""
    likeness: float
    """Mean of them."""
    blocks: np.ndarray
    """(n/2, n/2) bool, the blocks that show it."""
    in_bowl: bool
    """Whether position and deviation are in the bucket frame."""


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

    def detect(self, view: HeightMap) -> list[Candidate]:
        """Candidates, likeliest first."""
        answer = self._session.run(None, {"channels": view.channels[None]})[0][0]
        seen = view.seen.reshape(view.grid.cells // STRIDE, STRIDE, -1, STRIDE).any((1, 3))
        probability = np.where(seen, answer[0], 0)
        rows, columns = np.nonzero(probability > LIKELY)
        if len(rows) == 0:
            return []
        weight = probability[rows, columns]
        axis = view.grid.centres(STRIDE)
        block = np.stack([axis[columns], axis[rows], block_height(view)[rows, columns]], 1)
        centre = block + answer[1:4, rows, columns].T
        deviation = answer[4:7, rows, columns].T
        free = np.ones(len(rows), bool)
        candidates = []
        while free.any():
            best = np.flatnonzero(free)[np.argmax(weight[free])]
            near = free & (np.linalg.norm(centre - centre[best], axis=1) < REACH)
            near[best] = True
            free &= ~near
            candidates.append(
                self._candidate(view, rows[near], columns[near], weight[near], centre[near], deviation[near])
            )
        return sorted(candidates, key=lambda c: -c.score)

    def _candidate(
        self,
        view: HeightMap,
        rows: np.ndarray,
        columns: np.ndarray,
        weight: np.ndarray,
        centre: np.ndarray,
        deviation: np.ndarray,
    ) -> Candidate:
        precision = weight[:, None] / deviation**2
        position = (precision * centre).sum(0) / precision.sum(0)
        # Neighbouring blocks err alike: their mean is hardly better than one of them.
        spread = np.sqrt(precision.sum(0) / (precision / deviation**2).sum(0))
        votes, likeness = float(weight.sum()), float(weight.mean())
        a, b, c = self.calibration.score
        logit = a + b * np.log(votes) + c * likeness
        blocks = np.zeros((view.grid.cells // STRIDE,) * 2, bool)
        blocks[rows, columns] = True
        return Candidate(
            position=position,
            deviation=spread * np.array(self.calibration.deviation),
            score=float(1 / (1 + np.exp(-logit))),
            votes=votes,
            likeness=likeness,
            blocks=blocks,
            in_bowl=view.in_bowl,
        )
