"""The detector's network: height map in; rock or not, where its centre is, and how sure, per block out."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from prpd_perception.height_map import CHANNELS

OFFSET_SCALE = 0.02
"""m per unit of the network's output."""


def _block(inputs: int, outputs: int, *, stride: int = 1, kernel: int = 3) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(inputs, outputs, kernel, stride, kernel // 2, bias=False),
        nn.BatchNorm2d(outputs),
        nn.ReLU(inplace=True),
    )


class RockNet(nn.Module):
    """A small U-net at half the map's resolution.

    Output (B, 7, n/2, n/2): probability that the block shows the rock; offset of the rock's centre from the block's
    middle and height, m (x, y, z); standard deviation of that offset, m (x, y, z).
    """

    def __init__(self, widths: tuple[int, int, int, int] = (24, 40, 56, 64)) -> None:
        super().__init__()
        a, b, c, d = widths
        self.fine = nn.Sequential(_block(len(CHANNELS), a, stride=2, kernel=5), _block(a, a))
        self.middle = nn.Sequential(_block(a, b, stride=2), _block(b, b))
        self.coarse = nn.Sequential(_block(b, c, stride=2), _block(c, c), _block(c, c))
        self.from_coarse = _block(c, b, kernel=1)
        self.merge_middle = _block(2 * b, b)
        self.from_middle = _block(b, a, kernel=1)
        self.merge_fine = nn.Sequential(_block(2 * a, d, kernel=1), _block(d, a))
        self.head = nn.Conv2d(a, 7, 1)

    def raw(self, channels: Tensor) -> Tensor:
        """Logit, offset / OFFSET_SCALE, log of its standard deviation / OFFSET_SCALE."""
        fine = self.fine(channels)
        middle = self.middle(fine)
        coarse = self.from_coarse(self.coarse(middle))
        middle = self.merge_middle(torch.cat([middle, _doubled(coarse)], 1))
        fine = self.merge_fine(torch.cat([fine, _doubled(self.from_middle(middle))], 1))
        return self.head(fine)

    def forward(self, channels: Tensor) -> Tensor:
        """See the class."""
        raw = self.raw(channels)
        deviation = OFFSET_SCALE * torch.exp(raw[:, 4:].clamp(-4.0, 2.0))
        return torch.cat([torch.sigmoid(raw[:, :1]), OFFSET_SCALE * raw[:, 1:4], deviation], 1)


def _doubled(x: Tensor) -> Tensor:
    return functional.interpolate(x, scale_factor=2.0, mode="nearest")


def loss(raw: Tensor, *, rock: Tensor, seen: Tensor, offset: Tensor) -> tuple[Tensor, Tensor]:
    """Cross-entropy over the seen blocks, and the negative log-likelihood of the centre over the rock's blocks.

    `rock` is the share (B, n, n) of each block that is rock, `seen` (B, n, n) bool, `offset` (B, 3, n, n) m.
    """
    entropy = functional.binary_cross_entropy_with_logits(raw[:, 0], rock, reduction="none")
    entropy = (entropy * seen).sum() / seen.sum().clamp(min=1)
    weight = torch.where(rock > 0.3, rock, torch.zeros_like(rock))[:, None]
    log_sigma = raw[:, 4:].clamp(-4.0, 2.0)
    target = torch.where(weight > 0, offset / OFFSET_SCALE, torch.zeros_like(offset))
    error = torch.where(weight > 0, raw[:, 1:4] - target, torch.zeros_like(offset))
    likelihood = 0.5 * (error * torch.exp(-log_sigma)).clamp(-8, 8) ** 2 + log_sigma
    return entropy, (weight * likelihood).sum() / (3 * weight.sum()).clamp(min=1)
