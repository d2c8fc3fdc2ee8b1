"""What only tags have: kinds, of which one makes the section, and parents."""

from typing import Any

import pytest

from app.archive.shapes import TAG_KINDS
from tests.conftest import Newsroom, Response


def tag(newsroom: Newsroom, name: str, **fields: Any) -> dict[str, Any]:
    answer = newsroom.send("POST", "/v1/tags", {"name": name, **fields})
    assert answer.status_code == 201, answer.text
    return dict(answer.json())


def line_of_tags(newsroom: Newsroom, prefix: str, depth: int) -> list[str]:
    """Slugs of tags each under the one before."""
    slugs: list[str] = []
    for level in range(depth):
        parent = slugs[-1] if slugs else None
        slugs.append(str(tag(newsroom, f"{prefix}{level}", parent=parent)["slug"]))
    return slugs


def patch(newsroom: Newsroom, slug: str, /, **changes: Any) -> Response:
    return newsroom.send("PATCH", f"/v1/tags/{slug}", changes)


def merge(newsroom: Newsroom, slug: str, into: str) -> Response:
    return newsroom.send("POST", f"/v1/tags/{slug}/merge", {"into": into})


def slugs(newsroom: Newsroom, query: str) -> list[str]:
    answer = newsroom.get(f"/v1/tags?{query}")
    assert answer.status_code == 200, answer.text
    return [one["slug"] for one in answer.json()["data"]]


def section_of(newsroom: Newsroom, article: str) -> str | None:
    section = newsroom.get(f"/v1/articles/{article}").json()["section"]
    return section and str(section["slug"])


def parent_of(newsroom: Newsroom, slug: str) -> str | None:
    parent = newsroom.get(f"/v1/tags/{slug}").json()["parent"]
    return parent and str(parent["slug"])


def refused_pointer(answer: Response) -> str:
    assert answer.status_code == 422, answer.text
    (error,) = answer.json()["errors"]
    return str(error["pointer"])


# --- Kinds and sections --------------------------------------------------------------------------


def test_a_tag_is_a_topic_unless_it_says_otherwise(newsroom: Newsroom) -> None:
    assert tag(newsroom, "Climate")["kind"] == "topic"
    assert [tag(newsroom, kind, kind=kind)["kind"] for kind in TAG_KINDS] == list(TAG_KINDS)
    unknown = newsroom.send("POST", "/v1/tags", {"name": "X", "kind": "colour"})
    assert refused_pointer(unknown) == "/kind"


def test_a_list_can_be_of_some_kinds(newsroom: Newsroom) -> None:
    tag(newsroom, "Sport", kind="section")
    tag(newsroom, "Oslo", kind="place")
    tag(newsroom, "Climate")
    assert slugs(newsroom, "kind=section") == ["sport"]
    assert slugs(newsroom, "kind=place,topic") == ["climate", "oslo"]
    assert slugs(newsroom, "kind=place,topic&q=o") == ["oslo"]
    for wrong in ("colour", "place,", ""):
        answer = newsroom.get(f"/v1/tags?kind={wrong}")
        assert [error["parameter"] for error in answer.json()["errors"]] == ["kind"]


def test_the_first_tag_of_kind_section_is_the_section(newsroom: Newsroom) -> None:
    tag(newsroom, "Climate")
    tag(newsroom, "World", kind="section")
    tag(newsroom, "Business", kind="section")
    newsroom.article("One", tags=["climate", "world", "business"])
    newsroom.article("Two", tags=["business", "world"])
    newsroom.article("Three", tags=["climate"])
    sections = [section_of(newsroom, slug) for slug in ("one", "two", "three")]
    assert sections == ["world", "business", None]


def test_a_new_kind_moves_the_section_at_once(newsroom: Newsroom) -> None:
    tag(newsroom, "Climate")
    tag(newsroom, "World", kind="section")
    newsroom.article("Both", tags=["climate", "world"])
    newsroom.article("Climate only", tags=["climate"])
    patch(newsroom, "climate", kind="section")
    assert section_of(newsroom, "both") == "climate"
    assert section_of(newsroom, "climate-only") == "climate"
    for section, found in (("climate", {"Both", "Climate only"}), ("world", set())):
        data = newsroom.get(f"/v1/articles?section={section}").json()["data"]
        assert {one["headline"] for one in data} == found
    patch(newsroom, "climate", kind="topic")
    assert section_of(newsroom, "both") == "world"
    assert section_of(newsroom, "climate-only") is None
    assert newsroom.get("/v1/articles/both").json()["version"] == 3


def test_merging_finds_the_section_anew(newsroom: Newsroom) -> None:
    tag(newsroom, "Sports", kind="section")
    tag(newsroom, "World", kind="section")
    tag(newsroom, "Games")
    newsroom.article("Both", tags=["sports", "world"])
    newsroom.article("Sports only", tags=["sports"])
    newsroom.article("Games first", tags=["games", "world", "sports"])
    merge(newsroom, "sports", "games")
    sections = [section_of(newsroom, one) for one in ("both", "sports-only", "games-first")]
    assert sections == ["world", None, "world"]
    merge(newsroom, "games", "world")
    assert section_of(newsroom, "sports-only") == "world"


