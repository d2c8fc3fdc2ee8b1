"""What schemathesis cannot know about this API, and nothing more.

- The run must not take away or change its own key.
- An `Idempotency-Key` is for one request; the same short key for all of them would repeat answers.
- `fields` asks for part of an answer; the response schema documents the whole.
- Some rules cannot be written in JSON Schema: a request may fit it and still be refused with 422.
"""

import os
import re
import uuid
from typing import Any

import schemathesis
from hypothesis import strategies as st
from schemathesis import Case, HookContext, Response
from schemathesis.core.failures import Failure
from schemathesis.openapi.checks import JsonSchemaError, RejectedPositiveData

RULES_BEYOND_JSON_SCHEMA = re.compile(
    "|".join(
        [
            r"There is no (author|tag) `.*`\.",
            r"The (author|tag) `.*` is named twice\.",
            r"An author cannot be merged into itself\.",
            r"A tag cannot be (under|merged into) itself\.",
            r"Tags can be 10 levels deep at most\.",
            r"must be after `(published_at|embargoed_until)`",
            r"A published article has a date; withdraw it instead\.",
            r"may name 100 values at most",
            r"is cut, changed, or from another list or key",
        ]
    )
)
GOOD_KEY = re.compile(r'"([ !#-\[\]-~]|\\["\\]){1,255}"')


# It takes a double quote for a character that no header can have, and would try none at all.
schemathesis.openapi.format("sf-string", st.from_regex(GOOD_KEY, fullmatch=True))


@schemathesis.hook
def filter_case(context: HookContext, case: Case[Any]) -> bool:
    """Leaves the key of this run alone."""
    return (case.path_parameters or {}).get("key_id") != os.environ["API_KEY_ID"]


@schemathesis.hook
def before_call(context: HookContext, case: Case[Any], **_kwargs: Any) -> None:
    """Gives each request that has a good key one of its own."""
    for name, value in (case.headers or {}).items():
        if name.lower() == "idempotency-key" and GOOD_KEY.fullmatch(str(value)):
            case.headers[name] = f'"{uuid.uuid4()}"'


@schemathesis.hook
def filter_failure(
    context: HookContext, failure: Failure, case: Case[Any], response: Response
) -> bool:
    """Whether a failure is one: see the top of this file."""
    if isinstance(failure, RejectedPositiveData) and failure.status_code == 422:
        details = [error["detail"] for error in response.json()["errors"]]
        return not all(RULES_BEYOND_JSON_SCHEMA.fullmatch(detail) for detail in details)
    if isinstance(failure, JsonSchemaError) and "fields" in (case.query or {}):
        return failure.schema_path[-1] != "required"
    return True
