"""The arm's rigid-body model, read from the URDF with Pinocchio.

Poses are Pinocchio's SE3 of flange or TCP in the controller's frame `base`; a *UR pose* is six numbers, x, y, z in m
and a rotation vector in rad.
"""

from __future__ import annotations

from typing import Optional, Sequence, Union

import numpy as np
import pinocchio as pin
from eigenpy import PartialPivLU

from prpd_task import ur5e

UrPose = Union[Sequence[float], np.ndarray]


class UnreachableError(ValueError):
    """No joint angles reach a pose."""


def pose_from_ur(numbers: UrPose) -> pin.SE3:
    """SE3 of a UR pose."""
    values = np.asarray(numbers, float)
    return pin.SE3(pin.exp3(values[3:]), values[:3])


def pose_to_ur(pose: pin.SE3) -> np.ndarray:
    """UR pose of an SE3; the rotation angle is at most pi."""
    return np.concatenate([pose.translation, pin.log3(pose.rotation)])


class ArmModel:
    """Kinematics and statics of a six-axis arm that has frames `base` and `tool0`, with a TCP on its flange."""

    def __init__(self, urdf: str) -> None:
        self._model = pin.buildModelFromXML(urdf)
        if self._model.nq != 6:
            raise ValueError(f"a UR arm has 6 joints, this URDF has {self._model.nq}: {list(self._model.names)[1:]}")
        self._root_at("base")
        self._flange = self._model.getFrameId("tool0")
        flange = self._model.frames[self._flange]
        self._wrist_from_flange = flange.placement.copy()
        self._tcp = self._model.addFrame(pin.Frame("tcp", flange.parentJoint, flange.placement, pin.FrameType.OP_FRAME))
        self._data = self._model.createData()
        self.tcp = pin.SE3.Identity()
        self.position_low = np.array(self._model.lowerPositionLimit)
        self.position_high = np.array(self._model.upperPositionLimit)
        self.speed_limit = np.array(self._model.velocityLimit)

    def _root_at(self, frame: str) -> None:
        """Let Pinocchio's world be a frame that is fixed to the URDF's root."""
        data = self._model.createData()
        pin.framesForwardKinematics(self._model, data, np.zeros(6))
        frame_from_world = data.oMf[self._model.getFrameId(frame)].inverse()
        self._model.jointPlacements[1] = frame_from_world * self._model.jointPlacements[1]
        self._model.gravity.linear = frame_from_world.rotation @ self._model.gravity.linear

    @property
    def tcp(self) -> pin.SE3:
        """`tool0_from_tcp`."""
        return self._tool0_from_tcp

    @tcp.setter
    def tcp(self, tool0_from_tcp: pin.SE3) -> None:
        self._tool0_from_tcp = tool0_from_tcp
        self._model.frames[self._tcp].placement = self._wrist_from_flange * tool0_from_tcp

    def flange(self, joints: np.ndarray) -> pin.SE3:
        """`base_from_tool0`."""
        pin.framesForwardKinematics(self._model, self._data, joints)
        return self._data.oMf[self._flange].copy()

    def forward(self, joints: np.ndarray) -> pin.SE3:
        """`base_from_tcp`."""
        pin.framesForwardKinematics(self._model, self._data, joints)
        return self._data.oMf[self._tcp].copy()

    def jacobian(self, joints: np.ndarray) -> np.ndarray:
        """(6, 6), joint speeds to linear and angular velocity of the TCP along the axes of `base`."""
        return pin.computeFrameJacobian(self._model, self._data, joints, self._tcp, pin.LOCAL_WORLD_ALIGNED)

    def gravity_torques(self, joints: np.ndarray) -> np.ndarray:
        """(6,) N m that hold arm and bucket, as the URDF weighs them, against gravity."""
        return pin.computeGeneralizedGravity(self._model, self._data, joints).copy()

    def inverse(self, tcp_pose: pin.SE3, near: np.ndarray) -> np.ndarray:
        """(6,) rad within the joints' ranges that bring the TCP to a pose, close to `near`.

        Newton's method from `near`, which follows a stream of targets in one or two steps; for a target that it does
        not reach, it starts again from the closed-form solutions of the nominal arm. Raises UnreachableError.
        """
        flange = tcp_pose * self.tcp.inverse()
        joints = self._newton(flange, near)
        if joints is not None and np.abs(joints - near).max() < 0.5:
            return joints
        for seed in ur5e.inverse(flange.homogeneous, near):
            joints = self._newton(flange, seed)
            if joints is not None:
                return joints
        numbers = ", ".join(f"{v:.4f}" for v in pose_to_ur(tcp_pose))
        raise UnreachableError(f"no joint angles bring the TCP to p[{numbers}] in the base frame")

    def _newton(self, flange: pin.SE3, seed: np.ndarray) -> Optional[np.ndarray]:
        joints = np.array(seed, float)
        for _ in range(12):
            pin.framesForwardKinematics(self._model, self._data, joints)
            error = pin.log6(self._data.oMf[self._flange].actInv(flange)).vector
            if np.dot(error, error) < 1e-24:
                inside = (joints >= self.position_low).all() and (joints <= self.position_high).all()
                return joints if inside else None
            local = pin.computeFrameJacobian(self._model, self._data, joints, self._flange, pin.LOCAL)
            step = PartialPivLU(local).solve(error)  # as numpy.linalg.solve, in a third of the time
            if not np.dot(step, step) < 1.0:  # also where it is no number, at a singularity
                return None
            joints += step
        return None
