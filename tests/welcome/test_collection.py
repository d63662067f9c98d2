"""The third and the fourth step: a first collection, and a question to it."""

from __future__ import annotations

from django.contrib.auth.models import Group
from django.test import Client
from django.utils import timezone

from chatapp.governance.models import AuditEntry
from chatapp.operations.models import Milestone
from chatapp.organisations.services import create_organisation
from chatapp.welcome.models import Setup
from retrieval.models import Collection, Document, Passage
from tests.conftest import Cast
from tests.welcome.pages import ROOT, plain, states, text_of
from tests.welcome.test_opening import ask

PAGE = f"{ROOT}collection/"


def post(admin: Client, **fields: object) -> str:
    return plain(admin.post(PAGE, fields, follow=True).content)


def document(collection: Collection, heading: str = "Parking of visitors") -> Document:
    made = Document.objects.create(
        collection=collection, name=f"{heading}.md", size=1, sha256=f"{abs(hash(heading)):064}"[:64], status="ready",
        ready_at=timezone.now(), passage_count=1,
    )  # fmt: skip
    Passage.objects.create(document=made, ordinal=0, text="On level 3.", heading=heading)
    return made


def test_a_collection_is_made_for_everyone(cast: Cast, admin: Client) -> None:
    page = post(admin, do="make", name="Rules", who="everyone")
    assert "Documents for Rules" in page and "Everyone who can sign in" in page and "Drop files or folders here" in page
    made = Collection.objects.get()
    assert made.everyone and Setup.objects.get().collection == made
    assert states(admin)[2] == "open", "an empty one can be asked nothing"
    document(made)
    assert states(admin)[2] == "done"
    actions = set(AuditEntry.objects.filter(actor=cast.administrator).values_list("action", flat=True))
    assert {"collection.added", "setup.collection_chosen"} <= actions
    Document.objects.all().delete()
    assert states(admin)[2] == "open"


def test_a_collection_is_made_for_groups_or_for_nobody_else(cast: Cast, admin: Client) -> None:
    assert "Its readers: members" in post(admin, do="make", name="Rules", who="groups", groups=["members"])
    assert [one.name for one in Collection.objects.get().readers.all()] == ["members"]
    assert "Those who look after it alone" in post(
        admin, do="make", name="Other", who="administrators", groups=["members"]
    )
    assert not Collection.objects.get(name="Other").readers.exists()


def test_what_cannot_be_made_is_said_and_nothing_is_chosen(cast: Cast, admin: Client) -> None:
    elsewhere = create_organisation(name="Elsewhere", slug="elsewhere", by=None)
    foreign = Group(name="elsewhere/board")
    foreign.home = elsewhere.pk  # type: ignore[attr-defined]
    foreign.save()
    Collection.objects.create(name="Taken")
    assert "This field is required" in post(admin, do="make", name="", who="everyone")
    assert "There is a collection of this name already" in post(admin, do="make", name="Taken", who="everyone")
    assert "Choose a group, or somebody else" in post(admin, do="make", name="Rules", who="groups")
    assert "not one of the available choices" in post(
        admin, do="make", name="Rules", who="groups", groups=[foreign.name]
    )
    assert "Select a valid choice" in post(admin, do="make", name="Rules", who="all")
    assert Collection.objects.count() == 1 and not Setup.objects.filter(collection__isnull=False).exists()


def test_the_sample_is_chosen_while_it_is_there(admin: Client) -> None:
    assert "The sample handbook" not in text_of(admin, "collection/")
    assert admin.post(PAGE, {"do": "sample"}).status_code == 404
    Milestone.objects.create(name="sample loaded")
    sample = Collection.objects.create(name="Sample handbook", everyone=True)
    document(sample)
    assert "Use the sample" in text_of(admin, "collection/")
    assert "Documents for Sample handbook" in post(admin, do="sample") and states(admin)[2] == "done"
    sample.delete()
    assert states(admin)[2] == "open" and "What should be asked first?" in text_of(admin, "collection/")


def test_one_that_is_here_is_chosen_of_ones_own_house_alone(admin: Client) -> None:
    elsewhere = create_organisation(name="Elsewhere", slug="elsewhere", by=None)
    theirs = Collection.objects.create(name="Theirs", tenant=elsewhere.pk)
    ours = Collection.objects.create(name="Ours")
    page = text_of(admin, "collection/")
    assert "Ours" in page and "Theirs" not in page
    post(admin, do="choose", collection=str(theirs.pk))
    assert Setup.objects.get().collection is None
    assert "Documents for Ours" in post(admin, do="choose", collection=str(ours.pk))
    assert "What should be asked first?" in text_of(admin, "collection/?another")


def test_examples_come_from_that_collection_alone_and_a_question_ends_the_steps(cast: Cast, admin: Client) -> None:
    assert "There is nothing to ask yet" in text_of(admin, "question/")
    other = Collection.objects.create(name="Other", everyone=True)
    document(other, "Canteen of the north")
    post(admin, do="make", name="Rules", who="everyone")
    assert "None of its documents is ready yet" in text_of(admin, "question/")
    rules = Collection.objects.get(name="Rules")
    for heading in ("Parking of visitors", "Leave without pay", "Keys that are lost", "Fire drills"):
        document(rules, heading)
    page = text_of(admin, "question/")
    assert page.count("What do the documents say about") == 3 and "Canteen" not in page
    assert "Quotations from Rules answer" in page
    assert states(admin)[3] == "open"
    ask(cast.alice)
    assert states(admin)[3] == "open", "somebody else's question"
    ask(cast.administrator)
    assert states(admin)[3] == "done"


def test_when_all_is_done_the_page_says_what_is_there(cast: Cast, admin: Client) -> None:
    admin.post(f"{ROOT}administrator/", {"email": "ada@example.com"})
    cast.administrator.refresh_from_db()
    cast.administrator.by_provider_at = timezone.now()
    cast.administrator.save()
    admin.post(f"{ROOT}model/", {"do": "later"})
    assert admin.get(ROOT).headers["Location"] == PAGE
    post(admin, do="make", name="Rules", who="everyone")
    document(Collection.objects.get())
    assert admin.get(ROOT).headers["Location"] == f"{ROOT}question/"
    ask(cast.administrator)
    page = text_of(admin)
    assert "Footnote is set up" in page and "Rules: 1 document ready" in page and "Quotations answer meanwhile" in page


def test_before_one_is_chosen_what_is_there_can_be_asked(cast: Cast, admin: Client) -> None:
    sample = Collection.objects.create(name="Sample handbook", everyone=True)
    document(sample, "Leave without pay")
    page = text_of(admin, "question/")
    assert "There is nothing to ask yet" not in page and "Sample handbook" in page
