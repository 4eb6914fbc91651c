// SPDX-License-Identifier: MIT
// llama_cpp.mjs PACKAGE_FOLDER EXPECTED.json MODEL.gguf...: runs each file by llama.cpp and compares
// with what octavo_says printed. Files whose name has f32 in it must have the logits, all of them the
// tokens of the prompts, the greedy continuations and the perplexity within half a percent. With other
// types llama.cpp rounds activations as well, and may continue otherwise where two tokens are nearly
// as likely.
// After --lora ADAPTER.gguf the files that follow run with this adapter; after --logits X the logits of
// files in f32 must differ by less than X (1e-2).
import {readFileSync} from "node:fs";
import {basename, resolve} from "node:path";
import {pathToFileURL} from "node:url";

const [folder, expectedFile, ...files] = process.argv.slice(2);
const entry = resolve(folder, "node_modules/node-llama-cpp/dist/index.js");
const {getLlama, LlamaLogLevel} = await import(pathToFileURL(entry).href);
const expected = JSON.parse(readFileSync(expectedFile, "utf8"));
const length = expected.windows[0].tokens.length;
const nearTie = 0.1;  // logits
let wrong = 0;

function check(holds, what) {
  if (!holds) ++wrong;
  console.log(`${holds ? "ok   " : "WRONG"} ${what}`);
}

const same = (a, b) => a.length === b.length && a.every((x, i) => x === b[i]);

async function greedy(sequence, tokens, count) {
  await sequence.clearHistory();
  const result = [];
  const stream = sequence.evaluate(tokens, {temperature: 0, yieldEogToken: true});
  for await (const token of stream) {
    result.push(token);
    if (result.length === count) break;
  }
  return result;
}

/// The mean loss of every token but the first, and the logits of all positions.
async function evaluate(sequence, tokens) {
  await sequence.clearHistory();
  const all = {generateNext: {logits: true}};
  const outputs = await sequence.controlledEvaluate(tokens.map((token) => [token, all]));
  const rows = outputs.map(({next}) => {
    const row = new Float64Array(next.logits.size);
    for (const [token, logit] of next.logits) row[token] = logit;
    return row;
  });
  let sum = 0;
  for (let i = 0; i + 1 < tokens.length; ++i) {
    const largest = rows[i].reduce((a, b) => Math.max(a, b));
    const total = rows[i].reduce((a, b) => a + Math.exp(b - largest), 0);
    sum += largest + Math.log(total) - rows[i][tokens[i + 1]];
  }
  return {loss: sum / (tokens.length - 1), rows};
}

/// By how much llama.cpp prefers its own token, in logits, where the continuations part.
async function tellParting(sequence, tokens, theirs, ours) {
  const at = ours.findIndex((token, i) => token !== theirs[i]);
  const {rows} = await evaluate(sequence, [...tokens, ...ours.slice(0, at)]);
  const gap = rows.at(-1)[theirs[at]] - rows.at(-1)[ours[at]];
  console.log(`     token ${at + 1}: ${theirs[at]} by llama.cpp, ${ours[at]} by us, ` +
    `logits ${gap.toExponential(1)} apart`);
  return gap;
}

async function compare(llama, file, lora) {
  const model = await llama.loadModel({modelPath: file, gpuLayers: 0});
  const context = await model.createContext({
    // A full context would be shifted before its last logits are read.
    contextSize: length + 1, batchSize: length, threads: 1, flashAttention: false,
    experimentalKvCacheKeyType: "F32", experimentalKvCacheValueType: "F32",
    ...(lora && {lora: {adapters: [{filePath: lora}]}})
  });
  const sequence = context.getSequence();
  const name = basename(file) + (lora ? " with " + basename(lora) : "");
  const exact = name.includes("f32");

  const tokenized = expected.greedy.filter(
    ({prompt, tokens}) => same(model.tokenize(prompt, false), tokens)).length;
  check(tokenized === expected.greedy.length, `${name}: ${tokenized} prompts have our tokens`);

  let equal = 0, near = 0, count = 0;
  for (const {tokens, continuation} of expected.greedy) {
    count = continuation.length;
    const theirs = await greedy(sequence, tokens, count);
    if (same(theirs, continuation)) ++equal;
    else if (await tellParting(sequence, tokens, theirs, continuation) < nearTie) ++near;
  }
  check(equal + (exact ? 0 : near) === expected.greedy.length,
    `${name}: ${equal} prompts continued greedily by our ${count} tokens, ${near} but for near ties`);

  let sum = 0, ours = 0, worst = 0;
  for (const [i, {tokens, loss}] of expected.windows.entries()) {
    const result = await evaluate(sequence, tokens);
    sum += result.loss;
    ours += loss;
    if (i > 0) continue;
    const vocabulary = result.rows[0].length;
    expected.logits.forEach((logit, at) => {
      const row = result.rows[Math.floor(at / vocabulary)];
      worst = Math.max(worst, Math.abs(row[at % vocabulary] - logit));
    });
  }
  // llama.cpp looks GELU up in a table of binary16.
  const most = exact ? mostLogits : 0.3;  // a file in another type differs by more
  check(worst < most, `${name}: logits differ by at most ${worst.toExponential(1)}`);
  const windows = expected.windows.length;
  const [theirs, mine] = [Math.exp(sum / windows), Math.exp(ours / windows)];
  const difference = Math.abs(theirs / mine - 1);
  check(difference < 0.005, `${name}: perplexity ${theirs.toFixed(4)}, ours ${mine.toFixed(4)}, ` +
    `${(100 * difference).toFixed(4)}% apart, ${windows} windows of ${length} tokens`);
  await context.dispose();
  await model.dispose();
}

const llama = await getLlama({gpu: false, build: "never", logLevel: LlamaLogLevel.error});
let lora, mostLogits = 1e-2;
for (let i = 0; i < files.length; ++i) {
  if (files[i] === "--lora") lora = files[++i];
  else if (files[i] === "--logits") mostLogits = Number(files[++i]);
  else await compare(llama, files[i], lora);
}
await llama.dispose();
process.exit(wrong === 0 ? 0 : 1);