# --- Parents -------------------------------------------------------------------------------------


def test_a_tag_says_what_it_is_part_of(newsroom: Newsroom) -> None:
    europe = tag(newsroom, "Europe", kind="place")
    norway = tag(newsroom, "Norway", kind="place", parent="europe")
    parent = {name: europe[name] for name in ("id", "slug", "name")}
    assert (europe["parent"], norway["parent"]) == (None, parent)
    tag(newsroom, "Oslo", kind="place", parent=norway["id"])
    for ref in ("europe", europe["id"]):
        assert slugs(newsroom, f"parent={ref}") == ["norway"]
    assert slugs(newsroom, "parent=nowhere") == []
    cleared = patch(newsroom, "norway", parent=None).json()
    assert cleared["parent"] is None


def test_a_renamed_parent_shows_in_its_children_at_once(newsroom: Newsroom) -> None:
    tag(newsroom, "Europe")
    tag(newsroom, "Norway", parent="europe")
    etag = newsroom.get("/v1/tags/norway").headers["ETag"]
    patch(newsroom, "europe", name="The Continent", slug="continent")
    child = newsroom.get("/v1/tags/norway", {"If-None-Match": etag})
    assert child.status_code == 200
    assert (child.json()["parent"]["name"], child.json()["version"]) == ("The Continent", 2)
    assert slugs(newsroom, "parent=europe") == ["norway"]


def test_a_parent_that_is_not_there_is_refused(newsroom: Newsroom) -> None:
    answer = newsroom.send("POST", "/v1/tags", {"name": "Norway", "parent": "nowhere"})
    assert refused_pointer(answer) == "/parent"
    assert slugs(newsroom, "") == []


def test_no_tag_is_under_itself(newsroom: Newsroom) -> None:
    top, middle, bottom = line_of_tags(newsroom, "t", 3)
    for parent in (top, middle, bottom):
        assert refused_pointer(patch(newsroom, top, parent=parent)) == "/parent"
    assert parent_of(newsroom, top) is None


def test_tags_are_ten_levels_deep_at_most(newsroom: Newsroom) -> None:
    line = line_of_tags(newsroom, "t", 10)
    below = {"name": "Too deep", "parent": line[-1]}
    assert refused_pointer(newsroom.send("POST", "/v1/tags", below)) == "/parent"


def test_a_whole_branch_cannot_be_moved_too_deep(newsroom: Newsroom) -> None:
    long, short = line_of_tags(newsroom, "long", 8), line_of_tags(newsroom, "short", 3)
    assert refused_pointer(patch(newsroom, short[0], parent=long[-1])) == "/parent"
    assert patch(newsroom, short[0], parent=long[-2]).status_code == 200


def test_a_merge_cannot_put_children_too_deep(newsroom: Newsroom) -> None:
    long, short = line_of_tags(newsroom, "long", 10), line_of_tags(newsroom, "short", 2)
    assert refused_pointer(merge(newsroom, short[0], long[-1])) == "/into"
    assert parent_of(newsroom, short[1]) == short[0]
    assert merge(newsroom, short[0], long[-2]).status_code == 200
    assert parent_of(newsroom, short[1]) == long[-2]


def test_a_tag_with_others_under_it_cannot_be_deleted(newsroom: Newsroom) -> None:
    line_of_tags(newsroom, "t", 2)
    refused = newsroom.send("DELETE", "/v1/tags/t0")
    assert (refused.status_code, refused.json()["type"]) == (409, "urn:byline:problem:in-use")
    assert newsroom.send("DELETE", "/v1/tags/t1").status_code == 204
    assert newsroom.send("DELETE", "/v1/tags/t0").status_code == 204


def test_merging_moves_the_children(newsroom: Newsroom) -> None:
    tag(newsroom, "Double")
    tag(newsroom, "Survivor")
    tag(newsroom, "Child", parent="double")
    assert merge(newsroom, "double", "survivor").status_code == 200
    child = newsroom.get("/v1/tags/child").json()
    assert (child["parent"]["slug"], child["version"]) == ("survivor", 2)


@pytest.mark.parametrize("heir", [1, 2])
def test_a_tag_can_be_merged_into_one_below_it(newsroom: Newsroom, heir: int) -> None:
    tag(newsroom, "Root")
    line = line_of_tags(newsroom, "t", 3)
    patch(newsroom, line[0], parent="root")
    tag(newsroom, "Other child", parent=line[0])
    newsroom.article(tags=[line[0]])
    answer = merge(newsroom, line[0], line[heir])
    assert answer.status_code == 200
    assert answer.json()["parent"]["slug"] == "root"
    assert parent_of(newsroom, line[heir]) == "root"
    assert parent_of(newsroom, "other-child") == line[heir]
    assert parent_of(newsroom, line[3 - heir]) == line[heir]
    assert slugs(newsroom, "parent=root") == [line[heir]]
    shown = newsroom.get("/v1/articles/harbour-bridge-opens").json()["tags"]
    assert [one["slug"] for one in shown] == [line[heir]]
