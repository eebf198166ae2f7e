"""Asks LiteLLM for answers that it makes up, with the callback of docs/connect.md, and prints what LiteLLM says they cost.

Argument: the folder in which the documentation's callback lies as mete_logger.py.
"""

import asyncio
import faulthandler
import json
import sys
import threading
from decimal import Decimal

faulthandler.dump_traceback_later(120, exit=True)
sys.path.insert(0, sys.argv[1])

import litellm  # noqa: E402
from litellm.integrations.custom_logger import CustomLogger  # noqa: E402
from mete_logger import mete_logger  # noqa: E402

MESSAGES = [{"role": "user", "content": "How much is it?"}]
NANO = Decimal("0.000000001")


class Watch(CustomLogger):
    """Keeps what LiteLLM's payloads say, by id, and knows when all are there."""

    def __init__(self):
        super().__init__()
        self.seen, self.more = {}, threading.Condition()

    def keep(self, kwargs):
        payload = kwargs["standard_logging_object"]
        metadata = payload["metadata"]
        whose = metadata["user_api_key_project_id"] or metadata["user_api_key_team_id"] or ""
        cost = int(Decimal(repr(payload["response_cost"])).quantize(NANO) / NANO)
        with self.more:
            self.seen[payload["id"]] = (whose, payload["status"], cost)
            self.more.notify_all()

    def log_success_event(self, kwargs, response_obj, start_time, end_time):
        self.keep(kwargs)

    def log_failure_event(self, kwargs, response_obj, start_time, end_time):
        self.keep(kwargs)

    async def async_log_success_event(self, kwargs, response_obj, start_time, end_time):
        self.keep(kwargs)

    async def async_log_failure_event(self, kwargs, response_obj, start_time, end_time):
        self.keep(kwargs)

    def wait(self, number):
        with self.more:
            assert self.more.wait_for(lambda: len(self.seen) >= number, 60), self.seen


def whose(team=None, project=None):
    return {"user_api_key_team_id": team, "user_api_key_project_id": project}


def ask_one_by_one():
    """Requests of the plain interface; returns how many."""
    litellm.completion("gpt-4o-mini", MESSAGES, mock_response="A dollar.", metadata=whose("team_1"))
    litellm.completion("anthropic/claude-sonnet-4-5-20250929", MESSAGES, mock_response="Two.", metadata=whose("team_2"))
    litellm.completion("gpt-4o-mini", MESSAGES, mock_response="It depends.", metadata=whose(project="Search"))
    litellm.completion("gpt-4o-mini", MESSAGES, mock_response="Ask somebody else.")
    whole = {
        "id": "chatcmpl-cached",
        "model": "gpt-4o",
        "choices": [{"index": 0, "message": {"role": "assistant", "content": "Less."}, "finish_reason": "stop"}],
        "usage": {
            "prompt_tokens": 5000,
            "completion_tokens": 7,
            "total_tokens": 5007,
            "prompt_tokens_details": {"cached_tokens": 4096},
        },
    }
    litellm.completion("gpt-4o", MESSAGES, mock_response=whole, metadata=whose("team_1"))
    stream = litellm.completion("gpt-4o", MESSAGES, mock_response="In parts.", stream=True, metadata=whose("team_1"))
    assert "".join(chunk.choices[0].delta.content or "" for chunk in stream) == "In parts."
    litellm.embedding("text-embedding-3-small", input=["Hello"], mock_response=[0.5], metadata=whose("team_2"))
    for mocked in [RuntimeError("no"), "litellm.RateLimitError"]:
        try:
            litellm.completion("gpt-4o", MESSAGES, mock_response=mocked, metadata=whose("team_2"))
            raise AssertionError("a request that fails was answered")
        except (litellm.InternalServerError, litellm.RateLimitError):
            pass
    return 9


async def ask_at_once(number):
    """Requests that run side by side."""
    await asyncio.gather(
        *[
            litellm.acompletion("gpt-4o-mini", MESSAGES, mock_response="Yes. " * n, metadata=whose("team_1"))
            for n in range(1, number + 1)
        ]
    )
    # Its callbacks run on this loop.
    await asyncio.to_thread(watch.wait, 9 + number)


watch = Watch()
# The one that is watched comes last: what it has seen is in the file.
litellm.callbacks = [mete_logger, watch]
asked = ask_one_by_one()
watch.wait(asked)
asyncio.run(ask_at_once(20))
assert len(watch.seen) == asked + 20, watch.seen
print(json.dumps({"requests": list(watch.seen.values())}), flush=True)
