"""Reports: names, questions, errors and files of a study are text on its pages, and a page makes no request.

Each payload would note its number in the window, or ask a server for something, if it ran.
"""

import html
import re
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from core.storage.records import DataIssue
from core.storage.store import Store
from core.visible_text import visible
from dashboards.analysis.study_results import load_results
from dashboards.comparison.page import render_comparison
from dashboards.comparison.study_comparison import compare_studies
from dashboards.content_policy import page_policy
from dashboards.curves_figure import curves_svg
from dashboards.report.keys import DESCRIPTION_KEY, PAGE_KEY
from dashboards.report.page import write_report
from study.dashboard.index_server import IndexServer
from study.dashboard.live_studies import LiveStudies
from tests.support.browser import Page, driven_page
from tests.support.fake_study import FakeArm, fake_study

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")
RUN = "(window.ran=window.ran||[]).push({n})"
MARKUP = (
    "<script>{run}</script>",
    "</script><script>{run}</script>",
    "<img src=x onerror='{run}'>",
    "<img src='{server}/image{n}'>",
    "<svg onload='{run}'></svg>",
    "<svg><script>{run}</script></svg>",
    "<svg><image href='{server}/svg{n}'/></svg>",
    "<body onload='{run}'>",
    "<iframe srcdoc='<script>parent.{run}</script>'></iframe>",
    "<iframe src='{server}/frame{n}'></iframe>",
    "<object data='{server}/object{n}'></object>",
    "<embed src='{server}/embed{n}'>",
    "<link rel=stylesheet href='{server}/style{n}'>",
    "<link rel=prefetch href='{server}/prefetch{n}'>",
    "<style>@import url({server}/import{n}); body{{background:url({server}/css{n})}}</style>",
    "<p style='background:url({server}/attribute{n})'>x</p>",
    "<video autoplay src='{server}/video{n}' onerror='{run}'></video>",
    "<audio autoplay src='{server}/audio{n}' onerror='{run}'></audio>",
    "<details open ontoggle='{run}'>x</details>",
    "<input autofocus onfocus='{run}'>",
    "<select autofocus onfocus='{run}'></select>",
    "<textarea autofocus onfocus='{run}'></textarea>",
    "<marquee onstart='{run}'>x</marquee>",
    "<base href='{server}/'><script src='base{n}.js'></script>",
    "<script src='{server}/script{n}.js'></script>",
    "<script type=module>import '{server}/module{n}.js'; {run}</script>",
    "<script>fetch('{server}/fetch{n}')</script>",
    "<script>navigator.sendBeacon('{server}/beacon{n}')</script>",
    "<script>new WebSocket('{socket}/socket{n}')</script>",
    "<math><mtext></table><mglyph><style><!--</style><img title='--&gt;&lt;img src=1 onerror={run}&gt;'>",
)
"""Payloads that run, or ask for something, where text becomes markup."""
ELSEWHERE = (
    "\" onmouseover='{run}' x=\"",
    "' autofocus onfocus={run} '",
    "javascript:{run}",
    "{{{{ 7*7 }}}}<%= 7*7 %>${{{run}}}",
    "'];{run};//",
    "\\u003cscript\\u003e{run}\\u003c/script\\u003e",
    "-->]]><script>{run}</script><!--",
    "\u2028{run}\u2029",
    "a\n</pre></td></tr></table><script>{run}</script>",
    "\u202e<b>abc</b>\u202c",
    "\x00\x1b[31m\x08<b>",
    "+ADw-script+AD4-{run}+ADw-/script+AD4-",
)
"""Payloads for attributes, scripts and templates, and characters that deceive."""
MODULATIONS = ("<img src=x onerror=window.ran=[101]>", "</script><script>window.ran=[102]</script>", "env")


@dataclass
class Server:
    """A server on this machine that notes what it is asked for."""

    address: str
    asked: list[str] = field(default_factory=list)

    def payloads(self, texts: tuple[str, ...]) -> list[str]:
        """The payloads with their numbers and this address."""
        socket = self.address.replace("http", "ws")
        return [
            text.format(run=RUN.format(n=number), n=number, server=self.address, socket=socket)
            for number, text in enumerate(texts)
        ]


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            seen.asked.append(self.path)
            self.send_response(404)
            self.end_headers()

        do_POST = do_GET  # noqa: N815

        def log_message(self, *_: Any) -> None:
            """Nothing is printed."""

    listener = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    seen = Server(f"http://127.0.0.1:{listener.server_address[1]}")
    thread = threading.Thread(target=listener.serve_forever)
    thread.start()
    yield seen
    listener.shutdown()
    thread.join()
    listener.server_close()


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Page]:
    with driven_page(tmp_path_factory.mktemp("browser")) as page:
        yield page


