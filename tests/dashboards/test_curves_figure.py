"""Figure of the curves of a trial: well-formed, complete, and without anything from names."""

from typing import Any
from xml.etree import ElementTree

from dashboards.curves_figure import ESTIMATE, TRUTH, curves_svg

SVG = "{http://www.w3.org/2000/svg}"


def row(clip: str, modulation: str, target: list[float] | None, estimate: list[float] | None) -> dict[str, Any]:
    return {"clip_id": clip, "modulation": modulation, "target": target, "estimate": estimate, "frame_rate": 2.0}


def test_each_clip_and_modulation_has_its_known_curves() -> None:
    rows = [
        row("a", "add", [0.0, 1.0, 0.0], [0.0, 0.5, 0.0]),
        row("a", "env", None, [1.0, 0.5, 0.0]),
        row("b", "add", [0.0, 1.0, 0.0], None),
    ]
    figure = ElementTree.fromstring(curves_svg(rows, "mine"))
    strokes = [path.get("stroke") for path in figure.iter(f"{SVG}path")]
    assert strokes == [TRUTH, ESTIMATE, ESTIMATE, TRUTH]
    first = next(figure.iter(f"{SVG}path")).get("d")
    assert first == "M0.0 100.0L50.0 0.0L100.0 100.0"
    assert "env, a, 1 s" in [text.text for text in figure.iter(f"{SVG}text")]


def test_names_are_shown_as_they_are() -> None:
    svg = curves_svg([row("<b>&", "<i>", None, [0.0, 1.0])], '"<script>')
    captions = ["".join(text.itertext()) for text in ElementTree.fromstring(svg).iter(f"{SVG}text")]
    assert captions == ['"<script>: recovered', "<i>, <b>&, 0.5 s"]
