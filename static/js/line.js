// The way to the server for frames: a WebSocket, or POST where none can be opened.

const ANSWER_MS = 15000;
const FULL = 1013;
const TRY_AGAIN = [1001, 1006, 1012, FULL]; // close codes of a server that ends, is gone or is full

// What the server, or the lack of one, says; `again` if it may be otherwise later. kind: full, away or refused.
export class Refusal extends Error {
  constructor(message, again, kind = "away") {
    super(message);
    this.again = again;
    this.kind = kind;
    this.advice = again ? "" : "Start again.";
  }
}

// Return something with ask(blob, rest), which gives what was seen in the frame or throws a Refusal, and with
// tell(controls), which changes what the next answers have; rest, if given, is what is asked of a resting face.
export async function openLine(socketUrl, postUrl, signal) {
  const address = new URL(socketUrl, location.href);
  address.protocol = location.protocol === "https:" ? "wss:" : "ws:";
  return (await openSocket(address, signal)) ?? posts(postUrl, signal);
}

// Return null where no WebSocket can be opened: some proxies let none through.
function openSocket(address, signal) {
  return new Promise((resolve) => {
    const socket = new WebSocket(address);
    const ended = new Promise((_, reject) => {
      socket.addEventListener("close", ({ code, reason }) => {
        const kind = code === FULL ? "full" : reason ? "refused" : "away";
        reject(new Refusal(reason || "The server does not answer.", TRY_AGAIN.includes(code), kind));
        resolve(null);
      });
    });
    ended.catch(() => {}); // whoever asks is told
    signal.addEventListener("abort", () => socket.close(), { once: true });
    socket.addEventListener("open", () =>
      resolve({
        ask(blob, rest) {
          if (rest) socket.send(JSON.stringify({ rest }));
          return inTime(Promise.race([askSocket(socket, blob), ended]));
        },
        tell: (controls) => socket.send(JSON.stringify(controls)),
      }),
    );
  });
}

function askSocket(socket, blob) {
  return new Promise((resolve) => {
    socket.addEventListener("message", ({ data }) => resolve(JSON.parse(data)), { once: true });
    socket.send(blob);
  });
}

function inTime(promise) {
  let timer = 0;
  const late = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new Refusal("The server does not answer.", true)), ANSWER_MS);
  });
  return Promise.race([promise, late]).finally(() => clearTimeout(timer));
}

function posts(url, signal) {
  const session = [...crypto.getRandomValues(new Uint32Array(4))].join("-");
  const query = new URLSearchParams({ session });
  return {
    tell(controls) {
      for (const [name, value] of Object.entries(controls)) query.set(name, Number(value));
    },
    async ask(blob, rest) {
      const asked = new URLSearchParams(query);
      if (rest) {
        const { action, ...more } = rest;
        for (const [name, value] of Object.entries({ rest: action, ...more })) asked.set(name, value);
      }
      const limits = AbortSignal.any([signal, AbortSignal.timeout(ANSWER_MS)]);
      const options = { method: "POST", body: blob, headers: { "Content-Type": "image/jpeg" }, signal: limits };
      let response, payload;
      try {
        response = await fetch(`${url}?${asked}`, options);
        payload = await response.json();
      } catch {
        throw new Refusal("The server does not answer.", true);
      }
      const again = response.status === 429 || response.status >= 500;
      if (!response.ok) throw new Refusal(payload.error, again, again ? "full" : "refused");
      return payload;
    },
  };
}
