// Run pack.py in Pyodide: node pack.mjs <folder of the code> <folder of code.zip> <Python's version>
import { readFile } from "node:fs/promises";
import { loadPyodide } from "pyodide";

const [task, out, python] = process.argv.slice(2);
const lock = new URL(import.meta.resolve("pyodide/pyodide-lock.json"));
const [running] = JSON.parse(await readFile(lock, "utf8")).info.python.match(/^\d+\.\d+/);
// No other version reads its bytecode.
if (running !== python) {
  console.error(
    `Pyodide has Python ${running}, but the functions run on ${python}: install the version ` +
      "of the npm package pyodide that has it, or bytecode would not be read.",
  );
  process.exit(1);
}
const pyodide = await loadPyodide();
pyodide.mountNodeFS("/var/task", task);
pyodide.mountNodeFS("/out", out);
pyodide.runPython(await readFile(new URL("pack.py", import.meta.url), "utf8"));
try {
  pyodide.globals.get("pack")();
} catch (error) {
  console.error(error.message);
  process.exitCode = 1;
}
