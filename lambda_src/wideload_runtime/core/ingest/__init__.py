"""Payload ingest: what is decided about payloads, from a request to the record."""
