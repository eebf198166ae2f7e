"""A mail server with aiosmtpd, as its one argument (JSON) says, until it is killed.

port; folder: where its certificate's authority is written, ca.pem; tls: starttls, implicit or none; login: name and
password, without which it takes nothing; refuse: addresses that it refuses; die: how many messages it leaves in the middle;
delay: milliseconds between taking a message and saying so. Each message that it takes is a line of JSON.
"""

import asyncio
import email
import email.policy
import json
import pathlib
import ssl
import sys
import threading

import trustme
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, AuthResult, LoginPassword

options = json.loads(sys.argv[1])


def authenticate(server, session, envelope, mechanism, data):
    name, password = options["login"]
    is_it = isinstance(data, LoginPassword) and (data.login, data.password) == (name.encode(), password.encode())
    return AuthResult(success=is_it, handled=False)


class Server(SMTP):
    async def smtp_DATA(self, argument):
        if options["die"] > 0:
            options["die"] -= 1
            await self.push("354 go on")
            await self._reader.readline()
            self.transport.abort()
            return
        await super().smtp_DATA(argument)


class Handler:
    taken = 0

    async def handle_RCPT(self, server, session, envelope, address, options_of_it):
        if address in options["refuse"]:
            return "550 5.1.1 nobody of that name lives here"
        envelope.rcpt_tos.append(address)
        return "250 ok"

    async def handle_DATA(self, server, session, envelope):
        message = email.message_from_bytes(envelope.content, policy=email.policy.default)
        parts = {part.get_content_type(): part.get_content() for part in message.walk() if not part.is_multipart()}
        self.taken += 1
        line = {
            "from": envelope.mail_from,
            "to": envelope.rcpt_tos,
            "headers": {name: str(value) for name, value in message.items()},
            "type": message.get_content_type(),
            "parts": parts,
            "defects": [str(defect) for part in message.walk() for defect in part.defects],
            "tls": session.ssl is not None,
            "authenticated": session.authenticated,
        }
        print(json.dumps(line), flush=True)
        await asyncio.sleep(options["delay"] / 1000)
        return f"250 2.0.0 taken as {self.taken}"


class OnPort(Controller):
    def factory(self):
        return Server(self.handler, **self.SMTP_kwargs)


authority = trustme.CA()
authority.cert_pem.write_to_path(pathlib.Path(options["folder"]) / "ca.pem")
context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
authority.issue_cert("127.0.0.1", "localhost").configure_cert(context)

settings = {"hostname": "127.0.0.1", "port": options["port"]}
if options["tls"] == "implicit":
    settings["ssl_context"] = context
if options["tls"] == "starttls":
    settings.update(tls_context=context, require_starttls=True)
if options["login"]:
    settings.update(authenticator=authenticate, auth_required=True, auth_require_tls=options["tls"] == "starttls")
OnPort(Handler(), **settings).start()
print("ready", flush=True)
threading.Event().wait()
