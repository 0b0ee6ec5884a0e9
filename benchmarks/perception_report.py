"""What the perception benchmark says of its scenes: numbers, groups, and pictures of the worst."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from prpd_perception.estimate import RockEstimate, Status
from prpd_perception.height_map import HeightMap
from prpd_twin.depth_camera.random_scenes import Frame

VISIBLE = 0.2
"""Of a rock's silhouette, from which on it counts as visible."""
TILE = 300
"""px, side of a picture."""
EARLIER = (1, 4)
"""After how many of them the answer is noted, too."""


CLAIMS = (
    ("position_error_p50_mm", "<=", 5.0),
    ("position_error_p95_mm", "<=", 15.0),
    ("detection_share", ">=", 0.99),
    ("false_detection_share", "<=", 0.001),
    ("false_detection_acted_on_share", "<=", 0.001),
    ("occlusion_error_max_mm", "<=", 25.0),
    ("in_bucket_wrong_share", "<=", 0.05),
    ("dig_in_bucket_wrong_share", "<=", 0.05),
    ("update_cpu_p99_ms", "<=", 12.0),
    ("peak_resident_mib", "<=", 400.0),
)
"""What must be reached."""


@dataclass(frozen=True)
class Row:
    """One scene's outcome."""

    frame: Frame
    estimate: RockEstimate
    earlier: tuple[RockEstimate, ...] = ()
    """After as many images as `EARLIER` says."""
    ever: bool = False
    """Whether a rock was reported after any of the images."""
    acted: bool = False
    """Whether an excavation would have begun."""
    contrast: float = float("nan")
    """See `contrast`."""

    @property
    def found(self) -> bool:
        """Whether the estimator reports a rock in sight."""
        return self.estimate.status == Status.OK

    @property
    def error(self) -> float:
        """m; NaN if there is nothing to compare."""
        if self.frame.rock_position is None or not self.found:
            return float("nan")
        return float(np.linalg.norm(self.estimate.position - self.frame.rock_position))

    def covered(self) -> np.ndarray:
        """(3,) bool: per axis, whether the truth lies in the 90 % interval."""
        deviation = np.sqrt(np.diag(self.estimate.covariance))
        return np.abs(self.estimate.position - self.frame.rock_position) < 1.645 * deviation


def contrast(frame: Frame, soil: HeightMap) -> float:
    """How much the visible rock's surface leaves the plane of the soil around it, over how much that soil does.

    About 1 or less: its shape alone does not tell it from what it lies in, whoever looks. NaN where neither is seen.
    """
    if frame.rock_position is None:
        return float("nan")
    (x, y), shape = soil.grid.axes(), soil.grid.shape
    on_rock = frame.rock_mask[soil.points.window].reshape(-1)[soil.points.pixel][soil.source]
    rock = np.bincount(soil.index, on_rock, np.prod(shape)).reshape(shape) > 0
    x, y = np.meshgrid(x - frame.rock_position[0], y - frame.rock_position[1])
    around = soil.seen & ~rock & (np.hypot(x, y) < 0.08)
    if rock.sum() < 5 or around.sum() < 50:
        return float("nan")
    design = np.stack([x, y, np.ones_like(x)], -1)
    plane, *_ = np.linalg.lstsq(design[around], soil.height[around], rcond=None)
    residual = soil.height - design @ plane
    return float(np.sqrt(np.mean(residual[rock] ** 2) / np.mean(residual[around] ** 2)))


def visible(rows: list[Row]) -> list[Row]:
    """Those whose rock counts as visible."""
    return [r for r in rows if r.frame.rock_position is not None and r.frame.visible_fraction >= VISIBLE]


def summary(rows: list[Row], empty: list[Row]) -> dict[str, float]:
    seen = visible(rows)
    near = [r for r in seen if r.error < 0.05]
    errors = np.array([r.error for r in seen if r.found])
    without = [r for r in rows if r.frame.rock_position is None] + empty
    belief = [(r.estimate.in_bucket > 0.5, r.frame.rock_in_bucket) for r in seen if r.frame.bucket_pose is not None]
    coverage = np.array([r.covered() for r in near])
    flat = np.array([r.estimate.position[:2] - r.frame.rock_position[:2] for r in near])
    return {
        "visible_scenes": len(seen),
        "position_error_p50_mm": 1000 * float(np.median(errors)),
        "position_error_p95_mm": 1000 * float(np.quantile(errors, 0.95)),
        "position_error_p99_mm": 1000 * float(np.quantile(errors, 0.99)),
        "detection_share": float(np.mean([r.found for r in seen])),
        **{
            f"detection_share_after_{number}": float(np.mean([r.earlier[i].status == Status.OK for r in seen]))
            for i, number in enumerate(EARLIER)
        },
        "detection_within_50_mm_share": len(near) / len(seen),
        "scenes_without_rock": len(without),
        "false_detection_share": float(np.mean([r.found for r in without])),
        "false_detection_ever_share": float(np.mean([r.ever for r in without])),
        "false_detection_acted_on_share": float(np.mean([r.acted for r in without])),
        "detection_acted_on_share": float(np.mean([r.acted for r in seen])),
        "scenes_with_bucket": len(belief),
        "in_bucket_wrong_share": float(np.mean([a != b for a, b in belief])),
        "coverage_90_x": float(coverage[:, 0].mean()),
        "coverage_90_y": float(coverage[:, 1].mean()),
        "coverage_90_z": float(coverage[:, 2].mean()),
        "bias_x_mm": 1000 * float(flat[:, 0].mean()),
        "bias_y_mm": 1000 * float(flat[:, 1].mean()),
        "horizontal_error_within_25_mm_share": float((np.abs(flat) < 0.025).all(1).mean()),
        "horizontal_deviation_mm": 1000 * float(flat.std()),
    }


