"""A webhook that prints what is posted, each post once: ``python receiver.py SECRET_FILE PORT``."""

import hashlib
import hmac
import json
import sys
import time
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

SECRET = Path(sys.argv[1]).read_bytes().split(b"\n")[0]
taken: set[str] = set()  # a real one keeps the keys in a database, for a week


class Receiver(BaseHTTPRequestHandler):
    """Takes posts from who knows the secret."""

    def do_POST(self) -> None:
        """Take one."""
        body = self.rfile.read(int(self.headers["Content-Length"]))
        sent_at, key = self.headers.get("X-Mailproc-Timestamp", "0"), self.headers.get("Idempotency-Key", "")
        proof = "sha256=" + hmac.new(SECRET, sent_at.encode() + b"." + body, hashlib.sha256).hexdigest()
        genuine = hmac.compare_digest(proof, self.headers.get("X-Mailproc-Signature", ""))
        if not genuine or abs(time.time() - int(sent_at)) > 300:
            self.send_error(401)
            return
        if key not in taken:
            post = json.loads(body)
            print(post["to"], post["text"], flush=True)
            taken.add(key)
        self.send_response(204)
        self.end_headers()


server = HTTPServer(("127.0.0.1", int(sys.argv[2])), Receiver)
print(server.server_port, flush=True)
server.serve_forever()
