"""Calls OpenAI's client, which OpenTelemetry's instrumentation watches, against a server of its own."""

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import openai
from telemetry import Expected, Telemetry
from opentelemetry.instrumentation.genai.openai import OpenAIInstrumentor

CHAT, EMBEDDING = "gpt-4o-mini-2024-07-18", "text-embedding-3-small"
RESPONSE = {
    "id": "resp_1",
    "object": "response",
    "created_at": 1763892930,
    "model": CHAT,
    "status": "completed",
    "output": [],
    "parallel_tool_calls": True,
    "tool_choice": "auto",
    "tools": [],
    "usage": {
        "input_tokens": 700,
        "input_tokens_details": {"cached_tokens": 512},
        "output_tokens": 90,
        "output_tokens_details": {"reasoning_tokens": 64},
        "total_tokens": 790,
    },
}


def usage(number):
    return {
        "prompt_tokens": 2000 + number,
        "completion_tokens": 30,
        "total_tokens": 2030 + number,
        "prompt_tokens_details": {"cached_tokens": 1024},
    }


class FakeOpenAI(BaseHTTPRequestHandler):
    """Answers as OpenAI does. The prompt is the number of the request; 0 fails."""

    def do_POST(self):
        asked = json.loads(self.rfile.read(int(self.headers["content-length"])))
        if self.path.endswith("/embeddings"):
            data = [{"object": "embedding", "index": 0, "embedding": [0.5, 0.25]}]
            used = {"prompt_tokens": 8, "total_tokens": 8}
            return self.answer(200, {"object": "list", "data": data, "model": EMBEDDING, "usage": used})
        if self.path.endswith("/responses"):
            return self.answer(200, RESPONSE)
        number = int(asked["messages"][0]["content"])
        if number == 0:
            return self.answer(500, {"error": {"message": "down", "type": "server_error", "param": None, "code": None}})
        whole = {"id": f"chatcmpl-{number}", "created": 1763892930, "model": CHAT}
        if asked.get("stream"):
            delta = {"index": 0, "delta": {"role": "assistant", "content": "yes"}, "finish_reason": "stop"}
            chunk = whole | {"object": "chat.completion.chunk"}
            return self.stream([chunk | {"choices": [delta]}, chunk | {"choices": [], "usage": usage(number)}])
        choice = {"index": 0, "message": {"role": "assistant", "content": "yes"}, "finish_reason": "stop"}
        return self.answer(200, whole | {"object": "chat.completion", "choices": [choice], "usage": usage(number)})

    def answer(self, status, body):
        self.send("application/json", json.dumps(body).encode(), status)

    def stream(self, chunks):
        text = "".join(f"data: {json.dumps(chunk)}\n\n" for chunk in chunks) + "data: [DONE]\n\n"
        self.send("text/event-stream", text.encode())

    def send(self, kind, body, status=200):
        self.send_response(status)
        self.send_header("content-type", kind)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


def call(client, expected):
    def ask(number, **more):
        return client.chat.completions.create(
            model="gpt-4o-mini", messages=[{"role": "user", "content": str(number)}], **more
        )

    for number in range(1, 4):
        ask(number)
    for _ in ask(4, stream=True, stream_options={"include_usage": True}):
        pass
    for number in range(1, 5):
        expected.add(CHAT, input_tokens=2000 + number, cached=1024, output=30)
    client.responses.create(model="gpt-4o-mini", input="5")
    expected.add(CHAT, input_tokens=700, cached=512, output=90)
    try:
        ask(0)
        raise AssertionError("a request that fails was answered")
    except openai.InternalServerError:
        expected.add("gpt-4o-mini")
    client.embeddings.create(model=EMBEDDING, input="hello", encoding_format="float")
    expected.add(EMBEDDING, input_tokens=8)


telemetry, expected = Telemetry(), Expected()
OpenAIInstrumentor().instrument()
server = ThreadingHTTPServer(("127.0.0.1", 0), FakeOpenAI)
threading.Thread(target=server.serve_forever, daemon=True).start()
url = f"http://127.0.0.1:{server.server_port}/v1"
call(openai.OpenAI(base_url=url, api_key="sk-none", max_retries=0), expected)
telemetry.flush()
telemetry.shutdown()
server.shutdown()
print(json.dumps({"models": expected.models}), flush=True)
