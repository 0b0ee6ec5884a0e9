"""What several system tests share."""

import pytest
import scripted_policy


@pytest.fixture(scope="module")
def policy(tmp_path_factory):
    """An ONNX file that digs by rule."""
    return scripted_policy.write(tmp_path_factory.mktemp("policy") / "scripted.onnx")
