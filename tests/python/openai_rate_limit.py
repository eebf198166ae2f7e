"""Sends requests with OpenAI's SDK through a gateway beyond a rate limit, and prints what the SDK made of it.

Arguments: the gateway's base URL, and the secret of a key whose model has a limit.
"""

import faulthandler
import json
import sys

from openai_client import Client

faulthandler.dump_traceback_later(120, exit=True)
BASE, SECRET = sys.argv[1:]


def until_refused(client):
    """Asks until there is no room. The exception."""
    for _ in range(500):
        answer = client.refused(client.ask)
        if answer:
            return answer
    raise AssertionError("it was never refused")


def main():
    said = {"refused": until_refused(Client(BASE, SECRET, max_retries=0))}
    # As anybody has it, and may have a slow machine: room comes back while nobody asks.
    patient = Client(BASE, SECRET)
    for _ in range(500):
        patient.refused(lambda: said.update(text=patient.ask().choices[0].message.content))
        if len(patient.answers) > 1:
            break
    said["statuses"] = [status for status, _, _ in patient.answers]
    pairs = zip(patient.answers, patient.answers[1:])
    said["waits"] = [{"wish": wish, "waited": (then - when) * 1000} for (_, wish, when), (_, _, then) in pairs]
    print(json.dumps(said), flush=True)


main()
