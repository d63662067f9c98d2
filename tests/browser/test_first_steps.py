"""The first steps in a browser: each state looked at, and all of them together with a Footnote of its own."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import Group
from django.utils import timezone
from playwright.sync_api import expect

from chatapp.operations import heartbeat
from chatapp.operations.models import Milestone
from chatapp.welcome.models import Setup
from inference.models import Job, ModelVersion
from retrieval.models import Collection, Document, Passage
from tests.browser.test_accessibility import check
from tests.inference.hub_double import Hub, hub
from tests.provider_double import providers
from tests.running import Footnote
from tests.tiny_gguf import make
from tests.welcome.test_opening import ask

ROOT = "/admin/welcome/setup/"
SOURCE = {"source": "hub:acme/assistant-7b-instruct/assistant-7b-instruct-Q4_K_M.gguf", "name": "", "sha256": ""}
FULL = (
    "The model needs 4.37 GB more and the disk has 1.02 GB left. "
    "Free some space, or set INFERENCE_MODELS_DIR to a larger disk, and try again."
)


@pytest.fixture
def rules(page: Any) -> Collection:
    """The collection that was chosen, with a document that is ready, one on its way and one that failed."""
    made = Collection.objects.create(name="House rules", everyone=True)
    Setup.objects.create(collection=made)
    for number, (name, status) in enumerate(
        [("parking.md", "ready"), ("leave.docx", "parsing"), ("scan.pdf", "failed")]
    ):
        one = Document.objects.create(
            collection=made, name=name, size=18_400 + number, sha256=f"{number:064}", status=status,
            ready_at=timezone.now() if status == "ready" else None, passage_count=int(status == "ready"),
            error="The scan could not be read: Tesseract is not installed." if status == "failed" else "",
            error_code="no_text" if status == "failed" else "",
        )  # fmt: skip
        Passage.objects.create(document=one, ordinal=0, text="On level 3.", heading=f"Parking of visitors {number}")
    return made


def step(page: Any, name: str, heading: str) -> None:
    page.goto(f"{ROOT}{name}")
    expect(page.get_by_role("heading", level=1)).to_contain_text(heading)


def test_the_administrator(page: Any, person: Any) -> None:
    step(page, "administrator/", "Who administers")
    check(page)
    page.get_by_label("E-mail address").fill("nowhere")
    page.get_by_role("button", name="Save and go on").click()
    expect(page.get_by_role("alert")).to_contain_text("valid email")
    check(page)
    page.get_by_label("E-mail address").fill("ada@example.com")
    page.get_by_role("button", name="Save and go on").click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("Which model")
    assert page.problems == []


def test_the_model_and_its_download(page: Any, tmp_path: Path) -> None:
    heartbeat.beat()
    step(page, "model/", "Which model")
    check(page)
    page.get_by_role("button", name="Download").click()
    expect(page.get_by_role("alert").first).to_contain_text("required")
    check(page)
    at = {"kind": "pull", "parameters": SOURCE, "state": "running", "progress": 0.37}
    job = Job.objects.create(step="downloading, 1.62 GB of 4.37 GB, 21.4 MB/s, 2 min left", **at)
    page.reload()
    expect(page.get_by_text("21.4 MB/s, 2 min left")).to_be_visible()
    check(page)
    Job.objects.filter(pk=job.pk).update(step="downloading, 2.10 GB of 4.37 GB, 22.0 MB/s, 103 s left", progress=0.48)
    expect(page.get_by_text("48 %")).to_be_visible()
    Job.objects.filter(pk=job.pk).update(state="failed", error=FULL)
    expect(page.get_by_role("heading", name="The download failed")).to_be_visible()
    check(page)
    path = tmp_path / "assistant.gguf"
    path.write_bytes(b"GGUF")
    made = ModelVersion.objects.create(name="assistant-7b-instruct-q4_k_m", path=str(path), default=True)
    Job.objects.filter(pk=job.pk).update(state="done", error="", made=made)
    page.reload()
    expect(page.get_by_role("heading", name="Downloaded")).to_be_visible()
    check(page)
    assert page.problems == []


def test_a_download_that_nobody_fetches(page: Any) -> None:
    Job.objects.create(kind="pull", parameters=SOURCE, state="queued")
    step(page, "model/", "Which model")
    expect(page.get_by_role("alert")).to_contain_text("No worker is running")
    check(page)


def test_the_endpoint(page: Any) -> None:
    with providers() as doubles:
        double = doubles.new()
        step(page, "model/endpoint/", "An endpoint that answers")
        check(page)
        page.get_by_label("Address").fill(double.url)
        page.get_by_label("Model", exact=True).fill("gamma")
        page.get_by_label("The key, for the test").fill("sk-wrong")
        double.script = ["401"]
        page.get_by_role("button", name="Test it").click()
        expect(page.locator("#trial")).not_to_contain_text("It answered")
        check(page)
        double.script = ["answer"]
        page.get_by_role("button", name="Test it").click()
        expect(page.locator("#trial")).to_contain_text("Nine days a year")
        check(page)
        page.get_by_role("button", name="Add it").click()
        expect(page.get_by_role("status").first).to_contain_text("gamma is added. The chat page asks it.")
        check(page)
    assert page.problems == []


def test_the_collection(page: Any) -> None:
    for name in ("engineering", "people and culture", "the board"):
        Group.objects.create(name=name)
    Milestone.objects.create(name="sample loaded")
    Collection.objects.create(name="Sample handbook", everyone=True)
    step(page, "collection/", "What should be asked first?")
    check(page)
    page.get_by_role("radio", name="The groups chosen below").check()
    page.get_by_role("button", name="Make it").click()
    expect(page.get_by_role("alert").first).to_be_visible()
    check(page)
    page.get_by_label("Name").fill("House rules")
    page.get_by_role("checkbox", name="the board").check()
    page.get_by_role("button", name="Make it").click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("Documents for House rules")
    check(page)
    page.locator("#files").set_input_files(
        {"name": "parking.md", "mimeType": "text/markdown", "buffer": b"# Parking\n\nOn level 3.\n"}
    )
    expect(page.locator(".row")).to_contain_text("parking.md")
    expect(page.locator("#ingestion")).to_contain_text("1 document on the way")
    assert page.problems == []
    document = Document.objects.get()
    assert document.collection.name == "House rules"
    Document.objects.update(status="ready", ready_at=timezone.now())
    expect(page.locator("#ready")).to_have_text("1")


def test_documents_that_come_and_that_fail(page: Any, rules: Collection) -> None:
    step(page, "collection/", "Documents for House rules")
    expect(page.locator(".row")).to_have_count(3)
    expect(page.locator(".row-problem")).to_contain_text("Tesseract is not installed")
    page.get_by_text("1 document failed").click()
    check(page)
    page.route("**/api/ingestion/**", lambda route: route.abort())
    page.reload()
    expect(page.locator("#notice")).to_contain_text("cannot be reached")
    check(page)


def test_the_first_question_goes_into_the_box_of_the_chat(page: Any, rules: Collection) -> None:
    step(page, "question/", "Ask your first question")
    check(page)
    page.get_by_role("link", name="Parking of visitors").click()
    expect(page.get_by_label("Your question")).to_have_value("What do the documents say about “Parking of visitors 0”?")
    expect(page.locator("#scope-chips, #scope-button").first).to_be_visible()
    expect(page.get_by_text("House rules").first).to_be_visible()


def test_what_is_there_when_all_is_done(page: Any, person: Any, rules: Collection) -> None:
    step(page, "question/", "Ask")
    Setup.objects.update(model_later=True)
    person.by_provider_at = timezone.now()
    person.save()
    ask(person)
    step(page, "", "Footnote is set up")
    check(page)
    page.get_by_role("button", name="Leave set-up").click()
    expect(page.get_by_role("heading", name="Ask your documents")).to_be_visible()


class WithHub(Footnote):
    """Its models come from a hub of the test."""

    hub_url = ""

    def environment(self) -> dict[str, str]:
        return super().environment() | {"INFERENCE_HUB_URL": self.hub_url}


@pytest.fixture
def whole(tmp_path: Path) -> Iterator[tuple[WithHub, Hub]]:
    with hub(make(tmp_path / "made.gguf").read_bytes()) as double:
        running = WithHub(tmp_path / "var")
        running.hub_url = double.url
        running.start()
        yield running, double
        running.stop()


@pytest.mark.browser
@pytest.mark.timeout(300)
def test_all_steps_from_the_printed_link_to_the_first_answer(chromium: Any, whole: tuple[WithHub, Hub]) -> None:
    footnote, double = whole
    context = chromium.new_context(base_url=footnote.url, viewport={"width": 1280, "height": 800})
    page = context.new_page()
    page.set_default_timeout(30_000)
    problems: list[str] = []
    page.on("pageerror", lambda error: problems.append(str(error)))
    footnote.sign_in(page)

    expect(page.get_by_text("You have a password of your own.")).to_be_visible()
    page.get_by_label("E-mail address").fill("ada@example.com")
    page.get_by_role("button", name="Save and go on").click()

    page.get_by_label("Repository").fill("acme/tiny")
    page.get_by_label("File", exact=True).fill("none.gguf")
    page.get_by_role("button", name="Download").click()
    expect(page.get_by_text("The server has no such file.")).to_be_visible(timeout=60_000)
    page.get_by_label("Repository").fill("acme/tiny")
    page.get_by_label("File", exact=True).fill("tiny.gguf")
    page.get_by_role("button", name="Download").click()
    expect(page.get_by_text("It is here as tiny")).to_be_visible(timeout=60_000)
    page.get_by_role("link", name="Go on").click()

    page.get_by_label("Name").fill("House rules")
    page.get_by_role("button", name="Make it").click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("Documents for House rules")
    page.wait_for_load_state()  # of the scripts as well
    words = b"# Parking of visitors\n\nVisitors park on level 3 of the Zeppelin garage, with the blue permit.\n"
    page.locator("#files").set_input_files({"name": "parking.md", "mimeType": "text/markdown", "buffer": words})
    expect(page.locator("#ready")).to_have_text("1", timeout=60_000)
    page.get_by_role("link", name="Go on").click()

    page.get_by_role("link", name="Parking of visitors").click()
    expect(page.get_by_label("Your question")).to_have_value("What do the documents say about “Parking of visitors”?")
    page.get_by_label("Your question").press("Enter")
    expect(page.locator(".message.assistant .tools")).to_be_visible(timeout=60_000)
    page.goto(ROOT)
    expect(page.get_by_role("heading", name="Footnote is set up")).to_be_visible()
    assert problems == [] and double.asked_ranges() == [""]
    context.close()
