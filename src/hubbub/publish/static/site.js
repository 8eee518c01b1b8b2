// Comfort only: every page works without this script.
"use strict";

// Code to embed a picture: the address of this site instead of an example, and a button to copy.
const example = "https://example.org/stats/";
const base = new URL("../", location.href);
for (const block of document.querySelectorAll(".code")) {
  if (location.protocol.startsWith("http")) {
    const code = block.firstElementChild;
    code.textContent = code.textContent.replaceAll(example, base.href);
    document.querySelector(".place")?.remove();
  }
  if (!navigator.clipboard) continue;
  const button = document.createElement("button");
  button.type = "button";
  button.className = "copy";
  button.textContent = "Copy";
  button.addEventListener("click", async () => {
    try {
      await navigator.clipboard.writeText(block.textContent.trim());
      button.textContent = "Copied";
    } catch {
      getSelection().selectAllChildren(block); // the browser does not allow it
      button.textContent = "Selected";
    }
  });
  block.after(button);
}
