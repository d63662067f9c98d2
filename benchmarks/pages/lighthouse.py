"""Lighthouse's figures for pages of a Footnote with the sample handbook, signed in: `make bench-lighthouse`.

    python -m benchmarks.pages.lighthouse [--only chat,...] [--chromium PATH]

Lighthouse comes from npm, pinned in benchmarks/pages/lighthouse_cli (185 MB, fetched on the first run; needs Node 18).
It opens each page anew in a Chromium that is signed in already. The phone is simulated as Lighthouse does by default: a
slow line and a processor four times as slow. Performance on a machine that is busy with other things is worth little.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.request import urlopen

from playwright.sync_api import sync_playwright

from tests.running import Footnote, free_port

CLI = Path(__file__).parent / "lighthouse_cli"
CATEGORIES = ("performance", "accessibility", "best-practices")  # search engines are to find none of these pages
FORMS = {"desktop": ["--preset=desktop"], "mobile": []}
SIGNED_OUT = ("sign-in",)
_START_S = 30
_PAGE_S = 240
_TRIES = 2  # on a busy machine it may wait in vain for its browser
_INSTALL_S = 600


def install() -> None:
    if not (CLI / "node_modules" / ".package-lock.json").exists():
        print("Fetching Lighthouse", flush=True)
        command = ["npm", "ci", "--no-audit", "--no-fund", "--ignore-scripts"]
        subprocess.run(command, cwd=CLI, check=True, timeout=_INSTALL_S, stdout=subprocess.DEVNULL)


@contextmanager
def chromium(executable: str) -> Iterator[int]:
    """-> the port at which it is spoken to; its profile is empty and goes"""
    port = free_port()
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile:
        flags = ["--headless=new", "--no-sandbox", f"--remote-debugging-port={port}", f"--user-data-dir={profile}"]
        process = subprocess.Popen([executable, *flags], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            _wait_for(port)
            yield port
        finally:
            process.terminate()
            process.wait(30)


def _wait_for(port: int) -> None:
    deadline = time.monotonic() + _START_S
    while True:
        try:
            urlopen(f"http://127.0.0.1:{port}/json/version", timeout=5).close()
            return
        except OSError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.2)


def sign_in(port: int, footnote: Footnote) -> str:
    """-> the address of a conversation with one answer"""
    with sync_playwright() as playwright:
        browser = playwright.chromium.connect_over_cdp(f"http://127.0.0.1:{port}")
        page = browser.contexts[0].new_page()
        footnote.sign_in(page)
        page.goto(f"{footnote.url}/")
        page.get_by_label("Your question").fill("How many days of annual leave do I get?")
        page.keyboard.press("Enter")
        page.wait_for_selector(".message.assistant .tools", timeout=60_000)
        address = str(page.url)
        page.close()
        browser.close()
    return address


def figures(port: int, address: str, form: str) -> dict[str, Any]:
    """Lighthouse's own report of one page."""
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder) / "report.json"
        command = [
            "node", str(CLI / "node_modules/lighthouse/cli/index.js"), address, f"--port={port}", "--quiet",
            "--output=json", f"--output-path={report}", f"--only-categories={','.join(CATEGORIES)}", *FORMS[form],
        ]  # fmt: skip
        for attempt in range(_TRIES):
            done = subprocess.run(command, timeout=_PAGE_S, capture_output=True, text=True)
            if done.returncode == 0:
                break
            if attempt == _TRIES - 1:
                raise RuntimeError(f"Lighthouse failed at {address}: {done.stderr[-1000:]}")
        found: dict[str, Any] = json.loads(report.read_text())
    if re.split("[?#]", found["finalDisplayedUrl"])[0] != address:
        raise RuntimeError(f"{address} led to {found['finalDisplayedUrl']}")
    return found


def line(name: str, form: str, report: dict[str, Any]) -> str:
    scores = [report["categories"][one]["score"] for one in CATEGORIES]
    shown = "".join(f"{'-' if score is None else round(100 * score):>16}" for score in scores)
    audits = report["audits"]
    paint, blocked = audits["largest-contentful-paint"]["displayValue"], audits["total-blocking-time"]["displayValue"]
    return f"{name:<16}{form:<8}{shown}{paint:>12}{blocked:>12}"


def wrong(report: dict[str, Any]) -> list[str]:
    """What it marks down, by the category in which it counts."""
    found = []
    for category in CATEGORIES:
        for reference in report["categories"][category]["auditRefs"]:
            audit = report["audits"][reference["id"]]
            if reference["weight"] and audit["score"] is not None and audit["score"] < 0.9:
                found.append(f"{category}: {audit['id']} {audit.get('displayValue', '')}".rstrip())
    return found


def pages(footnote: Footnote, conversation: str) -> dict[str, str]:
    return {
        "sign-in": f"{footnote.url}/accounts/login/",
        "chat": f"{footnote.url}/",
        "conversation": conversation,
        "documents": f"{footnote.url}/documents/",
        "shared": f"{footnote.url}/shared/",
        "administration": f"{footnote.url}/admin/",
    }


def measure(footnote: Footnote, only: list[str], executable: str) -> None:
    print(f"{'page':<16}{'form':<8}" + "".join(f"{one:>16}" for one in CATEGORIES) + f"{'paint':>12}{'blocked':>12}")
    complaints: dict[str, set[str]] = {}
    with chromium(executable) as signed_out, chromium(executable) as signed_in:
        for name, address in pages(footnote, sign_in(signed_in, footnote)).items():
            for form in FORMS if not only or name in only else ():
                report = figures(signed_out if name in SIGNED_OUT else signed_in, address, form)
                print(line(name, form, report), flush=True)
                for one in wrong(report):
                    complaints.setdefault(one, set()).add(f"{name} ({form})")
    for one, where in sorted(complaints.items()):
        print(f"  {one}: {', '.join(sorted(where))}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", default="", help="names of pages, separated by commas")
    parser.add_argument("--chromium", default=os.environ.get("FOOTNOTE_CHROMIUM", "/usr/bin/chromium"))
    arguments = parser.parse_args()
    install()
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        footnote = Footnote(Path(folder) / "var")
        footnote.start()
        try:
            measure(footnote, [name for name in arguments.only.split(",") if name], arguments.chromium)
        finally:
            footnote.stop()


if __name__ == "__main__":
    main()
