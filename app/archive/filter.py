"""A filter, with what its refs lead to.

Refs that lead nowhere choose nothing; an entitlement that excludes something unknown chooses
nothing at all, because what it meant to keep away cannot be known any more. `archive.selection`
compiles it to SQL; here it is held against single articles that exist no more.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from sqlmodel import Session

from app.access.visibility import ArticleFilter, groups, refs_in
from app.archive.refs import resolve_refs
from app.archive.walks import LinkKind


@dataclass(frozen=True)
class Linked:
    """One *or* of a filter: articles that have any of these authors, tags or sections."""

    kind: LinkKind
    ids: tuple[str, ...]


@dataclass(frozen=True)
class ResolvedFilter:
    """A filter whose refs are looked up: what it comes to, for whatever compiles it.

    `linked`: each must hold; one without ids holds for nothing. `excluded`: ids of tags.
    `languages`: of each *or* of them, as `language_key` has them. `holds_nothing`: it is an
    entitlement that excludes something unknown.
    """

    wanted: ArticleFilter
    linked: tuple[Linked, ...] = ()
    excluded: tuple[str, ...] = ()
    languages: tuple[tuple[str, ...], ...] = ()
    holds_nothing: bool = False


def resolve_filter(
    session: Session, wanted: ArticleFilter, *, is_entitlement: bool
) -> ResolvedFilter:
    tags = resolve_refs(session, "tag", tag_refs_of(wanted))
    authors = resolve_refs(session, "author", refs_in(wanted.author))
    return filter_by_ids(wanted, tags, authors, is_entitlement=is_entitlement)


def tag_refs_of(wanted: ArticleFilter) -> set[str]:
    return refs_in(wanted.tag, wanted.section, wanted.exclude_tag)


def filter_by_ids(
    wanted: ArticleFilter,
    tags: Mapping[str, str],
    authors: Mapping[str, str],
    *,
    is_entitlement: bool,
) -> ResolvedFilter:
    """The filter, given the ids behind those of its refs that lead somewhere."""
    kinds: tuple[tuple[LinkKind, list[str], Mapping[str, str]], ...] = (
        ("tag", wanted.tag, tags),
        ("section", wanted.section, tags),
        ("author", wanted.author, authors),
    )
    linked = tuple(
        Linked(kind, _known(choices, found))
        for kind, values, found in kinds
        for choices in groups(values)
    )
    excluded = refs_in(wanted.exclude_tag)
    return ResolvedFilter(
        wanted,
        linked,
        _known(sorted(excluded), tags),
        languages_of(wanted),
        is_entitlement and not excluded <= tags.keys(),
    )


def languages_of(wanted: ArticleFilter) -> tuple[tuple[str, ...], ...]:
    """Each *or* of languages, as `language_key` has them."""
    return tuple(
        tuple(dict.fromkeys(choice.lower() for choice in choices))
        for choices in groups(wanted.language)
    )


def narrowed(
    chosen: ResolvedFilter, entitlement: ResolvedFilter
) -> tuple[ResolvedFilter, ResolvedFilter]:
    """The same articles by two filters that do not contradict each other, or themselves.

    Tags that either excludes are left out of both, and the first has what all groups of sections
    have in common, and all of languages, for an article has one of each. Else whoever asks for what
    they are not to have would be searched for it to the archive's end.
    """
    both = (chosen, entitlement)
    excluded = {its_id for one in both for its_id in one.excluded}
    links = [linked for one in both for linked in one.linked]
    sections = [linked.ids for linked in links if linked.kind == "section"]
    languages = (*chosen.languages, *entitlement.languages)
    if not excluded and len(sections) < 2 and len(languages) < 2:
        return both

    def left(linked: Sequence[Linked]) -> tuple[Linked, ...]:
        return tuple(
            replace(one, ids=tuple(its_id for its_id in one.ids if its_id not in excluded))
            for one in linked  # ids of authors are others
        )

    def without_sections(one: ResolvedFilter) -> tuple[Linked, ...]:
        return left([linked for linked in one.linked if linked.kind != "section"])

    shared = left([Linked("section", ids) for ids in _in_common(sections)])
    linked = (*without_sections(chosen), *shared)
    return (
        replace(chosen, linked=linked, languages=_in_common(languages)),
        replace(entitlement, linked=without_sections(entitlement), languages=()),
    )


def _in_common(several: Sequence[tuple[str, ...]]) -> tuple[tuple[str, ...], ...]:
    """What all of several groups have, as one; none, where there are none."""
    if not several:
        return ()
    first, *others = several
    return (tuple(one for one in first if all(one in other for other in others)),)


def excludes_unknown(session: Session, entitlement: ArticleFilter | None) -> bool:
    """Whether an entitlement excludes something that is no more, and so holds nothing."""
    if entitlement is None:
        return False
    refs = refs_in(entitlement.exclude_tag)
    return len(resolve_refs(session, "tag", refs)) < len(refs)


def matches(wanted: ArticleFilter, snapshot: dict[str, Any], session: Session) -> bool:
    """Whether an article that exists no more was one of these, by its last snapshot."""
    return (
        snapshot_test(wanted, session)(snapshot)
        and all("published" in choices for choices in groups(wanted.status))
        and (not wanted.status or snapshot["first_published_at"] is not None)
        and wanted.updated_since is None  # when it changed last is not kept with it
    )


def snapshot_test(wanted: ArticleFilter, session: Session) -> Callable[[dict[str, Any]], bool]:
    """A test of snapshots: is what they say of tags, authors, language, id and date one of these?

    It leaves out what a snapshot does not say: the status and when the article changed last.
    """
    known_tags = resolve_refs(session, "tag", tag_refs_of(wanted))
    known_authors = resolve_refs(session, "author", refs_in(wanted.author))
    excluded = refs_in(wanted.exclude_tag)

    def holds(snapshot: dict[str, Any]) -> bool:
        tags = set(snapshot["tags"])
        authors = {credit["id"] for credit in snapshot["authors"]}
        return (
            all(tags & set(_known(choices, known_tags)) for choices in groups(wanted.tag))
            and all(
                snapshot["section"] in _known(choices, known_tags)
                for choices in groups(wanted.section)
            )
            and all(
                authors & set(_known(choices, known_authors)) for choices in groups(wanted.author)
            )
            and all(ref in known_tags and known_tags[ref] not in tags for ref in excluded)
            and all(snapshot["language"].lower() in choices for choices in languages_of(wanted))
            and all(snapshot["id"] in map(str.lower, choices) for choices in groups(wanted.ids))
            and is_published_within(wanted, _instant(snapshot["published_at"]))
        )

    return holds


def is_published_within(wanted: ArticleFilter, at: datetime | None) -> bool:
    """Whether a date of publication is one of those wanted; none is, where any is asked for."""
    since, until = wanted.published_since, wanted.published_until
    if since is None and until is None:
        return True
    return at is not None and (since is None or at >= since) and (until is None or at < until)


def _instant(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None


def _known(choices: Sequence[str], found: Mapping[str, str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(found[ref] for ref in choices if ref in found))
