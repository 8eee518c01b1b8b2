// Comfort only: a button that copies an address, a command or code. Every page works without it.
// What its button says in another language than English is in `data-words` of the page's body.
"use strict";

const words = JSON.parse(document.body.dataset.words ?? "{}");
const said = (text) => words[text] ?? text;

for (const source of document.querySelectorAll("[data-copy]")) {
  if (!navigator.clipboard) break;
  const button = document.createElement("button");
  button.type = "button";
  button.className = "copy";
  button.textContent = said("Copy");
  button.addEventListener("click", async () => {
    try {
      await navigator.clipboard.writeText((source.value ?? source.textContent).trim());
      button.textContent = said("Copied");
    } catch {
      if (source.select) source.select();
      else getSelection().selectAllChildren(source); // the browser does not allow it
      button.textContent = said("Selected");
    }
  });
  source.after(button);
}
