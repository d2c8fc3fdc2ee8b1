"""Browsers from other origins (CORS), with a refusal in the shape of every other error."""

from starlette.datastructures import Headers
from starlette.middleware.cors import CORSMiddleware
from starlette.responses import Response

from app.web.problems import Problem, problem_response


class Cors(CORSMiddleware):
    """Starlette's, but that a preflight which is refused is answered with a problem."""

    def preflight_response(self, request_headers: Headers) -> Response:
        answer = super().preflight_response(request_headers)
        if answer.status_code < 400:
            return answer
        reason = bytes(answer.body).decode()
        return problem_response(Problem(400, "cross-origin", f"{reason}."), {"path": "*"})
