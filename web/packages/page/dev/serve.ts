/**
 * `npm run preview`: the built page with the headers that CloudFront sends, on the fake cloud.
 *
 * PORT picks the port; 0 takes a free one. The address is printed. PAGE is another page's folder.
 */

import { readFile } from "node:fs/promises";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { extname, join, normalize } from "node:path";
import { fileURLToPath } from "node:url";
import { FakeCloud, PEOPLE } from "./fake-cloud.ts";

const TYPES: Record<string, string> = {
  ".css": "text/css; charset=utf-8",
  ".html": "text/html; charset=utf-8",
  ".js": "text/javascript; charset=utf-8",
  ".json": "application/json",
  ".svg": "image/svg+xml",
};

// The WebApp construct says the same; connect-src and frame-src name the API and S3 there.
const POLICY = [
  "default-src 'none'",
  "script-src 'self' 'wasm-unsafe-eval'",
  "worker-src 'self'",
  "style-src 'self'",
  "img-src 'self' blob: data:",
  "font-src 'self'",
  "manifest-src 'self'",
  "connect-src 'self'",
  "frame-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join("; ");

const root = process.env["PAGE"] ?? fileURLToPath(new URL("../dist", import.meta.url));
let cloud: FakeCloud;

const server = createServer(async (request, response) => {
  try {
    if (await cloud.handle(request, response)) return;
    const path = normalize(new URL(request.url ?? "/", "http://fake").pathname);
    const file = path.endsWith("/") ? `${path}index.html` : path;
    const content = await readFile(join(root, file));
    response.writeHead(200, {
      "Content-Type": TYPES[extname(file)] ?? "application/octet-stream",
      "Content-Security-Policy": POLICY,
      "Cross-Origin-Opener-Policy": "same-origin",
      "Referrer-Policy": "no-referrer",
      "X-Content-Type-Options": "nosniff",
    });
    response.end(content);
  } catch {
    response.writeHead(404).end();
  }
});

server.listen(Number(process.env["PORT"] ?? 4173), "127.0.0.1", () => {
  const origin = `http://localhost:${(server.address() as AddressInfo).port}`;
  cloud = new FakeCloud(origin);
  process.stdout.write(`${origin}/\n`);
  process.stdout.write(
    `Sign in as ${PEOPLE[0].username} with the password ${PEOPLE[0].password}\n`,
  );
});
