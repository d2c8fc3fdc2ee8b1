"""The shortcut of `POST /v1/articles`: most creates, without FastAPI's solving of dependencies.

What is special in any way, or wrong, goes the route's own way, and gets its answer or error there.
"""

from pydantic import ValidationError
from starlette.requests import Request
from starlette.responses import Response

from app.access.caller import forget_caller, remembered_caller
from app.articles.group_commit import Create, GroupCommit
from app.articles.models import ArticleCreate
from app.web.params import read_json
from app.web.problems import Problem

_PUBLISH = {b"": False, b"publish=true": True}
_JSON = {b"application/json", b"application/json; charset=utf-8"}
_SPECIAL = {b"content-encoding", b"idempotency-key"}


async def create_at_once(request: Request) -> Response | None:
    """The answer to a plain create by a key that was seen before, whose rights suffice.

    Whether they still do is asked in the transaction that writes the article.
    """
    publish = _PUBLISH.get(request.scope["query_string"])
    caller = remembered_caller(request)
    if publish is None or caller is None or caller.visibility.entitlement is not None:
        return None
    if not caller.may("publish" if publish else "write") or not _is_plain(request):
        return None
    # One that is too long is refused here: it cannot be read a second time.
    body = await request.body()
    try:
        wanted = ArticleCreate.model_validate(read_json(body))
    except (Problem, ValidationError):
        return None
    creates: GroupCommit = request.app.state.creates
    try:
        return await creates.create(Create(request, caller, wanted, publish))
    except Problem as problem:
        if problem.status_code != 401:
            raise
        forget_caller(request)
        return None


def _is_plain(request: Request) -> bool:
    """Whether its body is JSON and nothing else, by headers that come once."""
    headers = dict(request.scope["headers"])
    is_once = len(headers) == len(request.scope["headers"])
    return is_once and _SPECIAL.isdisjoint(headers) and headers.get(b"content-type") in _JSON
