// SPDX-License-Identifier: MIT
"use strict";

const find = (id) => document.getElementById(id);
const sample = `To be, or not to be, that is the question:
Whether 'tis nobler in the mind to suffer
The slings and arrows of outrageous fortune,
Or to take arms against a sea of troubles
And by opposing end them. To die: to sleep;
No more; and by a sleep to say we end
The heart-ache and the thousand natural shocks
That flesh is heir to, 'tis a consummation
Devoutly to be wish'd. To die, to sleep;
To sleep: perchance to dream: ay, there's the rub;
`;

let losses = [];
let seconds = 0;
let hasModel = false;
let training = false;

const worker = new Worker(URL.createObjectURL(
    new Blob([find("library").textContent], {type: "text/javascript"})));

function say(text) {
  find("state").textContent = text;
}

function enable() {
  find("train").disabled = training;
  find("stop").disabled = !training;
  find("load").disabled = training;
  find("save").disabled = find("generate").disabled = !hasModel && !training;
}

function drawCurve() {
  const canvas = find("curve");
  const scale = window.devicePixelRatio || 1;
  const width = canvas.clientWidth, height = canvas.clientHeight;
  canvas.width = width * scale;
  canvas.height = height * scale;
  const pen = canvas.getContext("2d");
  pen.scale(scale, scale);
  const style = getComputedStyle(document.body);
  const left = 34, bottom = height - 22, right = width - 8, top = 8;
  // Losses above that of a model which knows nothing are at the upper edge.
  const highest = Math.min(12, Math.max(1, ...losses.slice(0, 5).map(Math.ceil)));
  const x = (step) => left + (right - left) * step / Math.max(1, losses.length - 1);
  const y = (loss) => bottom - (bottom - top) * Math.min(loss, highest) / highest;
  pen.font = "12px system-ui, sans-serif";
  pen.fillStyle = style.getPropertyValue("--quiet");
  pen.strokeStyle = style.getPropertyValue("--line");
  for (let tick = 0; tick <= highest; ++tick) {
    pen.fillText(tick, left - 14, y(tick) + 4);
    pen.beginPath();
    pen.moveTo(left, y(tick));
    pen.lineTo(right, y(tick));
    pen.stroke();
  }
  pen.fillText("step " + losses.length, right - 70, bottom + 16);
  // Each column of the canvas shows the mean of its steps.
  pen.strokeStyle = style.getPropertyValue("--accent");
  pen.lineWidth = 2;
  pen.beginPath();
  const stride = Math.max(1, Math.floor(losses.length / (right - left)));
  for (let step = 0; step < losses.length; step += stride) {
    const part = losses.slice(step, step + stride);
    pen.lineTo(x(step), y(part.reduce((sum, loss) => sum + loss, 0) / part.length));
  }
  pen.stroke();
}

const handlers = {
  ready() {
    say("Ready.");
    enable();
  },
  planned({bytes, drawing}) {
    find("planned").textContent = `Planned: ${bytes.toLocaleString("en")} bytes.`;
    find("drawing").innerHTML = drawing;
  },
  losses(message) {
    losses.push(...message.losses);
    seconds += message.seconds;
    const recent = losses.slice(-50);
    const mean = recent.reduce((sum, loss) => sum + loss, 0) / recent.length;
    find("figures").textContent = `step ${losses.length}, loss ${mean.toFixed(3)}, ` +
        `${(losses.length / seconds).toFixed(1)} steps per second`;
    drawCurve();
  },
  done({loss, validation}) {
    training = false;
    hasModel = true;
    say(validation === null ? "Done." :
        `Done. Loss of the last tenth of the text, which it has not seen: ${validation.toFixed(3)}.`);
    document.body.dataset.loss = loss;
    document.body.dataset.validation = validation;
    enable();
    find("generate").click();
  },
  stopped() {
    training = false;
    hasModel = true;
    say("Stopped.");
    enable();
  },
  text({text}) {
    find("sample").textContent = text;
  },
  file({bytes}) {
    const link = document.createElement("a");
    link.href = URL.createObjectURL(new Blob([bytes], {type: "application/octet-stream"}));
    link.download = "model.safetensors";
    document.body.dataset.savedBytes = bytes.length;
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 60000);
  },
  loaded({parameters}) {
    hasModel = true;
    say(`Loaded a model of ${parameters.toLocaleString("en")} parameters.`);
    enable();
  },
  error({text, running, hasModel: has}) {
    if (training && !running) say("It has stopped.");
    training = Boolean(running);
    hasModel = hasModel || Boolean(has);
    find("error").textContent = text;
    enable();
  },
};
worker.onmessage = ({data}) => handlers[data.kind](data);
worker.onerror = (event) => handlers.error({text: event.message});

function send(message, transfer = []) {
  find("error").textContent = "";
  worker.postMessage(message, transfer);
}

find("train").onclick = () => {
  losses = [];
  seconds = 0;
  training = true;
  const options = ["layers", "width", "heads", "ff", "context", "steps", "lr"]
      .map((name) => `${name}=${find(name).value.trim()}`);
  send({action: "train", text: find("text").value, steps: Number(find("steps").value),
        options: options.join(" ") + " threads=1"});
  say("It learns.");
  enable();
};
find("stop").onclick = () => send({action: "stop"});
find("generate").onclick = () => send({
  action: "generate",
  prompt: find("prompt").value,
  options: `tokens=${find("tokens").value} temperature=${find("temperature").value.trim()}`,
});
find("save").onclick = () => send({action: "save"});
find("load").onclick = () => find("file").click();
find("file").onchange = async () => {
  const [file] = find("file").files;
  if (!file) return;
  const bytes = await file.arrayBuffer();
  find("file").value = "";  // so that it can be chosen again
  send({action: "load", name: file.name, bytes}, [bytes]);
};
find("text").value = sample;
window.onresize = drawCurve;
enable();
find("train").disabled = find("load").disabled = true;
