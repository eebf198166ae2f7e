"""Mete for LiteLLM's proxy: asks it about each request, has money held for it, and tells it what each one used.

Belongs beside config.yaml, which names it. The environment says where Mete is:

  METE_URL         http://127.0.0.1:8790, unless it is set
  METE_TOKEN_FILE  a file with the token of the source that the usage is sent to, if Mete wants one (docs/http.md)

Where Mete does not answer, requests are refused with 503: nothing goes through that was not allowed.
"""

import asyncio
import json
import os
import re

import httpx
import litellm
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
# Seconds between a stream's words to Mete that it goes on. A hold lives for minutes (`hold_minutes`).
GOING_ON = 30
# Under this name LiteLLM carries the hold's id from the key to the log of the request, where Mete reads it.
HOLD = "mete_hold"

# Requests with a model that cost nothing: nothing is held for them.
FREE = ("/count_tokens", "/input_tokens", "/token_counter", "/transform_request", "/moderations")
# What would have LiteLLM ask another model than the one that Mete was asked about.
STAND_INS = ("fallbacks", "context_window_fallbacks", "content_policy_fallbacks", "router_settings_override")
# What a body may have for its price to be told by its model and sizes alone.
PLAIN = frozenset(
    "model messages input instructions system prompt suffix stream stream_options n best_of stop stop_sequences seed "
    "max_tokens max_completion_tokens max_output_tokens temperature top_p top_k frequency_penalty presence_penalty "
    "logit_bias logprobs top_logprobs response_format text reasoning reasoning_effort thinking verbosity tools tool_choice "
    "parallel_tool_calls functions function_call service_tier user safety_identifier metadata store include".split()
)
MEDIA = re.compile(r'"type":"[a-z_]*(image|file|audio|video|document|reference)')
# What a deployment may have for that: beside its model, where it is, and how often and for how long it is asked.
PLAIN_DEPLOYMENT = frozenset(
    "model custom_llm_provider api_base api_key api_version organization region_name litellm_credential_name tags rpm tpm "
    "weight order timeout stream_timeout max_retries max_parallel_requests drop_params".split()
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


def question(request, api_key, route, model, body):
    """What Mete is asked, and has money held by (docs/http.md)."""
    size = request.headers.get("content-length", "")
    asked = {
        "key": api_key or None,
        "method": request.method,
        "path": request.url.path,
        "model": model,
        "bytes": int(size) if size.isdecimal() else None,
        "hold": model is not None and request.method == "POST" and not route.endswith(FREE),
    }
    return {**asked, **sizes(route, model, body)} if asked["hold"] else asked


def sizes(route, model, body):
    """The most that the request can have of what its model's price counts; nothing where that is not all it can cost, so
    that Mete holds what it takes for enough."""
    provider, output = provider_of(model), most_output(route, body)
    if provider is None or output is None or not is_plain(body):
        return {}
    # A text has no more tokens than bytes.
    tokens = len(as_json(body).encode("utf-8", "surrogatepass"))
    return {"provider": provider, "input_tokens": tokens, "max_output_tokens": output}


def as_json(body):
    return json.dumps(body, ensure_ascii=False, separators=(",", ":"), default=str)


def is_count(value):
    return type(value) is int and 0 < value < 2**53


def most_output(route, body):
    """How many tokens all answers together may have; None where the body sets no limit."""
    names = ["max_output_tokens"] if route.endswith("/responses") else ["max_completion_tokens", "max_tokens"]
    limits = [body[name] for name in names if is_count(body.get(name))]
    if not limits:
        return None
    answers = [body[name] for name in ("n", "best_of") if is_count(body.get(name))]
    most = max(limits) * max([1, *answers])
    return most if is_count(most) else None


def is_plain(body):
    """Whether the input is text that stands in the body, at the model's plain price."""
    tools = body.get("tools")
    tools = tools if isinstance(tools, list) else []
    own = all(isinstance(tool, dict) and tool.get("type") in (None, "function", "custom") for tool in tools)
    # A list of prompts has an answer for each.
    one = isinstance(body.get("prompt", ""), str)
    tier = body.get("service_tier", "default") == "default"
    return own and one and tier and PLAIN.issuperset(body) and not MEDIA.search(as_json(body))


def provider_of(model):
    """Whose model of this very name LiteLLM will ask for; None where it may be another one, at another price.

    Mete knows lists of models, budgets of models and prices by the name that the client asks for.
    """
    from litellm.proxy.proxy_server import llm_router as router

    if router is None or router.fallbacks or router.context_window_fallbacks or router.content_policy_fallbacks:
        return None
    providers = set()
    for deployment in router.get_model_list(model_name=model) or []:
        params = {name: value for name, value in deployment["litellm_params"].items() if value not in (None, False)}
        priced = [name for name, value in (deployment.get("model_info") or {}).items() if value and "cost" in name]
        if priced or not PLAIN_DEPLOYMENT.issuperset(params):
            return None
        try:
            name, provider, *_ = litellm.get_llm_provider(params["model"], params.get("custom_llm_provider"))
        except litellm.exceptions.BadRequestError:
            return None
        providers.add(provider if name == model else None)
    return providers.pop() if len(providers) == 1 else None


async def ask(asked):
    """Mete's answer; raises what the client is to be told where there is none."""
    try:
        answer = await asking().post("/v1/authorize", json=asked)
    except httpx.HTTPError as error:
        verbose_proxy_logger.error("Mete does not answer: %r", error)
        raise away() from error
    if answer.status_code != 200:
        verbose_proxy_logger.error("Mete cannot decide: %s %s", answer.status_code, answer.text)
        raise away()
    return answer.json()


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
    body = await _read_request_body(request=request)
    model = get_model_from_request(body, route)
    if model is not None and not (isinstance(model, str) and len(model) <= 200 and model.isprintable()):
        raise refusal(400, "unclear_model", "The model must be one text of at most 200 characters.")
    if any(body.get(name) for name in STAND_INS) or "model" in (body.get("extra_body") or ()):
        raise refusal(400, "unclear_model", "Which models stand in for another one is not the client's to say.")
    answer = await ask(question(request, api_key.removeprefix("Bearer ").strip(), route, model, body))
    if answer["decision"] != "allow":
        raise MeteRefusal(answer["status"], answer["error"], answer["headers"])
    metadata = {HOLD: answer["hold"]["id"]} if answer["hold"] else {}
    # LiteLLM hashes the key: its payloads carry the SHA-256, by which Mete knows it.
    return UserAPIKeyAuth(api_key=api_key, user_role=LitellmUserRoles.INTERNAL_USER, metadata=metadata)


def begin(work, tasks):
    """Does something beside the requests. asyncio forgets a task that nobody keeps."""
    task = asyncio.create_task(work)
    tasks.add(task)
    task.add_done_callback(tasks.discard)
    return task


class MeteLogger(CustomLogger):
    """Sends LiteLLM's payload of each request to Mete, without prompts and answers: that ends its hold."""

    def __init__(self):
        super().__init__()
        # Lines that are being sent, and what else is done beside the requests.
        self.waiting, self.others = set(), set()

    async def async_post_call_failure_hook(
        self, request_data, original_exception, user_api_key_dict, traceback_str=None
    ):
        """What was held for a request that failed, or that LiteLLM refused after Mete had let it through, is free again."""
        hold = user_api_key_dict.metadata.get(HOLD)
        if hold:
            begin(self.about(hold, "DELETE"), self.others)

    async def async_post_call_streaming_iterator_hook(self, user_api_key_dict, response, request_data):
        """Has the hold live for as long as the stream."""
        hold = user_api_key_dict.metadata.get(HOLD)
        going_on = begin(self.extend(hold), self.others) if hold else None
        try:
            async for chunk in response:
                yield chunk
        finally:
            if going_on:
                going_on.cancel()

    async def extend(self, hold):
        while True:
            await asyncio.sleep(GOING_ON)
            await self.about(hold, "POST", "/extend")

    async def about(self, hold, method, what=""):
        """Tells Mete something of a hold. One that it is not told of expires."""
        try:
            answer = await asking().request(method, f"/v1/holds/{hold}{what}")
            if answer.status_code not in (200, 204):
                verbose_proxy_logger.warning("Mete on the hold %s: %s %s", hold, answer.status_code, answer.text)
        except httpx.HTTPError as error:
            verbose_proxy_logger.warning("Mete was not told of the hold %s: %r", hold, error)

    async def async_log_success_event(self, kwargs, response_obj, start_time, end_time):
        self.tell(kwargs)

    async def async_log_failure_event(self, kwargs, response_obj, start_time, end_time):
        self.tell(kwargs)

    def tell(self, kwargs):
        payload = kwargs.get("standard_logging_object")
        # What was refused was never a request to a model; LiteLLM logs it as one that failed.
        if not payload or (payload.get("error_information") or {}).get("error_class") == MeteRefusal.__name__:
            return
        # LiteLLM may write the provider before the model: limits go by the name that Mete was asked about.
        model = (payload.get("model") or "").removeprefix(f"{payload.get('custom_llm_provider')}/")
        line = json.dumps(dict(payload, model=model, messages=None, response=None), default=str).encode()
        if len(self.waiting) >= WAITING:
            verbose_proxy_logger.error("Mete was not told what %s used: too much waits for it", payload.get("id"))
            return
        begin(self.send(line, payload.get("id")), self.waiting)

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
