"""Send call logs at once: `WIDELOAD_URL=… WIDELOAD_API_KEY=… python send_call_logs_async.py`."""

import asyncio
import os

import wideload


async def main() -> None:
    async with wideload.AsyncClient(
        os.environ["WIDELOAD_URL"],
        api_key=os.environ["WIDELOAD_API_KEY"],
        ca_bundle=os.environ.get("WIDELOAD_CA_BUNDLE"),
        deadline=60,
    ) as client:
        async with asyncio.TaskGroup() as group:
            sending = [
                group.create_task(client.send({"call_id": f"c-{number}"})) for number in range(3)
            ]
        for task in sending:
            print(task.result().payload_id, task.result().state)
        async for log in client.call_logs(call_id="c-1", limit=1):
            print(log.payload_id, log.call_id)


asyncio.run(main())
