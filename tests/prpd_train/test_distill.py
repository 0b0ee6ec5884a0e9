from __future__ import annotations

import copy

import numpy as np
import pytest
import torch

from prpd_train.distill.alpha import alpha_from_advantage, alpha_from_returns
from prpd_train.distill.config import TransferConfig
from prpd_train.distill.core import LOSSES, distill, distillation_loss
from prpd_train.distill.transfer import ConservativeTransfer
from prpd_train.ppo.config import NetworkConfig
from prpd_train.ppo.network import ActorCritic, Gaussian
from prpd_train.ppo.rollout import Rollout


def network(seed=0, spread=1.0):
    torch.manual_seed(seed)
    net = ActorCritic(3, 3, 2, NetworkConfig(hidden=(16,)))
    with torch.no_grad():
        net.actor[-1].weight.mul_(100 * spread)
    return net


def rollout(net, states):
    with torch.no_grad():
        old = net.policy(states)
    rows = torch.zeros(len(states))
    return Rollout(states, states, old.mean, old, rows, rows, rows, rows)


def test_the_weighted_sum_has_the_gradient_of_the_kl_to_the_mixture():
    """Checked on a grid: d/dmu KL(mixture || student) by quadrature equals that of the weighted KLs."""
    x = torch.linspace(-12, 12, 200_001, dtype=torch.float64).unsqueeze(-1)
    old, teacher = (
        Gaussian(torch.tensor([[m]]).double(), torch.tensor([s]).double().log()) for m, s in ((0.2, 0.5), (-1.0, 0.8))
    )
    mean = torch.tensor([[0.4]], dtype=torch.float64, requires_grad=True)
    log_std = torch.tensor([-0.3], dtype=torch.float64, requires_grad=True)
    alpha = 0.3
    mixture = (1 - alpha) * old.log_prob(x).exp() + alpha * teacher.log_prob(x).exp()
    student = Gaussian(mean, log_std)
    kl = torch.trapezoid(mixture * (mixture.log() - student.log_prob(x)), x.squeeze(-1))
    exact = torch.autograd.grad(kl, (mean, log_std))
    ours = torch.autograd.grad(
        distillation_loss(Gaussian(mean, log_std), [old, teacher], weights=[1 - alpha, alpha]), (mean, log_std)
    )
    for a, b in zip(exact, ours):
        torch.testing.assert_close(a, b, atol=1e-6, rtol=1e-6)


@pytest.mark.parametrize("loss", ["kl", "mse", "reverse_kl"])
def test_a_student_comes_close_to_its_teacher(loss):
    teacher, student = network(0), network(1)
    states = torch.randn(500, 3)
    history = distill(
        student,
        [teacher.policy],
        states,
        policy=student.policy,
        weights=[1.0],
        loss=LOSSES[loss],
        steps=300,
        generator=torch.Generator().manual_seed(0),
    )
    assert history[-1] < 0.1 * history[0]


def test_two_teachers_meet_in_the_middle_and_weights_may_depend_on_the_state():
    low, high = (lambda s, m=m: Gaussian(torch.full((len(s), 2), m), torch.zeros(2)) for m in (-1.0, 1.0))
    student, states = network(2), torch.randn(400, 3)
    generator = torch.Generator().manual_seed(0)
    distill(student, [low, high], states, policy=student.policy, weights=[0.25, 0.75], steps=400, generator=generator)
    assert student.policy(states).mean.mean().item() == pytest.approx(0.5, abs=0.1)
    right = (states[:, 0] > 0).float()
    distill(
        student, [low, high], states, policy=student.policy, weights=[1 - right, right], steps=800, generator=generator
    )
    mean = student.policy(states).mean.mean(-1)
    assert mean[states[:, 0] > 0.5].mean() > 0.7
    assert mean[states[:, 0] < -0.5].mean() < -0.7


