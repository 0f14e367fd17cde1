"""A headless browser for the tests of pages."""

import base64
import contextlib
import io
import json
import os
import shutil
import signal
import subprocess
import time
from pathlib import Path

import numpy as np
import pytest
from PIL import Image


class Chrome:
    """Headless Chromium, spoken to through its debugging pipe: no socket, no further package."""

    def __init__(self, program: str, profile: Path, webgl: bool = True):
        to_child, self._write = os.pipe()
        self._read, from_child = os.pipe()

        def place():  # the pipe is expected at descriptors 3 and 4
            os.dup2(to_child, 90), os.dup2(from_child, 91)
            os.dup2(90, 3), os.dup2(91, 4)
            os.setsid()

        graphics = ["--use-angle=swiftshader", "--enable-unsafe-swiftshader"] if webgl else ["--disable-3d-apis"]
        flags = ["--headless", "--no-sandbox", "--disable-dev-shm-usage", f"--user-data-dir={profile}"]
        self._process = subprocess.Popen(
            [program, *flags, *graphics, "--window-size=1280,900", "--remote-debugging-pipe", "about:blank"],
            preexec_fn=place,
            close_fds=False,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        os.close(to_child), os.close(from_child)
        self._rest, self._count, self.events = b"", 0, []
        page = self.call("Target.createTarget", url="about:blank")["targetId"]
        self._session = self.call("Target.attachToTarget", targetId=page, flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Network", "Log"):
            self.call(f"{domain}.enable")

    _session = None

    def call(self, method: str, **parameters):
        self._count += 1
        message = {"id": self._count, "method": method, "params": parameters}
        if self._session:
            message["sessionId"] = self._session
        os.write(self._write, json.dumps(message).encode() + b"\0")
        while True:
            answer = self._next()
            if answer.get("id") == self._count:
                assert "error" not in answer, answer
                return answer["result"]
            self.events.append(answer)

    def _next(self) -> dict:
        while b"\0" not in self._rest:
            part = os.read(self._read, 1 << 20)
            assert part, "chromium has ended"
            self._rest += part
        text, self._rest = self._rest.split(b"\0", 1)
        return json.loads(text)

    def run(self, script: str):
        answer = self.call("Runtime.evaluate", expression=script, returnByValue=True, awaitPromise=True)
        assert "exceptionDetails" not in answer, answer["exceptionDetails"]
        return answer["result"].get("value")

    def wait(self, condition: str, seconds: float = 90):
        end = time.monotonic() + seconds
        while not self.run(condition):
            assert time.monotonic() < end, f"still not: {condition}"
            time.sleep(0.05)

    def open(self, path: Path):
        self.events.clear()
        self.call("Page.navigate", url=path.resolve().as_uri())
        self.wait(
            f"document.documentElement?.dataset.ready !== undefined && location.href === '{path.resolve().as_uri()}'"
        )

    def key(self, key: str):
        for kind in ("keyDown", "keyUp"):
            text = {"text": "\r"} if key == "Enter" and kind == "keyDown" else {}
            code = {"Enter": 13, "Escape": 27, "PageDown": 34}.get(key, 0)
            self.call("Input.dispatchKeyEvent", type=kind, key=key, windowsVirtualKeyCode=code, **text)

    def screenshot(self) -> np.ndarray:
        data = base64.b64decode(self.call("Page.captureScreenshot")["data"])
        if os.environ.get("VOXPLORE_SCREENSHOTS"):
            (Path(os.environ["VOXPLORE_SCREENSHOTS"]) / f"{self._count}.png").write_bytes(data)
        return np.asarray(Image.open(io.BytesIO(data)).convert("RGB")).astype(int)

    def requests(self) -> list[str]:
        sent = [
            event["params"]["request"]["url"] for event in self.events if event["method"] == "Network.requestWillBeSent"
        ]
        return [url for url in sent if not url.startswith(("file://", "blob:"))]

    def complaints(self) -> list[str]:
        return [
            str(event["params"])
            for event in self.events
            if event["method"] in {"Runtime.exceptionThrown", "Log.entryAdded"}
        ]

    def close(self):
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()
        os.close(self._write), os.close(self._read)


def program() -> str:
    found = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    if not found:
        pytest.skip("no chromium on this machine (Debian: apt-get install chromium)")
    return found


@pytest.fixture(scope="module")
def chrome(tmp_path_factory):
    browser = Chrome(program(), tmp_path_factory.mktemp("profile"))
    yield browser
    browser.close()


@pytest.fixture
def chrome_without_webgl(tmp_path_factory):
    browser = Chrome(program(), tmp_path_factory.mktemp("profile"), webgl=False)
    yield browser
    browser.close()
