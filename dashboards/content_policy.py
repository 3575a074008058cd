"""Content-Security-Policy of the pages: what they may load (nothing), and which scripts and style sheets may run.

Scripts and style sheets are named by their hashes, so that text of a study that became markup could not run. Values of
`style` attributes, which the tables and plotly use, have no hash; they can load nothing either.
Reference: W3C, Content Security Policy Level 3.
"""

import base64
import hashlib
import re
from collections.abc import Sequence

_MADE_STYLES = re.compile(r"createElement\(.style.\)[^;]*;[^;]*?\.textContent='([^'\\]*)'")
"""Content of a style sheet that a script makes, as plotly.js does for maps."""


def page_policy(styles: Sequence[str], scripts: Sequence[str] = (), *, plays_files: bool = False) -> str:
    """The policy of a page, for its `meta` element.

    Args:
        styles: Content of its style sheets.
        scripts: Content of its scripts; with scripts, it may also make and play pictures and sounds of its own.
        plays_files: Whether it may also play sound files beside it, from a folder or from its server.
    """
    rules = ["default-src 'none'", "base-uri 'none'", "form-action 'none'"]
    if scripts:
        media = "media-src data: 'self' file:" if plays_files else "media-src data:"
        rules += [f"script-src {_hashes(scripts)}", "img-src data: blob:", media]
        # plotly.js also makes an empty style sheet, which it fills rule by rule.
        styles = (*styles, "", *(content for script in scripts for content in _MADE_STYLES.findall(script)))
    else:
        rules.append("img-src data:")
    # Browsers that do not know the two finer rules take the first.
    rules += ["style-src 'unsafe-inline'", f"style-src-elem {_hashes(styles)}", "style-src-attr 'unsafe-inline'"]
    return "; ".join(rules)


def _hashes(contents: Sequence[str]) -> str:
    """The hashes of the contents of elements, as the policy writes them."""
    digests = (hashlib.sha256(content.encode()).digest() for content in contents)
    return " ".join(f"'sha256-{base64.b64encode(digest).decode()}'" for digest in digests)
