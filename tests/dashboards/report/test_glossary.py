"""The glossary explains what a study's page has."""

from dataclasses import replace

from core.settings.synths import ShanConfig
from dashboards.report.glossary import GLOSSARY, terms
from dashboards.report.page import render_page
from tests.dashboards.report.html_page import HtmlPage
from tests.dashboards.report.test_sections import report_data
from tests.support.fake_study import ARMS, FakeArm, MakeStudy


def test_terms_have_the_numbers_of_the_study(make_study: MakeStudy) -> None:
    found = {term.name: term.text for term in terms(report_data(make_study, seeds=3, n_clips=0).results)}
    assert "A sound of 1 s at 16,000 samples per second; there are 384 for training" in found["clip"]
    assert "this study has 7" in found["arm"]
    assert "3 seeds each here" in found["seed"]
    assert "add, sub and env" in found["modulation"]
    assert "audio.mss (smaller is better) and interpretability.tv (smaller is better)" in found["objective"]


def test_what_the_study_does_not_have_is_not_explained(make_study: MakeStudy) -> None:
    found = {term.name for term in terms(report_data(make_study, n_clips=0, modulations=("tone",), truth=()).results)}
    assert not found & {"add", "sub", "env", "PCC (curves.pcc)"}
    assert "TV (interpretability.tv)" in found


def test_crashed_is_explained_where_a_trial_has_crashed(make_study: MakeStudy) -> None:
    results = report_data(make_study, n_clips=0).results
    assert "crashed" not in {term.name for term in terms(results)}
    arm = results.arms[0]
    first = arm.trials[0]
    assert first.record is not None
    trials = (replace(first, record=replace(first.record, outcome="crashed")), *arm.trials[1:])
    crashed = replace(results, arms=(replace(arm, trials=trials), *results.arms[1:]))
    assert "SIGSEGV" in {term.name: term.text for term in terms(crashed)}["crashed"]


def test_granular_is_explained_where_an_arm_is(make_study: MakeStudy) -> None:
    arms = [*ARMS[:2], FakeArm(name="free", mss=0.1, tv=1.0, synth=ShanConfig(control="granular"))]
    plain, granular = (
        {term.name: term.text for term in terms(report_data(make_study, some, n_clips=0, name=name).results)}
        for name, some in (("plain", arms[:2]), ("granular", arms))
    )
    assert "granular" not in plain
    assert "never on the front" in granular["granular"]


def test_every_spelling_leads_to_one_entry(make_study: MakeStudy) -> None:
    report = report_data(make_study, n_clips=0)
    page = HtmlPage(render_page(report, (GLOSSARY,)))
    ids = [attributes["id"] for _, attributes in page.tags if (attributes.get("id") or "").startswith("term-")]
    assert ids == [f"term-{term.id}" for term in terms(report.results)]
    assert len(ids) == len(set(ids))
    spellings = [spelling.lower() for each in page.data["terms"].values() for spelling in each]
    assert len(spellings) == len(set(spellings))
