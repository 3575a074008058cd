"""The verdict for a sound designer says what the numbers of a study say, in terms of its sounds."""

from pathlib import Path
from typing import Any

import pytest

from core.settings.parameterizations import LowPassConfig, StillConfig
from core.settings.synths import EngelConfig
from core.storage.records import Objective
from dashboards.analysis.study_analysis import StudyAnalysis
from dashboards.analysis.study_results import load_results
from dashboards.finding_sentences import findings, verdict_sentence, verdict_sentences
from dashboards.report.findings import with_code
from dashboards.sound_verdict import SOUND_DESIGN
from tests.support.fake_study import FakeArm, fake_study

LPF = FakeArm(name="lpf-8", mss=1.2, tv=8.0, parameterization=LowPassConfig(cutoff_hz=8.0))
FRAME = FakeArm(name="frame", mss=1.19, tv=22.0)
STILL = FakeArm(name="constant", mss=2.0, tv=None, range=0.0, parameterization=StillConfig())


def analysis(tmp_path: Path, *arms: FakeArm, root: str = "runs", seeds: int = 8, **options: Any) -> StudyAnalysis:
    file = {"audience": SOUND_DESIGN}
    store = fake_study(tmp_path / "own", arms, seeds=seeds, n_clips=0, study_file=file, **options)
    return StudyAnalysis(load_results(store), root)


def sentence(tmp_path: Path, *arms: FakeArm, **options: Any) -> str:
    return verdict_sentence(analysis(tmp_path, *arms, **options))


def test_it_says_whether_sounds_move_what_to_take_what_moves_and_what_to_do(tmp_path: Path) -> None:
    text = sentence(tmp_path, LPF, FRAME, STILL)
    assert text.startswith(
        "Moving curves explain these sounds clearly better than a synth that stands still: the distance from them "
        "(audio.mss) is 1.2"
    )
    assert " against 2.0" in text
    assert "Take lpf-8: it sounds as close as frame, the closest (within 5 %), and its curves are 6" in text
    assert " % calmer, so easier to draw again." in text
    assert "What moves most is the " in text
    assert "held still, the distance grows by 0." in text
    for words in ("position in the wavetable (add", "cutoff of the filter (sub", "amplitude (env"):
        assert words in text
    assert text.endswith("To get the curves of every sound of a folder: `modstudy apply own:lpf-8 FOLDER`.")


def test_it_heads_the_findings_and_its_commands_are_code(tmp_path: Path) -> None:
    found = analysis(tmp_path, LPF, FRAME, STILL)
    assert findings(found)[0] == verdict_sentence(found)
    assert len(verdict_sentences(found)) == 4
    assert "<code>modstudy apply own:lpf-8 FOLDER</code>" in with_code(verdict_sentence(found))


def test_other_studies_keep_their_sentence(tmp_path: Path) -> None:
    store = fake_study(tmp_path / "own", [LPF, FRAME, STILL], seeds=8, n_clips=0)
    assert verdict_sentence(StudyAnalysis(load_results(store))).startswith("Pick lpf-8: its sound is within 5 %")


def test_commands_name_another_root(tmp_path: Path) -> None:
    text = sentence(tmp_path, LPF, FRAME, STILL, root="/some where")
    assert text.endswith("`modstudy apply own:lpf-8 FOLDER --root '/some where'`.")


@pytest.mark.parametrize(
    ("still", "start"),
    [
        (2.0, "Moving curves explain these sounds clearly better than a synth that stands still: "),
        (1.22, "Moving curves explain these sounds a little better than a synth that stands still: "),
        (0.9, "Moving curves explain these sounds no better than a synth that stands still: "),
    ],
)
def test_it_says_how_much_better_moving_curves_are(tmp_path: Path, still: float, start: str) -> None:
    constant = FakeArm(name="constant", mss=still, tv=None, range=0.0, parameterization=StillConfig())
    assert sentence(tmp_path, FRAME, constant, seeds=16).startswith(start)


def test_few_seeds_decide_nothing(tmp_path: Path) -> None:
    text = sentence(tmp_path, LPF, FRAME, STILL, seeds=3)
    assert text.startswith("Moving curves seem to explain these sounds better than a synth that stands still, which 3 ")
    assert "Take lpf-8 for now: it sounds " in text
    assert "3 seeds cannot decide between lpf-8 and frame" in text
    assert "`modstudy extend own --seeds 8`" in text


def test_one_seed_is_an_example(tmp_path: Path) -> None:
    text = sentence(tmp_path, LPF, FRAME, seeds=1)
    assert "Take lpf-8 for now: " in text
    assert "One seed cannot decide. Run more: `modstudy extend own --seeds 8`." in text
    assert "stands still" not in text, "there is no arm that does"


def test_the_most_accurate_arm_is_taken_for_its_sound(tmp_path: Path) -> None:
    dull = FakeArm(name="lpf-8", mss=2.0, tv=8.0, parameterization=LowPassConfig(cutoff_hz=8.0))
    text = sentence(tmp_path, FRAME, dull, STILL)
    assert "Take frame: no other arm sounds closer, and none within 5 % of it is shown to have calmer curves." in text


def test_the_strongest_arm_that_stands_still_is_compared(tmp_path: Path) -> None:
    weak = FakeArm(name="fixed", mss=3.0, tv=None, range=0.0, parameterization=StillConfig())
    assert " against 2.0" in sentence(tmp_path, LPF, weak, STILL)


def test_curves_that_do_nothing_are_named(tmp_path: Path) -> None:
    quiet = FakeArm(name="lpf-8", mss=1.2, tv=8.0, effect=0.0, parameterization=LowPassConfig(cutoff_hz=8.0))
    assert "Nothing is heard to move: held still, the distance grows by less than 0.05" in sentence(tmp_path, quiet)


def test_curves_are_called_what_they_control(tmp_path: Path) -> None:
    engel = FakeArm(name="lpf-8", mss=1.2, tv=8.0, synth=EngelConfig())
    text = sentence(tmp_path, engel)
    assert "the bands of the filtered noise (sub" in text
    assert "wavetable" not in text


def test_without_results_there_is_nothing_to_take(tmp_path: Path) -> None:
    lost = FakeArm(name="lpf-8", mss=1.2, tv=8.0, outcomes={0: "failed", 1: "failed"})
    assert sentence(tmp_path, lost, seeds=2) == ("No arm can be picked: no trial has finished.")


def test_another_objective_is_named_by_its_metric(tmp_path: Path) -> None:
    objectives = (Objective(metric="audio.log_mel", direction="minimize"),)
    assert ": audio.log_mel is " in sentence(tmp_path, LPF, FRAME, STILL, objectives=objectives)
