// Send a value as JSON; return why the server refused it in one sentence, empty if it did not.
export async function post(url, value) {
  try {
    const body = JSON.stringify(value);
    const answer = await fetch(url, { method: "POST", body, signal: AbortSignal.timeout(5000) });
    return answer.ok ? "" : (await answer.text()).trim();
  } catch {
    return "The server does not answer, so nothing was changed.";
  }
}
