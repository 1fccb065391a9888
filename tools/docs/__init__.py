"""The documentation site's sources: the pages of `docs/`, and pages generated from code."""
