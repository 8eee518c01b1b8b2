// The screen mode: the whole screen, no controls, and the device stays awake.

const body = document.body;

async function keepAwake() {
  if (!navigator.wakeLock || document.visibilityState !== "visible") return;
  try {
    await navigator.wakeLock.request("screen");
  } catch {
    // battery saving: the page works, the screen may sleep
  }
}

export function setUpScreen(state) {
  const enter = async () => {
    body.classList.add("screen");
    state.set({ screen: "" });
    keepAwake();
    try {
      await document.documentElement.requestFullscreen();
    } catch {
      // embedded, or refused: without controls all the same
    }
  };
  const leave = () => {
    body.classList.remove("screen");
    state.set({ screen: null });
  };
  document.getElementById("screen")?.addEventListener("click", enter);
  document.addEventListener("fullscreenchange", () => document.fullscreenElement || leave());
  document.addEventListener("keydown", (event) => {
    if (event.key === "Escape" && body.classList.contains("screen")) leave();
  });
  document.addEventListener("visibilitychange", () => {
    if (body.classList.contains("screen")) keepAwake();
  });
  if (state.has("screen")) {
    body.classList.add("screen");
    keepAwake();
  }
}
