"""OpenAI's SDK, as the scripts beside this one use it."""

import time

import httpx
import openai

MESSAGES = [{"role": "user", "content": "How much is it?"}]


class Client(openai.OpenAI):
    """Notes what it really sends, with what it tries again."""

    def __init__(self, base, secret, **more):
        self.sent = 0
        # Status, the milliseconds after which to try again, and when.
        self.answers = []
        hooks = {"request": [self.count], "response": [self.note]}
        http_client = httpx.Client(trust_env=False, event_hooks=hooks)
        super().__init__(api_key=secret, base_url=base, http_client=http_client, **more)

    def count(self, _request):
        self.sent += 1

    def note(self, response):
        wish = response.headers.get("retry-after-ms")
        self.answers.append((response.status_code, int(wish) if wish else None, time.monotonic()))

    def ask(self, **more):
        return self.chat.completions.create(model="gpt-4o-mini", messages=MESSAGES, **more)

    def refused(self, ask):
        """The exception of one question; None where it was answered."""
        self.sent, self.answers = 0, []
        try:
            ask()
        except openai.APIStatusError as error:
            name, body = type(error).__name__, error.body
            return {"class": name, "status": error.status_code, "code": error.code, "body": body, "sent": self.sent}
        return None
