/** `ApiUrl` of the files stack. That stack's `web_urls` must include the page's origin. */
export const apiUrl = "https://abc123.execute-api.eu-central-1.amazonaws.com";

/** Called before each request: return the access token of the user who is signed in to your page. */
export async function accessToken() {
  throw new Error("Return an access token of the issuer that your deployment trusts.");
}
