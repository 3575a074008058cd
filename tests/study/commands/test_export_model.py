"""`modstudy export model`: a trained arm as a file that torch alone runs."""

from pathlib import Path

import pytest
import torch

from core.storage.store import Store
from study.commands.options import BAD_INPUT, OK
from tests.support.command_line import Command, flat
from tests.support.trained_arms import trained_arms


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Store:
    """A study whose arm `frame` was trained, and its baseline."""
    return trained_arms(
        tmp_path_factory.mktemp("export"),
        {("frame", 0), ("constant", 0)},
        encoder={"width": 4, "dilations": [1, 2], "stride": 4},
        synth={"kind": "engel", "n_harmonics": 10},
    )


def root_of(store: Store) -> tuple[str, str]:
    return "--root", str(Path(store.root).parent)


@pytest.mark.slow
def test_an_arm_becomes_a_file_and_the_lines_that_run_it(modstudy: Command, store: Store) -> None:
    result = modstudy("export", "model", "tiny", *root_of(store))
    assert result.exit_code == OK, result.output
    assert "frame of tiny, seed 0: " in flat(result)
    assert "tiny-frame.pt2: " in flat(result)
    assert "its results differ from the arm's own by at most " in flat(result)
    _, has_lines, lines = result.output.partition(f"It runs with torch {torch.__version__} alone:\n")
    assert has_lines
    found: dict[str, torch.Tensor] = {}
    exec(lines, found)
    assert found["curves"].shape == (2, 3, 33)
    assert found["estimate"].shape == (2, 4000)
    again = modstudy("export", "model", "tiny:frame", *root_of(store))
    assert again.exit_code == BAD_INPUT
    assert "nothing is overwritten: tiny-frame.pt2 is there; choose another --out, or --force" in flat(again)


@pytest.mark.parametrize(
    ("arm", "message"),
    [
        ("tiny:fram", "there is no arm 'fram'; did you mean frame?"),
        ("tiny:constant", "only an arm with a trained encoder can be applied"),
        ("tiny:lpf-8", "no trial of lpf-8 has finished yet"),
        ("tinny", "there is no study 'tinny'"),
    ],
)
def test_what_cannot_be_exported_is_refused(
    modstudy: Command, store: Store, tmp_path: Path, arm: str, message: str
) -> None:
    result = modstudy("export", "model", arm, *root_of(store))
    assert result.exit_code == BAD_INPUT
    assert message in flat(result)
    assert not list(tmp_path.glob("*.pt2"))
