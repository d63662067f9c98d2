from __future__ import annotations

import dataclasses
import gzip
import socket
from typing import Any

import pytest

from retrieval.models import Collection, Document
from retrieval.sources.models import Source, SourceItem
from retrieval.sources.services import ask_run, create_source
from retrieval.sources.sync import run_source
from tests.sources.conftest import Run, make_ready, names
from tests.sources.site import Site

TEXT = "<html><head><title>{0}</title></head><body><p>All about {0}.</p>{1}</body></html>"


def page(title: str, *links: str) -> str:
    return TEXT.format(title, "".join(f'<a href="{link}">there</a>' for link in links))


@pytest.fixture
def crawled(collection: Collection, site: Site) -> Source:
    site.put("/", page("home", "/b", "/c#part", "https://elsewhere.example/", "mailto:me@a.example"))
    site.put("/b", page("b", "/d"))
    site.put("/c", page("c"))
    site.put("/d", page("d"))
    settings = {"start": [f"{site.address}/"], "depth": 1, "milliseconds_between": 0}
    return create_source(private_networks=True, name="Intranet", collection=collection, kind="web", settings=settings)


def paths(site: Site, collection: Collection) -> list[str]:
    return [path.removeprefix(site.address) for path in names(collection)]


def test_pages_and_those_they_link_to_are_read_to_the_depth_asked_for(crawled: Source, site: Site, run: Run) -> None:
    run(crawled)
    assert paths(site, crawled.collection) == ["/", "/b", "/c"]
    assert Document.objects.get(path=f"{site.address}/b").name == "b.html"
    assert Document.objects.get(path=f"{site.address}/").name == "home page of 127.0.0.1.html"


def test_unchanged_pages_are_not_sent_again(crawled: Source, site: Site, run: Run) -> None:
    for path in ("/", "/b", "/c"):
        site.pages[path].headers["ETag"] = f'"{path}-1"'
    run(crawled)
    make_ready()
    site.pages["/b"].body = page("b, mended").encode()
    site.pages["/b"].headers["ETag"] = '"/b-2"'
    again = run(crawled)
    assert again.counts == {"seen": 3, "unchanged": 2, "changed": 1}
    sent = [headers.get("If-None-Match") for path, headers in site.asked if path == "/c"]
    assert sent == [None, '"/c-1"']


def test_a_page_that_is_gone_is_retired_and_one_that_fails_is_kept(crawled: Source, site: Site, run: Run) -> None:
    run(crawled)
    make_ready()
    del site.pages["/b"]
    site.pages["/c"].status = 503
    again = run(crawled)
    assert paths(site, crawled.collection) == ["/", "/c"]
    assert again.counts["failed"] == 1
    assert "503" in SourceItem.objects.get(key=f"{site.address}/c").error


def test_robots_txt_is_obeyed(crawled: Source, site: Site, run: Run) -> None:
    site.put("/robots.txt", "User-agent: *\nDisallow: /b\n", kind="text/plain")
    run(crawled)
    assert paths(site, crawled.collection) == ["/", "/c"]
    assert site.asked_for("/b") == 0 and site.asked_for("/robots.txt") == 1


def test_a_site_whose_robots_txt_fails_is_left_alone_and_nothing_vanishes(
    crawled: Source, site: Site, run: Run
) -> None:
    run(crawled)
    make_ready()
    site.put("/robots.txt", "", status=500)
    asked = site.asked_for("/")
    run(crawled)
    assert site.asked_for("/") == asked
    assert "/" in paths(site, crawled.collection)


def test_pages_that_ask_not_to_be_indexed_are_not(crawled: Source, site: Site, run: Run) -> None:
    site.put("/b", '<html><head><meta name="robots" content="noindex"></head><body><p>b</p></body></html>')
    site.pages["/c"].headers["X-Robots-Tag"] = "noindex"
    run(crawled)
    assert paths(site, crawled.collection) == ["/"]


def test_sitemaps_name_pages_also_packed_and_over_an_index(collection: Collection, site: Site, run: Run) -> None:
    for path in ("/one", "/two"):
        site.put(path, page(path))
    urls = f"<urlset xmlns='http://www.sitemaps.org/schemas/sitemap/0.9'><url><loc>{site.address}/one</loc></url>"
    urls += f"<url><loc>{site.address}/two</loc></url><url><loc>http://10.0.0.1/x</loc></url></urlset>"
    index = f"<sitemapindex><sitemap><loc>{site.address}/pages.xml.gz</loc></sitemap></sitemapindex>"
    site.put("/sitemap.xml", index, kind="application/xml")
    site.put("/pages.xml.gz", "", kind="application/gzip")
    site.pages["/pages.xml.gz"].body = gzip.compress(urls.encode())
    settings = {"sitemaps": [f"{site.address}/sitemap.xml"], "milliseconds_between": 0}
    run(create_source(private_networks=True, name="Map", collection=collection, kind="web", settings=settings))
    assert paths(site, collection) == ["/one", "/two"]


