import { expect, test } from "vitest";
import { ConfigError, loadConfig } from "../src/config.js";

const PAGE = "https://page.test/there/";

function serve(answers: Record<string, unknown>): typeof fetch {
  return async (address) => {
    const content = answers[String(address)];
    if (content === undefined) return new Response("<h1>Not found</h1>", { status: 404 });
    if (content instanceof Error) throw content;
    return new Response(typeof content === "string" ? content : JSON.stringify(content));
  };
}

test("reads config.json from beside the page", async () => {
  const request = serve({
    "https://page.test/there/config.json": {
      api_url: "https://api.test/v1/",
      issuer: "https://issuer.test",
      client_id: "page",
    },
  });

  const config = await loadConfig(PAGE, request);

  expect(config).toMatchObject({ api_url: "https://api.test/v1", client_id: "page" });
});

test("asks the API how to sign in when config.json doesn't say", async () => {
  const request = serve({
    "https://page.test/there/config.json": { api_url: "https://api.test" },
    "https://api.test/sign-in": { issuer: "https://issuer.test", client_id: "page" },
  });

  const config = await loadConfig(PAGE, request);

  expect(config).toEqual({
    api_url: "https://api.test",
    issuer: "https://issuer.test",
    client_id: "page",
  });
});

test.each([
  ["nothing there", undefined, /config\.json is missing/],
  ["not JSON", "<html>", /config\.json is missing or isn't JSON/],
  ["not an object", ["x"], /isn't JSON/],
  ["no api_url", { issuer: "x" }, /no api_url/],
  ["a script as api_url", { api_url: "javascript:alert(1)" }, /no api_url/],
  ["no client", { api_url: "https://api.test", issuer: "https://issuer.test" }, /no client_id/],
  ["no network", new TypeError("Failed to fetch"), /can't be reached/],
])("says what is wrong: %s", async (_, content, message) => {
  const request = serve({ "https://page.test/there/config.json": content });

  const loading = loadConfig(PAGE, request);

  await expect(loading).rejects.toThrow(ConfigError);
  await expect(loading).rejects.toThrow(message);
});
