"""The diffs of CONTRIBUTING.md, applied to a copy of the repository: new parts go through the whole path."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore::DeprecationWarning")]

ROOT = Path(__file__).parents[2]
FOUR_MODULATIONS = Path(__file__).with_name("four_modulations.diff")
PACKAGES = ("core", "dashboards", "search_spaces", "study", "tests")
MAX_FILES = {"synth": 3, "parameterization": 3, "metric": 3, "data source": 3, "sampler": 3}
"""Files that an addition may touch, its test aside."""
STUDY = """
question = "Do the new parts go through the whole path?"
seeds = [0]
[config]
device = "cpu"
audio = { duration_s = 0.25, hop_length = 80 }
data = { kind = "tones", n_train = 6, n_validation = 3, n_test = 3 }
encoder = { width = 4, dilations = [1, 2], n_mels = 16, head_hidden = 4 }
synth = { kind = "driven_sine" }
trainer = { max_steps = 4, batch_size = 2, validate_every = 2, checkpoint_every = 2, n_audio_clips = 1 }
[[objectives]]
metric = "audio.mss"
direction = "minimize"
[[objectives]]
metric = "interpretability.duty"
direction = "minimize"
[[space]]
path = "synth.kind"
values = ["driven_sine", "four_harmonics"]
[[space]]
path = "parameterization.kind"
values = ["steps", "constant"]
[search]
arms_per_cell = 2
round_size = 1
sampler = { kind = "kronecker" }
[[search.space]]
path = "optimizer.lr"
low = 1e-3
high = 1e-2
log = true
"""


def diffs() -> dict[str, str]:
    """The diffs of CONTRIBUTING.md by what they add, as in the heading `Add a synth`."""
    text = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    return {
        match[1]: match[2]
        for match in re.finditer(r"^## Add an? ([a-z ]+)$.*?^```diff\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
    }


def shipped_files(diff: str) -> list[str]:
    return [path for path in re.findall(r"^\+\+\+ b/(.*)$", diff, re.MULTILINE) if not path.startswith("tests/")]


@pytest.fixture(scope="module")
def copy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the packages with every diff applied."""
    folder = tmp_path_factory.mktemp("copy")
    listed = subprocess.run(
        ["git", "ls-files", "-co", "--exclude-standard", *PACKAGES, "pyproject.toml"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    for name in listed.stdout.split():
        if (ROOT / name).is_file():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_bytes((ROOT / name).read_bytes())
    for diff in (*diffs().values(), FOUR_MODULATIONS.read_text(encoding="utf-8")):
        subprocess.run(["git", "apply", "--whitespace=nowarn", "-"], cwd=folder, input=diff, text=True, check=True)
    return folder


def run(copy: Path, *command: str) -> str:
    """Run a Python module of the copy and return what it printed."""
    environment = os.environ | {"PYTHONPATH": str(copy)}
    done = subprocess.run(
        [sys.executable, "-m", *command], cwd=copy, env=environment, capture_output=True, text=True, timeout=400
    )
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-4000:]
    return done.stdout


def test_an_addition_touches_three_files_and_its_test_at_most() -> None:
    assert set(diffs()) == set(MAX_FILES)
    for addition, diff in diffs().items():
        assert 1 <= len(shipped_files(diff)) <= MAX_FILES[addition], addition


def test_the_new_parts_satisfy_their_contracts_and_the_types(copy: Path) -> None:
    new = "driven_sine or four_harmonics or steps or duty or TonesConfig or kronecker"
    assert "passed" in run(copy, "pytest", "-q", "-p", "no:cacheprovider", "tests/contracts", "-k", new)
    assert "Success" in run(copy, "mypy", "-p", "core", "-p", "search_spaces")


def test_the_new_parts_train_on_a_gpu_that_is_not_there(copy: Path) -> None:
    new = "driven_sine or four_harmonics or mod_synth-steps"
    step = "tests/core/training/test_cuda_step.py"
    assert "passed" in run(copy, "pytest", "-q", "-p", "no:cacheprovider", step, "-k", new)


def test_the_catalogue_lists_them(copy: Path) -> None:
    catalog = json.loads(run(copy, "study.cli", "catalog", "--json"))
    kinds = {group: {entry["kind"] for entry in catalog[group]} for group in ("synths", "parameterizations")}
    assert {"driven_sine", "four_harmonics"} <= kinds["synths"]
    assert "steps" in kinds["parameterizations"]
    assert "tones" in {entry["kind"] for entry in catalog["data_sources"]}
    assert "interpretability.duty" in {metric["name"] for metric in catalog["metrics"]}


def test_a_study_over_them_reaches_report_and_tracker(copy: Path) -> None:
    from mlflow import MlflowClient

    (copy / "new_parts.toml").write_text(STUDY)
    output = run(copy, "study.cli", "launch", "new_parts.toml")
    # Four arms of the space with one seed, two of the search with two, and those of the search that are confirmed.
    (n_trials,) = (int(count) for count in re.findall(r"(\d+) of \1 trials done, 0 running, 0 failed", output)[-1:])
    assert n_trials in (9, 10)
    summary = json.loads((copy / "runs/new_parts/summary.json").read_text())
    arms = {arm["name"]: arm for arm in summary["arms"]}
    of_space = {f"{synth} {kind}" for synth in ("driven_sine", "four_harmonics") for kind in ("steps", "constant")}
    assert set(arms) - of_space <= {"search 000", "search 001"}
    assert len(arms) == n_trials - 4
    two, four = arms["driven_sine steps"]["metrics"], arms["four_harmonics steps"]["metrics"]
    for modulation in ("drive", "env"):
        assert f"interpretability.duty.{modulation}" in two
    for modulation in ("first", "second", "third", "fourth"):
        assert f"interpretability.range.{modulation}" in four
    # Of the truth, only the envelope is known: raw where the synth has one, projected on all curves where it has not.
    assert {"curves.l1.env", "curves.l1.lls3.env"} <= two.keys()
    assert "curves.l1.lls3.env" in four
    assert "curves.l1.env" not in four
    page = (copy / "runs/new_parts/report/index.html").read_text()
    for name in ("drive", "fourth", "interpretability.duty", *arms):
        assert name in page
    client = MlflowClient(tracking_uri=f"sqlite:///{copy / 'runs/mlflow.db'}")
    experiment = client.get_experiment_by_name("new_parts")
    assert experiment is not None
    runs = client.search_runs([experiment.experiment_id])
    seeds = [run for run in runs if run.data.tags["modstudy.level"] == "seed"]
    assert len(seeds) == n_trials
    # The four trials of the search are evaluated on validation alone.
    assert sum("interpretability.duty" in run.data.metrics for run in seeds) == n_trials - 4
