"""The UR5e's nominal kinematics in closed form: forward, inverse, Jacobian, and distance from trouble.

NumPy only, from the published DH parameters; `urdf/ur5e.urdf.xacro` is the same arm, and a test holds them together.
Frames: the controller's `base` and the flange `tool0`. Joints in rad, in the order of `JOINT_NAMES`.
"""

from __future__ import annotations

import math
from typing import List, Sequence, Tuple, Union

import numpy as np

Joints = Union[Sequence[float], np.ndarray]

JOINT_NAMES = (
    "shoulder_pan_joint",
    "shoulder_lift_joint",
    "elbow_joint",
    "wrist_1_joint",
    "wrist_2_joint",
    "wrist_3_joint",
)
D1, A2, A3, D4, D5, D6 = 0.1625, -0.425, -0.3922, 0.1333, 0.0997, 0.0996
"""m, DH parameters."""
_DH = ((D1, 0, 0, 1), (0, A2, 1, 0), (0, A3, 1, 0), (D4, 0, 0, 1), (D5, 0, 0, -1), (D6, 0, 1, 0))
"""d and a of each joint, m, and cosine and sine of its alpha, which is a multiple of a quarter turn."""
JOINT_LIMIT = 2 * np.pi
"""rad, each joint turns this far either way."""
JOINT_SPEED_LIMIT = np.pi
"""rad/s, of each joint."""


def joint_frames(joints: Joints) -> List[np.ndarray]:
    """`base` to the frames of base, the five links after it and the flange: seven 4 x 4 matrices."""
    frames = [np.eye(4)]
    for angle, (d, a, ca, sa) in zip(joints, _DH):
        c, s = math.cos(angle), math.sin(angle)
        link = np.array([[c, -s * ca, s * sa, a * c], [s, c * ca, -c * sa, a * s], [0, sa, ca, d], [0, 0, 0, 1]])
        frames.append(frames[-1] @ link)
    return frames


def forward(joints: Joints) -> np.ndarray:
    """`base_from_tool0`, a 4 x 4 matrix."""
    return joint_frames(joints)[-1]


def jacobian(joints: Joints) -> np.ndarray:
    """(6, 6), joint speeds to the flange's linear and angular velocity (m/s, rad/s) along the axes of `base`."""
    frames = joint_frames(joints)
    axes = np.array([frame[:3, 2] for frame in frames[:6]])
    arms = np.array([frames[6][:3, 3] - frame[:3, 3] for frame in frames[:6]])
    return np.concatenate([np.cross(axes, arms), axes], 1).T


def inverse(base_from_tool0: np.ndarray, near: Joints) -> List[np.ndarray]:
    """All joint angles (up to 8) that reach a flange pose, the nearest to `near` first; empty where there are none.

    Each joint is the turn closest to `near` within its range. Plain floats: the bucket driver asks between two
    setpoints, and NumPy's calls would take ten times as long as the arithmetic.
    """
    (r00, r01, r02, px), (r10, r11, r12, py), (r20, r21, r22, pz) = base_from_tool0[:3].tolist()
    around = [float(q) for q in near]
    wrist_x, wrist_y = px - D6 * r02, py - D6 * r12
    radius = math.hypot(wrist_x, wrist_y)
    if not radius >= D4:  # also what is no number
        return []
    solutions = []
    for shoulder in (1, -1):
        q1 = math.atan2(wrist_y, wrist_x) + shoulder * math.acos(D4 / radius) + math.pi / 2
        s1, c1 = math.sin(q1), math.cos(q1)
        cos5 = (px * s1 - py * c1 - D4) / D6
        if not abs(cos5) <= 1 + 1e-9:
            continue
        # The flange in the plane of the three parallel axes: two rows of its rotation, and its place from the shoulder.
        plane = (
            (c1 * r00 + s1 * r10, c1 * r01 + s1 * r11, c1 * r02 + s1 * r12),
            (r20, r21, r22),
            (c1 * px + s1 * py, pz - D1),
        )
        for wrist in (1, -1):
            q5 = wrist * math.acos(min(max(cos5, -1.0), 1.0))
            if abs(math.sin(q5)) < 1e-9:
                q6 = around[5]  # wrist axes in line: any q6 will do, q4 makes up for it
            else:
                q6 = math.atan2(-(r01 * s1 - r11 * c1) * wrist, (r00 * s1 - r10 * c1) * wrist)
            solutions += [(q1, q2, q3, q4, q5, q6) for q2, q3, q4 in _planar(plane, q5, q6)]
    turned = [nearest_turn(solution, around) for solution in solutions]
    turned.sort(key=lambda joints: max(abs(q - n) for q, n in zip(joints, around)))
    return [np.array(joints) for joints in turned]


