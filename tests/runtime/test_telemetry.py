"""Lines that libraries write to the functions' logs."""

from __future__ import annotations

import logging

import botocore.session
import pytest
import urllib3
from botocore.config import Config

import wideload_runtime.adapters.telemetry  # noqa: F401 - it is what is tested


def test_at_debug_the_sdk_logs_no_signed_requests(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    s3 = botocore.session.Session().create_client(
        "s3",
        region_name="eu-central-1",
        aws_access_key_id="AKIAEXAMPLE",
        aws_secret_access_key="secret",
        aws_session_token="a-session-token",
        config=Config(signature_version="s3v4"),
    )

    s3.generate_presigned_url("get_object", Params={"Bucket": "b", "Key": "k"})
    with pytest.raises(urllib3.exceptions.HTTPError), urllib3.PoolManager() as pool:
        pool.request("GET", "http://127.0.0.1:1/?X-Amz-Signature=a-signature", retries=False)

    assert [record for record in caplog.records if record.levelno < logging.INFO] == []
