"""Calibrate the camera: find where it stands in the soil frame."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np


@dataclass(frozen=True)
class Calibrate:
    """Hand-eye calibration from pictures of a chessboard that the bucket carries."""

    what: Literal["camera"]
    """What to calibrate."""
    session: Path = Path("calibration")
    """Folder of the pictures and bucket poses."""
    capture: bool = False
    """Take the pictures first, from the running graph: one at each Enter."""
    columns: int = 8
    """Inner corners of the board along its longer side."""
    rows: int = 5
    """Inner corners along its shorter side."""
    square: float = 0.02
    """m, edge of a square."""
    image_topic: str = "camera/infra1/image_rect_raw"
    """Rectified picture in the optical frame of the depth image: infrared (emitter off), or registered colour."""
    info_topic: str = "camera/infra1/camera_info"
    """Its intrinsics."""
    cell: Path | None = None
    """Cell file to start from; none: the nominal cell."""
    output: Path = Path("cell.yaml")
    """Cell file to write, with the camera's new pose."""
    limit: float = 0.003
    """m: with larger residuals nothing is written."""


def run(config: Calibrate) -> None:
    """Calibrate, show the residuals, write the cell file."""
    from prpd_perception.calibrate.cell_file import write
    from prpd_perception.calibrate.hand_eye import board_points, calibrate
    from prpd_perception.calibrate.session import Session
    from prpd_task.cell import Cell
    from prpd_task.errors import UserError

    session = Session(config.session)
    if config.capture:
        from prpd_perception.calibrate.capture import capture

        capture(
            session,
            image_topic=config.image_topic,
            info_topic=config.info_topic,
            columns=config.columns,
            rows=config.rows,
        )
    views, without = session.views(columns=config.columns, rows=config.rows)
    for name in without:
        print(f"{name}: no board of {config.columns}x{config.rows} inner corners; left out")
    board, intrinsics = board_points(config.columns, config.rows, config.square), session.intrinsics()
    result = calibrate(views, board=board, intrinsics=intrinsics)
    print("picture   residual px   residual mm")
    for view, pixel, metres in zip(views, result.pixel_rms, result.position_rms, strict=True):
        print(f"{view.name}   {pixel:11.2f}   {1000 * metres:11.2f}")
    total = float(np.sqrt((result.position_rms**2).mean()))
    x, y, z = result.soil_from_camera.position
    print(f"camera at x {x:.4f}, y {y:.4f}, z {z:.4f} m of the soil frame")
    print(f"residual {1000 * total:.2f} mm over {len(views)} pictures")
    if total > config.limit:
        raise UserError(
            f"the residual of {1000 * total:.1f} mm is over {1000 * config.limit:.1f} mm: is the board flat and fixed, "
            "--square right, the arm at rest in each picture? Nothing was written"
        )
    write(config.output, Cell.load(config.cell) if config.cell else Cell(), result.soil_from_camera, intrinsics)
    print(f"wrote {config.output}; give it to the graph as cell_file")


def main(argv: list[str]) -> int:
    """Command line."""
    import tyro

    run(tyro.cli(tyro.conf.configure(tyro.conf.PositionalRequiredArgs)(Calibrate), args=argv, prog="prpd calibrate"))
    return 0