def _planar(
    plane: Tuple[Tuple[float, ...], Tuple[float, ...], Tuple[float, ...]], q5: float, q6: float
) -> List[Tuple[float, float, float]]:
    """Shoulder lift, elbow and wrist 1, whose axes are parallel, for the other three."""
    (x0, x1, x2), (y0, y1, y2), (px, py) = plane
    s5, c5, s6, c6 = math.sin(q5), math.cos(q5), math.sin(q6), math.cos(q6)
    # Two rows of the rotation of wrist 1, of which the flange is turned further by q5 and q6.
    along = (c5 * c6 * x0 - c5 * s6 * x1 - s5 * x2, s5 * c6 * x0 - s5 * s6 * x1 + c5 * x2, -s6 * x0 - c6 * x1)
    up = (c5 * c6 * y0 - c5 * s6 * y1 - s5 * y2, s5 * c6 * y0 - s5 * s6 * y1 + c5 * y2, -s6 * y0 - c6 * y1)
    x = px + D6 * (s5 * along[0] - c5 * along[1]) - D5 * along[2]
    y = py + D6 * (s5 * up[0] - c5 * up[1]) - D5 * up[2]
    cos3 = (x * x + y * y - A2 * A2 - A3 * A3) / (2 * A2 * A3)
    if not abs(cos3) <= 1:
        return []
    total = math.atan2(up[0], along[0])
    solutions = []
    for elbow in (1, -1):
        q3 = elbow * math.acos(cos3)
        q2 = math.atan2(y, x) - math.atan2(A3 * math.sin(q3), A2 + A3 * math.cos(q3))
        solutions.append((q2, q3, total - q2 - q3))
    return solutions


def configuration(joints: Joints) -> Tuple[bool, bool, bool]:
    """Which of the eight ways to reach a pose this is: arm to the front, elbow and wrist turned positively.

    Between two of them lies a singularity, so work should stay in one.
    """
    frames = joint_frames(joints)
    wrist = frames[6][:3, 3] - D6 * frames[6][:3, 2]
    front = float(np.dot(wrist[:2], frames[1][:2, 0])) > 0
    return front, bool(np.sin(joints[2]) > 0), bool(np.sin(joints[4]) > 0)


def nearest_turn(joints: Joints, near: Joints) -> List[float]:
    """The same attitude with each joint turned by multiples of 2 pi towards `near`, within its range."""
    return [_turned(joint, towards) for joint, towards in zip(joints, near)]


def _turned(joint: float, towards: float) -> float:
    towards = min(max(towards, -JOINT_LIMIT), JOINT_LIMIT)
    joint -= 2 * math.pi * round((joint - towards) / (2 * math.pi))
    if joint > JOINT_LIMIT:
        return joint - 2 * math.pi
    return joint + 2 * math.pi if joint < -JOINT_LIMIT else joint


def singularity_distance(joints: Joints) -> float:
    """Smallest singular value of the Jacobian, its rotational rows scaled to a lever of 0.25 m; 0 at a singularity.

    The inverse is the greatest joint speed, rad/s, that a tool speed of 1 m/s can ask for.
    """
    scaled = jacobian(joints) * np.array([[1.0], [1.0], [1.0], [0.25], [0.25], [0.25]])
    return float(np.linalg.svd(scaled, compute_uv=False)[-1])
