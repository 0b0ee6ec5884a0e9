"""Let one function serve NumPy arrays and torch tensors.

Only what both libraries spell the same way may be called on the namespace: `stack(list, -1)`, `where`, `abs`, `clip`,
`exp`, `sqrt`, `minimum`, `maximum`, `sin`, `cos`.
"""

from __future__ import annotations

from types import ModuleType
from typing import Any

import numpy as np

Array = Any
"""A NumPy array or a torch tensor."""


def namespace(array: Array) -> ModuleType:
    """The module whose functions work on `array`: `torch` for a tensor, else `numpy`."""
    if type(array).__module__.split(".")[0] == "torch":
        import torch

        return torch
    return np


def to_numpy(array: Array) -> np.ndarray:
    """On the CPU: of an array there a view where that can be, of a GPU's tensor a copy."""
    return array.detach().cpu().numpy() if hasattr(array, "detach") else np.asarray(array)


def like(array: Array, values: np.ndarray) -> Array:
    """The values, where and of the kind that `array` is: as they are, or as a tensor on its device."""
    if namespace(array) is np:
        return values
    return namespace(array).as_tensor(values, device=array.device)


def norm(vectors: Array) -> Array:
    """Euclidean length along the last axis."""
    return (vectors * vectors).sum(-1) ** 0.5
