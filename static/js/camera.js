// Opens the visitor's own camera, and says in plain words why it cannot.

const WISHES = { width: { ideal: 1280 }, height: { ideal: 720 }, frameRate: { ideal: 30 } };

// kind -> what has happened, and what to do about it
const PROBLEMS = {
  insecure: [
    "Browsers allow a camera only to pages on https:// or on localhost.",
    "Open this page on the computer that runs the site, or at an https:// address.",
  ],
  unsupported: [
    "This browser does not let pages use a camera.",
    "Try a newer one, such as Firefox, Chrome, Edge or Safari.",
  ],
  refused: [
    "This page is not allowed to use the camera.",
    "Allow it with the camera icon in the browser's address bar, then try again.",
  ],
  none: ["No camera was found.", "Connect one, and it starts automatically."],
  busy: [
    "The camera is in use by another program.",
    "Close that program, perhaps a video call, then try again.",
  ],
  lost: ["The camera was disconnected.", "Connect it again, and it starts automatically."],
  broken: ["The camera sends no picture.", "Unplug it and connect it again, or choose another one."],
};

const KINDS = {
  NotAllowedError: "refused",
  SecurityError: "refused",
  NotFoundError: "none",
  OverconstrainedError: "none",
  NotReadableError: "busy",
  AbortError: "busy",
};

// A reason why there is no camera; kind is a key of PROBLEMS.
export class CameraProblem extends Error {
  constructor(kind) {
    const [sentence, advice] = PROBLEMS[kind];
    super(sentence);
    this.kind = kind;
    this.advice = advice;
  }
}

// Return the problem that this page has before any camera is asked for, or null.
export function pageProblem() {
  if (!window.isSecureContext) return new CameraProblem("insecure");
  return navigator.mediaDevices?.getUserMedia ? null : new CameraProblem("unsupported");
}

// Return the stream of the camera with that id, or of the one that faces the visitor; throws CameraProblem.
export async function openCamera(deviceId, signal) {
  const which = deviceId ? { deviceId: { exact: deviceId } } : { facingMode: "user" };
  let stream;
  try {
    stream = await navigator.mediaDevices.getUserMedia({ video: { ...WISHES, ...which } });
  } catch (error) {
    throw new CameraProblem(KINDS[error.name] ?? "broken");
  }
  if (signal.aborted) release(stream);
  signal.throwIfAborted();
  return stream;
}

// Return the cameras as { id, name }; browsers name them only after one was allowed.
export async function listCameras() {
  const devices = await navigator.mediaDevices.enumerateDevices();
  const cameras = devices.filter(({ kind }) => kind === "videoinput");
  return cameras.map(({ deviceId, label }, index) => ({ id: deviceId, name: label || `Camera ${index + 1}` }));
}

export function release(stream) {
  for (const track of stream?.getTracks() ?? []) track.stop();
}
