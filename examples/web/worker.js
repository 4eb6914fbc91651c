// SPDX-License-Identifier: MIT
// Trains and generates, beside the page. build.sh puts it after the library, which it calls.
"use strict";

let trainer = 0;
let model = 0;
let running = false;
let runs = 0;  // how many have begun; a step of an earlier one is not taken
let files = 0;

const call = (name, result, types, values) => Module.ccall("octavo_" + name, result, types, values);
const reason = () => call("error", "string", [], []);

// A text as UTF-8 in the library's memory, while body(place, bytes) runs.
function withText(text, body) {
  const bytes = new TextEncoder().encode(text);
  const place = Module._malloc(bytes.length + 1);
  if (place === 0) throw new Error("there is not enough memory for the text");
  HEAPU8.set(bytes, place);
  HEAPU8[place + bytes.length] = 0;
  try {
    return body(place, bytes.length);
  } finally {
    Module._free(place);
  }
}

// Calls body(place of a double); returns what it then is, or throws the library's reason.
function number(body) {
  const place = Module._malloc(8);
  try {
    if (body(place) !== 0) throw new Error(reason());
    return HEAPF64[place >> 3];
  } finally {
    Module._free(place);
  }
}

function setModel(next) {
  if (next === 0) throw new Error(reason());
  if (model !== 0) call("free_model", null, ["number"], [model]);
  model = next;
}

function generate(prompt, options) {
  let text = prompt;
  const write = addFunction((user, place, bytes) => {
    text += new TextDecoder().decode(HEAPU8.subarray(place, place + bytes));
    return 0;
  }, "iiii");
  const status = call("generate", "number", ["number", "string", "string", "number", "number"],
                      [model, prompt, options, write, 0]);
  removeFunction(write);
  if (status !== 0) throw new Error(reason());
  return text;
}

const evaluate = () =>
    number((place) => call("evaluate", "number", ["number", "number"], [trainer, place]));

// Steps for a tenth of a second, then lets messages in.
function work(run, steps, done) {
  if (!running || run !== runs) return;
  const losses = [];
  const begin = performance.now();
  let failure = null;
  try {
    do {
      losses.push(number((place) =>
          call("step", "number", ["number", "number"], [trainer, place])));
    } while (done + losses.length < steps && performance.now() - begin < 100);
  } catch (error) {
    failure = error;
  }
  const seconds = (performance.now() - begin) / 1000;
  if (losses.length > 0) postMessage({kind: "losses", losses, seconds});
  if (failure === null && done + losses.length < steps) {
    return setTimeout(work, 0, run, steps, done + losses.length);
  }
  running = false;
  setModel(call("model_of", "number", ["number"], [trainer]));
  if (failure !== null) return fail(failure);
  let validation = null;
  try {
    validation = evaluate();
  } catch {  // the last tenth of the text is too short
  }
  postMessage({kind: "done", loss: losses[losses.length - 1], validation});
}

const fail = (error) =>
    postMessage({kind: "error", text: error.message || String(error), running, hasModel: model !== 0});

const actions = {
  train({text, options, steps}) {
    running = false;
    if (trainer !== 0) call("free_trainer", null, ["number"], [trainer]);
    trainer = withText(text, (place, bytes) =>
        call("train", "number", ["number", "number", "string"], [place, bytes, options]));
    if (trainer === 0) throw new Error(reason());
    postMessage({
      kind: "planned",
      bytes: Number(Module._octavo_planned_bytes(trainer)),
      drawing: Module.ccall("web_memory_drawing", "string", ["number"], [trainer]),
    });
    running = true;
    setTimeout(work, 0, ++runs, steps, 0);
  },
  stop() {
    running = false;
    if (trainer !== 0) setModel(call("model_of", "number", ["number"], [trainer]));
    postMessage({kind: "stopped"});
  },
  generate({prompt, options}) {
    if (running) setModel(call("model_of", "number", ["number"], [trainer]));
    postMessage({kind: "text", text: generate(prompt, options)});
  },
  save() {
    if (running) setModel(call("model_of", "number", ["number"], [trainer]));
    const status = call("save", "number", ["number", "string"], [model, "/model.safetensors"]);
    if (status !== 0) throw new Error(reason());
    postMessage({kind: "file", bytes: FS.readFile("/model.safetensors")});
    FS.unlink("/model.safetensors");
  },
  load({bytes, name}) {
    running = false;
    // A path that no model has open; the model keeps the file itself.
    const path = `/${++files}_${name.replace(/[^A-Za-z0-9._-]/g, "_")}`;
    FS.writeFile(path, new Uint8Array(bytes));
    const next = call("load", "number", ["string", "string"], [path, ""]);
    FS.unlink(path);
    setModel(next);
    postMessage({kind: "loaded", parameters: Number(Module._octavo_parameter_count(model))});
  },
};

onmessage = ({data}) => {
  try {
    actions[data.action](data);
  } catch (error) {
    fail(error);
  }
};
self.onunhandledrejection = (event) => fail(event.reason);
