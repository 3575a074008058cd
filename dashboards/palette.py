"""Colour and symbol of each arm, the same in all figures, tables and cards.

The colour of an arm follows from its config alone, so it is the same in all studies, on paper and on the screen. Its
hue is that of its family: the kinds of parameterization and of synth. Its shade follows from the main setting of the
parameterization, such as the cutoff of a low-pass, from dark (small) to light (large); all other settings together move
hue and shade a little, which tells apart arms that differ in these. The hues are near those of Okabe and Ito ("Color
universal design", 2008). All shades have a contrast of at least 3:1 (WCAG 2.1, criterion 1.4.11) both on white and on
the dark theme of the page. Symbols distinguish arms with similar colours. Baselines are grey crosses.
"""

import hashlib
import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any, get_args

from core.settings.parameterizations import ParameterizationConfig
from core.settings.synths import SynthConfig
from dashboards.analysis.arm_results import ArmResult

GREY = "#8a8a8a"
"""Colour of baselines."""
PARAMETERIZATIONS = {variant().kind: variant for variant in get_args(ParameterizationConfig) if not variant.is_baseline}
"""Config classes of the parameterizations that are no baselines, by kind."""
SYNTH_KINDS = tuple(variant().kind for variant in get_args(SynthConfig))
"""Kinds of the synths."""
HUES = (248.0, 45.0, 163.0, 310.0, 90.0, 357.0, 205.0, 21.0, 126.0, 279.0, 67.0, 333.0)
"""Hues of families in degrees of OKLCH.

Blue, vermilion, bluish green, violet, ochre and reddish purple; then those halfway between their neighbours.
"""
HUES_PER_SYNTH = 3
"""Distance in `HUES` between a family and that of the same parameterization with the next synth."""
LUMINANCES = (0.135, 0.285)
"""Relative luminance of the darkest and of the lightest shade, for a contrast of 3:1 on white and on the dark page."""
CHROMAS = (0.18, 0.12)
"""Chroma in OKLCH of the darkest and of the lightest shade, reduced where sRGB has no such colour."""
HUE_SPREAD = 32.0
"""Range of the hues of a family in degrees."""
SHARE_OF_OTHER_SETTINGS = 0.25
"""Share of the range of shades and of hues that depends on settings other than the main one."""
SYMBOLS = (
    ("circle", "o"),
    ("square", "s"),
    ("diamond", "D"),
    ("triangle-up", "^"),
    ("triangle-down", "v"),
    ("pentagon", "p"),
    ("hexagon", "h"),
)
"""Symbols of trained arms, each in plotly and in matplotlib, assigned in the order of the arms."""
BASELINE_SYMBOLS = (("x", "X"), ("cross", "P"))
"""Symbols of baselines, each in plotly and in matplotlib."""
STATIC_SYMBOL = ("star", "*")
"""Symbol of arms with static curves, in plotly and in matplotlib."""


@dataclass(frozen=True, slots=True)
class Style:
    """Colour and symbol of an arm."""

    colour: str
    """Colour as `#rrggbb`, on a light and on a dark background."""
    symbol: str
    """Symbol in plotly."""
    marker: str
    """Symbol in matplotlib."""


def arm_styles(arms: Sequence[ArmResult]) -> dict[str, Style]:
    """The style of each arm by name; colours depend on the arm alone, symbols on its position."""
    styles: dict[str, Style] = {}
    n_baselines = 0
    for arm in arms:
        if arm.is_baseline:
            styles[arm.name] = Style(GREY, *BASELINE_SYMBOLS[n_baselines % len(BASELINE_SYMBOLS)])
            n_baselines += 1
            continue
        index = len(styles) - n_baselines
        symbol = STATIC_SYMBOL if arm.is_static else SYMBOLS[index % len(SYMBOLS)]
        styles[arm.name] = Style(arm_colour(arm.config), *symbol)
    return styles