def verdict(numbers: dict[str, float]) -> str:
    """Which of the claims that were measured hold, in one line."""
    measured = [claim for claim in CLAIMS if claim[0] in numbers]
    missed = [
        f"{name} {numbers[name]:.4g}, not {sign} {limit:g}"
        for name, sign, limit in measured
        if not (numbers[name] <= limit if sign == "<=" else numbers[name] >= limit)
    ]
    reached = f"reached {len(measured) - len(missed)} of {len(measured)} limits"
    return f"{reached}; missed: {'; '.join(missed)}" if missed else reached


def by_group(rows: list[Row], prefix: str = "") -> dict[str, str]:
    """Median and 95 % error and detection by what varies."""
    seen = visible(rows)
    groups: dict[str, list[Row]] = {}
    for r in seen:
        f = r.frame
        limits = (0.2, 0.35, 0.5, 0.8, 1.0)
        band = int(np.searchsorted(limits[1:-1], f.visible_fraction, side="right"))
        burial = f"{100 * limits[band]:.0f}-{100 * limits[band + 1]:.0f} %"
        grain = "fine < 6 mm" if f.grain_edge < 0.006 else "coarse > 10 mm" if f.grain_edge > 0.01 else "6-10 mm"
        steps = (0.0, 0.75, 1.0, 1.5, 2.5, np.inf)
        at = int(np.searchsorted(steps[1:-1], r.contrast, side="right"))
        out = "in the bowl or hidden" if np.isnan(r.contrast) else f"{steps[at]:.2f}-{steps[at + 1]:.2f}"
        names = (f"rock {f.kind}", f"situation {f.situation}", f"visible {burial}", f"grains {grain}")
        for name in (*names, f"contrast {out}"):
            groups.setdefault(name, []).append(r)
    text = {}
    for name, members in sorted(groups.items()):
        e = np.array([r.error for r in members if r.found]) * 1000
        p50, p95 = (np.quantile(e, q) if len(e) else np.nan for q in (0.5, 0.95))
        text[prefix + name] = f"{p50:5.1f} {p95:6.1f} mm, found {_share(members)} of {len(members)}"
    return text


def _share(members: list[Row]) -> str:
    """Of the rows in which the rock was found: after the first images, if noted, and at the end."""
    answers = zip(*((*r.earlier, r.estimate) for r in members), strict=True)
    return ", ".join(f"{np.mean([e.status == Status.OK for e in column]):.3f}" for column in answers)


def distribution(rows: list[Row]) -> dict[str, str]:
    """Quantiles of the error, per axis and as a distance."""
    errors = [r.estimate.position - r.frame.rock_position for r in visible(rows) if r.found]
    along = 1000 * np.array(errors).T
    quantiles = (0.05, 0.25, 0.5, 0.75, 0.95, 0.99)
    text = {"error, mm, at quantile": " ".join(f"{q:7.2f}" for q in quantiles)}
    for name, values in (*zip("xyz", along, strict=True), ("distance", np.linalg.norm(along, axis=0))):
        text[f"error {name}"] = " ".join(f"{v:7.1f}" for v in np.quantile(values, quantiles))
    return text


def picture(row: Row) -> np.ndarray:
    """The depth around the box, the rock's true outline in white, the estimate as a cross."""
    f = row.frame
    image = cv2.applyColorMap(np.clip((f.depth / 1000.0 - 0.45) * 400, 0, 255).astype(np.uint8), cv2.COLORMAP_TURBO)
    image[f.depth == 0] = 0
    outline, _ = cv2.findContours(f.rock_mask.astype(np.uint8), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    cv2.drawContours(image, outline, -1, (255, 255, 255), 1)
    for point, colour in (
        (f.rock_position, (255, 255, 255)),
        (row.estimate.position if row.found else None, (255, 0, 255)),
    ):
        if point is not None:
            inverse = f.cell.soil_from_camera.inverse()
            x, y, z = inverse.apply(np.asarray(point))
            i = f.cell.intrinsics
            cv2.drawMarker(image, (int(i.fx * x / z + i.cx), int(i.fy * y / z + i.cy)), colour, cv2.MARKER_CROSS, 12, 1)
    crop = cv2.resize(image, (TILE, TILE), interpolation=cv2.INTER_NEAREST)
    text = f"{1000 * row.error:.0f} mm vis {f.visible_fraction:.2f} {f.kind} {f.situation}"
    cv2.putText(crop, text, (4, 14), cv2.FONT_HERSHEY_SIMPLEX, 0.42, (255, 255, 255), 1, cv2.LINE_AA)
    return crop


def worst_pictures(rows: list[Row], path: Path) -> None:
    seen = visible(rows)
    worst = sorted(seen, key=lambda r: -(r.error if r.found else 1.0))[:20]
    tiles = [picture(r) for r in worst]
    tiles += [np.zeros_like(tiles[0])] * (-len(tiles) % 5)
    sheet = np.vstack([np.hstack(tiles[i : i + 5]) for i in range(0, len(tiles), 5)])
    cv2.imwrite(str(path), sheet, [cv2.IMWRITE_JPEG_QUALITY, 70])
