// Run pack.py in Pyodide: node pack.mjs <folder of the code> <folder of code.zip> <Python's version>
import { readFile } from "node:fs/promises";
import { loadPyodide } from "pyodide";

const [task, out, python] = process.argv.slice(2);
const pyodide = await loadPyodide();
pyodide.mountNodeFS("/var/task", task);
pyodide.mountNodeFS("/out", out);
pyodide.runPython(await readFile(new URL("pack.py", import.meta.url), "utf8"));
try {
  pyodide.globals.get("pack")(python);
} catch (error) {
  console.error(error.message);
  process.exitCode = 1;
}
