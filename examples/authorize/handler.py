"""Asked before files are uploaded: takes videos of up to 10 GB, and notes the project."""

from typing import Any

MOST = 10 * 1000**3


def handler(event: dict[str, Any], context: object) -> dict[str, Any]:
    """Decide on each file of one request."""
    return {"files": [decide(file) for file in event["files"]]}


def decide(file: dict[str, Any]) -> dict[str, Any]:
    """Return whether a file is taken; the owner sees the reason."""
    if not file["content_type"].startswith("video/"):
        return {"allow": False, "reason": "Only videos are taken here."}
    if file.get("size", 0) > MOST:
        return {"allow": False, "reason": "Videos may have up to 10 GB."}
    return {"allow": True, "metadata": {"project": file["folder"].partition("/")[0]}}
