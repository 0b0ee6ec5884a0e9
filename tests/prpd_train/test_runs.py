from __future__ import annotations

import json
import math
from collections import deque
from dataclasses import replace

import pytest
import torch

from prpd_train.env.config import EnvConfig
from prpd_train.evaluate.episodes import Outcome
from prpd_train.ppo.config import NetworkConfig, PPOConfig
from prpd_train.runs import probe as probe_module
from prpd_train.runs import stage as stage_module
from prpd_train.runs.checkpoint import CheckpointError, load_checkpoint, save_checkpoint
from prpd_train.runs.config import TrainConfig, presets, with_scene, without_randomisation
from prpd_train.runs.files import FileError, write_atomically
from prpd_train.runs.findings import read_candidates, spent_before, write_findings
from prpd_train.runs.folder import RunError, RunFolder
from prpd_train.runs.metrics import read_metrics
from prpd_train.runs.progress import seconds_left
from prpd_train.runs.serial import from_plain, to_plain
from prpd_train.runs.spent import Spent
from prpd_train.runs.train import following, train
from prpd_train.schedule import Candidate, ScheduleConfig
from prpd_train.view.stages import film

TINY = TrainConfig(
    env=EnvConfig(scenes=2),
    network=NetworkConfig(hidden=(16,)),
    ppo=PPOConfig(horizon=4, epochs=1, minibatches=1),
    schedule=ScheduleConfig(mode="list", deltas=(0.07, 0.05), window=4, max_iterations=3),
    num_envs=4,
)


AUTO = replace(TINY, schedule=replace(TINY.schedule, mode="auto", deltas=(), start_cost=1.0))


def parameters(folder, index):
    return load_checkpoint(folder.checkpoint(index))["network"]


def test_a_run_goes_from_stage_to_stage_and_keeps_everything(tmp_path, run):
    folder = RunFolder.create(tmp_path / "run", TINY, {"commit": "abc"})
    results = train(folder, quiet=True, run=run)
    assert [r.delta for r in results] == [0.07, 0.05]
    assert [r.iterations for r in results] == [3, 3]
    assert results[1].samples == 2 * 3 * 4 * 4, "samples count through all stages"
    rows = read_metrics(folder.path)
    assert [(r["stage"], r["iteration"]) for r in rows] == [(str(s), str(i)) for s in range(2) for i in range(3)]
    assert [float(r["samples"]) for r in rows] == [16 * (i + 1) for i in range(6)]
    assert all(math.isnan(float(r["alpha"])) for r in rows[:3]), "the first stage has no teacher"
    assert all(0 <= float(r["alpha"]) <= 1 for r in rows[3:])
    assert folder.read_json("provenance.json")["commit"] == "abc"
    assert list((folder.path / "tensorboard").iterdir())
    assert train(folder, quiet=True, run=run) == results, "a finished run has nothing left to do"


def test_each_stage_is_filmed_and_a_run_without_films_is_no_worse(tmp_path, run, capsys):
    folder, asked = RunFolder.create(tmp_path / "run", TINY, {}), []

    def no_pictures(module, arguments):
        if module == "prpd_train.view.stages":
            asked.append(arguments)
            raise RunError("no room")
        run(module, arguments)

    results = train(folder, quiet=True, run=no_pictures)
    assert len(results) == 2 and asked == [[str(folder.path), "0", "1"]]
    assert "no film of stage 0, 1: no room" in capsys.readouterr().err
    folder.film(results[0]).touch()
    train(folder, quiet=True, run=no_pictures)
    assert asked[1] == [str(folder.path), "1"]


def test_a_run_of_a_gpu_is_filmed_where_there_is_none(tmp_path, run):
    folder = RunFolder.create(tmp_path / "run", TINY, {})
    run("stage", [str(folder.path), "0", "0.07"])
    settings = folder.path / "config.json"
    on_gpu = json.loads(settings.read_text())
    on_gpu["env"]["device"] = "cuda:0"
    settings.write_text(json.dumps(on_gpu))
    film(folder, 0)
    assert folder.film(folder.results()[0]).stat().st_size > 1000


