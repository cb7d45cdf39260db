"""A headless Chromium, spoken to by the WebDriver protocol."""

from __future__ import annotations

import base64
import json
import re
import shutil
import subprocess
import time
import urllib.error
import urllib.request
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

DRIVER = shutil.which("chromedriver")
BROWSER = shutil.which("chromium") or shutil.which("google-chrome")

ARGUMENTS = ["--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"]


def absent() -> str:
    """What is missing to start a browser; empty where nothing is."""
    needed = {"chromium": BROWSER, "chromedriver": DRIVER}
    missing = [name for name, path in needed.items() if path is None]
    return f"not installed: {', '.join(missing)}" if missing else ""


@dataclass(frozen=True)
class Page:
    """An open window."""

    session: str

    def open(self, path: Path) -> None:
        """Load a file and wait until it is loaded."""
        _post(f"{self.session}/url", {"url": path.resolve().as_uri()})

    def run(self, script: str, *arguments: Any) -> Any:
        """The value that the body of an asynchronous JavaScript function returns.

        Raises RuntimeError with what it threw.
        """
        body = f"""
            const [done, given] = [arguments[arguments.length - 1], arguments];
            (async function() {{ {script} }}).apply(null, given).then(
                value => done({{value}}), error => done({{error: String(error)}}));
        """
        outcome = _post(f"{self.session}/execute/async", {"script": body, "args": list(arguments)})
        if "error" in outcome:
            raise RuntimeError(outcome["error"])
        return outcome.get("value")

    def emulate(self, width: int, height: int, dark: bool = False) -> None:
        """Show pages as on a screen of this size, light or dark."""
        size = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": False}
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        for command, parameters in (
            ("Emulation.setDeviceMetricsOverride", size),
            ("Emulation.setEmulatedMedia", {"features": [scheme]}),
        ):
            wanted = {"cmd": command, "params": parameters}
            _post(f"{self.session}/goog/cdp/execute", wanted)

    def complaints(self) -> list[str]:
        """The errors in the console since it was last asked."""
        entries = _post(f"{self.session}/se/log", {"type": "browser"})
        return [entry["message"] for entry in entries if entry["level"] == "SEVERE"]

    def screenshot(self, path: Path) -> None:
        """What the window shows, as a PNG file."""
        path.write_bytes(base64.b64decode(_get(f"{self.session}/screenshot")))


@contextmanager
def chromium(folder: Path, width: int = 1400, height: int = 1000):
    """A :class:`Page` of a browser whose files are in `folder`; it is ended with the context."""
    with (folder / "chromedriver.log").open("w+") as log:
        driver = subprocess.Popen([DRIVER, "--port=0"], stdout=log, stderr=log)
        try:
            server = f"http://127.0.0.1:{_port(Path(log.name), driver)}"
            options = {
                "binary": BROWSER,
                "args": [
                    *ARGUMENTS,
                    f"--window-size={width},{height}",
                    f"--user-data-dir={folder / 'profile'}",
                ],
            }
            wanted = {"goog:chromeOptions": options, "goog:loggingPrefs": {"browser": "ALL"}}
            new = _post(f"{server}/session", {"capabilities": {"alwaysMatch": wanted}})
            session = f"{server}/session/{new['sessionId']}"
            try:
                yield Page(session)
            finally:
                _ask(urllib.request.Request(session, method="DELETE"))
        finally:
            driver.terminate()
            driver.wait(20)


def _port(log: Path, driver: subprocess.Popen) -> int:
    """The port that the driver says it has chosen."""
    end = time.monotonic() + 30
    while time.monotonic() < end and driver.poll() is None:
        said = re.search(r"started successfully on port (\d+)", log.read_text())
        if said:
            return int(said[1])
        time.sleep(0.1)
    raise RuntimeError(f"chromedriver does not start: {log.read_text()}")


def _get(url: str) -> Any:
    return _ask(urllib.request.Request(url))


def _post(url: str, value: dict[str, Any]) -> Any:
    data = json.dumps(value).encode()
    return _ask(urllib.request.Request(url, data, {"Content-Type": "application/json"}))


def _ask(request: urllib.request.Request) -> Any:
    try:
        with urllib.request.urlopen(request, timeout=120) as answer:
            return json.load(answer)["value"]
    except urllib.error.HTTPError as error:
        raise RuntimeError(error.read().decode()) from error
