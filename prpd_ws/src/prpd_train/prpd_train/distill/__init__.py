"""Policy distillation, and the conservative policy transfer that PRPD builds from it."""

from prpd_train.distill.core import LOSSES, distill, distillation_loss
from prpd_train.distill.transfer import ConservativeTransfer, TransferConfig

__all__ = ["LOSSES", "ConservativeTransfer", "TransferConfig", "distill", "distillation_loss"]