@pytest.fixture(scope="module")
def hostile(server: Server, tmp_path_factory: pytest.TempPathFactory) -> Store:
    """A study with a report, in which every text is a payload."""
    texts = server.payloads(MARKUP + ELSEWHERE)
    arms = [FakeArm(name=text, mss=1 + index / 10, tv=5 - index / 10) for index, text in enumerate(texts)]
    arms[-4:] = [replace(arm, outcomes={0: "failed"}) for arm in arms[-4:]]
    store = fake_study(
        tmp_path_factory.mktemp("hostile") / "quickstart",
        arms,
        seeds=1,
        n_clips=1,
        modulations=MODULATIONS,
        truth=MODULATIONS,
        question=" ".join(texts),
        issues=tuple(DataIssue(source=text, problem=text, skipped=True) for text in texts),
    )
    for index, trial in enumerate(store.plan().trials):
        record = store.record(trial.digest)
        if record is not None and record.outcome == "failed":
            again = store.begin(trial.digest)
            error = "\n".join(texts[index % 4 :: 4])
            environment = {**record.environment, "host": texts[0], "device_name": texts[2]}
            again.commit(replace(record, attempt=again.name, error=error, environment=environment))
    write_report(store)
    return store


@dataclass(frozen=True)
class Opened:
    """What happened in the browser when pages were opened and used."""

    ran: list[int]
    messages: list[str]
    requests: list[str]
    asked: list[str]
    text: str


def use(page: Page, url: str, server: Server) -> Opened:
    """Open a page, use what it offers, and say what happened."""
    before = len(server.asked)
    page.messages()
    page.requests()
    page.open(url)
    page.run(
        """
        for (const each of document.querySelectorAll("select")) {
          each.selectedIndex = each.options.length - 1;
          each.dispatchEvent(new Event("change", { bubbles: true }));
        }
        for (const each of document.querySelectorAll("button, summary, [data-arm]")) {
          for (const kind of ["pointerenter", "mouseover", "focus", "click"])
            each.dispatchEvent(new MouseEvent(kind, { bubbles: true }));
        }
        """
    )
    page.run("return new Promise(done => setTimeout(done, 1500))")
    ran = page.run("return window.ran || []")
    text = page.run("return document.documentElement.textContent")
    requests = [url_ for url_ in page.requests() if not url_.startswith(url)]
    # The clicks on the players are no gestures of a person.
    messages = [message for message in page.messages() if "AudioContext was not allowed" not in message]
    return Opened(ran, messages, requests, server.asked[before:], text)


@pytest.fixture(scope="module")
def opened(browser: Page, hostile: Store, server: Server) -> Opened:
    return use(browser, Path(hostile.root, PAGE_KEY).as_uri(), server)


@pytest.fixture(scope="module")
def opened_with_markup(
    browser: Page, hostile: Store, server: Server, tmp_path_factory: pytest.TempPathFactory
) -> Opened:
    """The page with the payloads as markup, as if they had not been escaped."""
    page = Path(hostile.root, PAGE_KEY).read_text(encoding="utf-8")
    path = tmp_path_factory.mktemp("markup") / "index.html"
    path.write_text(page.replace("</main>", "\n".join(server.payloads(MARKUP)) + "</main>"), encoding="utf-8")
    return use(browser, path.as_uri(), server)


@pytest.fixture(scope="module")
def opened_without_policy(browser: Page, server: Server, tmp_path_factory: pytest.TempPathFactory) -> Opened:
    """The payloads in a page without a policy, each in a frame of its own document."""
    path = tmp_path_factory.mktemp("open") / "index.html"
    frames = "".join(f'<iframe srcdoc="{html.escape(text)}"></iframe>' for text in server.payloads(MARKUP))
    path.write_text(f"<!doctype html><body>{frames}", encoding="utf-8")
    browser.open(path.as_uri())
    before = len(server.asked)
    browser.reload()
    browser.run("return new Promise(done => setTimeout(done, 3000))")
    ran = browser.run(
        """
        const of = frame => { try { return frame.ran || [] } catch { return [] } };
        return Array.from({ length: frames.length }, (_, index) => of(frames[index])).flat().concat(of(window));
        """
    )
    browser.messages()
    return Opened(ran, [], [], server.asked[before:], "")


@pytest.mark.browser
@pytest.mark.parametrize("number", range(len(MARKUP + ELSEWHERE)))
def test_a_payload_is_text_on_the_page(opened: Opened, server: Server, number: int) -> None:
    payload = server.payloads(MARKUP + ELSEWHERE)[number]
    assert number not in opened.ran
    assert "".join(visible(payload).split()) in "".join(opened.text.split())


