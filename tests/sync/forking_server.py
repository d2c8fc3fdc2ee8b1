"""Real servers that start in a moment: one process imports the application, each server is its fork.

Reads lines from stdin: `start` forks a server that is killed with SIGKILL by `kill`. Run as
`python forking_server.py DATABASE_URL PORT`.
"""

import os
import signal
import sys

import uvicorn

from app.main import create_app
from app.settings import Settings
from app.web.server import HttpProtocol


def serve(url: str, port: int) -> None:
    settings = Settings(database_url=url, port=port, log_level="error", tick_seconds=0.05)
    uvicorn.run(
        create_app(settings), port=port, http=HttpProtocol, log_config=None, access_log=False
    )


def main() -> None:
    url, port = sys.argv[1], int(sys.argv[2])
    server = 0
    for line in sys.stdin:
        if line.strip() == "start":
            server = os.fork()
            if server == 0:
                serve(url, port)
                os._exit(0)
        else:
            os.kill(server, signal.SIGKILL)
            os.waitpid(server, 0)
        sys.stdout.write("done\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
