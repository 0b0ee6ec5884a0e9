"""The policy of a run: its networks, settings and provenance, from the folder."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Dict, Optional

from torch import Tensor

from prpd_task.contract import Contract
from prpd_train.export.onnx_file import make_contract
from prpd_train.ppo.network import ActorCritic
from prpd_train.runs.checkpoint import CheckpointError, load_checkpoint
from prpd_train.runs.config import TrainConfig
from prpd_train.runs.folder import RunFolder
from prpd_train.runs.stage import make_network
from prpd_train.scene.randomisation import Randomisation


@dataclass(frozen=True)
class TrainedPolicy:
    """What a stage left."""

    network: ActorCritic
    config: TrainConfig
    contract: Contract
    delta: float
    """m, grain size that it was trained on last."""

    def act(self, observation: Tensor) -> Tensor:
        """Its actions without noise; the network stays on the CPU, whatever device the observations are on."""
        return self.network.act(observation.cpu()).to(observation.device)


def load_trained(run: Path, *, stage: Optional[int] = None) -> TrainedPolicy:
    """The policy at the end of a stage, by default of the last finished one."""
    folder = RunFolder.open(run)
    config = folder.config()
    results = folder.results()
    path = folder.checkpoint(stage)
    count = len(results) if stage is None or stage == -1 else stage + 1
    network = make_network(config)
    saved = load_checkpoint(path, needs=("network",))
    try:
        network.load_state_dict(saved["network"])
    except RuntimeError as error:
        raise CheckpointError(f"{path} is of another task or network than {run / 'config.json'}: {error}") from error
    provenance: Dict[str, Any] = {
        "run": folder.path.name,
        **folder.read_json("provenance.json"),
        "seed": config.seed,
        "engine": config.env.engine,
        "scene": config.env.scene,
        "randomised": config.env.randomisation != Randomisation.off(),
        "stages": [
            {"delta": r.delta, "success": r.success, "samples": r.samples, "seconds": round(r.seconds, 1)}
            for r in results[:count]
        ],
    }
    return TrainedPolicy(network.eval(), config, make_contract(network, config, provenance), results[count - 1].delta)