def test_the_same_seed_gives_the_same_policy(tmp_path, run):
    folders = [
        RunFolder.create(tmp_path / name, replace(TINY, seed=seed), {}) for name, seed in (("a", 1), ("b", 1), ("c", 2))
    ]
    for folder in folders:
        train(folder, quiet=True, run=run)
    a, b, c = (parameters(folder, 1) for folder in folders)
    assert all(torch.equal(a[name], b[name]) for name in a)
    assert not all(torch.equal(a[name], c[name]) for name in a)


def test_a_stage_begins_with_the_policy_of_the_one_before(tmp_path, run, kinematic):
    folder = RunFolder.create(tmp_path / "run", TINY, {})
    run("stage", [str(folder.path), "0", "0.07"])
    stage = stage_module.Stage(folder, index=1, delta=0.05, make_simulator=kinematic, quiet=True)
    before = parameters(folder, 0)
    for network in (stage.network, stage.transfer.teacher):
        assert all(torch.equal(before[name], value) for name, value in network.state_dict().items())


@pytest.mark.parametrize("patience", [0, 2, 3], ids=["no_patience", "in_time", "at_the_cap"])
def test_a_first_policy_that_does_not_begin_to_dig_begins_anew(tmp_path, kinematic, capsys, patience):
    schedule = replace(TINY.schedule, deltas=(0.07,), patience=patience, max_iterations=3)
    short = replace(TINY.env, task=replace(TINY.env.task, max_steps=4))
    folder = RunFolder.create(tmp_path / "run", replace(TINY, env=short, schedule=schedule), {})
    stage = stage_module.Stage(folder, index=0, delta=0.07, make_simulator=kinematic)
    stage.run()
    anew = patience == 2
    assert stage.begun == (2 if anew else 0)
    assert (f"after {patience} iterations: begins anew" in capsys.readouterr().err) == anew
    steps = {int(held["step"]) for held in stage.learner.optimiser.state_dict()["state"].values()}
    assert steps == {1 if anew else 3}, "an optimiser begins with its networks, and there is one step in an iteration"
    again = stage_module.Stage(folder, index=0, delta=0.07, make_simulator=kinematic, quiet=True)
    assert again.begun == stage.begun
    assert all(torch.equal(value, again.network.state_dict()[n]) for n, value in stage.network.state_dict().items())


def test_a_resumed_policy_is_not_judged_by_the_few_episodes_that_it_has_shown_since(tmp_path, kinematic):
    schedule = replace(TINY.schedule, deltas=(0.07,), patience=2, max_iterations=3)
    folder = RunFolder.create(tmp_path / "run", replace(TINY, schedule=schedule), {})
    stage = stage_module.Stage(folder, index=0, delta=0.07, make_simulator=kinematic, quiet=True)
    stage.run()
    assert stage.iteration == 3 and len(stage.collector.episodes) < stage.collector.episodes.size
    assert stage.begun == 0


def test_a_first_policy_learns_to_dig_and_then_gently(tmp_path, kinematic):
    easy = replace(
        TINY,
        schedule=replace(TINY.schedule, deltas=(0.07,), target_success=1e-9, coarse_target=0.0, max_iterations=60),
    )
    folder = RunFolder.create(tmp_path / "run", easy, {})
    stage = stage_module.Stage(folder, index=0, delta=0.07, make_simulator=kinematic, quiet=True)
    core = stage.collector.env.core
    assert core.force_limit == math.inf
    window = stage.collector.episodes
    window._window.extend([type("Episode", (), {"success": True, "total": 1.0, "length": 5})()] * window.size)
    row, reached = stage._iterate()
    assert not reached and core.force_limit == easy.env.force_limit(0.07)
    assert len(window) == 0, "what was done without the limit does not count"


