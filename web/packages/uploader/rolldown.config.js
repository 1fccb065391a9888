import { defineConfig } from "rolldown";

// The worker stands alone, in one file: that is what bundlers pass on, and pages without one host.
export default defineConfig([
  {
    platform: "browser",
    input: ["src/index.ts", "src/hash.ts"],
    output: { dir: "dist", chunkFileNames: "shared.js", sourcemap: true },
  },
  {
    platform: "browser",
    input: "src/hash-worker.ts",
    output: { file: "dist/hash-worker.js", minify: true },
  },
]);
