import { answers } from "./answers.ts";
import { type Answer, failure, page, successOf } from "./answer.ts";
import { type Call, wantsPage } from "./call.ts";
import { loginPage } from "./pages.ts";
import type { Rates } from "./rates.ts";
import { requests } from "./requests.ts";
import { type Route, route } from "./route.ts";
import { sessionToken, setCookie } from "./sessions.ts";
import type { Tracker } from "./tracker.ts";
import type { Users } from "./users.ts";

/** What logging in needs. */
export interface LoginSite {
  readonly tracker: Tracker;
  readonly users: Users;
  readonly rates: Rates;
  readonly hasToken: boolean;
  readonly onLogin: (outcome: "granted" | "refused") => void;
}

/** Who is asking. */
export function loginRoutes(site: LoginSite): readonly Route[] {
  const { tracker, users, hasToken } = site;
  return [
    route({
      methods: ["post", "put"],
      path: "/login",
      summary: "Log in; the answer has the session's cookie",
      request: requests.login,
      answer: answers.user,
      allowsForm: true,
      run: (given, call) => login(site, given, call),
    }),
    route({
      methods: ["post", "put"],
      path: "/logout",
      summary: "End the session",
      request: requests.nothing,
      answer: answers.said,
      allowsForm: true,
      async run(_input, { session, isSecure }) {
        if (session !== undefined) {
          tracker.sessions.end(session);
          await tracker.saveSession({ type: "end-session", hash: session.hash });
        }
        return successOf({ message: "Logged out" }, setCookie(undefined, isSecure));
      },
    }),
    route({
      methods: ["get", "put", "post"],
      path: "/hello",
      summary: "Say who is logged in, and for how long from now on",
      request: requests.nothing,
      answer: answers.user,
      allowsForm: true,
      run: (_input, call) => greet(site, call),
    }),
    route({
      methods: ["get"],
      path: "/access",
      summary: "Say what is needed to use the tracker",
      request: requests.nothing,
      answer: answers.access,
      run: (_input, { session }) => {
        return successOf({ users: users.areThere, user: session?.user ?? null, token: hasToken });
      },
    }),
  ];
}

/** Begins a session for who knows the password. */
async function login(
  { tracker, users, rates, onLogin }: LoginSite,
  { username, password }: { readonly username: string; readonly password: string },
  call: Call,
): Promise<Answer> {
  if (!users.areThere) return unauthorized(call, "This tracker has no users: nobody has to log in");
  const takeBack = await rates.login(username, call.address);
  if (!await users.check(username, password)) {
    onLogin("refused");
    return unauthorized(call, "User or password is wrong");
  }
  await takeBack();
  onLogin("granted");
  const token = crypto.getRandomValues(new Uint8Array(32)).toBase64({
    alphabet: "base64url",
    omitPadding: true,
  });
  const { begun, ended } = tracker.sessions.begin(token, username, call.nowMs);
  // A login over another ends that: nobody keeps a cookie that was planted before (session fixation).
  const over = [ended, call.session].filter((session) => session !== undefined);
  for (const session of over) tracker.sessions.end(session);
  await tracker.saveSession(
    { type: "session", session: begun },
    ...over.map(({ hash }) => ({ type: "end-session", hash }) as const),
  );
  return successOf({ message: `Welcome, ${username}`, user: username }, setCookie(token, call.isSecure));
}

/** Says who is logged in, and renews the session. */
async function greet({ tracker, users }: LoginSite, call: Call): Promise<Answer> {
  const { session, isSecure, nowMs, request } = call;
  const token = sessionToken(request.head.headers.get("cookie"));
  if (session === undefined || token === undefined) {
    if (users.areThere) return unauthorized(call, "Nobody is logged in");
    return successOf({ message: "Hello", user: null });
  }
  const renewed = tracker.sessions.renew(session, nowMs);
  await tracker.saveSession({ type: "session", session: renewed });
  return successOf({ message: `Hello, ${session.user}`, user: session.user }, setCookie(token, isSecure));
}

/** An answer for somebody who has to log in: a page for people. */
export function unauthorized({ request }: Pick<Call, "request">, message: string): Answer {
  if (wantsPage(request)) return page(loginPage(message), undefined, 401);
  return failure(401, message);
}
