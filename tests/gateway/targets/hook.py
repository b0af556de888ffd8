"""A webhook on a free loopback port that takes everything down.

::

    with Hook() as hook:
        hook.answers = [None, (500, b"", {})]
        ...
        [(path, header, body)] = hook.asked
"""

from __future__ import annotations

import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class Hook:
    """It answers what it is told: a status, a body and a header, None for no answer at all; 200 when it is told nothing."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, dict[str, str], bytes]] = []
        self.answers: list[tuple[int, bytes, dict[str, str]] | None] = []
        hook = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                hook.asked.append((self.path, dict(self.headers.items()), body))
                answer = hook.answers.pop(0) if hook.answers else (200, b"", {})
                if answer is None:
                    return
                self.send_response(answer[0])
                for name, value in {"Content-Length": str(len(answer[1])), **answer[2]}.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(answer[1])

            def log_message(self, *args: object) -> None:
                """Say nothing."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self.server.server_port}/hooks/mail/?realm=x"

    def __enter__(self) -> Hook:
        threading.Thread(target=self.server.serve_forever, args=(0.02,), daemon=True).start()
        return self

    def __exit__(self, *exc: object) -> None:
        self.server.shutdown()
        self.server.server_close()

    def reset(self) -> None:
        """Make it as it was at first."""
        self.asked.clear()
        self.answers.clear()
