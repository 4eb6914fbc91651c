// SPDX-License-Identifier: MIT
// llama_cpp.mjs PACKAGE_FOLDER MODEL.gguf PROMPT REPLY THREADS: prints the tokens of the prompt, the
// seconds in which llama.cpp reads them at once, and those of REPLY greedy tokens, one by one.
import {resolve} from "node:path";
import {pathToFileURL} from "node:url";

const [folder, modelPath, prompt, reply, threads] = process.argv.slice(2);
const entry = resolve(folder, "node_modules/node-llama-cpp/dist/index.js");
const {getLlama, LlamaLogLevel} = await import(pathToFileURL(entry).href);
const llama = await getLlama({gpu: false, build: "never", logLevel: LlamaLogLevel.error,
                              maxThreads: +threads});
const model = await llama.loadModel({modelPath, gpuLayers: 0});
const context = await model.createContext({
  contextSize: 512, batchSize: 256, threads: +threads, flashAttention: false,
  experimentalKvCacheKeyType: "F32", experimentalKvCacheValueType: "F32"
});
const sequence = context.getSequence();
const tokens = model.tokenize(prompt, false);

async function readSeconds() {
  await sequence.clearHistory();
  const start = performance.now();
  await sequence.evaluateWithoutGeneratingNewTokens(tokens);
  return (performance.now() - start) / 1000;
}

async function writeSeconds() {
  await sequence.clearHistory();
  let start = 0, count = 0;
  for await (const _ of sequence.evaluate(tokens.slice(0, 1), {temperature: 0, yieldEogToken: true})) {
    if (count === 0) start = performance.now();  // after the first token
    if (count++ === +reply) break;
  }
  return (performance.now() - start) / 1000;
}

await readSeconds();  // weights into memory
console.log(tokens.length, await readSeconds(), await writeSeconds());
await llama.dispose();
process.exit(0);
