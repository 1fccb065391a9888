import { words } from "./words.js";

/**
 * `config.json`, beside the page, describes the deployment, so that one build serves all of them.
 *
 * Only `api_url` is required. The other members are those of `GET {api_url}/sign-in`, copied at
 * deployment to spare each visit that request.
 */
export interface Config {
  /** Base of the API, before `/files`. */
  readonly api_url: string;
  readonly issuer: string;
  readonly client_id: string;
  readonly scopes?: readonly string[];
  /** Without these, they are looked up by OIDC discovery at the issuer. */
  readonly authorization_endpoint?: string;
  readonly token_endpoint?: string;
  readonly end_session_endpoint?: string;
  /** Of a Cognito user pool. */
  readonly cognito_endpoint?: string;
}

/** The page can't start; the message says what is wrong and who can mend it. */
export class ConfigError extends Error {}

/** Reads `config.json` from beside the page. Raises `ConfigError`. */
export async function loadConfig(
  base: string | URL,
  request: typeof fetch = fetch,
): Promise<Config> {
  const given = await read(new URL("config.json", base), request);
  const url = given.api_url;
  if (typeof url !== "string" || !isUrl(url)) {
    throw new ConfigError(words.start.lacks("api_url"));
  }
  const api_url = url.replace(/\/+$/, "");
  const config =
    "issuer" in given
      ? given
      : { ...(await read(new URL(`${api_url}/sign-in`), request)), ...given };
  for (const member of ["issuer", "client_id"]) {
    if (typeof config[member] !== "string" || config[member] === "") {
      throw new ConfigError(words.start.lacks(member));
    }
  }
  return { ...config, api_url } as unknown as Config;
}

async function read(url: URL, request: typeof fetch): Promise<Record<string, unknown>> {
  let answer: Response;
  try {
    answer = await request(url, { cache: "no-cache" });
  } catch (error) {
    throw new ConfigError(words.start.unreachable, { cause: error });
  }
  try {
    const content: unknown = answer.ok ? await answer.json() : null;
    if (typeof content === "object" && content !== null && !Array.isArray(content)) {
      return content as Record<string, unknown>;
    }
  } catch {
    // Said below, with the same words.
  }
  throw new ConfigError(words.start.unreadable(url.pathname, answer.status));
}

function isUrl(text: string): boolean {
  return URL.canParse(text) && /^https?:$/.test(new URL(text).protocol);
}
