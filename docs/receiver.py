"""A receiver of amibridge's webhooks: checks the signature and takes nothing twice. Python's standard library only.

WEBHOOK_SECRET=whsec_... [PORT=8080] [DATABASE=receiver.db] python3 receiver.py
"""

import base64
import hmac
import os
import sqlite3
import sys
import time
from contextlib import closing
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

SECRET = os.environ.get("WEBHOOK_SECRET") or sys.exit(__doc__)
KEY = base64.b64decode(SECRET.removeprefix("whsec_"))
DATABASE = os.environ.get("DATABASE", "receiver.db")
TOLERANCE = 300  # seconds between the sender's clock and ours: what is older may have been recorded and sent again
LIMIT = 20_000  # bytes: amibridge's bodies stay below


def genuine(headers, body):
    name, at = headers["webhook-id"] or "", headers["webhook-timestamp"] or ""
    if not name or len(at) > 12 or not at.isdecimal() or abs(time.time() - int(at)) > TOLERANCE:
        return False
    mac = base64.b64encode(hmac.digest(KEY, f"{name}.{at}.".encode() + body, "sha256"))
    return any(hmac.compare_digest(one.encode(), b"v1," + mac) for one in (headers["webhook-signature"] or "").split())


class Receiver(BaseHTTPRequestHandler):
    timeout = 10  # seconds for whoever says nothing

    def do_POST(self):
        length = self.headers["content-length"] or ""
        body = self.rfile.read(int(length)) if length.isdecimal() and len(length) < 6 and int(length) < LIMIT else b""
        taken = genuine(self.headers, body)
        if taken:
            with closing(sqlite3.connect(DATABASE)) as database, database:
                # What you do with a message belongs into this transaction: then both happen, or neither.
                row = (self.headers["webhook-id"], body)
                if database.execute("INSERT OR IGNORE INTO taken VALUES (?, ?)", row).rowcount:
                    print(body.decode(), flush=True)
        self.send_response(204 if taken else 401)  # until it hears 2xx, amibridge sends it again, with the same id
        self.end_headers()


if __name__ == "__main__":
    with closing(sqlite3.connect(DATABASE)) as database:
        database.execute("CREATE TABLE IF NOT EXISTS taken (id TEXT PRIMARY KEY, body BLOB)")
    with ThreadingHTTPServer(("127.0.0.1", int(os.environ.get("PORT", "8080"))), Receiver) as server:
        print(f"listening on port {server.server_port}", flush=True)
        server.serve_forever()
