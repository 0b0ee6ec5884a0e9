"""What a stereo depth camera makes of a true depth image."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np


@dataclass(frozen=True)
class NoiseModel:
    """Parameters of the noise; a zero switches a term off. The defaults resemble a RealSense D435 at 640x480.

    The terms act in this order: matching window, shadow, lateral noise, flying pixels, grazing holes, drop-out, axial
    noise, quantisation.
    """

    matching_window: int = 3
    """px, the median that the block matching amounts to: 0, 3 or 5."""
    baseline: float = 0.05
    """m between the imagers: what the second one cannot see is a shadow at the left of things."""
    lateral: float = 0.4
    """px, standard deviation of where an edge is seen."""
    flying_rate: float = 0.15
    """Share of the pixels at a depth step that float between its two sides."""
    step: float = 0.02
    """m, what counts as a depth step."""
    grazing_angle: float = 1.25
    """rad between ray and surface normal from which holes appear; at pi/2 all is a hole. 0: none."""
    dropout: float = 0.001
    """Share of pixels lost anywhere, in specks of a few."""
    axial: float = 0.003
    """1/m: standard deviation of the depth, divided by the depth squared."""
    correlation: float = 0.8
    """px, over which axial noise is alike."""
    quantum: float = 0.001
    """m per digit."""
    range_min: float = 0.15
    """m, nearer things are holes."""
    range_max: float = 3.0
    """m, farther things are holes."""

    def __post_init__(self) -> None:
        if self.matching_window not in (0, 3, 5):
            raise ValueError(f"matching_window is {self.matching_window} px; choose 0, 3 or 5")
        for name in (
            "baseline",
            "lateral",
            "flying_rate",
            "grazing_angle",
            "dropout",
            "axial",
            "correlation",
            "quantum",
        ):
            if getattr(self, name) < 0:
                raise ValueError(f"noise parameter {name} must not be negative, but is {getattr(self, name)!r}")


NO_NOISE = NoiseModel(
    matching_window=0,
    baseline=0,
    lateral=0,
    flying_rate=0,
    grazing_angle=0,
    dropout=0,
    axial=0,
    correlation=0,
    quantum=0,
)


class DepthNoise:
    """Applies a `NoiseModel`; the same seed and the same images give the same result, to the bit.

    Random fields are drawn once and laid over each image at a random offset: drawing them anew would take longer than
    everything else.
    """

    def __init__(self, model: NoiseModel, *, fx: float, shape: tuple[int, int], seed: int | list[int] = 0) -> None:
        self.model = model
        self._fx = fx
        self._rng = np.random.default_rng(seed)
        height, width = shape
        self._size = (2 * height, 2 * width)
        self._normal = self._rng.standard_normal(self._size, np.float32)
        if model.correlation:
            self._normal = cv2.GaussianBlur(self._normal, (0, 0), model.correlation)
            self._normal /= self._normal.std()
        self._uniform = self._rng.random(self._size, np.float32)
        start = model.grazing_angle
        self._steepest = np.tan(start + (np.pi / 2 - start) * self._uniform).astype(np.float32)
        self._specks = cv2.GaussianBlur(self._rng.standard_normal(self._size, np.float32), (0, 0), 1.5)
        self._speck_limit = float(np.quantile(self._specks, 1 - model.dropout)) if model.dropout else np.inf
        shifts = np.rint(model.lateral * self._rng.standard_normal((2,) + self._size, np.float32)).astype(np.int32)
        self._shift_v, self._shift_u = np.clip(shifts, -2, 2)

    def apply(self, depth: np.ndarray) -> np.ndarray:
        """A noisy copy of `depth` (H, W) m; holes are 0. The image must not exceed the shape given at first."""
        model = self.model
        true = np.where(np.isfinite(depth), depth, 0).astype(np.float32)
        z = cv2.medianBlur(true, model.matching_window) if model.matching_window else true.copy()
        lost = (z < model.range_min) | (z > model.range_max)
        if model.baseline:
            lost |= self._shadow(z)
        if model.grazing_angle:
            lost |= self._grazing(z)
        if model.lateral:
            z, lost = self._displace(z, lost)
        if model.flying_rate:
            z = self._fly(z, lost)
        if model.dropout:
            lost |= self._field(self._specks, z.shape) > self._speck_limit
        if model.axial:
            z = z + model.axial * z * z * self._field(self._normal, z.shape)
        if model.quantum:
            z = np.rint(z / model.quantum) * np.float32(model.quantum)
        z[lost] = 0
        return z

    def exposed(self, depth: np.ndarray, window: tuple[slice, slice]) -> np.ndarray:
        """(H, W) uint16 mm: the noisy image of `depth` (H, W) m in a window, holes around it."""
        image = np.zeros(depth.shape, np.uint16)
        image[window] = millimetres(self.apply(depth[window]))
        return image

    def _field(self, field: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
        top, left = (self._rng.integers(0, full - part + 1) for full, part in zip(self._size, shape, strict=True))
        return field[top : top + shape[0], left : left + shape[1]]

    def _shadow(self, z: np.ndarray) -> np.ndarray:
        """Pixels whose counterpart in the second image, to the right, is hidden by a nearer surface."""
        column = np.arange(z.shape[1], dtype=np.float32)
        disparity = np.where(z > 0, self._fx * self.model.baseline / np.maximum(z, 0.05), 0)
        counterpart = column - disparity
        leftmost = np.minimum.accumulate(counterpart[:, ::-1], axis=1)[:, ::-1]
        return counterpart > leftmost + 1.0

    def _grazing(self, z: np.ndarray) -> np.ndarray:
        """Pixels whose surface is too steep; how steep is too steep, chance decides for each."""
        slope_u = cv2.Scharr(z, cv2.CV_32F, 1, 0, scale=1 / 32)
        slope_v = cv2.Scharr(z, cv2.CV_32F, 0, 1, scale=1 / 32)
        steepness = cv2.magnitude(slope_u, slope_v)  # of the surface along the ray, in units of z / fx
        return steepness * self._fx > self._field(self._steepest, z.shape) * np.maximum(z, 0.05)

    def _displace(self, z: np.ndarray, lost: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        height, width = z.shape
        row = np.arange(height, dtype=np.int32)[:, None] + self._field(self._shift_v, z.shape)
        column = np.arange(width, dtype=np.int32)[None, :] + self._field(self._shift_u, z.shape)
        source = np.clip(row, 0, height - 1) * width + np.clip(column, 0, width - 1)
        return z.reshape(-1)[source], lost.reshape(-1)[source]

    def _fly(self, z: np.ndarray, lost: np.ndarray) -> np.ndarray:
        far, near = cv2.dilate(z, np.ones((3, 3), np.uint8)), cv2.erode(z, np.ones((3, 3), np.uint8))
        flying = (far - near > self.model.step) & (near > self.model.range_min) & ~lost
        flying &= self._field(self._uniform, z.shape) < self.model.flying_rate
        z = z.copy()
        z[flying] = near[flying] + (far - near)[flying] * self._rng.random(int(flying.sum()), np.float32)
        return z


def millimetres(depth: np.ndarray) -> np.ndarray:
    """M to uint16 mm."""
    return np.rint(np.clip(depth, 0, 65.535) * 1000).astype(np.uint16)