def test_a_sitemap_that_is_broken_makes_nothing_vanish(collection: Collection, site: Site, run: Run) -> None:
    site.put("/one", page("one"))
    site.put("/sitemap.xml", f"<urlset><url><loc>{site.address}/one</loc></url></urlset>", kind="application/xml")
    settings = {"sitemaps": [f"{site.address}/sitemap.xml"], "milliseconds_between": 0}
    source = create_source(private_networks=True, name="Map", collection=collection, kind="web", settings=settings)
    run(source)
    site.put("/sitemap.xml", "<urlset><url>", kind="application/xml")
    assert run(source).outcome == Source.Outcome.FAILED
    assert paths(site, collection) == ["/one"]


def test_a_private_address_is_not_asked(crawled: Source, site: Site, run: Run, settings: Any) -> None:
    settings.RETRIEVAL = dataclasses.replace(settings.RETRIEVAL, source_networks=())
    run(crawled)
    assert site.asked == [] and names(crawled.collection) == []
    crawled.refresh_from_db()
    assert crawled.outcome == Source.Outcome.FAILED and "private network" in crawled.error


def test_a_redirect_into_a_private_network_is_not_followed(crawled: Source, site: Site, run: Run) -> None:
    with Site() as inner:
        inner.put("/secret", page("secret"))
        private = inner.address.replace("127.0.0.1", "[::ffff:10.0.0.1]")
        site.put("/b", "", status=302, headers={"Location": f"{private}/secret"})
        run(crawled)
        assert inner.asked == []
    assert "private network" in SourceItem.objects.get(key=f"{site.address}/b").error


