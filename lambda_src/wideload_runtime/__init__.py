"""Code of the Lambda functions."""

__version__ = "0.1.0"
"""Of the distribution that carries it, `wideload-cdk`."""
