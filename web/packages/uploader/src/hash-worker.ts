/** The hashing worker: `new Worker(new URL("./hash-worker.js", import.meta.url), { type: "module" })`. */

import type { FromWorker, Port, ToWorker } from "./hash-protocol.js";
import { serve } from "./hash-server.js";

serve(globalThis as unknown as Port<ToWorker, FromWorker>);
