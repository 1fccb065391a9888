import "./style.css";
import "./files.css";

import { render } from "preact";
import { App } from "./app.js";
import { ConfigError, loadConfig } from "./config.js";
import { takeHash } from "./place.js";
import { Session } from "./session.js";
import { words } from "./words.js";

// As the sign-in page knows it: without what it added, and without a file name.
const PAGE = new URL(".", window.location.origin + window.location.pathname).href;
/** The browser asks before it leaves while `active`. */
function guard(active: () => boolean): void {
  window.addEventListener("beforeunload", (event) => {
    if (active()) event.preventDefault();
  });
}

function leave(url: string): void {
  window.location.assign(url);
}

async function start(root: HTMLElement): Promise<void> {
  document.documentElement.lang = words.language;
  document.documentElement.dir = words.direction;
  render(<p class="state">{words.common.loading}</p>, root);
  const config = await loadConfig(PAGE);
  const session = new Session(config, {
    page: PAGE,
    storage: window.sessionStorage,
    locks: navigator.locks,
    leave,
  });
  let problem = "";
  try {
    if (!(await session.open(window.location.href))) {
      render(<p class="state">{words.start.windowUnneeded}</p>, root);
      return;
    }
  } catch (error) {
    reportError(error);
    problem = words.start.signInProblem;
  }
  // The code in the address is used up, and no business of the browser's history.
  const kept = takeHash(window.sessionStorage);
  window.history.replaceState(null, "", PAGE + (window.location.hash || kept));
  render(<App config={config} session={session} problem={problem} guard={guard} />, root);
}

const root = document.getElementById("page");
if (root) {
  start(root).catch((error: unknown) => {
    reportError(error);
    const text = error instanceof ConfigError ? error.message : words.start.unusable;
    render(
      <p class="state" role="alert">
        {text}
      </p>,
      root,
    );
  });
}
