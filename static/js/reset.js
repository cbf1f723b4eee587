// Begins the faces' numbers again; asks before it while a recording runs, and says so afterwards.

const SAID_MS = 10000;

// reset() returns whether the server did it.
export function offerReset(reset) {
  const button = document.getElementById("reset");
  if (!button) return; // visitors may not
  const question = document.getElementById("reset-question");
  const message = document.getElementById("reset-done");
  let timer = 0;

  async function go() {
    if (!(await reset())) return;
    message.textContent = "All faces were forgotten; numbers start at 1.";
    clearTimeout(timer);
    timer = setTimeout(() => message.replaceChildren(), SAID_MS);
  }

  button.addEventListener("click", () => {
    const recorded = document.querySelector(".rec:not([hidden])");
    if (recorded) question.showModal();
    else go();
  });
  question.addEventListener("close", () => {
    if (question.returnValue === "reset") go();
    question.returnValue = "";
  });
}
