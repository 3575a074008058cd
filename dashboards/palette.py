"""Colour and symbol of each arm, the same in all figures, tables and cards.

The colours are those of Okabe and Ito ("Color universal design", 2008) with enough contrast on white. Symbols
distinguish arms of the same colour. Baselines are grey crosses, to set them apart from trained arms.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from dashboards.analysis.arm_results import ArmResult

GREY = "#8a8a8a"
"""Colour of baselines."""
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9")
"""Colours of trained arms."""
SYMBOLS = (
    ("circle", "o"),
    ("square", "s"),
    ("diamond", "D"),
    ("triangle-up", "^"),
    ("triangle-down", "v"),
    ("pentagon", "p"),
    ("hexagon", "h"),
)
"""Symbols of trained arms, each in plotly and in matplotlib.

With seven symbols and six colours, 42 arms have different combinations.
"""
BASELINE_SYMBOLS = (("x", "X"), ("cross", "P"))
"""Symbols of baselines, each in plotly and in matplotlib."""
STATIC_SYMBOL = ("star", "*")
"""Symbol of arms with static curves, in plotly and in matplotlib."""


@dataclass(frozen=True, slots=True)
class Style:
    """Colour and symbol of an arm."""

    colour: str
    symbol: str
    """Symbol in plotly."""
    marker: str
    """Symbol in matplotlib."""


def arm_styles(arms: Sequence[ArmResult]) -> dict[str, Style]:
    """The style of each arm by name, assigned in the order of the arms."""
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
