"""Chromium for the checks that need one. Speaks WebDriver (https://www.w3.org/TR/webdriver2/) to chromedriver itself."""

import contextlib
import json
import re
import subprocess

from harness import request, stop, tool, wait_for

FLAGS = ["headless", "no-sandbox", "disable-gpu", "disable-quic", "no-first-run", "disable-background-networking"]
FLAGS += ["disable-component-update", "disable-sync", "window-size=1280,1600"]
# The name of a reference to an element (WebDriver, section 12.1).
ELEMENT = "element-6066-11e4-a52e-4f735466cecf"


class Browser:
    """Chromium with a profile of its own, driven through chromedriver; both end with the block."""

    def __init__(self, folder, *flags, any_certificate=False):
        self.folder = folder
        self.flags = FLAGS + list(flags)
        self.any_certificate = any_certificate
        self.programs = tool("chromedriver"), tool("chromium")

    def __enter__(self):
        driver, chromium = self.programs
        log = self.folder / "chromedriver.log"
        with log.open("wb") as output:
            # A group of its own, so that no process of the browser is left behind.
            self.process = subprocess.Popen(
                [driver, "--port=0"], stdout=output, stderr=output, stdin=subprocess.DEVNULL, start_new_session=True
            )
        try:
            port = wait_for("chromedriver listens", lambda: re.search(r"on port (\d+)\.", log.read_text()))[1]
            self.address = f"127.0.0.1:{port}"
            self.path = ""
            (self.folder / "profile").mkdir()
            arguments = [f"--{flag}" for flag in self.flags] + [f"--user-data-dir={self.folder / 'profile'}"]
            wanted = {
                "browserName": "chrome",
                "acceptInsecureCerts": self.any_certificate,
                "timeouts": {"implicit": 10_000, "pageLoad": 30_000, "script": 10_000},
                "goog:loggingPrefs": {"browser": "ALL"},
                "goog:chromeOptions": {"binary": chromium, "args": arguments},
            }
            made = self.call("POST", "/session", {"capabilities": {"alwaysMatch": wanted}})
            self.path = f"/session/{made['sessionId']}"
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        with contextlib.suppress(Exception):
            self.call("DELETE", "")
        stop(self.process, group=True)

    def call(self, method, path, body=None):
        """A command; what goes wrong is an exception with the driver's words."""
        body = {} if method == "POST" and body is None else body
        answer = request(self.address, method, self.path + path, body, patience=60)
        value = json.loads(answer.body)["value"]
        if answer.status != 200:
            raise RuntimeError(f"{method} {path} {body}: {value['error']}: {value['message']}")
        return value

    def open(self, url):
        self.call("POST", "/url", {"url": url})

    def find(self, selector, by="css selector"):
        """The first such element, which is waited for."""
        found = self.call("POST", "/element", {"using": by, "value": selector})
        return Element(self, f"/element/{next(iter(found.values()))}")

    def script(self, text, *arguments, asynchronous=False):
        kind = "async" if asynchronous else "sync"
        return self.call("POST", f"/execute/{kind}", {"script": text, "args": arguments})

    def cookies(self):
        """Every cookie that the browser has, of all hosts, as the DevTools protocol has it (`Storage.getCookies`)."""
        return self.call("POST", "/goog/cdp/execute", {"cmd": "Storage.getCookies", "params": {}})["cookies"]

    def forget_cookies(self):
        self.call("POST", "/goog/cdp/execute", {"cmd": "Storage.clearCookies", "params": {}})

    def enter(self, frame):
        """What follows is in this frame of the page; `None`: in the page."""
        self.call("POST", "/frame", {"id": frame and {ELEMENT: frame.path.rpartition("/")[2]}})

    def console(self):
        return self.call("POST", "/se/log", {"type": "browser"})


class Element:
    def __init__(self, browser, path):
        self.browser, self.path = browser, path

    def click(self):
        self.browser.call("POST", f"{self.path}/click")

    def type(self, text):
        self.browser.call("POST", f"{self.path}/value", {"text": text})

    def paste(self, text):
        """Puts a text in the place of what is there, as one event: the page renders anew after each."""
        self.type("\ue009a")
        self.browser.script("document.execCommand('insertText', false, arguments[0])", text)

    def text(self):
        return self.browser.call("GET", f"{self.path}/text")
