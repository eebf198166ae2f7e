"""Asks with OpenAI's SDK what is refused, and prints which exceptions it raised.

Argument: a JSON object; for each name base URL, secret and the headers that describe a request.
"""

import faulthandler
import json
import sys

from openai import Omit

from openai_client import Client

faulthandler.dump_traceback_later(120, exit=True)


def exception(asked):
    # The SDK itself does not go without a key.
    client, keyless = Client(asked["base"], asked["secret"] or "none"), {"Authorization": Omit()}
    options = {"headers": asked["headers"] if asked["secret"] else asked["headers"] | keyless}
    return client.refused(lambda: client.post("/authorize", cast_to=object, options=options))


print(json.dumps({name: exception(asked) for name, asked in json.loads(sys.argv[1]).items()}), flush=True)
