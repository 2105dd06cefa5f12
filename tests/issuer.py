"""An OpenID issuer for tests: serves its metadata and keys on 127.0.0.1, and signs any claims (RS256).

Prints its port. `POST /token` with {"claims": …, "forged": false} returns a token; a forged one has the right key id and a signature by
another key. Ends when its standard input does.
"""

import base64
import json
import os
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa

KEY_ID = "test-key"
KEYS = {forged: rsa.generate_private_key(public_exponent=65537, key_size=2048) for forged in (False, True)}


def encode(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def number(value):
    return encode(value.to_bytes((value.bit_length() + 7) // 8, "big"))


def jwks():
    public = KEYS[False].public_key().public_numbers()
    return {"keys": [{"kty": "RSA", "kid": KEY_ID, "use": "sig", "alg": "RS256", "n": number(public.n), "e": number(public.e)}]}


def token(claims, forged):
    header = {"alg": "RS256", "typ": "JWT", "kid": KEY_ID}
    signed = ".".join(encode(json.dumps(part).encode()) for part in (header, claims))
    signature = KEYS[forged].sign(signed.encode(), padding.PKCS1v15(), hashes.SHA256())
    return f"{signed}.{encode(signature)}"


class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        issuer = f"http://{self.headers['Host']}"
        pages = {
            "/.well-known/openid-configuration": {"issuer": issuer, "jwks_uri": f"{issuer}/jwks.json"},
            "/jwks.json": jwks(),
        }
        self.answer(200 if self.path in pages else 404, pages.get(self.path, {}))

    def do_POST(self):
        request = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.answer(200, {"token": token(request["claims"], request["forged"])})

    def answer(self, status, body):
        body = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
print(server.server_address[1], flush=True)
threading.Thread(target=lambda: (sys.stdin.read(), os._exit(0)), daemon=True).start()
server.serve_forever()
