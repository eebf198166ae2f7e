"""Sends requests with OpenAI's SDK through a gateway until the budget is spent, and prints which exceptions it raised.

Arguments: the gateway's base URL, the secret of a key that may do everything, and that of one that only reads models.
"""

import faulthandler
import json
import sys
import time

import httpx
import openai

faulthandler.dump_traceback_later(120, exit=True)
BASE, SECRET, READER = sys.argv[1:]
MESSAGES = [{"role": "user", "content": "How much is it?"}]


class Client(openai.OpenAI):
    """Counts what it really sends, with what it tries again."""

    def __init__(self, secret):
        self.sent = 0
        hooks = {"request": [self.count]}
        super().__init__(api_key=secret, base_url=BASE, http_client=httpx.Client(trust_env=False, event_hooks=hooks))

    def count(self, _request):
        self.sent += 1

    def ask(self, **more):
        return self.chat.completions.create(model="gpt-4o-mini", messages=MESSAGES, **more)

    def upload(self):
        return self.files.create(file=("a.jsonl", b"x" * 2000), purpose="batch")


def refused(client, ask):
    """The exception of one question; None where it was answered."""
    client.sent = 0
    try:
        ask()
    except openai.APIStatusError as error:
        name = type(error).__name__
        return {"class": name, "status": error.status_code, "code": error.code, "sent": client.sent}
    return None


def until_refused(client, ask):
    """Asks until it is refused: a cost takes a moment to reach the gate. How often it was answered, and the exception."""
    for answered in range(500):
        answer = refused(client, ask)
        if answer:
            return answered, answer
        time.sleep(0.02)
    raise AssertionError("it was never refused")


def main():
    client, reader, nobody = Client(SECRET), Client(READER), Client("sk-nobody")
    said = {"unknown": refused(nobody, nobody.ask), "permission": refused(reader, reader.ask)}
    said["quota"] = refused(client, client.upload)
    said["text"] = client.ask().choices[0].message.content
    stream = client.ask(stream=True, stream_options={"include_usage": True})
    chunks = [chunk for chunk in stream]
    said["streamed"] = "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices)
    more, said["budget"] = until_refused(client, client.ask)
    said["answered"] = 2 + more
    print(json.dumps(said), flush=True)


main()