def test_a_stage_ends_as_soon_as_it_is_seen_to_be_done(tmp_path, run, kinematic, monkeypatch):
    folder = RunFolder.create(tmp_path / "run", TINY, {})
    run("stage", [str(folder.path), "0", "0.07"])
    stage = stage_module.Stage(folder, index=1, delta=0.05, make_simulator=kinematic, quiet=True)
    window, certain = stage.collector.episodes, iter([0.0, 1.0, 1.0])
    monkeypatch.setattr(type(window), "certain_success", property(lambda self: next(certain)))
    before = stage.samples
    row, reached = stage._iterate()
    assert reached and row["samples"] - before == 2 * TINY.num_envs < TINY.ppo.horizon * TINY.num_envs


class Killed(BaseException):
    pass


def test_a_kill_loses_at_most_one_iteration(tmp_path, run, kinematic, monkeypatch):
    folder = RunFolder.create(tmp_path / "run", TINY, {})
    add = stage_module.Metrics.add

    def die(metrics, row):
        add(metrics, row)
        if row["iteration"] == 1:
            raise Killed

    with monkeypatch.context() as patch:
        patch.setattr(stage_module.Metrics, "add", die)
        with pytest.raises(Killed):
            train(folder, quiet=True, run=run)
    assert load_checkpoint(folder.stage(0, 0.07) / "checkpoint.pt")["iteration"] == 1
    assert len(read_metrics(folder.path)) == 2, "the row of the lost iteration is there"
    results = train(folder, quiet=True, run=run)
    assert [r.iterations for r in results] == [3, 3]
    assert [int(r["iteration"]) for r in read_metrics(folder.path)] == [0, 1, 2, 0, 1, 2], "and is not there twice"


def test_a_second_trainer_is_kept_out(tmp_path, run):
    folder = RunFolder.create(tmp_path / "run", TINY, {})
    with folder.locked(), pytest.raises(RunError, match="another process"):
        train(folder, quiet=True, run=run)


def test_nothing_is_overwritten(tmp_path):
    RunFolder.create(tmp_path / "run", TINY, {})
    with pytest.raises(RunError, match="--resume"):
        RunFolder.create(tmp_path / "run", TINY, {})
    with pytest.raises(RunError, match=r"config\.json"):
        RunFolder.open(tmp_path)


def test_an_interrupted_auto_stage_is_finished_before_another_is_chosen(tmp_path, run):
    folder = RunFolder.create(tmp_path / "run", AUTO, {})
    assert following(folder, []) == 0.07
    run("stage", [str(folder.path), "0", "0.07"])
    begun = folder.stage(1, 0.03)
    begun.mkdir()
    (begun / "checkpoint.pt").write_bytes(b"")
    assert following(folder, folder.results(), run=lambda *_: pytest.fail("no probe is needed")) == 0.03


def test_the_only_grain_size_left_is_not_probed(tmp_path, run):
    config = replace(AUTO, schedule=replace(AUTO.schedule, interval=0.06))
    folder = RunFolder.create(tmp_path / "run", config, {})
    run("stage", [str(folder.path), "0", "0.07"])
    assert following(folder, folder.results(), run=lambda *_: pytest.fail("there is nothing to choose")) == 0.01


def test_auto_goes_where_the_probes_point(tmp_path, run):
    folder = RunFolder.create(tmp_path / "run", AUTO, {})
    run("stage", [str(folder.path), "0", "0.07"])
    asked = []

    def probe(module, arguments):
        asked.extend(float(a) for a in arguments[1:])
        found = [Candidate(d, 0.98 if d > 0.025 else 0.1) for d in asked]
        write_findings(folder, 1, found, Spent(seconds=7.0, cpu_seconds=5.0))

    delta = following(folder, folder.results(), run=probe)
    assert delta < 0.025
    assert following(folder, folder.results(), run=lambda *_: pytest.fail("it was probed")) == delta
    assert asked == [0.06, 0.05, 0.04, 0.03, 0.02, 0.01]
    before = folder.results()[-1]
    run("stage", [str(folder.path), "1", repr(delta)])
    assert folder.results()[-1].seconds > before.seconds + 7.0, "probes count as time spent"
    assert spent_before(folder, 2) == Spent(), "once"


