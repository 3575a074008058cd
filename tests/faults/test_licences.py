"""Licences: what modstudy needs has a licence that is allowed, and the check refuses others."""

import importlib.util
import subprocess
import sys
from types import ModuleType

import pytest


@pytest.fixture(scope="module")
def licences() -> ModuleType:
    spec = importlib.util.spec_from_file_location("licences", ".ci/licences.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_all_installed_packages_have_a_licence_that_is_allowed() -> None:
    done = subprocess.run([sys.executable, ".ci/licences.py"], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "torch " in done.stdout


@pytest.mark.parametrize(
    ("expression", "is_needed", "is_allowed"),
    [
        ("MIT", True, True),
        ("MIT AND BSD-3-Clause", True, True),
        ("GPL-3.0-only", True, False),
        ("GPL-3.0-only", False, True),
        ("MIT AND GPL-3.0-only", True, False),
        ("MIT OR GPL-3.0-only", True, True),
        ("(MIT OR GPL-2.0-only) AND GPL-2.0-only", True, False),
        ("AGPL-3.0-only", False, False),
        ("unknown", True, False),
        ("", True, False),
    ],
)
def test_a_licence_is_allowed(licences: ModuleType, expression: str, *, is_needed: bool, is_allowed: bool) -> None:
    allowed = licences.ALLOWED if is_needed else licences.ALLOWED_IN_EXTRAS
    assert licences.is_allowed(expression, allowed) == is_allowed
