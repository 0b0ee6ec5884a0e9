"""Several processes that learn one network together: cores of a CPU, or GPUs. Started by torchrun, as usual.

Each process simulates its share of the environments; gradients, normalisation and decisions are shared, so that all
hold the same network at all times. Alone, every operation here is the identity.
"""

from __future__ import annotations

import os
from types import TracebackType
from typing import Optional, Type

import torch
import torch.distributed as dist
from torch import Tensor, nn


class Group:
    """The processes that learn together, from torchrun's environment variables."""

    def __init__(self) -> None:
        self.size = int(os.environ.get("WORLD_SIZE", "1"))
        self.rank = int(os.environ.get("RANK", "0"))
        self.local_rank = int(os.environ.get("LOCAL_RANK", "0"))

    def __enter__(self) -> Group:
        if self.size > 1:
            dist.init_process_group("nccl" if torch.cuda.is_available() else "gloo")
        return self

    def __exit__(
        self, kind: Optional[Type[BaseException]], error: Optional[BaseException], trace: Optional[TracebackType]
    ) -> None:
        if self.size > 1:
            dist.destroy_process_group()

    @property
    def leads(self) -> bool:
        """Whether this process is the one that writes."""
        return self.rank == 0

    def device(self, name: str) -> str:
        """Of this process: its own GPU, where GPUs are asked for."""
        return f"cuda:{self.local_rank}" if name.startswith("cuda") and self.size > 1 else name

    def broadcast(self, module: nn.Module) -> None:
        """Give all the leader's parameters and buffers."""
        if self.size > 1:
            for tensor in module.state_dict().values():
                dist.broadcast(tensor, 0)

    def average_gradients(self, module: nn.Module) -> None:
        """Replace each gradient by its mean over the processes, in one message."""
        if self.size == 1:
            return
        gradients = [p.grad for p in module.parameters() if p.grad is not None]
        flat = torch.cat([g.reshape(-1) for g in gradients])
        dist.all_reduce(flat)
        flat /= self.size
        for gradient, part in zip(gradients, flat.split([g.numel() for g in gradients])):
            gradient.copy_(part.view_as(gradient))

    def mean(self, value: float) -> float:
        """Over the processes."""
        if self.size == 1:
            return value
        tensor = torch.tensor([value], dtype=torch.float64, device=_device())
        dist.all_reduce(tensor)
        return float(tensor.item()) / self.size

    def gather(self, rows: Tensor) -> Tensor:
        """The rows of all processes, one behind the other."""
        if self.size == 1:
            return rows
        parts = [torch.empty_like(rows) for _ in range(self.size)]
        dist.all_gather(parts, rows.contiguous())
        return torch.cat(parts)


def _device() -> str:
    return "cuda" if dist.get_backend() == "nccl" else "cpu"
