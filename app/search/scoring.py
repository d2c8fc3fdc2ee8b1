"""How well an article answers: its score from its own text, the same on every machine.

BM25F (Robertson, Zaragoza, 2009): how often each word is mentioned, weighted by where, against how
rare it is among what the caller may see; and more for words that stand side by side.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise

from app.search.evidence import Span

WEIGHTS = {"headline": 5.0, "subheadline": 2.0, "summary": 2.0, "names": 2.0, "body": 1.0}
SATURATION = 3.0
"""`k1` of BM25: how soon more mentions stop counting. Mentions in a headline count five times."""
LENGTH_SHARE = 0.4
"""`b` of BM25: how much a long body makes a mention in it count less."""
LENGTH_USUAL = 250
"""Words of a usual body. A number, not the average: what others write must not move a score."""
ADJACENT, NEAR = 0.3, 0.2
NEAR_CHARACTERS = 60
RECENT_SHARE, RECENT_DAYS = 0.2, 14.0
SCORE_MIDDLE = 8.0


@dataclass(frozen=True)
class Rarity:
    """How much each clause tells, by how many of the caller's articles match it."""

    weights: tuple[float, ...]


def rarity(matching: Sequence[int], total: int) -> Rarity:
    """`matching`: how many articles match each clause, of `total`."""
    return Rarity(tuple(math.log1p((max(total, n) - n + 0.5) / (n + 0.5)) for n in matching))


def relevance(spans: Mapping[str, Sequence[Span]], word_count: int, rare: Rarity) -> float:
    """The score of one article. `spans`: what matches in each of its fields."""
    mentions = [0.0] * len(rare.weights)
    for name, found in spans.items():
        weight = WEIGHTS[name]
        if name == "body":
            weight /= 1 - LENGTH_SHARE + LENGTH_SHARE * word_count / LENGTH_USUAL
        for span in found:
            mentions[span.clause] += weight
    score = 0.0
    for count, weight in zip(mentions, rare.weights, strict=True):
        score += weight * count / (count + SATURATION)
    return score + _nearness(spans, rare)


def _nearness(spans: Mapping[str, Sequence[Span]], rare: Rarity) -> float:
    """More for clauses that follow each other as they were typed, wherever that is best."""
    best: dict[int, float] = {}
    for found in spans.values():
        for here, later in pairwise(found):
            if later.clause != here.clause + 1:
                continue
            gap = later.start - here.end
            share = ADJACENT if 0 <= gap <= 2 else NEAR if 0 <= gap <= NEAR_CHARACTERS else 0.0
            best[here.clause] = max(best.get(here.clause, 0.0), share)
    return sum(
        share * min(rare.weights[clause], rare.weights[clause + 1])
        for clause, share in best.items()
    )


def end_of_hour(now: datetime) -> datetime:
    """What counts as now where news are preferred, so that a search finds the same all the hour."""
    return now.replace(minute=0, second=0, microsecond=0) + timedelta(hours=1)


def recency(published_at: datetime | None, at: datetime) -> float:
    """A factor from 1 for old news to a little more for today's, by whole days before `at`, the end
    of an hour; what comes after that is no news yet."""
    if published_at is None or published_at > at:
        return 1.0
    return 1.0 + RECENT_SHARE * math.pow(0.5, (at - published_at).days / RECENT_DAYS)


def shown_score(score: float, *, holds_all: bool) -> float:
    """From 0 to 2: above 1 holds all that was asked for."""
    return round(holds_all + score / (score + SCORE_MIDDLE), 4)
