"""What a policy file promises and demands. It travels inside the ONNX file, so that it cannot get lost.

Most failures of a policy between simulator and robot are broken promises: other units, another order, another scale,
another rate, another tool. The runtime reads the contract, builds its task from it, and refuses what it cannot meet.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from typing import Any, Dict, List, Tuple

from prpd_task.action import ACTION_NAMES
from prpd_task.bucket import BucketGeometry
from prpd_task.errors import UserError
from prpd_task.observation import terms
from prpd_task.spec import SuccessSpec, TaskSpec

VERSION = 1
METADATA_KEY = "prpd.contract"
"""Key of the JSON text in the ONNX file's `metadata_props`."""


class ContractError(UserError):
    """A contract that cannot be read, or cannot be met."""


@dataclass(frozen=True)
class Contract:
    """The contract of one policy."""

    task: TaskSpec
    """Observation preset, action scale, period, workspace, bucket, success."""
    observation_low: Tuple[float, ...]
    """Smallest value of each input seen in training, in the input's unit."""
    observation_high: Tuple[float, ...]
    """Largest, likewise."""
    provenance: Dict[str, Any] = field(default_factory=dict)
    """Where the policy comes from: commit, seed, engine, resolutions, versions, success rates."""
    version: int = VERSION

    def __post_init__(self) -> None:
        count = len(terms(self.task.preset))
        for name in ("observation_low", "observation_high"):
            if len(getattr(self, name)) != count:
                raise ContractError(
                    f"{name} has {len(getattr(self, name))} values; preset {self.task.preset!r} has {count} inputs"
                )

    @property
    def observation_names(self) -> List[str]:
        """The inputs, in order."""
        return [t.name for t in terms(self.task.preset)]

    def to_json(self) -> str:
        """Text for the ONNX file; floats survive the round trip exactly, names and units are spelled out."""
        data = asdict(self)
        data["observations"] = [asdict(t) for t in terms(self.task.preset)]
        data["actions"] = [
            {"name": f"increment_{n}", "unit": u, "frame": "soil", "scale": s}
            for n, u, s in zip(ACTION_NAMES, ("m", "m", "m", "rad"), self.task.action_scale)
        ]
        data["bucket_hash"] = self.task.bucket.hash()
        return json.dumps(data, sort_keys=True)

    @classmethod
    def from_json(cls, text: str) -> Contract:
        """Read it back, and check that the spelled-out part is what this version of the code means by it."""
        try:
            data = json.loads(text)
            version = data["version"]
            if version != VERSION:
                raise ContractError(
                    f"contract version {version} cannot be read by this program (it reads {VERSION}); "
                    "export the policy again"
                )
            task = dict(data["task"])
            task["bucket"] = BucketGeometry(**task["bucket"])
            task["success"] = SuccessSpec(**task["success"])
            for name in ("action_scale", "workspace_low", "workspace_high", "start_pose"):
                task[name] = tuple(task[name])
            contract = cls(
                TaskSpec(**task),
                tuple(data["observation_low"]),
                tuple(data["observation_high"]),
                data["provenance"],
            )
        except ContractError:
            raise
        except (KeyError, TypeError, ValueError) as error:
            raise ContractError(f"the policy's contract is not readable: {error!r}; export the policy again") from error
        expected = json.loads(contract.to_json())
        for name in ("observations", "actions", "bucket_hash"):
            if data.get(name) != expected[name]:
                raise ContractError(
                    f"the policy's {name} are {data.get(name)!r}, this program means {expected[name]!r}; "
                    "export the policy again"
                )
        return contract

    def refuse_unless_met(self, *, bucket: BucketGeometry) -> None:
        """Raise if the cell's bucket is not the one that the policy was trained with."""
        if bucket.hash() != self.task.bucket.hash():
            raise ContractError(
                f"the policy was trained with bucket {self.task.bucket}, the cell has {bucket}; "
                "mount that bucket or train with this one"
            )
