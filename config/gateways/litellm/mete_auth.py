"""Mete for LiteLLM's proxy: asks it about each request, and tells it what each one used.

Belongs beside config.yaml, which names it. The environment says where Mete is:

  METE_URL         http://127.0.0.1:8790, unless it is set
  METE_TOKEN_FILE  a file with the token of the source that the usage is sent to, if Mete wants one (docs/http.md)

Where Mete does not answer, requests are refused with 503: nothing goes through that was not allowed.
"""

import asyncio
import json
import os

import httpx
from litellm._logging import verbose_proxy_logger
from litellm.integrations.custom_logger import CustomLogger
from litellm.proxy._types import LitellmUserRoles, ProxyException, UserAPIKeyAuth
from litellm.proxy.auth.auth_utils import get_model_from_request, get_request_route
from litellm.proxy.auth.route_checks import RouteChecks
from litellm.proxy.common_utils.http_parsing_utils import _read_request_body

METE = os.environ.get("METE_URL", "http://127.0.0.1:8790")
# Seconds for a decision, which takes Mete microseconds.
PATIENCE = 2.0
# Seconds between the tries to send usage: five minutes in all. What Mete has twice it counts once.
PAUSES = [1, 2, 4, 8, 15, 30, 60, 60, 60, 60]
# Requests whose usage waits for Mete at once; those beyond it are lost, and said to be.
WAITING = 10_000
# What of Mete's answer the client gets, beside status and body.
PASSED_ON = (
    "x-should-retry",
    "retry-after",
    "retry-after-ms",
    "www-authenticate",
    *(f"x-ratelimit-{what}-{unit}" for what in ("limit", "remaining", "reset") for unit in ("requests", "tokens")),
)


def token():
    """The token for usage, as a header; none where there is no file."""
    path = os.environ.get("METE_TOKEN_FILE")
    if not path:
        return {}
    with open(path, encoding="ascii") as file:
        return {"authorization": f"Bearer {file.read().strip()}"}


class MeteRefusal(ProxyException):
    """An answer to the client with a body of its own: LiteLLM would put the status into `code`."""

    def __init__(self, status, error, headers):
        super().__init__(error["message"], error["type"], error["param"], status, headers)
        self.error = error

    def to_dict(self):
        return self.error


def refusal(status, code, message, kind="invalid_request_error", headers=None):
    """A refusal of the gateway's own."""
    return MeteRefusal(status, {"message": message, "type": kind, "param": None, "code": code}, headers or {})


def away():
    message = "Whether this key may be used cannot be asked at the moment. Try again."
    return refusal(503, "gate_unavailable", message, "server_error", {"retry-after": "1"})


def described(request, model):
    """The request in headers, all of them our own: nothing of what the client sent under these names."""
    headers = {
        "x-original-method": request.method,
        "x-original-uri": request.url.path,
        "x-mete-bytes": request.headers.get("content-length", ""),
    }
    if model:
        headers["x-mete-model"] = model
    return headers


async def ask(api_key, headers):
    """Mete's answer; raises what the client is to be told where there is none."""
    try:
        # Header values as they are: a key with other characters is a key that nobody has.
        headers = {name: value.encode() for name, value in headers.items()}
        headers["authorization"] = b"Bearer " + api_key.encode()
        return await asking().get("/v1/authorize", headers=headers)
    except httpx.HTTPError as error:
        verbose_proxy_logger.error("Mete does not answer: %r", error)
        raise away() from error


_client = None


def asking():
    """The connections to Mete, made when the first request comes."""
    global _client
    if _client is None:
        _client = httpx.AsyncClient(base_url=METE, timeout=PATIENCE, trust_env=False)
    return _client


async def user_api_key_auth(request, api_key):
    """Custom auth: Mete decides. LiteLLM's own administration is not for Mete's keys."""
    route = get_request_route(request=request)
    if not RouteChecks.is_llm_api_route(route=route):
        raise refusal(403, None, "Keys of this gateway are for requests to models only.")
    # Read by LiteLLM itself, so that the model that is checked is the one that is used.
    model = get_model_from_request(await _read_request_body(request=request), route)
    if model is not None and not (isinstance(model, str) and len(model) <= 200 and model.isprintable()):
        raise refusal(400, "unclear_model", "The model must be one text of at most 200 characters.")
    answer = await ask(api_key.removeprefix("Bearer ").strip(), described(request, model))
    if answer.status_code == 204:
        # LiteLLM hashes the key: its payloads carry the SHA-256, by which Mete knows it.
        return UserAPIKeyAuth(api_key=api_key, user_role=LitellmUserRoles.INTERNAL_USER)
    if answer.status_code >= 500:
        verbose_proxy_logger.error("Mete cannot decide: %s", answer.text)
        raise away()
    headers = {name: answer.headers[name] for name in PASSED_ON if name in answer.headers}
    raise MeteRefusal(answer.status_code, answer.json()["error"], headers)


class MeteLogger(CustomLogger):
    """Sends LiteLLM's payload of each request to Mete, without prompts and answers."""

    def __init__(self):
        super().__init__()
        self.waiting = set()

    async def async_log_success_event(self, kwargs, response_obj, start_time, end_time):
        self.tell(kwargs)

    async def async_log_failure_event(self, kwargs, response_obj, start_time, end_time):
        self.tell(kwargs)

    def tell(self, kwargs):
        payload = kwargs.get("standard_logging_object")
        # What was refused was never a request to a model; LiteLLM logs it as one that failed.
        if not payload or (payload.get("error_information") or {}).get("error_class") == MeteRefusal.__name__:
            return
        line = json.dumps(dict(payload, messages=None, response=None), default=str).encode()
        if len(self.waiting) >= WAITING:
            verbose_proxy_logger.error("Mete was not told what %s used: too much waits for it", payload.get("id"))
            return
        task = asyncio.create_task(self.send(line, payload.get("id")))
        self.waiting.add(task)
        task.add_done_callback(self.waiting.discard)

    async def send(self, line, name):
        """Sends one line until it is taken."""
        for pause in [*PAUSES, None]:
            try:
                headers = {"content-type": "application/x-ndjson", **token()}
                async with httpx.AsyncClient(base_url=METE, timeout=30, trust_env=False) as client:
                    answer = await client.post("/v1/ingest?format=litellm-payload", content=line, headers=headers)
                if answer.status_code == 200:
                    return
                problem = f"{answer.status_code} {answer.text}"
            except (httpx.HTTPError, OSError) as error:
                problem = repr(error)
            if pause is not None:
                await asyncio.sleep(pause)
        verbose_proxy_logger.error("Mete was not told what %s used: %s", name, problem)


mete_logger = MeteLogger()
