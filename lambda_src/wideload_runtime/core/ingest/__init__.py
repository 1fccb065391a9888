"""Payload ingest: decisions about payloads, from the request to the record."""
