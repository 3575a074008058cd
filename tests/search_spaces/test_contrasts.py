"""Declared contrasts and margins of equivalence in study files."""

import tomllib

import pytest

from core.errors import ConfigError
from search_spaces.contrasts import ContrastEntry, DeclaredComparison
from search_spaces.study_file import StudyFile
from search_spaces.study_parsing import parse_study

ARMS = """
question = "why?"
[[arms]]
name = "a"
config = { encoder = { width = 8 } }
[[arms]]
name = "b"
config = { encoder = { width = 16 } }
"""
CONTRAST = '[[contrasts]]\narm = "b"\nreference = "a"\n'


def parsed(text: str) -> StudyFile:
    return parse_study({"name": "mine", **tomllib.loads(text)})


def test_a_contrast_compares_in_each_objective_or_in_its_metric() -> None:
    compared = [("b", "a", "audio.mss"), ("b", "a", "interpretability.tv")]
    study = parsed(ARMS + CONTRAST)
    assert study.comparisons() == tuple(
        DeclaredComparison(arm=arm, reference=reference, metric=metric) for arm, reference, metric in compared
    )
    in_one = parsed(ARMS + CONTRAST + 'metric = "curves.l1"\n')
    assert [comparison.metric for comparison in in_one.comparisons()] == ["curves.l1"]
    assert parsed(ARMS).comparisons() == ()


def test_contrasts_and_margins_are_kept_with_the_study() -> None:
    study = parsed(ARMS + CONTRAST + '[margins]\n"audio.mss" = 0.05\ninterpretability.tv = 1\n')
    assert study.contrasts == (ContrastEntry(arm="b", reference="a"),)
    assert study.margins == {"audio.mss": 0.05, "interpretability.tv": 1.0}
    settings = study.to_settings()
    assert settings["contrasts"] == [{"arm": "b", "reference": "a"}]
    assert settings["margins"] == {"audio.mss": 0.05, "interpretability.tv": 1.0}
    assert parse_study(settings) == study


def test_a_margin_may_be_that_of_a_metric_of_a_contrast() -> None:
    study = parsed(ARMS + CONTRAST + 'metric = "curves.l1"\n[margins]\ncurves.l1 = 0.01\n')
    assert study.margins == {"curves.l1": 0.01}


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (CONTRAST * 2, "'b' and 'a' are compared twice in audio.mss"),
        (CONTRAST.replace('"b"', '"a"'), "an arm is compared with another one; got 'a' twice"),
        (
            CONTRAST + 'reference_metric = "curves.l1"\n',
            "reference_metric is the metric of the reference where it differs",
        ),
        (CONTRAST + 'metric = "curves.l1"\nreference_metric = "curves.l1"\n', "where it differs from metric"),
        (CONTRAST + 'claim = "b is better"\n', "a claim in words needs the conclusion that confirms it"),
        (CONTRAST + 'expected = "better"\n', "a claim in words needs the conclusion that confirms it"),
        (CONTRAST + 'claim = " "\nexpected = "better"\n', "a claim in words needs"),
        ("[margins]\ncurves.l1 = 0.1\n", "no arms are compared in 'curves.l1'"),
        ("[margins]\naudio.mss = 0.0\n", "above 0; got 0"),
        ("[margins]\naudio.mss = -0.1\n", "greater than or equal to 0; got -0.1"),
        ("[margins]\naudio.mss = inf\n", "less than or equal to 1000000000000; got inf"),
        ("[margins]\naudio.mss = nan\n", "less than or equal to 1000000000000; got nan"),
        ("[margins]\naudio.mss = true\n", "margins.audio.mss: must be a number; got True"),
    ],
)
def test_a_declaration_that_says_nothing_or_twice_is_refused(text: str, words: str) -> None:
    with pytest.raises(ConfigError, match=words):
        parsed(ARMS + text)


def test_a_contrast_names_arms_of_the_study() -> None:
    study = parsed(ARMS + CONTRAST.replace('"a"', '"c"'))
    with pytest.raises(ConfigError, match="reference 'c' is no arm that this study declares; its arms are a, b"):
        study.named_arms()


def test_an_arm_may_be_compared_with_itself_in_another_metric() -> None:
    entry = (
        '[[contrasts]]\narm = "b"\nreference = "b"\nmetric = "curves.l1.lls3"\nreference_metric = "curves.l1.lls1"\n'
    )
    claim = 'claim = "modulation is spread over the modules"\nexpected = "better"\n'
    study = parsed(ARMS + entry + claim)
    assert study.comparisons() == (
        DeclaredComparison(arm="b", reference="b", metric="curves.l1.lls3", reference_metric="curves.l1.lls1"),
    )
    assert study.contrasts[0].claim == "modulation is spread over the modules"
    assert parse_study(study.to_settings()) == study
