"""Writes the report of a study: a self-contained HTML page, a JSON summary and a figure of the front.

The report is made only from the store of the study, and written to it. For a running study, it covers the trials
committed so far.
"""

from collections.abc import Iterable
from functools import partial
from importlib.resources import files

from jinja2 import Environment
from markupsafe import Markup
from plotly.offline import get_plotlyjs

from core.metrics.base import Direction
from core.storage.store import Store
from core.visible_text import with_visible_text
from dashboards import formatting
from dashboards.analysis.study_analysis import StudyAnalysis
from dashboards.analysis.study_results import StudyResults, load_results
from dashboards.analysis.verdict import TOLERANCE
from dashboards.content_policy import page_policy
from dashboards.data_table import data_csv
from dashboards.export_tables import tidy_csv
from dashboards.figures import front_png
from dashboards.page_templates import page_environment
from dashboards.palette import arm_styles
from dashboards.report.arm_data import arm_data
from dashboards.report.arms import ARMS
from dashboards.report.audio_gallery import AUDIO_GALLERY
from dashboards.report.certainty import CERTAINTY
from dashboards.report.comparisons import COMPARISONS
from dashboards.report.data_files import DATA_FILES
from dashboards.report.description import description
from dashboards.report.effects import EFFECTS
from dashboards.report.findings import FINDINGS
from dashboards.report.front import FRONT, front_axes
from dashboards.report.glossary import GLOSSARY
from dashboards.report.keys import DATA_KEY, DESCRIPTION_KEY, FRONT_KEY, PAGE_KEY, RESULTS_KEY, SUMMARY_KEY
from dashboards.report.learning import LEARNING
from dashboards.report.modulations import MODULATIONS
from dashboards.report.parallel import PARALLEL
from dashboards.report.problems import PROBLEMS
from dashboards.report.race import RACE
from dashboards.report.run import RUN
from dashboards.report.search import SEARCH
from dashboards.report.section import ReportData, Section
from dashboards.report.summary import summary, summary_to_json
from dashboards.tables import STATUS_TEXT, seeds_cell, status_cell

SECTIONS: tuple[Section, ...] = (
    FINDINGS,
    FRONT,
    CERTAINTY,
    RACE,
    SEARCH,
    ARMS,
    MODULATIONS,
    COMPARISONS,
    EFFECTS,
    PARALLEL,
    AUDIO_GALLERY,
    LEARNING,
    DATA_FILES,
    PROBLEMS,
    RUN,
    GLOSSARY,
)
"""Sections in the order of the page."""


def write_report(store: Store, *, root: str = "runs", tolerance: float = TOLERANCE) -> StudyAnalysis:
    """Write page, summary and figure of a study, finished or not.

    Args:
        store: Store of the study.
        root: Root folder of the study, for commands in texts.
        tolerance: Loss in the first objective that the recommended arm may have, as a share of the best mean.

    Returns:
        The analysis in the report.

    Raises:
        StoreError: there is no study in the store.
    """
    analysis = StudyAnalysis(load_results(store), root=root, tolerance=tolerance)
    results = analysis.results
    report = ReportData(store=store, analysis=analysis, styles=arm_styles(results.arms))
    store.put(FRONT_KEY, front_png(results, *front_axes(results), report.styles))
    store.put(SUMMARY_KEY, summary_to_json(summary(analysis)))
    store.put(RESULTS_KEY, tidy_csv(results))
    if results.plan.data_files:
        store.put(DATA_KEY, data_csv(results.plan.data_files))
    store.put(DESCRIPTION_KEY, description(analysis).encode())
    store.put(PAGE_KEY, render_page(report).encode())
    return analysis


def render_page(report: ReportData, sections: tuple[Section, ...] = SECTIONS) -> str:
    """HTML of the page, which loads no external resources."""
    environment = _template_environment(report.results)
    common = {"results": report.results, "plan": report.results.plan, "styles": report.styles}
    rendered: list[tuple[Section, Markup]] = []
    data = dict(arm_data(report, front_axes(report.results)))
    for section in sections:
        context = section.context(report)
        if context is None:
            continue
        body = environment.get_template(section.template).render(**common, **context)
        rendered.append((section, Markup(body)))
        data |= section.data(report)
    styles = dict.fromkeys(["page.css", *(name for section, _ in rendered for name in section.styles)])
    css = Markup("\n").join(map(_asset, styles))
    scripts = (Markup(get_plotlyjs().replace("\r\n", "\n")), _page_script([section.scripts for section, _ in rendered]))
    return environment.get_template("page.html.j2").render(
        **common,
        sections=rendered,
        data=with_visible_text(data),
        policy=page_policy([css], scripts),
        css=css,
        scripts=scripts,
    )


# ---------------------------------------------------------------------------------------------------------------------


def _template_environment(results: StudyResults) -> Environment:
    """Jinja environment with the filters that the templates use."""
    environment = page_environment("dashboards")
    environment.filters |= {
        "number": formatting.number,
        "bounds": formatting.bounds,
        "signed": formatting.signed,
        "short": formatting.short,
        "state_text": formatting.state_text,
        "listed": formatting.join_names,
        "seeds": seeds_cell,
        "status": partial(status_cell, results),
        "status_rank": lambda arm: list(STATUS_TEXT).index(arm.status),
        "goal": lambda metric: _goal(formatting.axis(metric, results.objectives).direction),
    }
    environment.tests["undecided"] = results.is_undecided
    return environment


def _page_script(scripts: Iterable[tuple[str, ...]]) -> Markup:
    """The script of the page, with those of its sections, given by the names of their files, in blocks of their own."""
    blocks = ["\n".join(map(_asset, names)) for names in scripts if names]
    parts = [*map(_asset, ("page.js", "tables.js")), *(f"{{\n{block}\n}}" for block in blocks), "finishPage();"]
    return Markup('"use strict";\n(() => {{\n{}\n}})();\n').format(Markup("\n".join(parts)))


def _goal(direction: Direction) -> Markup:
    """A mark for the heading of a metric's column that says whether small or large values are better."""
    if direction == "neutral":
        return Markup()
    word = "min" if direction == "minimize" else "max"
    return Markup('<abbr class="goal" title="{}">{}</abbr>').format(formatting.better(direction), word)


def _asset(name: str) -> Markup:
    """A script or style sheet of this package, not escaped because it is trusted."""
    return Markup((files("dashboards") / "templates" / name).read_text(encoding="utf-8"))
