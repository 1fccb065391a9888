import { defineConfig, type Plugin } from "vite";
import { FakeCloud } from "./dev/fake-cloud.ts";

/** `npm run dev` needs no deployment: the cloud is in the development server. */
const fakeCloud: Plugin = {
  name: "fake-cloud",
  configureServer(server) {
    let cloud: FakeCloud | undefined;
    server.middlewares.use(async (request, response, next) => {
      cloud ??= new FakeCloud(`http://${request.headers.host}`);
      if (!(await cloud.handle(request, response))) next();
    });
  },
};

export default defineConfig({
  // Relative, so that the page may lie under any path.
  base: "./",
  plugins: [fakeCloud],
  build: {
    target: "es2022",
    // No data: URLs for what the Content-Security-Policy allows from the page's own origin alone.
    assetsInlineLimit: 0,
  },
  worker: { format: "es" },
  test: {
    environment: "happy-dom",
    include: ["tests/**/*.test.{ts,tsx}"],
    // One DOM for all files, which clean up after each test: to make it takes most of the time.
    isolate: false,
    pool: "threads",
    maxWorkers: 1,
  },
} as never);
