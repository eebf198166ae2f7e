"""Receives webhooks, as its one argument (JSON) says, until it is killed.

port; folder: where the authority of its certificate is written, ca.pem; tls: whether it is encrypted; secret: that of
signatures, which the Standard Webhooks' own library checks; answers: the status of each answer, 200 when they are used up. Each
request is a line of JSON.
"""

import json
import pathlib
import ssl
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import trustme
from standardwebhooks import Webhook

options = json.loads(sys.argv[1])


class Receiver(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self):
        body = self.rfile.read(int(self.headers["content-length"])).decode()
        line = {"path": self.path, "headers": {name.lower(): value for name, value in self.headers.items()}}
        line["body"] = json.loads(body)
        if "webhook-signature" in self.headers:
            try:
                Webhook(options["secret"]).verify(body, line["headers"])
                line["verified"] = True
            except Exception as error:
                line["verified"] = repr(error)
        print(json.dumps(line), flush=True)
        status = options["answers"].pop(0) if options["answers"] else 200
        answer = f"answer {status}".encode()
        self.send_response(status)
        self.send_header("location", "/elsewhere")
        self.send_header("content-length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    def log_message(self, *_):
        pass


server = ThreadingHTTPServer(("127.0.0.1", options["port"]), Receiver)
if options["tls"]:
    authority = trustme.CA()
    authority.cert_pem.write_to_path(pathlib.Path(options["folder"]) / "ca.pem")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1", "localhost").configure_cert(context)
    server.socket = context.wrap_socket(server.socket, server_side=True)
print("ready", flush=True)
server.serve_forever()
