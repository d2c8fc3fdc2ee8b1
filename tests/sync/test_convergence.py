"""The promise: whoever applies the pages in order holds exactly what the list gives.

Random writes of every kind and a moving clock, while followers with random filters and rights read
pages of random size at random moments. At rest each copy equals the list, and nobody was ever told
to remove what it could never have had.
"""

import os
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from app.archive import moves
from app.archive.models import SORT_KEYS
from app.archive.moves import move_some
from app.archive.tables import article, article_author, article_tag
from tests.conftest import Newsroom
from tests.databases import drop_postgres_database, new_postgres_database
from tests.sync.followers import Filter, Follower

STEP_MINUTES = 10
SLUGS = ["one", "two", "three", "ghost"]
TAG_SLUGS = [f"tag-{slug}" for slug in SLUGS]
AUTHOR_SLUGS = [f"author-{slug}" for slug in SLUGS]
LANGUAGES = ["en", "de"]
EXAMPLES = int(os.environ.get("FOLLOWING_EXAMPLES", "12"))
"""Histories that are tried; set it to some hundreds to look harder."""

some_tags = st.lists(st.sampled_from(TAG_SLUGS[:3]), max_size=2, unique=True)
some_authors = st.lists(st.sampled_from(AUTHOR_SLUGS[:3]), max_size=2, unique=True)
steps_away = st.one_of(st.none(), st.integers(-3, 6))
which = st.integers(0, 5)
alternatives = st.lists(st.sampled_from(TAG_SLUGS), min_size=1, max_size=2).map(",".join)


def filters(statuses: bool, times: bool = True) -> st.SearchStrategy[Filter]:
    """A filter as parameters of an address; times are steps from the beginning."""
    parts: dict[str, Any] = {
        "tag": st.lists(alternatives, min_size=1, max_size=2),
        "exclude_tag": st.lists(alternatives, min_size=1, max_size=1),
        "section": st.lists(alternatives, min_size=1, max_size=1),
        "author": st.lists(st.sampled_from(AUTHOR_SLUGS), min_size=1, max_size=1),
        "language": st.sampled_from([["en"], ["de"], ["de,en"]]),
    }
    if times:
        parts |= {
            name: st.integers(-3, 6).map(lambda steps: [str(steps)])
            for name in ("published_since", "published_until", "updated_since")
        }
    if statuses:
        status = st.sampled_from(["draft", "scheduled", "published", "expired", "withdrawn"])
        parts["status"] = st.lists(status, min_size=1, max_size=3, unique=True).map(
            lambda chosen: [",".join(chosen)]
        )
    chosen = st.lists(st.sampled_from(sorted(parts)), max_size=2, unique=True)
    return chosen.flatmap(
        lambda names: st.fixed_dictionaries({name: parts[name] for name in names})
    )


