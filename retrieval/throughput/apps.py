from django.apps import AppConfig


class ThroughputConfig(AppConfig):
    name = "retrieval.throughput"
    label = "throughput"
    verbose_name = "Throughput of ingestion"
