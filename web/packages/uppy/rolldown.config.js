import { defineConfig } from "rolldown";

export default defineConfig({
  platform: "browser",
  input: "src/index.ts",
  external: /^@(uppy|wideload)\//,
  output: { file: "dist/index.js", sourcemap: true },
});
