# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A headless Chromium, which a person's login in a test goes through, driven by WebDriver (the protocol of chromedriver)."""

from __future__ import annotations

import contextlib
import shutil
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import requests

from tests.servers import processes
from tests.servers.processes import LOOPBACK, ServerUnavailable

DIRECT = {"http": "", "https": ""}
ELEMENT = "element-6066-11e4-a52e-4f735466cecf"
"""The name under which WebDriver returns an element."""


class Browser:
    """A browser with one window."""

    def __init__(self, url: str, profile: Path) -> None:
        """Open the window."""
        arguments = ["--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-proxy-server"]
        options = {"args": [*arguments, "--user-data-dir={0}".format(profile)]}
        wanted = {"capabilities": {"alwaysMatch": {"browserName": "chrome", "goog:chromeOptions": options}}}
        self._url = url
        self._session = url + "/session/" + self._send("POST", url + "/session", wanted)["sessionId"]

    def open(self, address: str) -> None:
        """Open an address. That nothing listens where it ends is no failure: the address line shows it."""
        with contextlib.suppress(ConnectionRefusedError):
            self._send("POST", self._session + "/url", {"url": address})

    def fill(self, css: str, text: str) -> None:
        """Write into a field of the page, as soon as it is there."""
        self._send("POST", "{0}/element/{1}/value".format(self._session, self._find(css)), {"text": text})

    def click(self, css: str) -> None:
        """Click on a part of the page."""
        with contextlib.suppress(ConnectionRefusedError):
            self._send("POST", "{0}/element/{1}/click".format(self._session, self._find(css)), {})

    @property
    def address(self) -> str:
        """What the address line shows."""
        return str(self._send("GET", self._session + "/url"))

    def arrive(self, beginning: str) -> str:
        """Wait until the address line begins so, and return it."""
        deadline = time.monotonic() + 60
        while not self.address.startswith(beginning):
            assert time.monotonic() < deadline, "the browser is elsewhere: " + self.address.partition("?")[0]
            time.sleep(0.1)
        return self.address

    def close(self) -> None:
        """Close the window, and end the browser."""
        self._send("DELETE", self._session)

    def _find(self, css: str) -> str:
        deadline = time.monotonic() + 60
        while True:
            found = self._send("POST", self._session + "/elements", {"using": "css selector", "value": css})
            if found:
                return str(found[0][ELEMENT])
            assert time.monotonic() < deadline, "the page has no {0}".format(css)
            time.sleep(0.1)

    @staticmethod
    def _send(method: str, url: str, content: Any = None) -> Any:
        answer = requests.request(method, url, json=content, timeout=120, proxies=DIRECT)
        value = answer.json()["value"]
        if not answer.ok:
            if "ERR_CONNECTION_REFUSED" in value["message"]:
                raise ConnectionRefusedError
            raise AssertionError(value["message"])
        return value


@contextlib.contextmanager
def running() -> Iterator[Browser]:
    """Start a browser, hand it out, and end it.

    Raises:
        ServerUnavailable: there is no Chromium with its driver.
    """
    program = shutil.which("chromedriver")
    if program is None or shutil.which("chromium") is None:
        raise ServerUnavailable("no Chromium on this machine. Run: NEBULA_TEST_PROFILE=long bash tests/servers/prepare.sh")
    account, port = processes.unprivileged_account(), processes.free_port()
    with processes.private_directory("browser", account) as directory:
        log, url = directory / "driver.log", "http://{0}:{1}".format(LOOPBACK, port)
        command = [program, "--port={0}".format(port), "--allowed-ips=" + LOOPBACK]
        process = processes.start(command, account=account, log=log, directory=directory, environment={"HOME": str(directory)})
        processes.wait_until(lambda: is_ready(url), process=process)
        with processes.ended_with(process, log):
            browser = Browser(url, directory / "profile")
            try:
                yield browser
            finally:
                browser.close()


def is_ready(url: str) -> bool:
    """Whether the driver responds."""
    try:
        return bool(requests.get(url + "/status", timeout=60, proxies=DIRECT).json()["value"]["ready"])
    except requests.RequestException:
        return False
