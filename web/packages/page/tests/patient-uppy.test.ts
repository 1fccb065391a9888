import { expect, test, vi } from "vitest";
import { PatientUppy } from "../src/patient-uppy.js";

const SILENT = { debug() {}, warn() {}, error() {} };

function dropped(...paths: string[]) {
  return paths.map((path) => ({
    name: path.split("/").at(-1) ?? "",
    data: new Blob([path]),
    meta: path.includes("/") ? { relativePath: path } : { relativePath: null },
  }));
}

function added(paths: string[]) {
  const uppy = new PatientUppy({ logger: SILENT });
  vi.useFakeTimers();
  uppy.addFiles(dropped(...paths) as never);
  const said = uppy.getState().info.map(({ message }) => message);
  vi.runAllTimers();
  vi.useRealTimers();
  return { names: uppy.getFiles().map(({ name }) => name), said };
}

test("what file managers leave behind is left out, whatever its case, and named", () => {
  const { names, said } = added(["d/a.txt", "d/.ds_store", "d/e/THUMBS.DB", "d/Desktop.ini"]);

  expect(names).toEqual(["a.txt"]);
  expect(said).toEqual([
    "Skipped files that file managers create: d/.ds_store, d/e/THUMBS.DB, d/Desktop.ini.",
  ]);
});

test("so is one that was dropped alone", () => {
  const { names, said } = added([".DS_Store"]);

  expect(names).toEqual([]);
  expect(said).toEqual(["Skipped files that file managers create: .DS_Store."]);
});

test("of many, some are named", () => {
  const { said } = added(Array.from({ length: 1200 }, (_, number) => `${number}/.DS_Store`));

  expect(said).toEqual([
    "Skipped files that file managers create: 0/.DS_Store, 1/.DS_Store, 2/.DS_Store, " +
      "3/.DS_Store, 4/.DS_Store and 1,195 more.",
  ]);
});

test("all of many files are added, and nothing is said", () => {
  const paths = Array.from({ length: 60 }, (_, number) => `d/${number}.txt`);

  const { names, said } = added(paths);

  expect(names).toHaveLength(60);
  expect(said).toEqual([]);
});

test("the longer the list, the fewer files are added at once", () => {
  const uppy = new PatientUppy({ logger: SILENT });
  const steps: { added: number; listed: number }[] = [];
  uppy.on("files-added", ({ length }) => {
    steps.push({ added: length, listed: uppy.getFiles().length });
  });
  vi.useFakeTimers();

  uppy.addFiles(dropped(...Array.from({ length: 1000 }, (_, number) => `d/${number}`)) as never);
  vi.runAllTimers();
  vi.useRealTimers();

  expect(steps[0]).toEqual({ added: 25, listed: 25 });
  expect(steps.at(-1)?.listed).toBe(1000);
  for (const { added, listed } of steps) expect(added * (listed - added)).toBeLessThan(10_001);
});

test("files go into the folder that is open, with the folder they were dropped with", () => {
  const uppy = new PatientUppy({ logger: SILENT });
  uppy.folderOf = ({ name }) => (name === "c.txt" ? "" : "2026");
  uppy.addFiles(dropped("a.txt", "raw/b.txt", "c.txt") as never);

  expect(uppy.getFiles().map(({ meta }) => meta["relativePath"])).toEqual([
    "2026/a.txt",
    "2026/raw/b.txt",
    null,
  ]);
});

test("the same file may be on the list for two folders", () => {
  const uppy = new PatientUppy({ logger: SILENT });
  for (const folder of ["a", "b"]) {
    uppy.folderOf = () => folder;
    uppy.addFiles(dropped("offer.txt") as never);
  }

  expect(uppy.getFiles()).toHaveLength(2);
});