def test_probes_end_where_they_would_be_dear(tmp_path, run, monkeypatch):
    folder = RunFolder.create(tmp_path / "run", AUTO, {})
    run("stage", [str(folder.path), "0", "0.07"])
    asked = []

    def episodes(act, config, *, delta, **_):
        asked.append(delta)
        return Outcome(episodes=10, successes=8, length=9.0, peak_force=1.0, samples=100, seconds=1.0)

    monkeypatch.setattr(probe_module, "run_episodes", episodes)
    monkeypatch.setattr(probe_module, "SHARE", 0.0)
    probe_module.probe(folder, [0.06, 0.03])
    assert asked == [0.06]
    assert read_candidates(folder, 1) == [Candidate(0.06, 0.8), Candidate(0.03, None)]
    assert spent_before(folder, 1).seconds > 0


def test_a_damaged_checkpoint_is_named_and_a_foreign_one_refused(tmp_path):
    path = tmp_path / "checkpoint.pt"
    save_checkpoint(path, {"network": {"w": torch.ones(3)}})
    assert torch.equal(load_checkpoint(path)["network"]["w"], torch.ones(3))
    with pytest.raises(CheckpointError, match="lacks learner"):
        load_checkpoint(path, needs=("network", "learner"))
    path.write_bytes(path.read_bytes()[:100])
    with pytest.raises(CheckpointError, match="damaged"):
        load_checkpoint(path)
    torch.save({"format": 99}, path)
    with pytest.raises(CheckpointError, match="format"):
        load_checkpoint(path)
    with pytest.raises(CheckpointError, match="no checkpoint"):
        load_checkpoint(tmp_path / "none.pt")


def test_a_full_disk_leaves_the_old_file(tmp_path):
    path = tmp_path / "file"
    write_atomically(path, b"old")
    (tmp_path / "file.part").symlink_to("/dev/full")  # what is written there finds no space
    with pytest.raises(FileError, match="free some space"):
        write_atomically(path, b"new")
    assert path.read_bytes() == b"old"


@pytest.mark.parametrize(
    "config", [*presets().values(), with_scene(presets()["cpu"], "solid"), without_randomisation(presets()["cpu"])]
)
def test_settings_survive_their_file(config):
    assert from_plain(TrainConfig, json.loads(json.dumps(to_plain(config)))) == config


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda d: d["ppo"].update(clipp=0.3), "clipp"),
        (lambda d: d["ppo"].update(epochs="many"), r"ppo\.epochs must be int"),
        (lambda d: d["schedule"].update(deltas=3), r"schedule\.deltas must be a list"),
        (lambda d: d.update(env=7), "must be a mapping"),
    ],
)
def test_settings_that_do_not_fit_are_named(tmp_path, change, message):
    folder = RunFolder.create(tmp_path / "run", TINY, {})
    data = to_plain(TINY)
    change(data)
    folder.write_json("config.json", data)
    with pytest.raises(RunError, match=message):
        folder.config()


def test_time_left_follows_the_trend_up_to_the_cap():
    rising = deque([(0, 0.0, 0.5), (10, 20.0, 0.7)])
    assert seconds_left(rising, target=0.9, cap=400) == pytest.approx(20.0)
    assert seconds_left(deque([(0, 0.0, 0.5), (10, 20.0, 0.5)]), target=0.9, cap=31) == pytest.approx(40.0)
    assert seconds_left(deque([(0, 0.0, 0.5)]), target=0.9, cap=31) is None


def test_every_preset_keeps_the_papers_numbers():
    paper = presets()["paper"]
    assert (paper.ppo.discount, paper.ppo.clip, paper.transfer.alpha_0, paper.schedule.target_success) == (
        0.99,
        0.2,
        2.0,
        0.95,
    )
    assert (paper.num_envs, paper.ppo.horizon, paper.schedule.max_iterations) == (128, 128, 400)
