"""A page in headless Chromium, driven over WebDriver by Debian's chromedriver."""

import base64
import json
import os
import shutil
import signal
import subprocess
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.support.processes import wait_until
from tests.support.servers import free_port, is_up

PATIENCE_S = 120
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
FLAGS = (
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync", "--hide-scrollbars",
)  # fmt: skip
KEYS = {"enter": "\ue007", "tab": "\ue004", "space": " "}
ELEMENT = "element-6066-11e4-a52e-4f735466cecf"
"""Key of an element's id in WebDriver's answers."""


class Page:
    """A window of the browser."""

    def __init__(self, driver: str, profile: Path, width: int = 1400, height: int = 1000) -> None:
        flags = [*FLAGS, f"--window-size={width},{height}", f"--user-data-dir={profile}"]
        wanted = {
            "goog:chromeOptions": {"args": flags, **({"binary": CHROMIUM} if CHROMIUM else {})},
            "goog:loggingPrefs": {"browser": "ALL", "performance": "ALL"},
        }
        session = _call(f"{driver}/session", {"capabilities": {"alwaysMatch": wanted}})["sessionId"]
        self._session = f"{driver}/session/{session}"

    def open(self, url: str) -> None:
        _call(f"{self._session}/url", {"url": url})

    def reload(self) -> None:
        _call(f"{self._session}/refresh", {})

    def run(self, script: str, *arguments: object) -> Any:
        """The value that a script returns."""
        return _call(f"{self._session}/execute/sync", {"script": script, "args": list(arguments)})

    def command(self, name: str, **parameters: object) -> Any:
        """The answer to a command of the DevTools protocol."""
        return _call(f"{self._session}/goog/cdp/execute", {"cmd": name, "params": parameters})

    def wait_for(self, script: str, what: str) -> None:
        """Return when a script returns a true value."""
        wait_until(lambda: self.run(script), what, patience_s=PATIENCE_S, every_s=0.1)

    def click(self, selector: str) -> None:
        """Click on the first element of a selector, as a pointer does."""
        _call(f"{self._session}/element/{self._found(selector)}/click", {})

    def type(self, selector: str, text: str) -> None:
        """Type into the first element of a selector."""
        _call(f"{self._session}/element/{self._found(selector)}/value", {"text": text})

    def press(self, key: str) -> None:
        """Press a key of `KEYS` on the focused element."""
        presses = [{"type": kind, "value": KEYS[key]} for kind in ("keyDown", "keyUp")]
        _call(f"{self._session}/actions", {"actions": [{"type": "key", "id": "keys", "actions": presses}]})

    def point(self, x: float, y: float, *, click: bool = False) -> None:
        """Move the pointer to a place of the window, in pixels, and perhaps click there."""
        moves: list[Mapping[str, object]] = [
            {"type": "pointerMove", "duration": 0, "x": round(x) - 4, "y": round(y)},
            {"type": "pointerMove", "duration": 50, "x": round(x), "y": round(y)},
        ]
        if click:
            moves += [{"type": "pointerDown", "button": 0}, {"type": "pointerUp", "button": 0}]
        pointer = {"type": "pointer", "id": "mouse", "parameters": {"pointerType": "mouse"}, "actions": moves}
        _call(f"{self._session}/actions", {"actions": [pointer]})

    def choose(self, selector: str, value: str) -> None:
        """Choose an option of a select."""
        self.run(
            "const s = document.querySelector(arguments[0]); s.value = arguments[1];"
            "s.dispatchEvent(new Event('change', { bubbles: true }));",
            selector,
            value,
        )

    def resize(self, width: int, height: int, *, mobile: bool = False) -> None:
        """Give the window the size of a screen in pixels of CSS."""
        self.command(
            "Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=mobile
        )

    def prefer(self, scheme: str) -> None:
        """Let the system prefer `light` or `dark`."""
        self.command(
            "Emulation.setEmulatedMedia", media="", features=[{"name": "prefers-color-scheme", "value": scheme}]
        )

    def picture(self, *, whole: bool = False) -> bytes:
        """PNG image of the window, or of the whole page."""
        if not whole:
            return base64.b64decode(_call(f"{self._session}/screenshot"))
        size = self.command("Page.getLayoutMetrics")["cssContentSize"]
        clip = {"x": 0, "y": 0, "width": size["width"], "height": size["height"], "scale": 1}
        answer = self.command("Page.captureScreenshot", format="png", captureBeyondViewport=True, clip=clip)
        return base64.b64decode(answer["data"])

    def pdf(self) -> bytes:
        """The page as it is printed on A4."""
        answer = self.command("Page.printToPDF", printBackground=True, paperWidth=8.27, paperHeight=11.69)
        return base64.b64decode(answer["data"])

    def messages(self) -> list[str]:
        """Messages to the console since the last call, exceptions included."""
        return [entry["message"] for entry in self._log("browser")]

    def requests(self) -> list[str]:
        """Addresses that were requested since the last call, without those of data."""
        sent = [json.loads(entry["message"])["message"] for entry in self._log("performance")]
        urls = [each["params"]["request"]["url"] for each in sent if each["method"] == "Network.requestWillBeSent"]
        return [url for url in urls if not url.startswith(("data:", "blob:", "chrome:", "about:"))]

    def close(self) -> None:
        _call(self._session, method="DELETE")

    def _found(self, selector: str) -> str:
        """Id of the first element of a selector, which is scrolled into the middle of the window."""
        found: str = _call(f"{self._session}/element", {"using": "css selector", "value": selector})[ELEMENT]
        # WebDriver's own scrolling ends below the navigation, and does not wait for a smooth one.
        self.run("arguments[0].scrollIntoView({ block: 'center', behavior: 'instant' })", {ELEMENT: found})
        return found

    def _log(self, kind: str) -> list[dict[str, Any]]:
        entries: list[dict[str, Any]] = _call(f"{self._session}/se/log", {"type": kind})
        return entries


@contextmanager
def driven_page(folder: Path, width: int = 1400, height: int = 1000) -> Iterator[Page]:
    """A page with a new profile; skips the test where there is no chromedriver."""
    if shutil.which("chromedriver") is None:
        pytest.skip("no chromedriver here; .ci/run installs Debian's")
    port = free_port()
    driver = f"http://127.0.0.1:{port}"
    with (folder / "chromedriver.log").open("w") as log:
        process = subprocess.Popen(["chromedriver", f"--port={port}"], stdout=log, stderr=log, start_new_session=True)
    try:
        wait_until(lambda: is_up(f"{driver}/status"), "chromedriver", patience_s=PATIENCE_S)
        page = Page(driver, folder / "profile", width, height)
        try:
            yield page
        finally:
            page.close()
    finally:
        os.killpg(process.pid, signal.SIGTERM)
        process.wait(PATIENCE_S)


def _call(url: str, body: object = None, method: str | None = None) -> Any:
    """The value of WebDriver's answer."""
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(url, data, {"Content-Type": "application/json"}, method=method)
    try:
        with urllib.request.urlopen(request, timeout=PATIENCE_S) as response:
            return json.loads(response.read())["value"]
    except urllib.error.HTTPError as error:
        raise AssertionError(json.loads(error.read())["value"]["message"]) from error
