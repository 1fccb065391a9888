import "@uppy/core/css/style.min.css";
import "@uppy/dashboard/css/style.min.css";
import Uppy from "@uppy/core";
import Dashboard from "@uppy/dashboard";
import WideloadUppy from "@wideload/uppy";
import { accessToken, apiUrl } from "./config.js";

new Uppy()
  .use(Dashboard, { target: "#upload", inline: true })
  .use(WideloadUppy, { apiUrl, token: accessToken })
  .on("upload-success", (_, { body }) => console.log(body.file.fileId, body.file.sha256));
