import { defineConfig } from "vitest/config";

export default defineConfig({
  test: {
    include: ["tests/**/*.test.ts"],
    testTimeout: 20_000,
    // One worker for all files: no file changes what another reads, and each worker costs time.
    isolate: false,
    pool: "threads",
    maxWorkers: 1,
  },
});
