/** Lists that the API gives in pages, which are requested when they are needed. */

import { callLogOf } from "./answers.js";
import { type Api, checkedId } from "./api.js";
import { ConfigurationError, RecordTooLargeError, WideloadError } from "./errors.js";
import { elementsOf, membersOf } from "./json.js";
import type { Call } from "./retry.js";
import type { CallLog, ListOptions, RecordsOptions } from "./types.js";

/** The API's own limits on a page. */
const MOST_CALL_LOGS = 100;
const MOST_RECORDS = 1000;

export function listCallLogs(
  api: Api,
  newCall: () => Call,
  options: ListOptions,
): AsyncGenerator<CallLog> {
  const query: Record<string, string> = {};
  if (options.callId !== undefined) query["call_id"] = checkedCallId(options.callId);
  if (options.after !== undefined) query["after"] = timeOf("after", options.after);
  if (options.before !== undefined) query["before"] = timeOf("before", options.before);
  const limit = checkedCount("limit", options.limit);
  return items(api, newCall, "/call-logs", query, limit, MOST_CALL_LOGS, (text) =>
    callLogOf(JSON.parse(text)),
  );
}

/** The records as JSON texts. */
export async function* listRecords(
  api: Api,
  newCall: () => Call,
  payloadId: string,
  options: RecordsOptions,
): AsyncGenerator<string> {
  const path = `/call-logs/${checkedId(payloadId)}/records`;
  const first = checkedCount("first", options.first) ?? 0;
  const query: Record<string, string> = first > 0 ? { first: String(first) } : {};
  const limit = checkedCount("limit", options.limit);
  let at = first;
  try {
    const records = items(api, newCall, path, query, limit, MOST_RECORDS, (text) => text);
    for await (const record of records) {
      yield record;
      at += 1;
    }
  } catch (error) {
    if (error instanceof WideloadError) error.payloadId = payloadId;
    if (error instanceof RecordTooLargeError)
      error.message = `record ${at} of payload ${payloadId} is too large for an answer of the API: \`document\` has it`;
    throw error;
  }
}

async function* items<T>(
  api: Api,
  newCall: () => Call,
  path: string,
  filter: Readonly<Record<string, string>>,
  limit: number | undefined,
  pageSize: number,
  take: (text: string) => T,
): AsyncGenerator<T> {
  let left = limit ?? Infinity;
  let query = filter;
  while (left > 0) {
    const asked = Math.min(pageSize, left);
    const request = { method: "GET", path, query: { ...query, limit: String(asked) } } as const;
    const call = newCall();
    const page = await call.run(() =>
      api.read(call, request, (text) => {
        const members = new Map(membersOf(text));
        const cursor: unknown = JSON.parse(members.get("cursor") ?? "");
        const taken = [...elementsOf(members.get("items") ?? "")].map(take);
        if (cursor !== null && typeof cursor !== "string") throw new TypeError("no cursor");
        if (taken.length > asked || cursor === "" || cursor === query["cursor"])
          throw new TypeError("more than was asked for, or no way on");
        return { taken, cursor };
      }),
    );
    yield* page.taken;
    if (page.cursor === null) return;
    left -= page.taken.length;
    // The cursor replaces `first`; the other parameters stay.
    const { first: _, ...others } = query;
    query = { ...others, cursor: page.cursor };
  }
}

export function checkedCallId(callId: string): string {
  if (typeof callId === "string" && callId.length >= 1 && callId.length <= 256) return callId;
  throw new ConfigurationError("callId must have 1 to 256 characters, or be left out");
}

function checkedCount(name: string, count: number | undefined): number | undefined {
  if (count === undefined || (Number.isSafeInteger(count) && count >= 0)) return count;
  throw new ConfigurationError(`${name} must be a whole number of 0 or more, not ${count}`);
}

function timeOf(name: string, value: Date | string): string {
  const time = new Date(value);
  if (!Number.isNaN(time.getTime())) return time.toISOString();
  throw new ConfigurationError(
    `${name} must be a Date or ISO 8601 text, such as 2026-11-22 or 2026-11-22T09:30:00Z`,
  );
}
