import pytest

from prpd_control.trials.batch import Batch, BatchError, load

KNOWN = ("cube_sand", "plate_sand", "natural_deep")


def write(tmp_path, text):
    path = tmp_path / "batch.yaml"
    path.write_text(text)
    return path


def test_a_batch_file_is_read_with_paths_beside_it(tmp_path):
    path = write(tmp_path, "environments: [cube_sand, plate_sand]\npolicies: [a.onnx]\nrepetitions: 3\nacceptance: 1\n")
    batch = load(path, known_environments=KNOWN)
    assert batch.name == "batch"
    assert batch.policies == (str(tmp_path / "a.onnx"),)
    assert (batch.repetitions, batch.acceptance, batch.order) == (3, 1, "random")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("environments: [cube_sand\n", r"batch\.yaml:2: not readable as YAML"),
        ("environments: [cube_sand]\nrepetition: 3\n", r"batch\.yaml:2: unknown field 'repetition'; known are name"),
        ("seed: 1\nenvironments:\n- cube_sand\n- cube_mud\n", r"batch\.yaml:4: unknown environment 'cube_mud'"),
        ("environments: [cube_sand]\n\nseed: many\n", r"batch\.yaml:3: seed must be a int, not 'many'"),
        ("environments: [cube_sand]\nrepetitions: true\n", r"batch\.yaml:2: repetitions must be a int, not True"),
        ("environments: [1]\n", r"batch\.yaml:1: environments must be a list of texts"),
        ("environments: [cube_sand]\nrepetitions: 0\n", r"batch\.yaml: repetitions must be at least 1, not 0"),
        ("environments: [cube_sand]\norder: backwards\n", r"order must be one of random, listed"),
        ("environments: [cube_sand, cube_sand]\n", "named once each"),
        ("environments: [cube_sand]\nacceptance: 90\n", "acceptance must lie between 0 and 1"),
        ("seed: 1\n", "`environments` is missing"),
        ("just text\n", r"batch\.yaml:1: expected fields"),
    ],
)
def test_errors_name_the_line_and_the_remedy(tmp_path, text, message):
    with pytest.raises(BatchError, match=message):
        load(write(tmp_path, text), known_environments=None if "[1]" in text else KNOWN)


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(BatchError, match=r"nowhere\.yaml cannot be read: No such file"):
        load(tmp_path / "nowhere.yaml")


def test_environments_of_a_real_cell_are_free_names(tmp_path):
    assert load(write(tmp_path, "environments: [wet clay]\n")).environments == ("wet clay",)


def test_the_plan_is_complete_shuffled_by_the_seed_and_fair_to_policies():
    batch = Batch("b", KNOWN, policies=("one", "two"), repetitions=4, seed=5)
    plan = batch.plan()
    assert len(set(plan)) == len(plan) == 24
    assert plan == batch.plan()
    assert plan != Batch("b", KNOWN, policies=("one", "two"), repetitions=4, seed=6, order="listed").plan()
    soils = {p: sorted((t.environment, t.seed) for t in plan if t.policy == p) for p in ("one", "two")}
    assert soils["one"] == soils["two"]


def test_listed_order_goes_round_the_environments():
    plan = Batch("b", KNOWN, repetitions=2, order="listed").plan()
    assert [t.environment for t in plan] == [*KNOWN, *KNOWN]
