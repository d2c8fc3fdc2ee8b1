"""One filter, one visibility, compiled a second time: to queries of the index.

`archive.selection.Selection` compiles the same to SQL. Whatever the index finds is checked against it
before it leaves, so a filter that is looser here shows nothing; it would only count wrongly.
"""

from collections import Counter
from collections.abc import Collection, Iterator, Mapping
from datetime import datetime
from functools import cached_property
from typing import Any, Literal

from tantivy import FieldType, Occur, Query, Searcher

from app.access.visibility import Status, groups
from app.archive.filter import ResolvedFilter
from app.archive.selection import Selection
from app.archive.walks import LinkKind
from app.search.index import View, count
from app.search.languages import language_of
from app.search.schema import micros

FacetName = Literal["tag", "section", "author", "language", "kind", "year"]
Hit = tuple[Any, str]
"""What an article is sorted by, and its id."""
COUNTED_MAX = 20_000
_FIELDS: dict[LinkKind, str] = {"tag": "tag_id", "section": "section_id", "author": "author_id"}
_OWN_LINKS: dict[FacetName, LinkKind] = {"tag": "tag", "section": "section", "author": "author"}


def both(*queries: Query) -> Query:
    return Query.boolean_query([(Occur.Must, one) for one in queries])


def either(*queries: Query) -> Query:
    if len(queries) == 1:
        return queries[0]
    return Query.boolean_query([(Occur.Should, one) for one in queries])


def without(query: Query, *excluded: Query) -> Query:
    """What the first finds and none of the others."""
    if not excluded:
        return query
    return Query.boolean_query([(Occur.Must, query), *((Occur.MustNot, one) for one in excluded)])


