"""The templates as they are committed, and what has changed in them since the last release."""
