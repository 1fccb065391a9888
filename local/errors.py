"""Errors of the embedded cloud."""


class CloudError(Exception):
    """The embedded cloud can't do what was asked; the text says why and what to do."""
