import { assertEquals } from "@std/assert";
import fc from "fast-check";
import {
  type CommandAction,
  CommandSession,
  type UrlVerdict,
} from "../../../protocols/http_ranges/command_session.ts";

const SENT = "Отправка urls на обработку.";
const NOTHING = "Не добавлено ни одного url для скачивания.";
const NO_URL = "url не соответствует формату.";
const UNKNOWN = "Команда не найдена.";
const DEAD = "url не действительна.";
const PAGE = "Данный url не предназначена для скачивания файла.";
const BUSY = "Для добавления новых url на скачивание, дождитесь окончания загрузки отправленных ранее.";
const GOOD: UrlVerdict = { kind: "file" };

/** Talks to a session; checks are answered at once by what the URL's path says. */
function talk(messages: readonly string[], { isLoading = false } = {}): string[] {
  const session = new CommandSession(() => isLoading);
  const said: string[] = [];
  const obey = (actions: readonly CommandAction[]): void => {
    for (const action of actions) {
      if (action.type === "answer") said.push(action.text);
      else if (action.type === "list") said.push(`<${action.list}>`);
      else if (action.type === "check") obey(session.checked(action.check, verdictOf(action.given.key)));
      else {
        said.push(`<send ${action.urls.map(({ url }) => url).join(" ")}>`);
        obey(session.sent(action.urls.length));
      }
    }
  };
  for (const message of messages) obey(session.receive(message));
  return said;
}

function verdictOf(key: string): UrlVerdict {
  const { pathname } = new URL(key);
  if (pathname === "/dead") return { kind: "unreachable", reason: "404" };
  if (pathname === "/page") return { kind: "page" };
  if (pathname === "/there") return { kind: "there", fileUrl: "file:///files/a%0Ab" };
  return GOOD;
}

Deno.test("commands are answered word for word", () => {
  const cases: readonly (readonly [readonly string[], readonly string[]])[] = [
    [["help_command"], [
      "help_command - Перечень доступных команд.",
      "start - Начать запись url.",
      "end - Закончить запись url и отправить на обработку.",
      "queue - Показать url в ожидании.",
      "loading - Показать url ,по которой происходит загрузка.",
      "download - Показать url ,по которым загрузились файлы.",
    ]],
    [["start"], []],
    [["end"], [NOTHING]],
    [["start", "end"], [NOTHING]],
    [["start", "http://h/a", "end"], ["<send http://h/a>", SENT]],
    [["start", "http://h/a", "http://h/b", "end"], ["<send http://h/a http://h/b>", SENT]],
    [["start", "http://h/dead", "end"], [DEAD, NOTHING]],
    [["start", "http://h/page", "http://h/a", "end"], [PAGE, "<send http://h/a>", SENT]],
    [["start", "http://h/there", "end"], [
      "Файл по данному url был скачен ранее и находится по адресу: file:///files/a%0Ab",
      NOTHING,
    ]],
    [["start", "hello", "ftp://h/a", "http://", "end"], [NO_URL, NO_URL, NO_URL, NOTHING]],
    [["hello"], [UNKNOWN]],
    [[""], [UNKNOWN]],
    [["START"], [UNKNOWN]],
    [["http://h/a"], [UNKNOWN]],
    [["queue", "loading", "download"], ["<queue>", "<loading>", "<download>"]],
    [["start", "queue", "http://h/a", "end"], ["<queue>", "<send http://h/a>", SENT]],
    // Once more, with a line end as many programs send it.
    [["start\r\n", "http://h/a\n", "end\n"], ["<send http://h/a>", SENT]],
    [["start", "http://h/a", "start", "http://h/b", "end"], ["<send http://h/a http://h/b>", SENT]],
    [["start", "http://h/a#1", "HTTP://H/a", "end", "end"], ["<send http://h/a#1>", SENT, NOTHING]],
  ];
  for (const [messages, answers] of cases) assertEquals(talk(messages), answers, messages.join(" | "));
});

