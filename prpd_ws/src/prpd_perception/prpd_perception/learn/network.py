"""The detector's network: height map in; per block, whether a rock's centre is near, and where exactly, out."""

from __future__ import annotations

from typing import cast

import torch
from torch import Tensor, nn
from torch.nn import functional

from prpd_perception.height_map import CHANNELS

OFFSET_SCALE = 0.02
"""m per unit of the network's output."""
NEAR, NOT_NEAR = 0.012, 0.024
"""m, from a rock's centre: a block within the first says so, one beyond the second does not. Narrower, and the answer
would say how well the centre is known rather than whether there is a rock."""


def _block(inputs: int, outputs: int, *, stride: int = 1, kernel: int = 3) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(inputs, outputs, kernel, stride, kernel // 2, bias=False),
        nn.BatchNorm2d(outputs),
        nn.ReLU(inplace=True),
    )


class _Residual(nn.Module):
    """Two layers that add to what they are given: so that many of them in a row can learn."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.first = _block(channels, channels)
        self.second = _block(channels, channels)[:2]  # what it adds may be less than zero
        self.out = nn.ReLU(inplace=True)

    def forward(self, x: Tensor) -> Tensor:
        return self.out(x + self.second(self.first(x)))


def _deep(channels: int, blocks: int) -> nn.Sequential:
    return nn.Sequential(*(_Residual(channels) for _ in range(blocks)))


class RockNet(nn.Module):
    """A small U-net, whose answer has half the map's resolution.

    Output (B, 8, n/2, n/2): how sure it is that a rock's centre is near the block; share of the block that
    shows rock; offset of the centre from the block's middle and height, m (x, y, z); standard deviation of that offset,
    m (x, y, z).
    """

    def __init__(self, widths: tuple[int, int, int] = (32, 64, 128)) -> None:
        super().__init__()
        a, b, c = widths
        self.fine = nn.Sequential(_block(len(CHANNELS), a, stride=2, kernel=5), _deep(a, 1))
        self.middle = nn.Sequential(_block(a, b, stride=2), _deep(b, 2))
        self.coarse = nn.Sequential(_block(b, c, stride=2), _deep(c, 5))
        self.from_coarse = _block(c, b, kernel=1)
        self.merge_middle = nn.Sequential(_block(2 * b, b, kernel=1), _deep(b, 2))
        self.from_middle = _block(b, a, kernel=1)
        self.merge_fine = nn.Sequential(_block(2 * a, a, kernel=1), _deep(a, 1))
        self.head = nn.Conv2d(a, 8, 1)
        nn.init.constant_(cast(Tensor, self.head.bias)[:2], -4.0)

    def raw(self, channels: Tensor) -> Tensor:
        """Two logits, offset / OFFSET_SCALE, log of its standard deviation / OFFSET_SCALE."""
        fine = self.fine(channels)
        middle = self.middle(fine)
        coarse = self.from_coarse(self.coarse(middle))
        middle = self.merge_middle(torch.cat([middle, _doubled(coarse)], 1))
        fine = self.merge_fine(torch.cat([fine, _doubled(self.from_middle(middle))], 1))
        return self.head(fine)

    def forward(self, channels: Tensor) -> Tensor:
        """See the class."""
        raw = self.raw(channels)
        deviation = OFFSET_SCALE * torch.exp(raw[:, 5:].clamp(-4.0, 2.0))
        return torch.cat([torch.sigmoid(raw[:, :2]), OFFSET_SCALE * raw[:, 2:5], deviation], 1)


def _doubled(x: Tensor) -> Tensor:
    return functional.interpolate(x, scale_factor=2.0, mode="nearest")


def loss(raw: Tensor, *, surface: Tensor, seen: Tensor, offset: Tensor, judged: Tensor) -> tuple[Tensor, ...]:
    """Of the centres, of the rock's surface, and of the offsets.

    `surface` is the share (B, n, n) of each block that is rock, `seen` (B, n, n) whether anything is; `offset`
    (B, 3, n, n) m is that of the centre, far away where there is none; `judged` (B, n, n) is 0 where a rock shows too
    little of itself to call either answer wrong.
    """
    target = ((NOT_NEAR - offset[:, :2].norm(dim=1)) / (NOT_NEAR - NEAR)).clamp(0, 1)
    # Blocks that are right already count little: nearly all show plain soil.
    entropy = functional.binary_cross_entropy_with_logits(raw[:, 0], target, reduction="none")
    centre = (judged * (target - torch.sigmoid(raw[:, 0])).square() * entropy).sum() / len(raw)
    entropy = functional.binary_cross_entropy_with_logits(raw[:, 1], surface, reduction="none")
    shown = (entropy * seen).sum() / seen.sum().clamp(min=1)
    weight = (judged * torch.where(target > 0.1, target, 0))[:, None]
    log_sigma = raw[:, 5:].clamp(-4.0, 2.0)
    error = torch.where(weight > 0, raw[:, 2:5] - offset / OFFSET_SCALE, 0)
    likelihood = 0.5 * (error * torch.exp(-log_sigma)).clamp(-8, 8) ** 2 + log_sigma
    return centre, shown, (weight * likelihood).sum() / (3 * weight.sum()).clamp(min=1)
