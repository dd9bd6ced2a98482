"""A browser, as tests use it: Chromium without a window, spoken to over two pipes in its DevTools
protocol. No driver, no port, no package.

    with Browser() as browser, browser.page(gateway.url + "/dashboard") as page:
        page.type("secret"), page.press("Enter")
        page.wait("document.querySelector('h2')", "a heading")
        assert not page.complaints

A page counts what it should not do: `complaints` are the console's errors and warnings, exceptions and
violations of its Content-Security-Policy; `requests` are the addresses that it asked for."""

import base64
import itertools
import json
import os
import shutil
import subprocess
import tempfile
import threading
import time

PATIENCE_S = 20
FLAGS = [
    "--headless=new", "--remote-debugging-pipe", "--no-first-run", "--disable-gpu", "--disable-sync",
    "--disable-dev-shm-usage", "--disable-background-networking", "--disable-component-update",
    "--disable-extensions", "--disable-breakpad", "--hide-scrollbars", "--password-store=basic",
    "--disable-features=Translate,OptimizationHints,MediaRouter",
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
]
# A key's name: its code for Windows, and what it types.
KEYS = {"Tab": (9, ""), "Enter": (13, "\r"), "Escape": (27, ""), "Space": (32, " "),
        "ArrowLeft": (37, ""), "ArrowRight": (39, ""), "Home": (36, ""), "End": (35, "")}
SHIFT = 8


class Failed(Exception):
    """The browser's answer was an error."""


