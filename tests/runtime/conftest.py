"""The environment that the construct gives the functions, before a handler is imported."""

from __future__ import annotations

import tests.fake_aws.environment  # noqa: F401 - sets it
