"""Security headers of the page."""

from __future__ import annotations

from collections.abc import Sequence

from aws_cdk import Duration
from aws_cdk import aws_cloudfront as cloudfront
from constructs import Construct

# The HSTS preload list requires at least a year: https://hstspreload.org/
HSTS_MAX_AGE = Duration.days(2 * 365)

_DENIED_FEATURES = ("camera", "geolocation", "microphone", "payment", "usb")


def new_headers_policy(
    scope: Construct, id: str, *, name: str, connect_sources: Sequence[str]
) -> cloudfront.ResponseHeadersPolicy:
    """Make CloudFront add a strict Content-Security-Policy, HSTS and other headers.

    Args:
        scope: Parent of the policy.
        id: Its id.
        name: Its name, unique in the account.
        connect_sources: Hosts to which the page may send requests, as CSP sources.
    """
    directives = {
        "default-src": "'none'",
        # The hashing worker compiles WebAssembly.
        "script-src": "'self' 'wasm-unsafe-eval'",
        "worker-src": "'self'",
        "style-src": "'self'",
        "img-src": "'self' blob: data:",
        "font-src": "'self'",
        "manifest-src": "'self'",
        "connect-src": " ".join(["'self'", *connect_sources]),
        # Downloads start in a hidden frame, so that an error of S3's doesn't replace the page.
        "frame-src": " ".join(connect_sources),
        "base-uri": "'none'",
        "form-action": "'none'",
        "frame-ancestors": "'none'",
    }
    return cloudfront.ResponseHeadersPolicy(
        scope,
        id,
        response_headers_policy_name=name,
        comment="Wideload web page",
        security_headers_behavior=cloudfront.ResponseSecurityHeadersBehavior(
            content_security_policy=cloudfront.ResponseHeadersContentSecurityPolicy(
                content_security_policy="; ".join(
                    f"{directive} {sources}" for directive, sources in directives.items()
                ),
                override=True,
            ),
            content_type_options=cloudfront.ResponseHeadersContentTypeOptions(override=True),
            frame_options=cloudfront.ResponseHeadersFrameOptions(
                frame_option=cloudfront.HeadersFrameOption.DENY, override=True
            ),
            referrer_policy=cloudfront.ResponseHeadersReferrerPolicy(
                referrer_policy=cloudfront.HeadersReferrerPolicy.NO_REFERRER, override=True
            ),
            strict_transport_security=cloudfront.ResponseHeadersStrictTransportSecurity(
                access_control_max_age=HSTS_MAX_AGE, include_subdomains=True, override=True
            ),
        ),
        custom_headers_behavior=cloudfront.ResponseCustomHeadersBehavior(
            custom_headers=[
                cloudfront.ResponseCustomHeader(header=header, value=value, override=True)
                for header, value in {
                    "Cross-Origin-Opener-Policy": "same-origin",
                    "Cross-Origin-Resource-Policy": "same-origin",
                    "Permissions-Policy": ", ".join(
                        f"{feature}=()" for feature in _DENIED_FEATURES
                    ),
                }.items()
            ]
        ),
    )
