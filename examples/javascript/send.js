// Send a call log of any size: WIDELOAD_URL=… WIDELOAD_API_KEY=… node send.js [call.json]
import { createReadStream } from "node:fs";
import { IngestClient } from "@wideload/ingest";

const client = new IngestClient({
  apiUrl: process.env.WIDELOAD_URL,
  apiKey: process.env.WIDELOAD_API_KEY,
});

const [path] = process.argv.slice(2);
const document = path
  ? createReadStream(path)
  : { call_id: "c-1", transcript_with_metrics: [{ turn_id: "1" }] };

const receipt = await client.send(document);
console.log(receipt.payloadId, receipt.state, receipt.via);

for await (const turn of client.records(receipt.payloadId, { limit: 3 })) {
  console.log(turn);
}
