"""uvicorn's HTTP protocol, with the one error that it answers itself as a problem too."""

from pydantic_core import to_json
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from app.web.problems import MEDIA_TYPE, TYPE_PREFIX


class HttpProtocol(HttpToolsProtocol):
    """Answers what is not HTTP at all with a problem, and hangs up."""

    def send_400_response(self, msg: str) -> None:
        body = to_json(
            {
                "type": f"{TYPE_PREFIX}malformed-request",
                "title": "Bad Request",
                "status": 400,
                "detail": f"{msg} Send HTTP/1.1.",
                "instance": "/",
            }
        )
        head = (
            "HTTP/1.1 400 Bad Request\r\n"
            f"content-type: {MEDIA_TYPE}\r\ncontent-length: {len(body)}\r\n"
            "cache-control: no-store\r\nconnection: close\r\n\r\n"
        )
        self.transport.write(head.encode() + body)
        self.transport.close()