def test_a_name_that_resolves_to_a_private_address_only_when_connecting_is_refused(
    crawled: Source, site: Site, run: Run, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """DNS rebinding: the check is where the connection is made, with the address that is connected to."""
    settings.RETRIEVAL = dataclasses.replace(settings.RETRIEVAL, source_networks=())
    real = socket.getaddrinfo
    asked: list[str] = []

    def rebinding(host: Any, port: Any, *rest: Any, **options: Any) -> Any:
        asked.append(str(host))
        public = len(asked) == 1
        return real("93.184.216.34" if public else "127.0.0.1", port, *rest, **options)

    def never(address: Any, *_: Any) -> Any:
        assert address[0] == "93.184.216.34"
        raise OSError("not today")

    monkeypatch.setattr(socket, "getaddrinfo", rebinding)
    monkeypatch.setattr(socket, "create_connection", never)
    ask_run(crawled)
    run_source(crawled.pk)
    assert site.asked == [] and names(crawled.collection) == []


@pytest.mark.parametrize(
    "address",
    ["127.0.0.1", "10.1.2.3", "169.254.169.254", "192.168.1.1", "0.0.0.0", "::1", "fe80::1%lo", "fd00::1",
     "::ffff:127.0.0.1", "2002:7f00:1::", "100.64.0.1", "224.0.0.1", "64:ff9b::7f00:1"],
)  # fmt: skip
def test_addresses_that_are_not_public_are_refused(address: str) -> None:
    from retrieval.sources.guarded_http import _may_reach

    assert not _may_reach(address, [])


def test_a_page_without_an_end_is_cut_off(crawled: Source, site: Site, run: Run, settings: Any) -> None:
    limits = dataclasses.replace(settings.RETRIEVAL.limits, file_bytes=10_000)
    settings.RETRIEVAL = dataclasses.replace(settings.RETRIEVAL, limits=limits)
    bomb = gzip.compress(b"x" * 5_000_000)
    site.put("/b", "", headers={"Content-Encoding": "gzip"})
    site.pages["/b"].body = bomb
    run(crawled)
    assert SourceItem.objects.get(key=f"{site.address}/b").error == "This document is larger than the limit."
    assert paths(site, crawled.collection) == ["/", "/c"]


def test_redirects_to_other_schemes_and_in_circles_end(crawled: Source, site: Site, run: Run) -> None:
    site.put("/b", "", status=301, headers={"Location": "file:///etc/passwd"})
    site.put("/c", "", status=301, headers={"Location": "/c"})
    run(crawled)
    assert paths(site, crawled.collection) == ["/"]
    assert "too often" in SourceItem.objects.get(key=f"{site.address}/c").error


def test_a_crawl_that_was_cut_off_does_not_ask_for_its_pages_again(crawled: Source, site: Site) -> None:
    ask_run(crawled)
    while run_source(crawled.pk, slice_s=0) == "more":
        pass
    assert paths(site, crawled.collection) == ["/", "/b", "/c"]
    assert [site.asked_for(path) for path in ("/", "/b", "/c")] == [1, 1, 1]


def test_the_pause_that_robots_txt_asks_for_is_kept(
    crawled: Source, site: Site, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    site.put("/robots.txt", "User-agent: *\nCrawl-delay: 7\n", kind="text/plain")
    waited: list[float] = []
    clock = [0.0]

    def sleep(seconds: float) -> None:
        waited.append(seconds)
        clock[0] += seconds

    monkeypatch.setattr("retrieval.sources.connectors.web.sleep", sleep)
    monkeypatch.setattr("retrieval.sources.connectors.web.monotonic", lambda: clock[0])
    run(crawled)
    assert site.asked_for("/c") == 1
    assert sum(waited) == pytest.approx(21, abs=1)  # before each of three pages


def test_pages_that_are_not_kept_are_asked_for_once_in_a_run(collection: Collection, site: Site, run: Run) -> None:
    site.put("/", page("home", "/noindex", *(f"/gone{number}" for number in range(5))))
    site.put("/noindex", page("n", "/behind").replace("<body>", '<meta name="robots" content="noindex"><body>'))
    site.put("/behind", page("behind"))
    settings = {"start": [f"{site.address}/"], "depth": 2, "milliseconds_between": 0}
    source = create_source(private_networks=True, name="Wiki", collection=collection, kind="web", settings=settings)
    ask_run(source)
    slices = 1
    while run_source(source.pk, slice_s=0) == "more":
        slices += 1
        assert slices < 20
    assert slices > 7  # each of them ends a slice
    assert [site.asked_for(f"/gone{number}") for number in range(5)] == [1] * 5
    assert site.asked_for("/noindex") == 1
    assert paths(site, collection) == ["/", "/behind"]
    assert not SourceItem.objects.filter(absent=True).exists()
    source.refresh_from_db()
    assert source.counts == {"seen": 2, "new": 2}
    make_ready()
    site.put("/noindex", page("kept from now on", "/behind"))
    assert run(source).counts == {"seen": 3, "new": 1, "unchanged": 2}


@pytest.mark.parametrize("etag", ['"a\x00b"', '"a\x85b"', '"a' + "b" * 300 + '"'])
def test_a_header_that_cannot_be_stored_or_sent_does_not_end_the_run(
    crawled: Source, site: Site, run: Run, etag: str
) -> None:
    site.pages["/b"].headers["ETag"] = etag
    assert run(crawled).counts == {"seen": 3, "new": 3}
    make_ready()
    assert run(crawled).counts == {"seen": 3, "unchanged": 3}


def test_a_host_in_capitals_is_the_same_host(collection: Collection, site: Site, run: Run, settings: Any) -> None:
    settings.RETRIEVAL = dataclasses.replace(settings.RETRIEVAL, source_networks=("127.0.0.0/8", "::1/128"))
    site.put("/", page("home", "/b"))
    site.put("/b", page("b"))
    start = site.address.replace("127.0.0.1", "LOCALHOST") + "/"
    given = {"start": [start], "depth": 1, "milliseconds_between": 0}
    assert (
        run(
            create_source(private_networks=True, name="Wiki", collection=collection, kind="web", settings=given)
        ).counts["new"]
        == 2
    )
    within = {**given, "within": [start]}
    assert (
        run(create_source(private_networks=True, name="W", collection=collection, kind="web", settings=within)).counts[
            "seen"
        ]
        == 2
    )


def test_a_sitemap_that_unpacks_to_millions_of_elements_is_refused(
    collection: Collection, site: Site, run: Run
) -> None:
    site.put("/sitemap.xml.gz", "", kind="application/gzip")
    site.pages["/sitemap.xml.gz"].body = gzip.compress(b"<urlset>" + b"<a/>" * 2_000_000 + b"</urlset>")
    settings = {"sitemaps": [f"{site.address}/sitemap.xml.gz"], "milliseconds_between": 0}
    failed = run(create_source(private_networks=True, name="Map", collection=collection, kind="web", settings=settings))
    assert failed.outcome == Source.Outcome.FAILED and "too large" in failed.error


def test_a_page_that_failed_once_is_no_failure_when_it_is_back_unchanged(crawled: Source, site: Site, run: Run) -> None:
    run(crawled)
    make_ready()
    site.pages["/b"].status = 503
    assert run(crawled).counts["failed"] == 1
    site.pages["/b"].status = 200
    assert run(crawled).counts == {"seen": 3, "unchanged": 3}
    assert not SourceItem.objects.exclude(error="").exists()
