// Reads pictures by the package human, in Node with its WASM backend: paths in, a line of JSON each out.

import { readFileSync } from "node:fs";
import { createServer } from "node:http";
import { createRequire } from "node:module";
import path from "node:path";

const modules = path.resolve(process.argv[2], "node_modules");
const load = createRequire(path.join(modules, "any.js"));
const { PNG } = load("pngjs");
const { Human } = load(path.join(modules, "@vladmandic/human/dist/human.node-wasm.js"));

// It fetches its networks, which Node does from servers only.
const server = createServer((request, response) => {
  response.end(readFileSync(path.join(modules, "@vladmandic/human/models", path.basename(request.url))));
});
await new Promise((listening) => server.listen(0, "127.0.0.1", listening));

const human = new Human({
  modelBasePath: `http://127.0.0.1:${server.address().port}/`,
  backend: "wasm",
  wasmPath: path.join(modules, "@tensorflow/tfjs-backend-wasm/dist/"),
  face: {
    detector: { maxDetected: 20 },
    iris: { enabled: false },
    description: { enabled: false },
    emotion: { enabled: true },
  },
  body: { enabled: false },
  hand: { enabled: false },
  gesture: { enabled: false },
});

await human.load();

function tensorOf(file) {
  const { width, height, data } = PNG.sync.read(readFileSync(file));
  const rgb = new Float32Array(width * height * 3).map(
    (_, index) => data[Math.floor(index / 3) * 4 + (index % 3)],
  );
  return human.tf.tensor(rgb, [1, height, width, 3], "float32");
}

const paths = readFileSync(0, "utf8").trim().split("\n");
for (const [number, file] of [paths[0], ...paths].entries()) {
  const tensor = tensorOf(file);
  const before = process.cpuUsage();
  const { face: faces, error } = await human.detect(tensor);
  const { user, system } = process.cpuUsage(before);
  human.tf.dispose(tensor);
  if (error) throw new Error(error);
  if (!number) continue; // the first is read twice, as it warms up
  const boxes = faces.map(({ box: [x, y, width, height] }) => [x, y, x + width, y + height]);
  const emotions = faces.map(({ emotion }) => emotion?.[0]?.emotion ?? "none");
  console.log(JSON.stringify({ boxes, emotions, cpu_ms: (user + system) / 1000 }));
}
server.close();
