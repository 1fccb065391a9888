import { Uploader } from "@wideload/uploader";
import { accessToken, apiUrl } from "./config.js";

const uploader = new Uploader({ apiUrl, token: accessToken });

document.querySelector("input").onchange = ({ target }) => {
  for (const file of target.files) {
    const line = document.querySelector("ul").appendChild(document.createElement("li"));
    const upload = uploader.upload(file);
    const draw = () => {
      const { state, sentBytes, totalBytes } = upload.progress;
      const outcome = upload.result?.duplicate ? "already there" : (upload.error?.message ?? state);
      line.textContent = `${upload.name}: ${outcome}, ${sentBytes} of ${totalBytes} bytes`;
    };
    uploader.on("change", draw);
    uploader.on("progress", draw);
  }
};
