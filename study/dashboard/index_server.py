"""Loopback server of the index page of a root, and of the reports of its studies.

It answers GET and HEAD only, and serves the files of `SERVED` of the studies of the root and nothing else, so no path
can lead out of a study. Requests that name another host are refused: a page elsewhere could make a browser send them.
"""

import logging
import threading
from functools import cache
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib.resources import files
from types import TracebackType
from typing import Any, Self
from urllib.parse import unquote, urlsplit

from jinja2 import Environment

from core.errors import ModstudyError, StudyError
from core.storage.roots import shown
from dashboards.page_templates import page_environment
from dashboards.report.keys import DATA_KEY, FRONT_KEY, PAGE_KEY, SUMMARY_KEY
from study.dashboard.live_studies import LiveStudies, summary_of
from study.dashboard.mlflow_server import HOST

SERVED = {
    PAGE_KEY: "text/html; charset=utf-8",
    FRONT_KEY: "image/png",
    SUMMARY_KEY: "application/json",
    DATA_KEY: "text/csv; charset=utf-8",
}
"""Content type of each file of a study that is served, by key."""
ASSETS = {"/index.css": "text/css; charset=utf-8", "/index.js": "text/javascript; charset=utf-8"}
"""Content type of each file of the index page, by path."""
_NOTHING = "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
OWN_PAGE_POLICY = f"{_NOTHING}; img-src 'self' data:; style-src 'self'; script-src 'self'; connect-src 'self'"
"""What the index page may load."""
STUDY_FILE_POLICY = (
    f"{_NOTHING}; script-src 'unsafe-inline'; style-src 'unsafe-inline'; img-src data: blob:; media-src data:"
)
"""What a file of a study may load: nothing, whoever made it; the page of a report has a stricter policy in itself."""
_log = logging.getLogger(__name__)


class IndexServer:
    """Serves the index page from a thread; as a context manager, within the block."""

    def __init__(self, studies: LiveStudies, port: int = 0) -> None:
        """Open the port.

        Args:
            studies: The studies of the root.
            port: Port of the server; 0 for any that is free.

        Raises:
            StudyError: the port cannot be used.
        """
        try:
            self._server = _Server((HOST, port), studies)
        except (OSError, OverflowError) as error:
            raise StudyError(
                f"port {port} of {HOST} cannot be used ({error}); give another one, or none for any that is free"
            ) from error
        self._thread = threading.Thread(target=self._server.serve_forever, name="index", daemon=True)

    @property
    def address(self) -> str:
        """Address of the index page, without a slash at its end."""
        return f"http://{HOST}:{self._server.server_address[1]}"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


# ---------------------------------------------------------------------------------------------------------------------


class _Server(ThreadingHTTPServer):
    """Server with a thread for each connection."""

    daemon_threads = True
    # Connections that browsers keep open must not delay the end.
    block_on_close = False

    def __init__(self, address: tuple[str, int], studies: LiveStudies) -> None:
        self.studies = studies
        super().__init__(address, _Handler)

    def handle_error(self, request: Any, client_address: Any) -> None:  # noqa: ARG002
        """A browser that closes a connection is no error to show."""
        _log.debug("a request ended with an error", exc_info=True)


class _Handler(BaseHTTPRequestHandler):
    """Answers a request."""

    protocol_version = "HTTP/1.1"
    server: _Server

    def do_GET(self) -> None:
        """Answer with content."""
        self._answer(with_body=True)

    def do_HEAD(self) -> None:
        """Answer without content."""
        self._answer(with_body=False)

    def log_message(self, format: str, *args: Any) -> None:
        """Requests are not printed."""
        _log.debug(format, *args)

    def _answer(self, *, with_body: bool) -> None:
        """Send the answer to a request."""
        status, content_type, body, policy = self._content()
        self.send_response(status)
        self.send_header("Content-Type", content_type)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Cache-Control", "no-cache")
        self.send_header("X-Content-Type-Options", "nosniff")
        self.send_header("Referrer-Policy", "no-referrer")
        self.send_header("Content-Security-Policy", policy)
        self.end_headers()
        if with_body:
            self.wfile.write(body)

    def _content(self) -> tuple[HTTPStatus, str, bytes, str]:
        """Status, content type, content and policy of the answer."""
        host = self.headers.get("Host", "").rpartition(":")[0] or self.headers.get("Host", "")
        if host not in (HOST, "localhost"):
            return _problem(HTTPStatus.FORBIDDEN, "this server answers requests to this machine only")
        path = urlsplit(self.path).path
        try:
            if path in ("/", "/studies.html"):
                template = "index.html.j2" if path == "/" else "studies.html.j2"
                return HTTPStatus.OK, SERVED[PAGE_KEY], self._page(template), OWN_PAGE_POLICY
            if path in ASSETS:
                return HTTPStatus.OK, ASSETS[path], _asset(path.removeprefix("/")), _NOTHING
            return self._study_file(path)
        except (ModstudyError, OSError) as error:
            return _problem(HTTPStatus.INTERNAL_SERVER_ERROR, str(error))

    def _page(self, template: str) -> bytes:
        """The index page, or only its part with the studies."""
        views = self.server.studies.views()
        root = shown(self.server.studies.index.root)
        return _environment().get_template(template).render(root=root, views=views, summary=summary_of(views)).encode()

    def _study_file(self, path: str) -> tuple[HTTPStatus, str, bytes, str]:
        """A file of a study, with a path such as `/studies/quickstart/report/index.html`."""
        parts = path.split("/", 3)
        if len(parts) == 4 and parts[1] == "studies" and parts[3] in SERVED:
            name, key = unquote(parts[2]), parts[3]
            # The name is compared with those of the root and never taken for a path.
            if name in self.server.studies.names():
                store = self.server.studies.index.store(name)
                if store.has(key):
                    return HTTPStatus.OK, SERVED[key], store.get(key), STUDY_FILE_POLICY
        return _problem(HTTPStatus.NOT_FOUND, "there is no such page")


def _problem(status: HTTPStatus, reason: str) -> tuple[HTTPStatus, str, bytes, str]:
    """An answer that says what is wrong."""
    return status, "text/plain; charset=utf-8", f"{reason}\n".encode(), _NOTHING


@cache
def _environment() -> Environment:
    """Jinja environment of the templates."""
    return page_environment("study.dashboard")


@cache
def _asset(name: str) -> bytes:
    """A file of the index page."""
    return (files("study.dashboard") / "templates" / name).read_bytes()
