"""What Byline is compared with: uvicorn that answers each request with bytes from memory.

`python -m benchmarks.raw_uvicorn PORT FILE …` answers `/0` with the first file, `/1` with the next.
An empty file is answered with 304.
"""

import sys
from pathlib import Path
from typing import Any

import uvicorn


def main(port: int, bodies: list[bytes]) -> None:
    answers = {f"/{number}": _answer(body) for number, body in enumerate(bodies)}

    async def answer(scope: Any, _receive: Any, send: Any) -> None:
        start, body = answers[scope["path"]]
        await send(start)
        await send(body)

    uvicorn.run(answer, port=port, lifespan="off", log_level="error", access_log=False)


def _answer(body: bytes) -> tuple[dict[str, Any], dict[str, Any]]:
    length = (b"content-length", str(len(body)).encode())
    headers = [(b"content-type", b"application/json"), length] if body else []
    status = 200 if body else 304
    start = {"type": "http.response.start", "status": status, "headers": headers}
    return start, {"type": "http.response.body", "body": body}


if __name__ == "__main__":
    main(int(sys.argv[1]), [Path(name).read_bytes() for name in sys.argv[2:]])