class Browser:
    def __init__(self):
        command = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))))
        self.home = tempfile.mkdtemp(prefix="sluice-chromium-")
        # Chromium reads at 3 and writes at 4.
        reads, self.into = os.pipe()
        self.out, writes = os.pipe()
        flags = FLAGS + (["--no-sandbox"] if os.geteuid() == 0 else [])
        self.process = subprocess.Popen(
            ["bash", "-c", f'exec "$@" 3<&{reads} 4>&{writes}', "chromium",
             command, *flags, f"--user-data-dir={self.home}", "about:blank"],
            env={**os.environ, "HOME": self.home}, pass_fds=(reads, writes),
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        os.close(reads)
        os.close(writes)
        self.numbers = itertools.count(1)
        self.answers = {}
        self.pages = {}
        self.ended = False
        self.more = threading.Condition()
        self.thread = threading.Thread(target=self.read, daemon=True)
        self.thread.start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        try:
            self.ask("Browser.close")
            self.process.wait(PATIENCE_S)
        except (Failed, OSError, subprocess.TimeoutExpired):
            self.process.kill()
            self.process.wait()
        self.thread.join(PATIENCE_S)
        os.close(self.into)
        os.close(self.out)
        shutil.rmtree(self.home, ignore_errors=True)

    def read(self):
        """What it says: messages, each ended by a zero byte."""
        rest = b""
        while piece := os.read(self.out, 1 << 16):
            *messages, rest = (rest + piece).split(b"\0")
            for message in messages:
                self.take(json.loads(message))
        with self.more:
            self.ended = True
            self.more.notify_all()

    def take(self, message):
        with self.more:
            if "id" in message:
                self.answers[message["id"]] = message
            elif page := self.pages.get(message.get("sessionId")):
                page.on(message["method"], message["params"])
            self.more.notify_all()

    def ask(self, method, session=None, **parameters):
        number = next(self.numbers)
        message = {"id": number, "method": method, "params": parameters}
        if session:
            message["sessionId"] = session
        os.write(self.into, json.dumps(message).encode() + b"\0")
        with self.more:
            came = self.more.wait_for(lambda: self.ended or number in self.answers, PATIENCE_S + 5)
            answer = self.answers.pop(number, {"error": "it has ended" if came else "no answer"})
        if "error" in answer:
            raise Failed(f"{method}: {answer['error']}")
        return answer["result"]

    def page(self, url, **look):
        return Page(self, url, **look)


class Page:
    """A tab with a store of its own."""

    def __init__(self, browser, url, width=1280, height=900, dark=False, calm=False):
        self.browser = browser
        self.complaints = []
        self.requests = []
        self.context = browser.ask("Target.createBrowserContext")["browserContextId"]
        self.target = browser.ask("Target.createTarget", url="about:blank",
                                  browserContextId=self.context)["targetId"]
        self.session = browser.ask("Target.attachToTarget", targetId=self.target,
                                   flatten=True)["sessionId"]
        browser.pages[self.session] = self
        for domain in ("Page", "Runtime", "Log", "Network"):
            self.ask(domain + ".enable")
        self.look(width, height, dark, calm)
        self.open(url)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.browser.ask("Target.disposeBrowserContext", browserContextId=self.context)
        self.browser.pages.pop(self.session)

    def ask(self, method, **parameters):
        return self.browser.ask(method, self.session, **parameters)

    def on(self, method, told):
        if method == "Network.requestWillBeSent":
            self.requests.append(told["request"]["url"])
        elif method == "Runtime.exceptionThrown":
            self.complaints.append(str(told["exceptionDetails"]))
        elif method == "Runtime.consoleAPICalled" and told["type"] in ("error", "warning", "assert"):
            self.complaints.append(str(told["args"]))
        elif method == "Log.entryAdded" and told["entry"]["level"] in ("error", "warning"):
            entry = told["entry"]
            self.complaints.append(f"{entry['source']}: {entry['text']} {entry.get('url', '')}")

    def look(self, width, height=900, dark=False, calm=False):
        self.ask("Emulation.setDeviceMetricsOverride", width=width, height=height,
                 deviceScaleFactor=1, mobile=False)
        self.ask("Emulation.setEmulatedMedia", features=[
            {"name": "prefers-color-scheme", "value": "dark" if dark else "light"},
            {"name": "prefers-reduced-motion", "value": "reduce" if calm else "no-preference"}])

    def open(self, url):
        failed = self.ask("Page.navigate", url=url).get("errorText")  # answered once it is there
        assert not failed, f"{url}: {failed}"
        self.wait("document.readyState === 'complete'", url)

    # ---- what it shows ----

    def value(self, expression):
        """What an expression of JavaScript comes to, awaited."""
        answer = self.ask("Runtime.evaluate", expression=expression, awaitPromise=True,
                          returnByValue=True)
        if "exceptionDetails" in answer:
            raise Failed(f"{expression}: {answer['exceptionDetails']}")
        return answer["result"].get("value")

    def wait(self, expression, what=None, seconds=PATIENCE_S):
        """Waits until it is true, gives its value."""
        began = time.monotonic()
        look = f"(async () => ({expression}) || new Promise(next => setTimeout(next, 30, null)))()"
        while (value := self.value(look)) is None:
            assert time.monotonic() - began < seconds, (
                f"no {what or expression} within {seconds} s; complaints: {self.complaints}; "
                f"page: {self.text()[-2000:]}")
        return value

    def text(self, selector="body"):
        return self.value(f"document.querySelector({json.dumps(selector)})?.innerText ?? ''")

    def picture(self, whole=False):
        """A PNG of what is seen; `whole`: of the page down to its end."""
        return base64.b64decode(self.ask("Page.captureScreenshot", format="png",
                                         captureBeyondViewport=whole)["data"])

    # ---- what is done to it ----

    def press(self, key, shift=False):
        code, text = KEYS[key]
        event = {"key": text if key == "Space" else key, "code": key, "windowsVirtualKeyCode": code,
                 "modifiers": SHIFT if shift else 0}
        self.ask("Input.dispatchKeyEvent", type="keyDown", **event, **({"text": text} if text else {}))
        self.ask("Input.dispatchKeyEvent", type="keyUp", **event)

    def type(self, text):
        self.ask("Input.insertText", text=text)

    def click(self, selector):
        """In its middle, with the mouse."""
        x, y = self.value(
            f"(() => {{ const node = document.querySelector({json.dumps(selector)});"
            " node.scrollIntoView({ block: 'center' }); const box = node.getBoundingClientRect();"
            " return [box.x + box.width / 2, box.y + box.height / 2]; })()")
        for kind in ("mousePressed", "mouseReleased"):
            self.ask("Input.dispatchMouseEvent", type=kind, x=x, y=y, button="left", clickCount=1)
