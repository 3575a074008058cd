"""The page of a comparison: one HTML file that loads nothing, in the style of the report."""

import base64
from importlib.resources import files

from markupsafe import Markup

from dashboards import formatting
from dashboards.comparison.figure import COLOURS, comparison_figure
from dashboards.comparison.study_comparison import StudyComparison
from dashboards.comparison.text import arm_text, caution, difference_text, n_pairs, sentences
from dashboards.content_policy import page_policy
from dashboards.page_templates import page_environment

_STYLES = """
.front-figure { display: block; width: 100%; height: auto; background: #fff; }
.better td.verdict { font-weight: 600; }
"""


def render_comparison(comparison: StudyComparison) -> str:
    """HTML of the page."""
    environment = page_environment("dashboards")
    environment.filters |= {
        "number": formatting.number,
        "interval": formatting.interval,
        "short": formatting.short,
        "difference": difference_text,
        "arm": arm_text,
        "pairs": n_pairs,
    }
    figure = base64.b64encode(comparison_figure(comparison, "svg")).decode()
    css = Markup((files("dashboards") / "templates" / "page.css").read_text(encoding="utf-8") + _STYLES)
    return environment.get_template("comparison.html.j2").render(
        comparison=comparison,
        pairs=[(pair, sentences(pair, comparison), caution(pair)) for pair in comparison.pairs],
        colours={name: COLOURS[index % len(COLOURS)] for index, name in enumerate(comparison.names)},
        figure=f"data:image/svg+xml;base64,{figure}",
        policy=page_policy([css]),
        css=css,
    )
