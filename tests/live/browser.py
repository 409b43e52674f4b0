# SPDX-License-Identifier: BSD-2-Clause
"""A headless Chromium that live cases use as a person would, through chromedriver's WebDriver protocol (W3C WebDriver)."""
import json
import shutil
import urllib.error
import urllib.request

import live
import services

FLAGS = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
         "--disable-component-update", "--disable-sync", "--window-size=1300,1500"]
ELEMENT = "element-6066-11e4-a52e-4f735466cecf"  # the protocol's key of an element's reference


class Browser:
    def __init__(self):
        driver = shutil.which("chromedriver") or live.missing("chromedriver (chromium-driver)")
        self.port = services.free_port()
        live.start(driver, f"--port={self.port}", stdout=live.subprocess.DEVNULL)
        live.wait_for(self._ready, "chromedriver")
        options = {"args": [*FLAGS, f"--user-data-dir={live.folder()}/browser"]}
        self.path = "/session/" + self._call("POST", "/session", {"capabilities": {"alwaysMatch": {
            "goog:chromeOptions": options}}})["sessionId"]

    def _ready(self):
        try:
            return self._call("GET", "/status")["ready"]
        except OSError:
            return False

    def _call(self, method, path, body=None):
        request = urllib.request.Request(f"http://127.0.0.1:{self.port}{path}", method=method,
                                         data=None if body is None else json.dumps(body).encode(),
                                         headers={"Content-Type": "application/json"})
        try:
            with urllib.request.urlopen(request, timeout=50) as answer:
                return json.load(answer)["value"]
        except urllib.error.HTTPError as error:
            raise live.Failed(f"{method} {path} {body}: {json.load(error)['value']['message']}") from None

    def open(self, path):
        self._call("POST", self.path + "/url", {"url": f"file://{path}"})

    def find(self, selector):
        return self._call("POST", self.path + "/element", {"using": "css selector", "value": selector})

    def click(self, selector):
        self._call("POST", f"{self.path}/element/{self.find(selector)[ELEMENT]}/click", {})

    def enter(self, selector):
        """Into a frame; None: back to the page."""
        self._call("POST", self.path + "/frame", {"id": self.find(selector) if selector else None})

    def answer(self, text):
        """Types into the prompt that is open."""
        self._call("POST", self.path + "/alert/text", {"text": text})
        self._call("POST", self.path + "/alert/accept", {})

    def run(self, script, *arguments):
        return self._call("POST", self.path + "/execute/sync", {"script": script, "args": list(arguments)})

    def close(self):
        self._call("DELETE", self.path)