class Following(RuleBasedStateMachine):
    """One newsroom, its readers, and the moments at which each could see what."""

    open_database: Callable[[], tuple[Newsroom, Callable[[], None]]]

    def __init__(self) -> None:
        super().__init__()
        self.newsroom, self.close = type(self).open_database()
        self.began = self.newsroom.clock.now
        self.followers: list[Follower] = []
        self.seen: list[set[str]] = []
        self.made: list[str] = []

    def teardown(self) -> None:
        try:
            self.at_rest()
        finally:
            self.close()

    @initialize(
        anonymous=filters(statuses=False),
        previewing=filters(statuses=True),
        partner=filters(statuses=False),
        entitlement=filters(statuses=False, times=False),
        embargoed=st.booleans(),
    )
    def begin(
        self,
        anonymous: Filter,
        previewing: Filter,
        partner: Filter,
        entitlement: Filter,
        embargoed: bool,
    ) -> None:
        for kind, slugs in (("tags", TAG_SLUGS), ("authors", AUTHOR_SLUGS)):
            for slug in slugs[:3]:
                self.newsroom.make(kind, name=slug, slug=slug)
        rights = {"articles": entitlement, "embargoed": embargoed}
        keys = [
            ({}, {}),
            (anonymous, {}),
            (previewing, self.newsroom.key("preview")),
            (partner, self.newsroom.key("read", entitlement=rights)),
        ]
        for chosen, headers in keys:
            timed: Filter = {
                name: [self.newsroom.clock.at(minutes=int(values[0]) * STEP_MINUTES)]
                if name.endswith(("_since", "_until"))
                else values
                for name, values in chosen.items()
            }
            self.followers.append(Follower(self.newsroom, timed, headers))
            self.seen.append(set())

    def at(self, steps: int | None) -> str | None:
        """A time some steps from now, or from the beginning before there is anything."""
        return None if steps is None else self.newsroom.clock.at(minutes=steps * STEP_MINUTES)

    def article(self, number: int) -> str:
        return self.made[number % len(self.made)]

    def send(self, method: str, path: str, body: Any = None) -> Any:
        answer = self.newsroom.send(method, path, body)
        assert answer.status_code in (200, 201, 204, 308, 404, 409, 410, 422), answer.text
        return answer

    @rule(
        tags=some_tags,
        authors=some_authors,
        language=st.sampled_from(LANGUAGES),
        publish=st.booleans(),
        published=steps_away,
        embargoed=steps_away,
        expires=steps_away,
    )
    def create(
        self,
        tags: list[str],
        authors: list[str],
        language: str,
        publish: bool,
        published: int | None,
        embargoed: int | None,
        expires: int | None,
    ) -> None:
        body: dict[str, Any] = {
            "headline": f"Article {len(self.made)}",
            "tags": tags,
            "authors": authors,
            "language": language,
            "embargoed_until": self.at(embargoed),
            "expires_at": self.at(expires),
        }
        if published is not None:
            body["published_at"] = self.at(published)
        answer = self.send("POST", f"/v1/articles?publish={str(publish).lower()}", body)
        if answer.status_code == 201:
            self.made.append(answer.json()["id"])

    @precondition(lambda self: self.made)
    @rule(
        number=which,
        change=st.one_of(
            st.fixed_dictionaries({"summary": st.sampled_from(["a", "b", "c"])}),
            st.fixed_dictionaries({"tags": some_tags}),
            st.fixed_dictionaries({"authors": some_authors}),
            st.fixed_dictionaries({"language": st.sampled_from(LANGUAGES)}),
            st.fixed_dictionaries({"embargoed_until": steps_away}),
            st.fixed_dictionaries({"expires_at": steps_away}),
            st.fixed_dictionaries({"published_at": st.integers(-3, 6)}),
        ),
    )
    def edit(self, number: int, change: dict[str, Any]) -> None:
        body = {
            name: self.at(value) if name.endswith(("_at", "_until")) else value
            for name, value in change.items()
        }
        self.send("PATCH", f"/v1/articles/{self.article(number)}", body)

    @precondition(lambda self: self.made)
    @rule(
        number=which,
        action=st.sampled_from(["publish", "withdraw", "restore", "corrections", "delete"]),
        at=steps_away,
    )
    def act(self, number: int, action: str, at: int | None) -> None:
        path = f"/v1/articles/{self.article(number)}"
        if action == "delete":
            self.send("DELETE", path)
            return
        bodies: dict[str, Any] = {
            "publish": {"at": self.at(at)},
            "corrections": {"kind": "correction", "note": "It was so."},
        }
        self.send("POST", f"{path}/{action}", bodies.get(action))

    @rule(
        kind=st.sampled_from(["tag", "author"]),
        slug=st.sampled_from(SLUGS),
        change=st.sampled_from(["name", "slug", "ghost", "kind", "delete", "make"]),
    )
    def change_name(self, kind: str, slug: str, change: str) -> None:
        path, ref = f"/v1/{kind}s", f"{kind}-{slug}"
        moment = str(self.newsroom.clock.now.microsecond)
        match change:
            case "name":
                self.send("PATCH", f"{path}/{ref}", {"name": f"Named at {moment}"})
            case "slug":
                self.send("PATCH", f"{path}/{ref}", {"slug": f"{ref}-{moment}"})
            case "ghost":
                self.send("PATCH", f"{path}/{ref}", {"slug": f"{kind}-ghost"})
            case "kind" if kind == "tag":
                now = self.newsroom.get(f"{path}/{ref}")
                was = now.status_code == 200 and now.json()["kind"]
                other = "topic" if was == "section" else "section"
                self.send("PATCH", f"{path}/{ref}", {"kind": other})
            case "delete":
                self.send("DELETE", f"{path}/{ref}")
            case "make":
                self.send("POST", path, {"name": ref, "slug": ref})

    @rule(
        kind=st.sampled_from(["tag", "author"]),
        slug=st.sampled_from(SLUGS),
        into=st.sampled_from(SLUGS),
    )
    def merge(self, kind: str, slug: str, into: str) -> None:
        body = {"into": f"{kind}-{into}"}
        self.send("POST", f"/v1/{kind}s/{kind}-{slug}/merge", body)

    @rule(steps=st.integers(1, 3), ticks=st.booleans())
    def time_passes(self, steps: int, ticks: bool) -> None:
        for _ in range(steps):
            self.newsroom.clock.move(minutes=STEP_MINUTES)
            self.look()
        if ticks:
            self.newsroom.tick()

    @rule(batches=st.integers(1, 3))
    def move(self, batches: int) -> None:
        for _ in range(batches):
            move_some(self.newsroom.database, self.newsroom.clock)

    @rule(follower=st.integers(0, 3), limit=st.integers(1, 4), pages=st.integers(1, 3))
    def follow(self, follower: int, limit: int, pages: int) -> None:
        for _ in range(pages):
            self.followers[follower].read(limit)

    @rule(follower=st.integers(0, 3))
    def catch_up(self, follower: int) -> None:
        self.settle()
        one = self.followers[follower].catch_up(3)
        assert one.copy == one.listed()

    @invariant()
    def look(self) -> None:
        """What each follower could have now."""
        for follower, seen in zip(self.followers, self.seen, strict=True):
            seen.update(follower.listed())
            wrongly = {one["id"] for one in follower.told} - seen
            assert not wrongly, f"told of what it could never have had: {wrongly}"

    @invariant()
    def links_carry_the_keys_of_their_articles(self) -> None:
        keys = ("live", *SORT_KEYS, "sequence")
        with self.newsroom.database.reading() as session:
            for links in (article_author, article_tag):
                both = links.join(article, article.c.id == links.c.article_id)
                other = sa.or_(*(links.c[key] != article.c[key] for key in keys))
                wrong = sa.select(links).select_from(both).where(other)
                assert session.connection().execute(wrong).all() == []

    def settle(self) -> None:
        """Takes all numbers that are to be taken."""
        self.newsroom.tick()
        while move_some(self.newsroom.database, self.newsroom.clock):
            pass

    def at_rest(self) -> None:
        self.settle()
        for follower in self.followers:
            follower.catch_up()
            assert follower.copy == follower.listed()


