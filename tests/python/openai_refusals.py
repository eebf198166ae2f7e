"""Sends requests with OpenAI's SDK through a gateway until the budget is spent, and prints which exceptions it raised.

Arguments: the gateway's base URL, the secret of a key that may do everything, and that of one that only reads models.
"""

import faulthandler
import json
import sys
import time

from openai_client import Client

faulthandler.dump_traceback_later(120, exit=True)
BASE, SECRET, READER = sys.argv[1:]


def until_refused(client):
    """Asks until it is refused: a cost takes a moment to reach the gate. How often it was answered, and the exception."""
    for answered in range(500):
        answer = client.refused(client.ask)
        if answer:
            return answered, answer
        time.sleep(0.02)
    raise AssertionError("it was never refused")


def main():
    client, reader, nobody = Client(BASE, SECRET), Client(BASE, READER), Client(BASE, "sk-nobody")
    said = {"unknown": nobody.refused(nobody.ask), "permission": reader.refused(reader.ask)}
    said["quota"] = client.refused(lambda: client.files.create(file=("a.jsonl", b"x" * 2000), purpose="batch"))
    said["text"] = client.ask().choices[0].message.content
    stream = client.ask(stream=True, stream_options={"include_usage": True})
    chunks = [chunk for chunk in stream]
    said["streamed"] = "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices)
    more, said["budget"] = until_refused(client)
    said["answered"] = 2 + more
    print(json.dumps(said), flush=True)


main()