@pytest.mark.browser
def test_the_page_makes_no_request_and_says_nothing_to_the_console(opened: Opened) -> None:
    assert opened.ran == []
    assert opened.requests == []
    assert opened.asked == []
    assert opened.messages == []


@pytest.mark.browser
@pytest.mark.parametrize("number", range(len(MARKUP)))
def test_a_payload_that_became_markup_does_not_run_and_asks_for_nothing(
    opened_with_markup: Opened, number: int
) -> None:
    assert number not in opened_with_markup.ran
    assert [path for path in opened_with_markup.asked if re.search(rf"\D{number}(\.js)?$", path)] == []


@pytest.mark.browser
def test_without_the_policy_the_payloads_run(opened_without_policy: Opened) -> None:
    assert len(set(opened_without_policy.ran)) >= 8
    assert len(opened_without_policy.asked) > 10


@pytest.mark.browser
def test_a_comparison_runs_no_payload(browser: Page, hostile: Store, server: Server, tmp_path: Path) -> None:
    other = fake_study(tmp_path / "other", [FakeArm(name=server.payloads(MARKUP)[0], mss=1.0, tv=2.0)], n_clips=0)
    path = tmp_path / "comparison.html"
    path.write_text(render_comparison(compare_studies([load_results(hostile), load_results(other)])), encoding="utf-8")
    found = use(browser, path.as_uri(), server)
    assert (found.ran, found.requests, found.asked, found.messages) == ([], [], [], [])
    assert server.payloads(MARKUP)[0] in found.text


@pytest.mark.browser
def test_the_index_page_runs_no_payload(browser: Page, hostile: Store, server: Server) -> None:
    with IndexServer(LiveStudies(str(Path(hostile.root).parent))) as pages:
        found = use(browser, f"{pages.address}/", server)
        assert (found.ran, found.requests, found.asked, found.messages) == ([], [], [], [])
        assert server.payloads(MARKUP)[2] in found.text
        report = use(browser, f"{pages.address}/studies/quickstart/{PAGE_KEY}", server)
        assert (report.ran, report.requests, report.asked, report.messages) == ([], [], [], [])


@pytest.mark.browser
def test_the_figure_of_curves_runs_no_payload(browser: Page, server: Server, tmp_path: Path) -> None:
    texts = server.payloads(MARKUP + ELSEWHERE)
    rows = [
        {"clip_id": text, "modulation": text, "target": [0.0, 1.0], "estimate": [1.0, 0.0], "frame_rate": 10.0}
        for text in texts
    ]
    path = tmp_path / "curves.svg"
    path.write_text(curves_svg(rows, " ".join(texts)), encoding="utf-8")
    found = use(browser, path.as_uri(), server)
    assert (found.ran, found.requests, found.asked, found.messages) == ([], [], [], [])
    assert texts[0] in found.text


def test_no_payload_is_markup_in_the_description_for_the_tracker(hostile: Store) -> None:
    text = hostile.get(DESCRIPTION_KEY).decode()
    assert "&lt;script&gt;" in text
    assert not re.search(r"<\s*[a-zA-Z/!]", text)
    assert set(re.findall(r"\]\(([^)]*)\)", text)) <= {"index.html", "front.png"}


RULES = page_policy(["a"], ["b"]).split("; ")


@pytest.mark.parametrize(
    "rule", ["default-src 'none'", "base-uri 'none'", "form-action 'none'", "media-src data:", "img-src data: blob:"]
)
def test_the_policy_of_a_page_allows_nothing_from_elsewhere(rule: str) -> None:
    assert rule in RULES


def test_the_policy_names_scripts_by_their_hashes_only() -> None:
    (scripts,) = [rule for rule in RULES if rule.startswith("script-src")]
    assert re.fullmatch(r"script-src( 'sha256-[A-Za-z0-9+/=]{44}')+", scripts)
    assert not any(rule.startswith(("connect-src", "script-src-", "worker-src", "frame-src")) for rule in RULES)


def test_a_page_without_scripts_allows_none() -> None:
    assert "script-src" not in page_policy(["a"])


@pytest.mark.parametrize("key", ["report/index.html", "report/front.png", "summary.json"])
def test_what_the_index_page_serves_may_load_nothing(hostile: Store, key: str) -> None:
    from urllib.request import urlopen

    with (
        IndexServer(LiveStudies(str(Path(hostile.root).parent))) as pages,
        urlopen(f"{pages.address}/studies/quickstart/{key}") as answer,
    ):
        policy = answer.headers["Content-Security-Policy"]
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
    for rule in ("default-src 'none'", "form-action 'none'", "frame-ancestors 'none'"):
        assert rule in policy
