"""Generate a synthetic call log of a given size, for the demo, the tests and the benchmarks.

python -m local.call_log 16000000 > call.json
"""

from __future__ import annotations

import random
import sys
from typing import Any

import orjson

WORDS = (
    "yes no please thank you could order number account balance transfer moment agent speak "
    "invoice delivery address confirm cancel payment tomorrow morning seven problem line"
).split()


def turn(index: int, rng: random.Random) -> dict[str, Any]:
    """One element of `transcript_with_metrics`: about 750 bytes of JSON."""
    return {
        "turn_id": f"turn_{index}",
        "user_transcript": " ".join(rng.choices(WORDS, k=12)),
        "agent_response": " ".join(rng.choices(WORDS, k=20)),
        "stt_metrics": {
            "audio_duration": round(rng.uniform(0.5, 9), 3),
            "request_id": rng.randbytes(8).hex(),
        },
        "llm_metrics": {
            "prompt_tokens": rng.randrange(100, 4000),
            "completion_tokens": rng.randrange(5, 300),
            "ttft": round(rng.uniform(0.1, 1.5), 6),
        },
        "tts_metrics": {
            "characters_count": rng.randrange(20, 400),
            "ttfb": round(rng.uniform(0.05, 0.6), 6),
        },
        "trace_id": rng.randbytes(64).hex(),
        "timestamp": 1_790_000_000 + index,
        "interrupted": rng.random() < 0.1,
    }


def make_call_log(size: int, *, call_id: str = "call-1", seed: int = 1) -> dict[str, Any]:
    """A call log whose JSON has at least `size` bytes, the same for the same arguments."""
    rng = random.Random(seed)
    log: dict[str, Any] = {
        "call_id": call_id,
        "agent_id": "agent-7",
        "customer_number": "+15550100",
        "call_started_at": "2026-11-22T09:00:00Z",
        "call_ended_at": "2026-11-22T09:42:00Z",
        "duration_seconds": 2520,
        "metadata": {"region": "eu-west-1", "language": "en"},
        "transcript_with_metrics": [],
    }
    length = len(orjson.dumps(log))
    while length < size:
        record = turn(len(log["transcript_with_metrics"]), rng)
        log["transcript_with_metrics"].append(record)
        length += len(orjson.dumps(record)) + 1
    return log


if __name__ == "__main__":
    sys.stdout.buffer.write(orjson.dumps(make_call_log(int(sys.argv[1]))))
