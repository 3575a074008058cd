"""A study's report: one self-contained page, the same numbers as JSON, and the front as a picture.

It is made from the store alone and written back to it; a study that is still running gets a report of the trials
committed so far.
"""

from importlib.resources import files
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup
from plotly.offline import get_plotlyjs

from core.storage.store import Store
from dashboards import formatting
from dashboards.analysis.study_results import StudyResults, load_results
from dashboards.figures import front_png
from dashboards.palette import arm_styles
from dashboards.report.arms import ARMS
from dashboards.report.audio_gallery import AUDIO_GALLERY
from dashboards.report.findings import FINDINGS
from dashboards.report.front import FRONT, front_axes
from dashboards.report.problems import PROBLEMS
from dashboards.report.run import RUN
from dashboards.report.section import ReportData, Section
from dashboards.report.summary import summary, summary_to_json
from dashboards.tables import STATUS_TEXT, seeds_cell

SECTIONS: tuple[Section, ...] = (FINDINGS, FRONT, ARMS, AUDIO_GALLERY, PROBLEMS, RUN)
"""In the order of the page."""
PAGE_KEY = "report/index.html"
SUMMARY_KEY = "summary.json"
FRONT_KEY = "report/front.png"


def write_report(store: Store) -> StudyResults:
    """Write page, summary and picture of a study, finished or not.

    Returns:
        The results that they show.

    Raises:
        StoreError: the store holds no study.
    """
    results = load_results(store)
    report = ReportData(store=store, results=results, styles=arm_styles(results.arms))
    store.put(FRONT_KEY, front_png(results, *front_axes(results), report.styles))
    store.put(SUMMARY_KEY, summary_to_json(summary(results)))
    store.put(PAGE_KEY, render_page(report).encode())
    return results


def render_page(report: ReportData, sections: tuple[Section, ...] = SECTIONS) -> str:
    """The page as HTML that loads nothing from elsewhere."""
    environment = _environment(report.results)
    common = {"results": report.results, "plan": report.results.plan, "styles": report.styles}
    shown: list[tuple[Section, Markup]] = []
    data: dict[str, Any] = {}
    for section in sections:
        context = section.context(report)
        if context is None:
            continue
        body = environment.get_template(section.template).render(**common, **context)
        shown.append((section, Markup(body)))
        data |= section.data(report)
    return environment.get_template("page.html.j2").render(
        **common,
        sections=shown,
        data=data,
        css=_asset("page.css"),
        page_script=_asset("page.js"),
        section_scripts=[Markup("\n").join(map(_asset, section.scripts)) for section, _ in shown if section.scripts],
        plotly=Markup(get_plotlyjs()),
    )


# ---------------------------------------------------------------------------------------------------------------------


def _environment(results: StudyResults) -> Environment:
    environment = Environment(
        loader=PackageLoader("dashboards"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {
        "number": formatting.number,
        "bounds": formatting.bounds,
        "signed": formatting.signed,
        "short": formatting.short,
        "listed": formatting.listed,
        "seeds": seeds_cell,
        "status": lambda arm: STATUS_TEXT[arm.status],
        "status_rank": lambda arm: list(STATUS_TEXT).index(arm.status),
        "arrow": lambda metric: formatting.arrow(formatting.axis(metric, results.objectives).direction),
    }
    return environment


def _asset(name: str) -> Markup:
    """A script or style sheet, which is not escaped: it is ours."""
    return Markup((files("dashboards") / "templates" / name).read_text(encoding="utf-8"))
