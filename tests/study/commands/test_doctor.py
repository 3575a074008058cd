"""`modstudy doctor`: what the machine has and lacks."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from study.commands import doctor as doctor_module
from study.commands.doctor import PACKAGES, Finding, findings
from study.commands.options import BAD_INPUT, OK
from tests.support.command_line import Command, flat


def give(monkeypatch: pytest.MonkeyPatch, *found: Finding) -> None:
    """Let the command find this, whatever the machine has."""

    def findings(folder: Path, *, start_ray: bool) -> Iterator[Finding]:
        del folder, start_ray
        yield from found

    monkeypatch.setattr(doctor_module, "findings", findings)


def test_it_looks_at_the_machine_and_at_every_package(tmp_path: Path) -> None:
    subjects = [subject for subject, _, _ in findings(tmp_path, start_ray=False)]
    assert {"Python", "cores", "memory", "GPU", "disk", *PACKAGES} <= set(subjects)
    assert "Ray starts" not in subjects


def test_each_finding_is_a_line(modstudy: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    give(monkeypatch, ("cores", "2 usable of 2", True), ("disk", "9.0 GiB free for [runs]", True))
    result = modstudy("doctor", "--no-ray")
    assert result.exit_code == OK
    assert [line.split() for line in result.output.splitlines()] == [
        ["ok", "cores", "2", "usable", "of", "2"],
        ["ok", "disk", "9.0", "GiB", "free", "for", "[runs]"],
    ]


def test_whatever_is_lacking_shows_in_the_exit_code(modstudy: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    give(monkeypatch, ("disk", "1.0 GiB free", False))
    result = modstudy("doctor")
    assert result.exit_code == BAD_INPUT
    assert "missing disk 1.0 GiB free" in flat(result)


def test_a_package_that_is_not_installed_is_lacking(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor_module, "PACKAGES", ("no-such-package",))
    found = {subject: (text, is_good) for subject, text, is_good in findings(tmp_path, start_ray=False)}
    text, is_good = found["no-such-package"]
    assert text.startswith("not installed: pip install")
    assert not is_good
