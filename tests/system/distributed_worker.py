"""Run by torchrun: two processes must learn exactly what one would from all of their samples."""

from __future__ import annotations

import sys
from pathlib import Path

import torch

from prpd_train.ppo.config import NetworkConfig
from prpd_train.ppo.distributed import Group
from prpd_train.ppo.network import ActorCritic


def main() -> None:
    with Group() as group:
        torch.manual_seed(group.rank)
        network = ActorCritic(3, 3, 2, NetworkConfig(hidden=(8,)))
        group.broadcast(network)
        everything = torch.linspace(-1, 1, 4 * 3).reshape(4, 3)
        mine = everything[2 * group.rank : 2 * group.rank + 2]
        network.value(mine).square().mean().backward()
        group.average_gradients(network)
        gathered = group.gather(mine)
        network.observe(gathered, gathered)
        torch.save(
            {
                "size": group.size,
                "parameters": network.state_dict(),
                "gradients": [p.grad for p in network.critic.parameters()],
                "gathered": gathered,
                "mean": group.mean(float(group.rank)),
                "everything": everything,
            },
            Path(sys.argv[1]) / f"rank_{group.rank}.pt",
        )


if __name__ == "__main__":
    main()
