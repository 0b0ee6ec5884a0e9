"""The UR5e's nominal kinematics in closed form: forward, inverse, Jacobian, and distance from trouble.

NumPy only, from the published DH parameters; `urdf/ur5e.urdf.xacro` is the same arm, and a test holds them together.
Frames: the controller's `base` and the flange `tool0`. Joints in rad, in the order of `JOINT_NAMES`.
"""

from __future__ import annotations

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
_TURN = np.pi / 2
_DH = ((D1, 0.0, _TURN), (0.0, A2, 0.0), (0.0, A3, 0.0), (D4, 0.0, _TURN), (D5, 0.0, -_TURN), (D6, 0.0, 0.0))
JOINT_LIMIT = 2 * np.pi
"""rad, each joint turns this far either way."""
JOINT_SPEED_LIMIT = np.pi
"""rad/s, of each joint."""


def joint_frames(joints: Joints) -> List[np.ndarray]:
    """`base` to the frames of base, the five links after it and the flange: seven 4 x 4 matrices."""
    frames = [np.eye(4)]
    for angle, (d, a, alpha) in zip(joints, _DH):
        c, s, ca, sa = np.cos(angle), np.sin(angle), np.cos(alpha), np.sin(alpha)
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

    Each joint is the turn closest to `near` within its range.
    """
    rotation, position = base_from_tool0[:3, :3], base_from_tool0[:3, 3]
    wrist_x, wrist_y = (position - D6 * rotation[:, 2])[:2]
    radius = np.hypot(wrist_x, wrist_y)
    if radius < D4:
        return []
    solutions = []
    for shoulder in (1, -1):
        q1 = np.arctan2(wrist_y, wrist_x) + shoulder * np.arccos(D4 / radius) + np.pi / 2
        s1, c1 = np.sin(q1), np.cos(q1)
        cos5 = (position[0] * s1 - position[1] * c1 - D4) / D6
        if abs(cos5) > 1 + 1e-9:
            continue
        for wrist in (1, -1):
            q5 = wrist * np.arccos(np.clip(cos5, -1, 1))
            if abs(np.sin(q5)) < 1e-9:
                q6 = float(near[5])  # wrist axes in line: any q6 will do, q4 makes up for it
            else:
                row = rotation[0, :2] * s1 - rotation[1, :2] * c1
                q6 = np.arctan2(-row[1] * wrist, row[0] * wrist)
            solutions += [(q1, q2, q3, q4, q5, q6) for q2, q3, q4 in _planar(rotation, position, q1, q5, q6)]
    wrapped = [nearest_turn(np.array(q), np.asarray(near, float)) for q in solutions]
    return sorted(wrapped, key=lambda q: float(np.abs(q - near).max()))


def _planar(
    rotation: np.ndarray, position: np.ndarray, q1: float, q5: float, q6: float
) -> List[Tuple[float, float, float]]:
    """Shoulder lift, elbow and wrist 1, whose axes are parallel, for the other three."""
    flange = np.eye(4)
    flange[:3, :3], flange[:3, 3] = rotation, position
    first, last = np.eye(4), np.eye(4)
    c, s = np.cos(q1), np.sin(q1)
    first[:3, :3], first[2, 3] = np.array([[c, 0, s], [s, 0, -c], [0, 1, 0]]), D1
    for angle, (d, _, alpha) in zip((q5, q6), _DH[4:]):
        c, s, ca, sa = np.cos(angle), np.sin(angle), np.cos(alpha), np.sin(alpha)
        last = last @ np.array([[c, -s * ca, s * sa, 0], [s, c * ca, -c * sa, 0], [0, sa, ca, d], [0, 0, 0, 1]])
    middle = np.linalg.inv(first) @ flange @ np.linalg.inv(last)
    x, y = middle[:2, 3]
    cos3 = (x * x + y * y - A2 * A2 - A3 * A3) / (2 * A2 * A3)
    if abs(cos3) > 1:
        return []
    total = np.arctan2(middle[1, 0], middle[0, 0])
    solutions = []
    for elbow in (1, -1):
        q3 = elbow * np.arccos(cos3)
        q2 = np.arctan2(y, x) - np.arctan2(A3 * np.sin(q3), A2 + A3 * np.cos(q3))
        solutions.append((float(q2), float(q3), float(total - q2 - q3)))
    return solutions


def configuration(joints: Joints) -> Tuple[bool, bool, bool]:
    """Which of the eight ways to reach a pose this is: arm to the front, elbow and wrist turned positively.

    Between two of them lies a singularity, so work should stay in one.
    """
    frames = joint_frames(joints)
    wrist = frames[6][:3, 3] - D6 * frames[6][:3, 2]
    front = float(np.dot(wrist[:2], frames[1][:2, 0])) > 0
    return front, bool(np.sin(joints[2]) > 0), bool(np.sin(joints[4]) > 0)


def nearest_turn(joints: np.ndarray, near: np.ndarray) -> np.ndarray:
    """The same attitude with each joint turned by multiples of 2 pi towards `near`, within its range."""
    near = np.clip(near, -JOINT_LIMIT, JOINT_LIMIT)
    joints = joints - 2 * np.pi * np.round((joints - near) / (2 * np.pi))
    joints = np.where(joints > JOINT_LIMIT, joints - 2 * np.pi, joints)
    return np.where(joints < -JOINT_LIMIT, joints + 2 * np.pi, joints)


def singularity_distance(joints: Joints) -> float:
    """Smallest singular value of the Jacobian, its rotational rows scaled to a lever of 0.25 m; 0 at a singularity.

    The inverse is the greatest joint speed, rad/s, that a tool speed of 1 m/s can ask for.
    """
    scaled = jacobian(joints) * np.array([[1.0], [1.0], [1.0], [0.25], [0.25], [0.25]])
    return float(np.linalg.svd(scaled, compute_uv=False)[-1])