@pytest.mark.parametrize("moved_at_once", [moves.MOVED_AT_ONCE_MAX, 0])
def test_followers_converge(
    migrated: str,
    open_newsroom: Callable[..., Newsroom],
    monkeypatch: pytest.MonkeyPatch,
    moved_at_once: int,
) -> None:
    monkeypatch.setattr(moves, "MOVED_AT_ONCE_MAX", moved_at_once)
    monkeypatch.setattr(moves, "BATCH", 1)

    def open_database() -> tuple[Newsroom, Callable[[], None]]:
        folder = Path(tempfile.mkdtemp(prefix="byline-following-"))
        if migrated.startswith("sqlite"):
            shutil.copy(migrated.removeprefix("sqlite:///"), folder / "byline.db")
            url = f"sqlite:///{folder / 'byline.db'}"
        else:
            url = new_postgres_database(migrated, template=True)
        newsroom = open_newsroom(url)

        def close() -> None:
            newsroom.client.__exit__(None, None, None)
            shutil.rmtree(folder, ignore_errors=True)
            if not newsroom.database.is_sqlite:
                drop_postgres_database(url)

        return newsroom, close

    class Here(Following):
        pass

    Here.open_database = staticmethod(open_database)
    run_state_machine_as_test(
        Here,
        settings=settings(
            max_examples=EXAMPLES,
            stateful_step_count=40,
            deadline=None,
            # A history shrinks for minutes; as it was found it can be read as well.
            phases=[Phase.explicit, Phase.reuse, Phase.generate],
            suppress_health_check=list(HealthCheck),
        ),
    )