Deno.test("nothing is recorded while what was sent earlier is still loading", () => {
  assertEquals(talk(["start", "http://h/a", "end", "queue"], { isLoading: true }), [
    BUSY,
    UNKNOWN,
    NOTHING,
    "<queue>",
  ]);
});

Deno.test("what is no URL of a file to fetch is told so", () => {
  const bad = [
    "http://user:secret@host/a",
    "http:host/a",
    "http:\\\\host\\a",
    "//host/a",
    "file:///etc/passwd",
    "data:,x",
    "javascript:alert(1)",
    "http://host/a\nb",
    "http://host/\u2028b",
    "http://[::1",
    "http://host:99999/",
    `http://host/${"a".repeat(9000)}`,
  ];
  for (const url of bad) assertEquals(talk(["start", url]), [NO_URL], url);
});

Deno.test("URLs are checked beside each other, and answered in their order", () => {
  const session = new CommandSession(() => false);
  session.receive("start");
  const checks = ["http://h/1", "http://h/2", "http://h/3"].flatMap((url) => session.receive(url));
  assertEquals(checks.map(({ type }) => type), ["check", "check", "check"]);
  assertEquals(session.receive("end"), []);
  assertEquals(session.receive("queue"), []);
  assertEquals(session.backlog, 5);
  assertEquals(session.checked(3, { kind: "unreachable", reason: "" }), []);
  assertEquals(session.checked(2, { kind: "page" }), []);
  assertEquals(session.checked(1, GOOD), [
    { type: "answer", text: PAGE },
    { type: "answer", text: DEAD },
    { type: "send", urls: [{ url: "http://h/1", key: "http://h/1" }] },
  ]);
  // What follows waits until the queue has them.
  assertEquals(session.receive("start"), []);
  assertEquals(session.sent(1).slice(0, 2), [
    { type: "answer", text: SENT },
    { type: "list", list: "queue" },
  ]);
  assertEquals(session.backlog, 0);
});

Deno.test("a queue without room is told as nothing added", () => {
  const session = new CommandSession(() => false);
  session.receive("start");
  const [check] = session.receive("http://h/1");
  session.checked(check?.type === "check" ? check.check : 0, GOOD);
  session.receive("end");
  assertEquals(session.sent(0), [{ type: "answer", text: NOTHING }]);
});

Deno.test("one client records ten thousand URLs and no more", () => {
  const urls = Array.from({ length: 10_001 }, (_, i) => `http://h/${i}`);
  const said = talk(["start", ...urls, "end"]);
  assertEquals([said[0], said[1]?.split(" ").length, said[2]], [DEAD, 10_001, SENT]);
});

Deno.test("the order in which checks end changes no answer", () => {
  const message = fc.constantFrom(
    "start",
    "end",
    "queue",
    "x",
    "http://h/a",
    "http://h/dead",
    "http://h/page",
  );
  fc.assert(
    fc.property(fc.array(message, { maxLength: 40 }), fc.infiniteStream(fc.nat()), (messages, picks) => {
      const session = new CommandSession(() => false);
      const said: string[] = [];
      const pending: (() => readonly CommandAction[])[] = [];
      const obey = (actions: readonly CommandAction[]): void => {
        for (const action of actions) {
          if (action.type === "answer") said.push(action.text);
          else if (action.type === "list") said.push(`<${action.list}>`);
          else if (action.type === "check") {
            pending.push(() => session.checked(action.check, verdictOf(action.given.key)));
          } else {
            said.push(`<send ${action.urls.map(({ url }) => url).join(" ")}>`);
            pending.push(() => session.sent(action.urls.length));
          }
        }
      };
      const settleOne = () => {
        const [one] = pending.splice(Number(picks.next().value) % pending.length, 1);
        if (one !== undefined) obey(one());
      };
      for (const text of messages) {
        obey(session.receive(text));
        if (pending.length > 0 && Number(picks.next().value) % 2 === 0) settleOne();
      }
      while (pending.length > 0) settleOne();
      assertEquals(said, talk(messages));
      assertEquals(session.backlog, 0);
    }),
  );
});
