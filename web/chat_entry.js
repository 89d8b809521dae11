import { keepToken } from "./access.js";
import { get, post, Refused } from "./chat_api.js";
import { rememberedName, rememberName } from "./chat_memory.js";
import { register } from "./chat_session.js";

const byId = (id) => document.getElementById(id);
const RETRY_MS = 2_000;

/**
 * Asks for what is missing until somebody may chat under a name: a login, or the token, and the name.
 *
 * @param {{ isNameAsked?: boolean }} [options] Ask for the name, also when it is known.
 * @returns {Promise<{ peer: string, user: string | null }>}
 */
export async function enter({ isNameAsked = false } = {}) {
  const access = await untilAnswered(() => get("/access"));
  const user = access.users ? access.user ?? await login() : null;
  if (!access.users && access.token) await untilLetIn();
  const known = rememberedName() || (user ?? "");
  if (known !== "" && !isNameAsked && await problemWith(known) === undefined) return { peer: known, user };
  return { peer: await askName(known), user };
}

async function login() {
  const { user } = await submitted("login", async () => {
    return await post("/login", { username: byId("username").value, password: byId("password").value });
  });
  byId("password").value = "";
  return user;
}

/** A token that was kept from before may do. */
async function untilLetIn() {
  try {
    return await get("/get-list");
  } catch (error) {
    if (!(error instanceof Refused)) throw error;
  }
  await submitted("token", async () => {
    keepToken(byId("token-input").value.trim());
    await get("/get-list");
  });
}

async function askName(known) {
  byId("name-input").value = known;
  return await submitted("name", async () => {
    const name = byId("name-input").value.trim().normalize("NFC");
    await register(name);
    rememberName(name);
    return name;
  });
}

/** @returns {Promise<string | undefined>} Why a name can't be used. */
async function problemWith(name) {
  try {
    await untilAnswered(() => register(name));
    rememberName(name);
    return undefined;
  } catch (error) {
    return error.message;
  }
}

/** Shows a form until what it asks for works. */
async function submitted(stage, attempt) {
  document.body.dataset.stage = stage;
  const panel = byId(`${stage}-panel`);
  const form = panel.querySelector("form");
  const problem = panel.querySelector(".problem");
  problem.textContent = "";
  panel.querySelector("input").focus();
  const { promise, resolve } = Promise.withResolvers();
  form.onsubmit = async (event) => {
    event.preventDefault();
    const button = form.querySelector("button");
    button.disabled = true;
    try {
      resolve(await attempt());
    } catch (error) {
      problem.textContent = error instanceof Refused
        ? sentence(error.message)
        : "The tracker does not answer. Try again.";
      // Of a user and a password it mostly is the password.
      [...panel.querySelectorAll("input")].at(-1).select();
    } finally {
      button.disabled = false;
    }
  };
  return await promise;
}

async function untilAnswered(ask) {
  for (;;) {
    try {
      return await ask();
    } catch (error) {
      if (error instanceof Refused) throw error;
      byId("lost").hidden = false;
      await new Promise((resolve) => setTimeout(resolve, RETRY_MS));
    }
  }
}

function sentence(words) {
  return /[.!?]$/.test(words) ? words : `${words}.`;
}