def test_the_schedule_scales_the_loss():
    teacher, student = network(0), network(1)
    before = copy.deepcopy(student.state_dict())
    history = distill(
        student,
        [teacher.policy],
        torch.randn(50, 3),
        policy=student.policy,
        weights=[1.0],
        schedule=lambda step: 0.0,
        steps=5,
        generator=torch.Generator(),
    )
    assert history == [0.0] * 5
    assert all(torch.equal(before[k], v) for k, v in student.state_dict().items())


def test_weights_must_match_the_teachers():
    g = Gaussian(torch.zeros(1, 2), torch.zeros(2))
    with pytest.raises(ValueError, match="weight"):
        distillation_loss(g, [g], weights=[0.5, 0.5])


@pytest.mark.parametrize(
    ("advantage", "low", "high"),
    [
        ([0.0, 0.0, 0.0], 1.0, 1.0),  # the same policy, and no scale: everything is kept
        ([1.0, 2.0, 0.5], 1.0, 1.0),  # the teacher is better everywhere
        ([-1.0, -2.0, -0.5], 0.0, 0.0),  # worse everywhere: CPD's public formula says 1 here
        ([-1.0, 1.0, 0.0], 1.0, 1.0),  # a draw
        ([-1.0, 0.9, -0.2, 0.1], 0.5, 0.95),  # a little worse
    ],
)
def test_alpha_falls_as_the_student_gets_better(advantage, low, high):
    assert low <= alpha_from_advantage(torch.tensor(advantage), alpha_0=2.0) <= high


def test_alpha_is_monotonic_and_scales_with_alpha_0():
    noise = torch.linspace(-1, 1, 101)
    alphas = [alpha_from_advantage(noise - shift, alpha_0=2.0) for shift in (0.0, 0.1, 0.2, 0.4)]
    assert alphas == sorted(alphas, reverse=True)
    assert alpha_from_advantage(noise - 0.1, alpha_0=0.5) > alphas[1]


def test_alpha_from_returns():
    rng = np.random.default_rng(0)
    teacher = rng.normal(1.0, 1.0, 200)
    assert alpha_from_returns(np.zeros(0), teacher, alpha_0=2.0) == 1.0
    assert alpha_from_returns(teacher, np.zeros(0), alpha_0=2.0) == 1.0
    assert alpha_from_returns(teacher - 1, teacher, alpha_0=2.0) == 1.0
    assert 0.5 < alpha_from_returns(teacher + 0.1, teacher, alpha_0=2.0) < 0.95
    assert alpha_from_returns(teacher + 1, teacher, alpha_0=2.0) == 0.0


def test_transfer_holds_the_student_to_the_teacher_and_lets_go_with_alpha():
    teacher, student = network(0), network(1)
    states = torch.randn(64, 3)
    index = torch.arange(64)
    losses = {}
    for alpha in (0.0, 1.0):
        transfer = ConservativeTransfer(teacher, TransferConfig(alpha="fixed", fixed_alpha=alpha, weight=1.0))
        transfer.begin(student, rollout(student, states), np.zeros(0))
        losses[alpha] = transfer.loss(student.policy(states), index).item()
    assert losses[0.0] == pytest.approx(0.0, abs=1e-6), "held only to itself before the update"
    assert losses[1.0] > 0.01


def test_optimal_alpha_follows_the_q_network():
    teacher, student = network(0), network(1)
    states = torch.randn(256, 3)
    with torch.no_grad():
        preferred = student.act(states) - teacher.act(states)
    direction = preferred.mean(0)
    alphas = {}
    for sign in (1.0, -1.0):
        student.q_value = lambda state, action, sign=sign: sign * (action @ direction)
        transfer = ConservativeTransfer(teacher, TransferConfig(smoothing=0.0))
        transfer.begin(student, rollout(student, states), np.zeros(0))
        alphas[sign] = transfer.alpha
    assert alphas[1.0] < alphas[-1.0] == 1.0


def test_unknown_modes_are_refused():
    with pytest.raises(ValueError, match="optimal, returns, fixed"):
        TransferConfig(alpha="best")
    with pytest.raises(ValueError, match="fixed_alpha"):
        TransferConfig(alpha="fixed", fixed_alpha=2.0)