def arm_colour(config: Mapping[str, Any]) -> str:
    """Colour of a trained arm as `#rrggbb`.

    Args:
        config: Dotted settings of the arm without the seed.
    """
    other = {path: value for path, value in config.items() if path not in ("seed", "device")}
    position = 0.5
    if main := _main_setting(config.get("parameterization.kind")):
        name, typical = main
        value = other.pop(f"parameterization.{name}", None)
        if isinstance(value, int | float) and value > 0:
            position = _position(value / typical)
    offset = _share(json.dumps(other, sort_keys=True, default=str))
    shade = (1 - SHARE_OF_OTHER_SETTINGS) * position + SHARE_OF_OTHER_SETTINGS * offset
    hue = family_hue(config) + HUE_SPREAD * (shade - 0.5)
    darkest, lightest = LUMINANCES
    return _hex_colour(hue, CHROMAS[0] + (CHROMAS[1] - CHROMAS[0]) * shade, darkest * (lightest / darkest) ** shade)


def family_colour(config: Mapping[str, Any]) -> str:
    """The middle shade of an arm's family as `#rrggbb`."""
    darkest, lightest = LUMINANCES
    return _hex_colour(family_hue(config), sum(CHROMAS) / 2, math.sqrt(darkest * lightest))


def family_hue(config: Mapping[str, Any]) -> float:
    """Central hue of an arm's family in degrees of OKLCH; a family that is not built in gets one by its name."""
    parameterization, synth = (str(config.get(f"{name}.kind")) for name in ("parameterization", "synth"))
    if parameterization not in PARAMETERIZATIONS or synth not in SYNTH_KINDS:
        return HUES[math.floor(_share(f"{parameterization} {synth}") * len(HUES))]
    index = list(PARAMETERIZATIONS).index(parameterization) + HUES_PER_SYNTH * SYNTH_KINDS.index(synth)
    return HUES[index % len(HUES)]


# ---------------------------------------------------------------------------------------------------------------------


def _main_setting(kind: str | None) -> tuple[str, float] | None:
    """Name and default of a parameterization's main setting, the first number of its config; None if it has none."""
    variant = PARAMETERIZATIONS.get(kind) if kind else None
    for field in fields(variant) if variant else ():
        default = field.default
        if isinstance(default, int | float) and not isinstance(default, bool) and default > 0:
            return field.name, float(default)
    return None


def _position(ratio: float) -> float:
    """Position of a setting in 0..1, given its ratio to its default: 0.5 at 1, 0.26 at 1/2 and 0.74 at 2."""
    return 1 / (1 + float(ratio**-1.5))


def _share(text: str) -> float:
    """A number in [0, 1) that only depends on the text, and differs between texts."""
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:6]) / 2**48


def _hex_colour(hue: float, chroma: float, luminance: float) -> str:
    """The sRGB colour of an OKLCH hue in degrees with the given relative luminance, with at most the given chroma.

    Björn Ottosson, "A perceptual color space for image processing" (2020).
    """
    for step in range(33):
        linear = _linear_srgb_of_luminance(luminance, chroma * (1 - step / 32), math.radians(hue))
        if min(linear) >= 0 and max(linear) <= 1:
            break
    encoded = [12.92 * value if value <= 0.0031308 else 1.055 * value ** (1 / 2.4) - 0.055 for value in linear]
    return "#" + "".join(f"{round(255 * value):02x}" for value in encoded)


def _linear_srgb_of_luminance(luminance: float, chroma: float, hue: float) -> tuple[float, float, float]:
    """Linear sRGB values of an OKLCH colour of the given luminance; it rises with the lightness, which is bisected."""
    low, high = 0.0, 1.0
    for _ in range(20):
        middle = (low + high) / 2
        red, green, blue = _linear_srgb(middle, chroma, hue)
        low, high = (middle, high) if 0.2126 * red + 0.7152 * green + 0.0722 * blue < luminance else (low, middle)
    return red, green, blue


def _linear_srgb(lightness: float, chroma: float, hue: float) -> tuple[float, float, float]:
    """Linear sRGB values of an OKLCH colour, outside 0..1 if sRGB does not have it; the hue is in radians."""
    a, b = chroma * math.cos(hue), chroma * math.sin(hue)
    long = (lightness + 0.3963377774 * a + 0.2158037573 * b) ** 3
    medium = (lightness - 0.1055613458 * a - 0.0638541728 * b) ** 3
    short = (lightness - 0.0894841775 * a - 1.2914855480 * b) ** 3
    return (
        4.0767416621 * long - 3.3077115913 * medium + 0.2309699292 * short,
        -1.2684380046 * long + 2.6097574011 * medium - 0.3413193965 * short,
        -0.0041960863 * long - 0.7034186147 * medium + 1.7076147010 * short,
    )
