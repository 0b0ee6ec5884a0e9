"""Between torch tensors and the fake's descriptors."""

import weakref

import torch

from isaacgym.rules import rule
from isaacgym.structs import Tensor

# What the real one makes of torch's types: wide indices become something else instead of being refused.
TYPES = {
    torch.float32: "float32",
    torch.int32: "uint32",
    torch.int64: "uint64",
    torch.uint8: "uint8",
    torch.int16: "int16",
}


def wrap_tensor(gym_tensor):
    """The torch tensor that shares the simulation's memory."""
    return gym_tensor.reference()


def unwrap_tensor(torch_tensor):
    """A descriptor with the address of the tensor's data. It does not keep the tensor alive."""
    rule(torch_tensor.is_contiguous(), "unwrap_tensor needs a contiguous tensor")
    rule(torch_tensor.dtype in TYPES, f"unwrap_tensor does not know {torch_tensor.dtype}")
    descriptor = Tensor()
    descriptor.dtype = TYPES[torch_tensor.dtype]
    descriptor.shape = tuple(torch_tensor.shape)
    descriptor.reference = weakref.ref(torch_tensor)
    return descriptor
