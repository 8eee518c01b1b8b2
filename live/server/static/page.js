// Comfort only: every page works without this script.
"use strict";

// An address or command can be copied with one click.
for (const element of document.querySelectorAll(".address")) {
  if (!navigator.clipboard) break;
  const button = document.createElement("button");
  button.type = "button";
  button.className = "copy";
  button.textContent = "Copy";
  button.addEventListener("click", async () => {
    try {
      await navigator.clipboard.writeText(element.textContent.trim());
      button.textContent = "Copied";
    } catch {
      getSelection().selectAllChildren(element); // the browser does not allow it
      button.textContent = "Selected";
    }
  });
  element.after(button);
}

// Empty fields do not lengthen the address.
for (const form of document.querySelectorAll("form[method=get]")) {
  form.addEventListener("formdata", (event) => {
    for (const [name, value] of [...event.formData]) {
      if (value === "") event.formData.delete(name);
    }
  });
}
