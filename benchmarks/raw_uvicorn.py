"""What Byline is compared with: uvicorn that answers every request with the bytes of one file.

`python -m benchmarks.raw_uvicorn PORT FILE`
"""

import sys
from pathlib import Path
from typing import Any

import uvicorn


def main(port: int, body: bytes) -> None:
    length = str(len(body)).encode()
    headers = [(b"content-type", b"application/json"), (b"content-length", length)]

    async def answer(_scope: Any, _receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": body})

    uvicorn.run(answer, port=port, lifespan="off", log_level="error", access_log=False)


if __name__ == "__main__":
    main(int(sys.argv[1]), Path(sys.argv[2]).read_bytes())
