"""OpenTelemetry as an application sets it up. Where it sends to, and how, is in the environment (OTEL_...)."""

import faulthandler
import logging

from opentelemetry._logs import set_logger_provider
from opentelemetry.exporter.otlp.proto.http._log_exporter import OTLPLogExporter
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk._logs import LoggerProvider
from opentelemetry.sdk._logs.export import BatchLogRecordProcessor, InMemoryLogRecordExporter, SimpleLogRecordProcessor
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SimpleSpanProcessor, SpanExportResult
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import set_tracer_provider

# A program that hangs says where, and ends.
faulthandler.dump_traceback_later(120, exit=True)
logging.basicConfig(level=logging.WARNING, format="%(message)s")


class Telemetry:
    """Both signals, each sent in batches and kept, so that it can be sent again."""

    def __init__(self):
        self.spans, self.span_exporter = InMemorySpanExporter(), OTLPSpanExporter()
        self.tracing = TracerProvider()
        self.tracing.add_span_processor(SimpleSpanProcessor(self.spans))
        self.tracing.add_span_processor(BatchSpanProcessor(self.span_exporter))
        set_tracer_provider(self.tracing)

        self.records, self.log_exporter = InMemoryLogRecordExporter(), OTLPLogExporter()
        self.logging = LoggerProvider()
        self.logging.add_log_record_processor(SimpleLogRecordProcessor(self.records))
        self.logging.add_log_record_processor(BatchLogRecordProcessor(self.log_exporter))
        set_logger_provider(self.logging)

    def flush(self):
        """Sends what waits, and returns when it was taken."""
        assert self.tracing.force_flush(100_000)
        assert self.logging.force_flush(100_000)

    def again(self):
        """Sends all of it once more, in one request for each signal."""
        assert self.span_exporter.export(self.spans.get_finished_spans()) == SpanExportResult.SUCCESS
        assert self.log_exporter.export(self.records.get_finished_logs()).name == "SUCCESS"

    def shutdown(self):
        self.tracing.shutdown()
        self.logging.shutdown()


class Expected:
    """What a program used, by the model's name: as `mete spend --by model` is to show it."""

    def __init__(self):
        self.models = {}

    def add(self, model, input_tokens=0, cached=0, output=0, written=0):
        row = self.models.setdefault(model, {"requests": 0, "input": 0, "cached": 0, "written": 0, "output": 0})
        row["requests"] += 1
        row["input"] += input_tokens
        row["cached"] += cached
        row["written"] += written
        row["output"] += output
