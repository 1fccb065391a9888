import { fileURLToPath } from "node:url";
import { defineConfig } from "vitest/config";

const uploader = fileURLToPath(new URL("../uploader/src/index.ts", import.meta.url));

export default defineConfig({
  // The source, not what was built of it last.
  resolve: { alias: [{ find: /^@wideload\/uploader$/, replacement: uploader }] },
  test: { include: ["tests/**/*.test.ts"], testTimeout: 20_000 },
});