class IndexSelection:
    """The articles of a `Selection` in one view of the index.

    `gone`: ids that the index has and the selection has no more; `unseen`: likewise of all that the
    caller may see, whatever was chosen. `until`: nothing published after these microseconds.
    """

    def __init__(
        self,
        view: View,
        selection: Selection,
        gone: Collection[str] = (),
        unseen: Collection[str] = (),
        until: int | None = None,
    ) -> None:
        self.view = view
        self._visibility = selection.visibility
        self._chosen = selection.chosen
        self._entitlement = selection.entitlement
        self._gone, self._unseen = gone, unseen
        self._until = until

    @cached_property
    def is_whole(self) -> bool:
        """Whether the caller may see all of the public, and so may know how much there is of it."""
        return not self._visibility.previews and self._entitlement.wanted.is_empty

    def is_filtered_by(self, name: FacetName) -> bool:
        """Whether the request chose by what a facet counts."""
        wanted = self._chosen.wanted
        match name:
            case "kind":
                return False
            case "year":
                return wanted.published_since is not None or wanted.published_until is not None
            case _:
                return bool(getattr(wanted, name))

    def restricting(self, leave_out: FacetName | None = None) -> tuple[list[Query], list[Query]]:
        """What must hold and what must not, for all that was chosen and may be seen.

        `leave_out`: a facet counts what there would be without the filter of its own kind.
        """
        musts = [*self._seen(), *self._restricting(self._entitlement, None)]
        musts += self._restricting(self._chosen, leave_out)
        nots = [self._linked("tag", one.excluded) for one in self._both() if one.excluded]
        if self._gone:
            nots.append(self.with_ids(self._gone))
        if self._until is not None:
            later = Query.range_query(
                self.view.schema, "sort_at", FieldType.Integer, self._until, include_lower=False
            )
            nots.append(later)
        return musts, nots

    def within(self, query: Query, leave_out: FacetName | None = None) -> Query:
        """Those that a query finds; the filters add nothing to their scores."""
        return _restricted(query, *self.restricting(leave_out))

    def visible(self, query: Query) -> Query:
        """Those of all that the caller may see, whatever was chosen."""
        musts = [*self._seen(), *self._restricting(self._entitlement, None)]
        nots = (
            [self._linked("tag", self._entitlement.excluded)] if self._entitlement.excluded else []
        )
        if self._unseen:
            nots.append(self.with_ids(self._unseen))
        return _restricted(query, musts, nots)

    def terms(self, field: str, beginning: str, terms_max: int) -> list[tuple[str, int]]:
        """The most frequent terms that begin so, with how many articles have each.

        Only what the caller may see is counted: nothing else may choose what a query finds.
        """
        counted = Counter[str]()
        for searcher in self.shelves:
            found = searcher.terms_with_prefix(
                field, beginning, filter_query=self._all_visible, limit=terms_max
            )
            counted.update(dict(found))
        return sorted(counted.items(), key=lambda one: (-one[1], one[0]))[:terms_max]

    @cached_property
    def _all_visible(self) -> Query:
        return self.visible(Query.all_query())

    def with_ids(self, ids: Collection[str]) -> Query:
        return Query.term_set_query(self.view.schema, "id", list(ids))

    def frequency(self, query: Query) -> int:
        """How many of all that the caller may see a query finds; a round number where it is many.

        What nobody but the newsroom sees must not be told by a number. Of what is in very many
        articles a round number tells nothing, and is had at once.
        """
        at_once = count(self.view.public, query) if self.is_whole else 0
        return _rounded(at_once) or self.count(self.visible(query))

    def term_frequency(self, field: str, term: str) -> int:
        """The same for one term, which the index has counted."""
        at_once = self.view.public.doc_freq(field, term) if self.is_whole else 0
        return _rounded(at_once) or self.count(self.visible(self._term(field, term)))

    @cached_property
    def size(self) -> int:
        """How many articles the caller may see, likewise."""
        at_once = self.view.public.num_docs if self.is_whole else 0
        return _rounded(at_once) or self.count(self.visible(Query.all_query()))

    @cached_property
    def languages(self) -> tuple[str, ...]:
        """Which of `LANGUAGES` to search by: of what the caller may see, those that were chosen."""
        tags = [tag for choices in self._chosen.languages for tag in choices]
        chosen = set(map(language_of, tags)) or set(self.view.languages)
        at_once = self.view.public_languages if self.is_whole else frozenset()
        return tuple(
            one
            for one in self.view.languages
            if one in chosen and (one in at_once or self.is_seen("analyzed_as", one))
        )

    def is_seen(self, field: str, term: str) -> bool:
        """Whether anything that the caller may see has a term."""
        is_there = any(searcher.doc_freq(field, term) for searcher in self.shelves)
        return is_there and self.count(self.visible(self._term(field, term))) > 0

    @cached_property
    def shelves(self) -> tuple[Searcher, ...]:
        """Where there may be something that the caller sees.

        What is public by the clock and not yet by the index is on the other shelf, for a second.
        """
        view = self.view
        is_all_public = not self._visibility.previews and not count(view.hidden, self._clocked)
        return (view.public,) if is_all_public else (view.public, view.hidden)

    def count(self, query: Query) -> int:
        return sum(count(searcher, query) for searcher in self.shelves)

    def hits(self, query: Query, limit: int, **how: Any) -> tuple[list[list[Hit]], int]:
        """The first of each shelf that a query finds with all filters, and how many there are in all.

        `how`: what `search` of Tantivy takes.
        """
        total, shelves = 0, []
        restricted = self.within(query)
        for searcher in self.shelves:
            result: Any = searcher.search(restricted, limit, **how)
            total += int(result.count)
            shelves.append(
                [
                    (value, str(searcher.doc(address).get_first("id")))
                    for value, address in result.hits
                ]
            )
        return shelves, total

    def aggregated(self, query: Query, asked: dict[str, Any]) -> list[Mapping[str, Any]]:
        """What Tantivy answers for each shelf."""
        return [searcher.aggregate(query, asked) for searcher in self.shelves]

    def _both(self) -> tuple[ResolvedFilter, ResolvedFilter]:
        return self._chosen, self._entitlement

    def _seen(self) -> Iterator[Query]:
        """What the clock and the scopes say."""
        if self._visibility.previews:
            return
        yield self._public

    @cached_property
    def _public(self) -> Query:
        public = self._term("audience", "public")
        return either(public, self._clocked) if self.count(self._clocked) else public

    @cached_property
    def _clocked(self) -> Query:
        """What the clock still changes is looked at by its times; mostly there is none."""
        now = self._visibility.now
        clocked = both(self._term("audience", "clocked"), self._live_at(now))
        if self._visibility.embargoed:
            return clocked
        return without(clocked, self._range("embargoed_until", after=now))

    def _live_at(self, now: datetime) -> Query:
        begun = both(self._term("state", "live"), self._range("sort_at", until=now))
        return without(begun, self._range("expires_at", until=now))

    def _restricting(
        self, resolved: ResolvedFilter, leave_out: FacetName | None
    ) -> Iterator[Query]:
        wanted = resolved.wanted
        for linked in resolved.linked:
            if linked.kind != _OWN_LINKS.get(leave_out or "year"):
                yield self._linked(linked.kind, linked.ids)
        if resolved.holds_nothing:
            yield Query.empty_query()
        if leave_out != "language":
            for choices in resolved.languages:
                yield self._any_of("language", choices)
        for choices in groups(wanted.ids):
            yield self._any_of("id", [choice.lower() for choice in choices])
        for choices in groups(wanted.status):
            yield either(*(self._status(choice) for choice in choices))  # type: ignore[arg-type]
        if leave_out != "year":
            yield from self._published_within(resolved)
        if wanted.updated_since is not None:
            yield self._range("updated_at", since=wanted.updated_since)

    def _published_within(self, resolved: ResolvedFilter) -> Iterator[Query]:
        since, until = resolved.wanted.published_since, resolved.wanted.published_until
        if since is not None:
            yield self._range("published_at", since=since)
        if until is not None:
            yield self._range("published_at", before=until)

    def _status(self, status: Status) -> Query:
        now = self._visibility.now
        live = self._term("state", "live")
        later, over = self._range("published_at", after=now), self._range("expires_at", until=now)
        match status:
            case "draft" | "withdrawn":
                return self._term("state", status)
            case "scheduled":
                return both(live, later)
            case "expired":
                return without(both(live, over), later)
            case "published":
                return without(live, later, over)

    def _linked(self, kind: LinkKind, ids: Collection[str]) -> Query:
        return self._any_of(_FIELDS[kind], ids)

    def _any_of(self, field: str, values: Collection[str]) -> Query:
        if not values:
            return Query.empty_query()
        return either(*(self._term(field, value) for value in values))

    def _term(self, field: str, value: str) -> Query:
        return Query.term_query(self.view.schema, field, value, "basic")

    def _range(
        self,
        field: str,
        *,
        since: datetime | None = None,
        after: datetime | None = None,
        until: datetime | None = None,
        before: datetime | None = None,
    ) -> Query:
        lower, upper = since or after, until or before
        bounds: dict[str, Any] = {
            "lower_bound": micros(lower) if lower else None,
            "upper_bound": micros(upper) if upper else None,
            "include_lower": after is None,
            "include_upper": before is None,
        }
        return Query.range_query(self.view.schema, field, FieldType.Integer, **bounds)


def _rounded(many: int) -> int:
    return round(many, 2 - len(str(many))) if many > COUNTED_MAX else 0


def _restricted(query: Query, musts: list[Query], nots: list[Query]) -> Query:
    if musts:
        silent = [Query.const_score_query(one, 0.0) for one in musts]
        query = both(query, *silent)
    return without(query, *nots)
