import { IngestClient } from "@wideload/ingest";
import { apiKey, apiUrl } from "./config.js";

const client = new IngestClient({ apiUrl, apiKey });

document.querySelector("input").onchange = async ({ target }) => {
  for (const file of target.files) {
    const line = document.querySelector("ul").appendChild(document.createElement("li"));
    try {
      const { payloadId, state, via } = await client.send(file);
      line.textContent = `${file.name}: ${state} as ${payloadId}, sent ${via}`;
    } catch (error) {
      line.textContent = `${file.name}: ${error.message}`;
    }
  }
};
