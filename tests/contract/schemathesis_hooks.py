"""What schemathesis cannot know about this API, and nothing more.

- The run must not take away or change its own key.
- A revoked key is still listed and read: its answer says when it was revoked.
- An `Idempotency-Key` is for one request; the same short key for all of them would repeat answers.
- A request that waits for news takes as long as it says, and its client would have given up before.
- `fields` asks for part of an answer; the response schema documents the whole.
- A bulk request is always answered: what is wrong with a line stands in the answer to that line.
- A dot in a ref begins the suffix of a format, which is the address of another operation.
- The address of the bulk route is also that of an article called `bulk`, with all its methods.
- Some rules cannot be written in JSON Schema: a request may fit it and still be refused with 422.
"""

import json
import os
import re
import uuid
from typing import Any

import schemathesis
from hypothesis import strategies as st
from schemathesis import Case, HookContext, Response, SerializationContext
from schemathesis.core.failures import AcceptedNegativeData, Failure
from schemathesis.openapi.checks import (
    AllowHeaderMismatch,
    JsonSchemaError,
    RejectedPositiveData,
    UseAfterFree,
)

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
            r"goes with the suffix `ninjs` only",
            r"is cut, changed, or from another list or key",
            r"is no cursor that this site gave; it is cut or changed",
            r"must not contain (the NUL character|a number that is too large to keep)",
        ]
    )
)
GOOD_KEY = re.compile(r'"([ !#-\[\]-~]|\\["\\]){1,255}"')


# It takes a double quote for a character that no header can have, and would try none at all.
schemathesis.openapi.format("sf-string", st.from_regex(GOOD_KEY, fullmatch=True))


BULK = "/v1/articles/bulk"
KEY = "/v1/keys/{key_id}"
WAIT_SECONDS_MAX = 30


@schemathesis.serializer("application/x-ndjson", "application/jsonl")
def one_line(context: SerializationContext, value: Any) -> bytes:
    """A request of one line."""
    return value if isinstance(value, bytes) else json.dumps(value).encode()


@schemathesis.hook
def filter_case(context: HookContext, case: Case[Any]) -> bool:
    """Leaves the key of this run alone, and what by a dot in it is the address of something else."""
    parameters = case.path_parameters or {}
    is_other = "." in str(parameters.get("ref", "")) and not case.path.endswith("{suffix}")
    return parameters.get("key_id") != os.environ["API_KEY_ID"] and not is_other


@schemathesis.hook
def before_call(context: HookContext, case: Case[Any], **_kwargs: Any) -> None:
    """Gives each request that has a good key one of its own, and has none wait long."""
    wait = str((case.query or {}).get("wait", ""))
    if wait.isdecimal() and 1 < int(wait) <= WAIT_SECONDS_MAX:
        case.query["wait"] = 1
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
    if case.path == KEY and isinstance(failure, UseAfterFree):
        return response.json()["revoked_at"] is None
    if case.path == BULK and isinstance(failure, AcceptedNegativeData):
        return '"status":"failed"' not in response.text
    if case.path == BULK and isinstance(failure, AllowHeaderMismatch):
        return bool(failure.missing_methods)
    if isinstance(failure, JsonSchemaError) and "fields" in (case.query or {}):
        return failure.schema_path[-1] != "required"
    return True
