"""docs/adding-an-action.md keeps its word: one file and one test, and nothing else to edit."""

from __future__ import annotations

import inspect
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import connector.actions
from connector.actions import discover, get_action, registry

PAGE = Path(__file__).parents[3] / "docs" / "adding-an-action.md"


def examples() -> dict[str, str]:
    """The files that the page consists of, by their name."""
    found = re.findall(r"^```python file=\S*/(\w+)\.py\n(.*?)^```$", PAGE.read_text(), re.S | re.M)
    return dict(found)


@pytest.fixture
def with_example(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    (tmp_path / "sidecar.py").write_text(examples()["sidecar"])
    monkeypatch.setattr(connector.actions, "__path__", [*connector.actions.__path__, str(tmp_path)])
    registry.cache_clear()
    yield
    registry.cache_clear()
    sys.modules.pop("connector.actions.sidecar", None)
    vars(connector.actions).pop("sidecar", None)


def example_tests() -> dict[str, Any]:
    namespace: dict[str, Any] = {}
    code = compile(examples()["test_sidecar"], str(PAGE), "exec", dont_inherit=True)
    exec(code, namespace)
    return {name: value for name, value in namespace.items() if name.startswith("test_")}


@pytest.mark.parametrize("name", sorted(example_tests()))
def test_the_example_is_found_and_its_own_test_passes(name, with_example, request):
    assert "sidecar" in registry()
    test = example_tests()[name]
    wanted = inspect.signature(test).parameters
    test(**{fixture: request.getfixturevalue(fixture) for fixture in wanted})


def test_its_parameters_have_a_schema(with_example):
    schema = get_action("sidecar").Params.model_json_schema()
    assert schema["properties"]["ending"]["default"] == "json"


def test_the_built_in_kinds_are_found():
    assert {"move", "copy", "rotate", "alert"} <= set(registry())
    for kind, action in registry().items():
        assert action.kind == kind
        assert action.Params.model_json_schema()["type"] == "object"


def test_two_modules_with_one_kind_do_not_start(tmp_path, monkeypatch):
    package = tmp_path / "colabel_example_actions"
    package.mkdir()
    for name in ("one", "two"):
        (package / f"{name}.py").write_text("class A:\n    kind = 'same'\nACTION = A()\n")
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(ValueError, match="same"):
        discover([str(package)], "colabel_example_actions")
