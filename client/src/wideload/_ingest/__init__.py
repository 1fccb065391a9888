"""Payload ingest: the modules behind `Client.send`, `get`, `document` and the lists."""
