"""One colour and symbol per arm, the same in every figure, table and card.

Colours are those of Okabe and Ito ("Color universal design", 2008) that stand out on white; symbols distinguish arms
of the same colour. Baselines are grey crosses, so that nobody takes them for competitors.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from dashboards.analysis.arm_results import ArmResult

GREY = "#8a8a8a"
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9")
# Plotly's symbol and matplotlib's marker. Seven symbols and six colours: 42 combinations before one repeats.
SYMBOLS = (
    ("circle", "o"),
    ("square", "s"),
    ("diamond", "D"),
    ("triangle-up", "^"),
    ("triangle-down", "v"),
    ("pentagon", "p"),
    ("hexagon", "h"),
)
BASELINE_SYMBOLS = (("x", "X"), ("cross", "P"))
STATIC_SYMBOL = ("star", "*")


@dataclass(frozen=True, slots=True)
class Style:
    """An arm's colour, and its symbol in plotly and in matplotlib."""

    colour: str
    symbol: str
    marker: str


def arm_styles(arms: Sequence[ArmResult]) -> dict[str, Style]:
    """Styles by arm name, assigned in the order of the plan."""
    styles: dict[str, Style] = {}
    n_baselines = 0
    for arm in arms:
        if arm.is_baseline:
            styles[arm.name] = Style(GREY, *BASELINE_SYMBOLS[n_baselines % len(BASELINE_SYMBOLS)])
            n_baselines += 1
            continue
        index = len(styles) - n_baselines
        symbol = STATIC_SYMBOL if arm.is_static else SYMBOLS[index % len(SYMBOLS)]
        styles[arm.name] = Style(COLOURS[index % len(COLOURS)], *symbol)
    return styles
