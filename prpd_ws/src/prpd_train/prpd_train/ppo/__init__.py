"""Proximal policy optimisation: a clipped objective with an adaptive KL penalty, in four small pieces."""

from prpd_train.ppo.config import NetworkConfig, PPOConfig
from prpd_train.ppo.learner import Learner
from prpd_train.ppo.network import ActorCritic, Gaussian
from prpd_train.ppo.rollout import Collector, Rollout

__all__ = ["ActorCritic", "Collector", "Gaussian", "Learner", "NetworkConfig", "PPOConfig", "Rollout"]
