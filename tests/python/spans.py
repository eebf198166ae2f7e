"""Sends spans and log records of requests to models, and prints what was used.

Arguments: how many requests; `again` to send everything a second time.
"""

import json
import sys

from telemetry import Expected, Telemetry
from opentelemetry.trace import Status, StatusCode
from opentelemetry.util.genai.handler import TelemetryHandler

MODELS = [("openai", "gpt-4o-mini-2024-07-18"), ("anthropic", "claude-sonnet-4-5-20250929")]

telemetry, expected = Telemetry(), Expected()
tracer = telemetry.tracing.get_tracer("peers")
logger = telemetry.logging.get_logger("peers")


def request(number):
    """A request that a span tells of, or a log record, or both."""
    provider, model = MODELS[number % 2]
    usage = {"input_tokens": 1000 + number, "cached": number % 500, "output": 10 + number % 7}
    expected.add(model, **usage)
    attributes = {
        "gen_ai.operation.name": "chat",
        "gen_ai.provider.name": provider,
        "gen_ai.request.model": model,
        "gen_ai.response.model": model,
        "gen_ai.response.id": f"resp-{number}",
        "gen_ai.usage.input_tokens": usage["input_tokens"],
        "gen_ai.usage.cache_read.input_tokens": usage["cached"],
        "gen_ai.usage.output_tokens": usage["output"],
    }
    if number % 10 == 0:
        attributes["mete.project"] = "Search"
    if number % 3 != 0:
        with tracer.start_as_current_span(f"chat {model}", attributes=attributes):
            pass
    if number % 3 != 1:
        logger.emit(event_name="gen_ai.client.inference.operation.details", attributes=attributes)


def by_the_conventions():
    """A request as OpenTelemetry's own library for writers of instrumentations tells of it."""
    model = MODELS[1][1]
    with TelemetryHandler(telemetry.tracing).inference(provider="anthropic", request_model=model) as inference:
        inference.response_model_name, inference.response_id = model, "resp-util"
        inference.input_tokens, inference.output_tokens = 3000, 5
        inference.cache_read_input_tokens, inference.cache_write_input_tokens = 500, 1000
    expected.add(model, input_tokens=3000, cached=500, written=1000, output=5)


def around(count):
    """What is around requests: it used nothing, or what the requests in it used."""
    agent = {"gen_ai.operation.name": "invoke_agent", "gen_ai.usage.input_tokens": 10**6}
    with tracer.start_as_current_span("invoke_agent", attributes=agent):
        with tracer.start_as_current_span("SELECT", attributes={"db.system.name": "postgresql"}):
            logger.emit(body="an application's own words")
        for number in range(count):
            request(number)
        by_the_conventions()
        failed = {"gen_ai.operation.name": "chat", "gen_ai.request.model": MODELS[0][1], "error.type": "TimeoutError"}
        with tracer.start_as_current_span("chat", attributes=failed) as span:
            span.set_status(Status(StatusCode.ERROR))
        expected.add(MODELS[0][1])


around(int(sys.argv[1]))
telemetry.flush()
if "again" in sys.argv:
    telemetry.again()
telemetry.shutdown()
print(json.dumps({"models": expected.models}), flush=True)
