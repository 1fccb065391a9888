import { lastOf, steps } from "./paths.js";
import { hashOf } from "./place.js";
import { words } from "./words.js";

interface Props {
  readonly folder: string;
  /** A link was followed, be it to the folder that is open. */
  readonly onFollow: () => void;
}

/** The way to the open folder: each folder on it is a link. */
export function Crumbs({ folder, onFollow }: Props) {
  const way = ["", ...steps(folder)];
  return (
    <nav class="crumbs" aria-label={words.folders.way}>
      <ol>
        {way.map((path) => (
          <li key={path}>
            <a
              href={hashOf(path)}
              aria-current={path === folder ? "page" : undefined}
              onClick={onFollow}
              // What has the focus after a folder was opened.
              id={path === folder ? "open-folder" : undefined}
            >
              <bdi>{path === "" ? words.folders.top : lastOf(path)}</bdi>
            </a>
          </li>
        ))}
      </ol>
    </nav>
  );
}
