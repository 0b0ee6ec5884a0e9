from __future__ import annotations

from dataclasses import replace

import pytest

from prpd_task.errors import UserError
from prpd_train.cli import study as command
from prpd_train.runs.config import presets
from prpd_train.runs.folder import RunFolder
from prpd_train.runs.train import train
from prpd_train.study import STUDIES, variants
from prpd_train.study.heat_map import heat_map
from prpd_train.study.report import markdown, plot, rows
from prpd_train.study.run import finished, run_path

BASE = presets()["smoke"]


@pytest.mark.parametrize("preset", ["cpu", "smoke"])
@pytest.mark.parametrize("study", sorted(STUDIES))
def test_the_variants_of_a_study_differ_in_name_and_settings(study, preset):
    base = presets()[preset]
    settings = variants(study, base)
    assert len({v.name for v in settings}) == len(settings)
    assert all(a.config != b.config for i, a in enumerate(settings) for b in settings[:i])


def test_an_unknown_study_is_named(tmp_path):
    with pytest.raises(UserError, match="alpha, baseline"):
        variants("beta", BASE)
    with pytest.raises(UserError, match="no variant"):
        command.main(["alpha", "--preset", "smoke", "--only", "alpha 7", "--out", str(tmp_path)])
    with pytest.raises(UserError, match="no run"):
        command.main(["alpha", "--preset", "smoke", "--report", "--out", str(tmp_path)])


def test_the_report_shows_what_there_is(tmp_path, run, capsys):
    settings = variants("alpha", BASE)[:2]
    for variant in settings:
        train(RunFolder.create(run_path(tmp_path, variant, 0), variant.config, {}), quiet=True, run=run)
    runs = finished(tmp_path, variants("alpha", BASE), (0, 1))
    assert [(variant.name, seed) for variant, seed, _ in runs] == [("alpha 0", 0), ("alpha 0.25", 0)]
    table = rows(runs)
    assert [row["stages"] for row in table] == [2, 2]
    assert "| alpha 0.25 | 0 of 1 |" in markdown(table)
    plot(runs, tmp_path / "curves.png")
    assert (tmp_path / "curves.png").stat().st_size > 10_000
    assert command.main(["alpha", "--preset", "smoke", "--report", "--out", str(tmp_path)]) == 0
    assert "alpha 0.25" in capsys.readouterr().out


def test_a_map_shows_the_cells_that_have_runs(tmp_path, run):
    settings = variants("map", BASE)[:6:5]
    assert [v.name for v in settings] == ["interval 5 mm target 0.7", "interval 10 mm target 0.8"]
    for variant, seed in zip(settings, (0, 3)):
        config = replace(variant.config, schedule=replace(variant.config.schedule, last=0.06))
        train(RunFolder.create(run_path(tmp_path, variant, seed), config, {}), quiet=True, run=run)
    heat_map(finished(tmp_path, settings, (0, 3)), tmp_path / "map.png")
    assert (tmp_path / "map.png").stat().st_size > 5_000
