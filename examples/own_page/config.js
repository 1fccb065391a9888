/** `ApiUrl` of the files stack. The page's origin has to be among that stack's `web_urls`. */
export const apiUrl = "https://abc123.execute-api.eu-central-1.amazonaws.com";

/** Called before each request: hand out the token that your page has signed its person in with. */
export async function accessToken() {
  throw new Error("Answer an access token of the issuer that your deployment trusts.");
}
