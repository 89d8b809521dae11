import { keepToken, probe } from "./access.js";

/** A server that is down refuses connections many times a minute; ask it about tokens less often. */
const ASK_EVERY_MS = 3_000;

/**
 * Finds out whether the server wants a token, and asks for one when it does.
 *
 * @param {(open: boolean) => void} told Uploads may run, or have to wait for a token.
 * @returns {{ ask: () => Promise<void> }} `ask` asks the server again, after it refused a connection.
 */
export function watchAccess(told) {
  const panel = document.getElementById("token-panel");
  const input = document.getElementById("token-input");
  const problem = document.getElementById("token-problem");
  let askedAtMs = -Infinity;

  const enter = (open) => {
    if (!open && panel.hidden) requestAnimationFrame(() => input.focus());
    panel.hidden = open;
    document.body.dataset.access = open ? "open" : "refused";
    told(open);
  };
  const ask = async () => {
    if (!panel.hidden || performance.now() - askedAtMs < ASK_EVERY_MS) return;
    askedAtMs = performance.now();
    // Whether the server is there at all is found out by the uploads, which try again by themselves.
    enter(await probe() !== "refused");
  };
  document.getElementById("token-form").addEventListener("submit", async (event) => {
    event.preventDefault();
    const token = input.value.trim();
    const answer = await probe(token);
    problem.textContent = problemWords(answer);
    if (answer !== "open") return input.select();
    keepToken(token);
    input.value = "";
    enter(true);
  });
  ask();
  return { ask };
}

function problemWords(answer) {
  if (answer === "open") return "";
  return answer === "refused"
    ? "The server does not accept this token."
    : "The server does not answer. Try again.";
}
